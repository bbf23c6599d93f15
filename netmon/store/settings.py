"""Settings of the ledger: the `ledger` key of the configuration, a mapping or a URL (`sqlite:///PATH`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from netmon.settings import MILLISECOND, SECOND, DurationNs, SecretRef, Settings, VolumeBytes

DAY = 86_400 * SECOND


class RetentionSettings(Settings):
    """How long visits are kept, and how closely."""

    raw: DurationNs = 35 * DAY
    """All of them."""
    grid: DurationNs = 395 * DAY
    """Those around each 300 s boundary."""
    daily: DurationNs = 3650 * DAY
    """Those around each midnight of the agencies' zones; then none."""

    @model_validator(mode="after")
    def _ascending(self) -> RetentionSettings:
        if self.raw < DAY:
            raise ValueError("raw must be at least 1d")
        if not self.raw <= self.grid <= self.daily:
            raise ValueError("raw, grid and daily follow each other; make each at least as long as the one before")
        return self


class LedgerSettings(Settings):
    path: Path = Path("/var/lib/netmon/ledger.db")
    """The SQLite file; its directory also holds the writer's lock."""
    commit_interval: DurationNs = 250 * MILLISECOND
    """Visits wait at most this long to be committed together."""
    busy_timeout: DurationNs = 5 * SECOND
    max_batch: int = Field(default=500, ge=1, le=10_000)
    retention: RetentionSettings = RetentionSettings()
    budget: VolumeBytes = 200 * 10**9
    """The most that the file may come to, by what `netmon check` predicts."""
    close_after: DurationNs | None = None
    """How long after its end a period is closed by itself; None: only by `netmon period close`."""
    signing_key: SecretRef | None = None
    """Ed25519 private key (PEM) that signs every link of the receipt chain; None: links are not signed."""

    @model_validator(mode="before")
    @classmethod
    def _url(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not value.startswith("sqlite:///"):
            raise ValueError(f"{value!r} is not a ledger; write sqlite:///PATH")
        return {"path": value.removeprefix("sqlite:///")}

"""Settings of the ledger: the `ledger` key of the configuration, a mapping or a URL.

`sqlite:///PATH` or `postgresql://USER@HOST/DATABASE`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from netmon.settings import MILLISECOND, SECOND, DurationNs, SecretRef, Settings, VolumeBytes
from netmon.store.location import SCHEMES, Location, Server, split_password

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
    url: str | None = None
    """`postgresql://USER@HOST/DATABASE`: the ledger is in that database instead."""
    password: SecretRef | None = None
    """Of the role in `url`; None: the server asks for none, or libpq finds it elsewhere."""
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
        if isinstance(value, str):
            if value.startswith("sqlite:///"):
                return {"path": value.removeprefix("sqlite:///")}
            if not value.startswith(SCHEMES):
                raise ValueError(f"{value!r} is not a ledger; write sqlite:///PATH or postgresql://HOST/DATABASE")
            value = {"url": value}
        if not isinstance(value, dict) or not isinstance(value.get("url"), str):
            return value
        if "path" in value:
            raise ValueError("path and url name two ledgers; give one of them")
        url, written = split_password(value["url"])
        if written is None:
            return {**value, "url": url}
        if "password" in value:
            raise ValueError("the password is given twice; take it out of url")
        # From here on a literal like any other: refused unless allow_plaintext_secrets is set, and never shown.
        return {**value, "url": url, "password": written}

    @model_validator(mode="after")
    def _password_of_a_server(self) -> LedgerSettings:
        if self.password is not None and self.url is None:
            raise ValueError("a password without a url; give url: postgresql://HOST/DATABASE")
        return self

    @property
    def location(self) -> Location:
        """Where the ledger is."""
        return self.path if self.url is None else Server(self.url, self.password)

"""Settings of the ledger: the `ledger` key of the configuration, a mapping or a URL (`sqlite:///PATH`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from netmon.settings import MILLISECOND, SECOND, DurationNs, Settings


class LedgerSettings(Settings):
    path: Path = Path("/var/lib/netmon/ledger.db")
    """The SQLite file; its directory also holds the writer's lock."""
    commit_interval: DurationNs = 250 * MILLISECOND
    """Visits wait at most this long to be committed together."""
    busy_timeout: DurationNs = 5 * SECOND
    max_batch: int = Field(default=500, ge=1, le=10_000)

    @model_validator(mode="before")
    @classmethod
    def _url(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not value.startswith("sqlite:///"):
            raise ValueError(f"{value!r} is not a ledger; write sqlite:///PATH")
        return {"path": value.removeprefix("sqlite:///")}

"""The little site of `governed`, over its quota, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netmon.config.load import Configuration, load
from netmon.core.model import Direction, RateLimit, RuleRef, Verdict, VerdictReason
from netmon.daemon.clock import Clock
from netmon.daemon.decisions import OBSERVATION_NS
from netmon.daemon.why import why_data
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from support.governed import HOUR_NS, HOUR_START_NS, fill_ledger, write_site, written
from support.ledgers import MINUTE_NS, opened
from support.schemas import conforms

NOW_NS = HOUR_START_NS + 31 * MINUTE_NS
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
SLOWED_NS = HOUR_START_NS + 25 * MINUTE_NS
SLOWED = Verdict(
    agency="dinkes",
    direction=DOWN,
    limit=RateLimit(10_000_000),
    reason=VerdictReason.OVER_QUOTA,
    policy="hourly",
    rule=RuleRef("quotas/hourly.yaml", 8),
    step=2,
    period_start_ns=HOUR_START_NS,
    until_ns=HOUR_START_NS + HOUR_NS,
    evidence={"proven_bytes": 1_000_000_000, "quota_bytes": 10**9, "threshold_bytes": 10**9},
)
STALE = replace(SLOWED, reason=VerdictReason.FROZEN_STALE)


@dataclass
class Site:
    """The little site, and what is asked of it."""

    directory: Path

    def configured(self) -> Configuration:
        return load(self.directory / "netmon.yaml")

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.directory / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def recorded(self, verdict: Verdict = SLOWED, at_ns: int = SLOWED_NS) -> None:
        self.write(lambda ledger: ledger.decide([verdict], [], at_ns))

    def write(self, what: Callable[[Ledger], object]) -> None:
        with opened(self.directory / "ledger.db") as ledger:
            what(ledger)

    def why(self, agency: str = "dinkes", at: str | None = None, now_ns: int = NOW_NS) -> dict[str, Any]:
        reader = LedgerReader.open(self.directory / "ledger.db")
        try:
            data = why_data(self.configured(), reader, agency, at, clock(now_ns), OBSERVATION_NS)
        finally:
            reader.close()
        conforms("why", {"schema": "netmon/why/1", "generated_at": written(NOW_NS), "data": data})
        return data

    def asked(self, question: Callable[[Configuration, LedgerReader], Any]) -> Any:
        reader = LedgerReader.open(self.directory / "ledger.db")
        try:
            return question(self.configured(), reader)
        finally:
            reader.close()


def clock(now_ns: int) -> Clock:
    return Clock(False, lambda: now_ns, lambda: 0)


def a_site(directory: Path) -> Site:
    """Its configuration, and half an hour of traffic."""
    write_site(directory)
    fill_ledger(directory)
    return Site(directory)

"""What the demo sees: the ledger read beside the running daemon, as any other reader would."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from netmon.cli.demo_story import Line, Sight
from netmon.config.load import Configuration
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction
from netmon.core.periods import period_containing
from netmon.store.errors import StoreError
from netmon.store.reader import CommittedVisit, LedgerReader

KEPT: Final = 300
"""Visits remembered per router; a demo's period is a minute."""
RATE_OVER_NS: Final = 4 * NANOSECONDS
BATCH: Final = 500


@dataclass(slots=True)
class Watcher:
    """Follows the ledger. One thread at a time."""

    configuration: Configuration
    platforms: Mapping[str, str]
    """By router, as people call them."""
    _reader: LedgerReader | None = None
    _position: int = 0
    _visits: dict[str, deque[CommittedVisit]] = field(default_factory=dict)

    def look(self, now_ns: int, events: Sequence[tuple[str, Mapping[str, Any]]]) -> Sight:
        """What the ledger holds now; nothing at all before the daemon made it."""
        settings = self.configuration.settings
        reader = self._open()
        limits = {} if reader is None else reader.limit_states()
        if reader is not None:
            self._follow(reader)
        agencies = {agency.id: agency for agency in self.configuration.agencies}
        return Sight(
            now_ns=now_ns,
            routers=len(settings.routers),
            answering=len(self._visits),
            lines=tuple(
                line
                for circuit in self.configuration.circuits
                for direction in Direction
                if (
                    line := self._line(
                        agencies[circuit.agency],
                        circuit,
                        direction,
                        limit.bps if (limit := limits.get((circuit.id, direction))) is not None else None,
                        now_ns,
                    )
                )
            ),
            verdicts={} if reader is None else reader.verdicts(),
            receipts=[] if reader is None else reader.receipts(100),
            events=events,
            platforms=self.platforms,
        )

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _open(self) -> LedgerReader | None:
        if self._reader is None:
            try:
                self._reader = LedgerReader.open(self.configuration.settings.ledger.location)
            except StoreError:
                return None
        return self._reader

    def _follow(self, reader: LedgerReader) -> None:
        while visits := reader.visits_after(self._position, BATCH):
            for visit in visits:
                self._visits.setdefault(visit.router, deque(maxlen=KEPT)).append(visit)
            self._position = visits[-1].position

    def _line(
        self, agency: Agency, circuit: Circuit, direction: Direction, limit_bps: int | None, now_ns: int
    ) -> Line | None:
        policies = (self.configuration.policies[name] for name in agency.quotas)
        policy = next((policy for policy in policies if policy.counts == (direction,)), None)
        if policy is None or policy.volume_bytes is None:
            return None
        totals = self._totals(circuit, direction)
        start_ns = period_containing(policy.period, now_ns, agency.timezone).start_ns
        base = next((total for at_ns, total in totals if at_ns >= start_ns), None)
        return Line(
            agency=agency.id,
            name=agency.name,
            circuit=circuit.id,
            direction=direction,
            used_bytes=totals[-1][1] - base if base is not None else 0,
            quota_bytes=policy.volume_bytes,
            rate_bps=_rate(totals),
            limit_bps=limit_bps,
        )

    def _totals(self, circuit: Circuit, direction: Direction) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for visit in self._visits.get(circuit.router, ()):
            at = next((i for i, one in enumerate(visit.series) if one.name == circuit.interface), None)
            if at is not None:
                totals = visit.in_total if circuit.way(direction) == "in" else visit.out_total
                found.append((visit.at_ns, totals[at]))
        return found


def _rate(totals: Sequence[tuple[int, int]]) -> int | None:
    """bit/s over the last few seconds."""
    if len(totals) < 2:
        return None
    newest_ns, newest = totals[-1]
    since_ns, since = next(
        (reading for reading in reversed(totals[:-1]) if newest_ns - reading[0] >= RATE_OVER_NS), totals[0]
    )
    return (newest - since) * 8 * NANOSECONDS // (newest_ns - since_ns)

"""What agencies used in their running periods, in columns that grow with their routers' visits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from netmon.core.heads import Head
from netmon.core.model import Circuit, Direction, TrafficClass
from netmon.core.periods import Period, PeriodRule, period_before, period_containing
from netmon.daemon.consumption import Consumption, Key, straddling
from netmon.store.openings import Opening


@dataclass(slots=True)
class Span:
    """One way to cut time, and the period it is in; shared by all that is cut alike."""

    rule: PeriodRule
    zone: str
    period: Period
    remembers: bool = False
    """Whether the period before is of interest, too."""

    def before(self) -> Period:
        return period_before(self.rule, self.period, self.zone)


@dataclass(slots=True, eq=False)
class Tally:
    """The proven bytes of one agency's circuits of a class in one direction and period."""

    agency: str
    direction: Direction
    circuits: Sequence[Circuit]
    traffic_class: TrafficClass
    span: Span
    at: int
    """Its number."""
    total: int = 0
    volume_bytes: int | None = None
    """What may be used, where a policy counts just this."""
    claims: list[int] = field(default_factory=list)
    """Numbers of the claims that rest on its routers' being read."""
    summed: list[int] = field(default_factory=list)
    """Those that add up its bytes."""


@dataclass(slots=True)
class _Part:
    """What one router has of a tally."""

    tally: Tally
    out: bool
    circuits: Sequence[Circuit]
    places: tuple[int, ...] = ()
    pick: itemgetter[tuple[int, ...]] | None = None
    """Takes its cells out of a column; None: there are none, or only one."""
    amount: int = 0
    """Its bytes of the period, as they are in the tally's total."""
    estimated: int = 0
    edges: tuple[tuple[int, int], ...] | None = None
    """Distinct (PDU, time unknown before the first reading) of its series: with these, what is unknown where the
    router has no gap. None: one of them was not read yet in the period."""


@dataclass(slots=True)
class _Router:
    parts: list[_Part] = field(default_factory=list)
    """Those of one span together."""
    spans: tuple[Span, ...] = ()
    head: Head | None = None
    """The one its parts were last summed from; None: to be summed anew."""
    layout: tuple[object, object] = (None, None)


class Tallies:
    """All of one configuration. `tally` for each that is wanted, then `settle`, then turns."""

    def __init__(self, consumption: Consumption) -> None:
        self._consumption = consumption
        self.all: list[Tally] = []
        self._spans: dict[tuple[PeriodRule, str], Span] = {}
        self._routers: dict[str, _Router] = {}
        self._index: dict[tuple[str, Direction, int, TrafficClass], Tally] = {}

    def span(self, rule: PeriodRule, zone: str, now_ns: int) -> Span:
        """The one in which time is cut so."""
        span = self._spans.get((rule, zone))
        if span is None:
            span = self._spans[rule, zone] = Span(rule, zone, period_containing(rule, now_ns, zone))
        return span

    def tally(
        self,
        agency: str,
        direction: Direction,
        span: Span,
        traffic_class: TrafficClass,
        circuits: Sequence[Circuit],
    ) -> Tally:
        """The one of these, which are all of the agency's `circuits` of the class."""
        key = (agency, direction, id(span), traffic_class)
        if key not in self._index:
            made = self._index[key] = Tally(agency, direction, circuits, traffic_class, span, len(self.all))
            self.all.append(made)
            by_place: dict[tuple[str, bool], list[Circuit]] = {}
            for circuit in circuits:
                by_place.setdefault((circuit.router, circuit.way(direction) == "out"), []).append(circuit)
            for (router, out), theirs in by_place.items():
                self._routers.setdefault(router, _Router()).parts.append(_Part(made, out, theirs))
        return self._index[key]

    def settle(self) -> None:
        """No more are to come."""
        order = {id(span): at for at, span in enumerate(self._spans.values())}
        for router in self._routers.values():
            router.parts.sort(key=lambda part: order[id(part.tally.span)])
            router.spans = tuple({id(part.tally.span): part.tally.span for part in router.parts}.values())

    @property
    def routers(self) -> list[str]:
        """All on which something is counted."""
        return list(self._routers)

    def of(self, names: Iterable[str]) -> Iterable[Tally]:
        """Those that these routers have a part in."""
        return (part.tally for name in names for part in self._routers[name].parts)

    def roll(self, now_ns: int) -> list[Span]:
        """Takes up the periods that contain `now_ns`; which spans that concerned."""
        rolled = []
        for span in self._spans.values():
            if not span.period.start_ns <= now_ns < span.period.end_ns:
                span.period = period_containing(span.rule, now_ns, span.zone)
                rolled.append(span)
        if rolled:
            self.renew(self._routers)
        return rolled

    def wanted(self) -> set[Key]:
        """(router, period start) of everything that is counted."""
        running = {(name, span.period.start_ns) for name, router in self._routers.items() for span in router.spans}
        past = {
            (name, span.before().start_ns)
            for name, router in self._routers.items()
            for span in router.spans
            if span.remembers
        }
        return running | past

    def renew(self, routers: Iterable[str]) -> None:
        """What these are counted from has changed."""
        for name in routers:
            self._routers[name].head, self._routers[name].layout = None, (None, None)

    def unopened(self, name: str) -> bool:
        """Whether the router has a head, and something that it opens a period with is not known."""
        router = self._routers[name]
        return any(self._consumption.base(name, span.period.start_ns) is None for span in router.spans)

    def gather(self, name: str, now_ns: int, stale_after_ns: int) -> tuple[set[Tally], list[tuple[Tally, int]]]:
        """Takes up the router's newest visit. Which tallies have something that was not read lately; by how much each
        that changed is more, or, after a roll, less.
        """
        router, head = self._routers[name], self._consumption.heads.get(name)
        if head is not None and router.layout != (head.series, head.pdu_of):
            self._lay_out(name, router, head)
        return self._stale(router, head, now_ns, stale_after_ns), self._grown(name, router, head)

    def _stale(self, router: _Router, head: Head | None, now_ns: int, stale_after_ns: int) -> set[Tally]:
        if head is None or now_ns - head.at_ns > stale_after_ns:
            return {part.tally for part in router.parts}
        if not head.lagging:
            return set()
        old = {at for at, seen in head.lagging.items() if now_ns - seen.at_ns > stale_after_ns}
        return {part.tally for part in router.parts if not old.isdisjoint(part.places)}

    def _grown(self, name: str, router: _Router, head: Head | None) -> list[tuple[Tally, int]]:
        if head is router.head:
            return []
        router.head = head
        span, columns = None, None
        changes: list[tuple[Tally, int]] = []
        for part in router.parts:
            if part.tally.span is not span:
                span = part.tally.span
                columns = self._consumption.proven(name, span.period.start_ns)
            amount = 0
            if columns is not None:
                if part.pick is not None:
                    amount = sum(part.pick(columns[part.out]))
                elif part.places:
                    amount = columns[part.out][part.places[0]]
            if amount != part.amount:
                changes.append((part.tally, amount - part.amount))
                part.tally.total += amount - part.amount
                part.amount = amount
        return changes

    def _lay_out(self, name: str, router: _Router, head: Head) -> None:
        """Finds the parts' series in the head, and what is fixed of them for the period."""
        router.layout = (head.series, head.pdu_of)
        for part in router.parts:
            placed = [at for at in map(self._consumption.place, part.circuits) if at is not None]
            period = part.tally.span.period
            base = self._consumption.base(name, period.start_ns)
            part.places = tuple(placed)
            part.pick = itemgetter(*placed) if len(placed) > 1 else None
            part.estimated, part.edges = 0, None
            if base is not None:
                part.estimated = sum([straddling(base.opening, at, part.out, period) for at in placed])
                if len(placed) == len(part.circuits):
                    leads = {(head.pdu_of[at], _lead_ns(base.opening, at, period.start_ns)) for at in placed}
                    known = tuple((pdu, lead_ns) for pdu, lead_ns in leads if lead_ns is not None)
                    part.edges = known if len(known) == len(leads) else None

    def shown(self) -> list[Tally]:
        """One per agency, direction and period, for what is shown of usage: that of all classes where there is one."""
        whole_last = sorted(self.all, key=lambda one: one.traffic_class is TrafficClass.ALL)
        return list({(one.agency, one.direction, id(one.span)): one for one in whole_last}.values())

    def shade(self, name: str, now_ns: int, estimated: list[int], unknown_ns: list[int]) -> None:
        """Puts in the router's part by number of the tally: bytes are added, and of times the longest is kept."""
        router = self._routers[name]
        head = router.head
        plain = head is not None and not head.lagging and not self._consumption.has_gaps(name)
        received = [pdu.received_ns for pdu in head.pdus] if head is not None else []
        for part in router.parts:
            at, period = part.tally.at, part.tally.span.period
            estimated[at] += part.estimated
            if plain and part.edges is not None:
                most = max(
                    min(lead_ns, now_ns - period.start_ns) + max(0, now_ns - received[pdu])
                    for pdu, lead_ns in part.edges
                )
            else:
                way = part.tally.direction
                most = max(self._consumption.unknown_ns(one, way, period, now_ns) for one in part.circuits)
            unknown_ns[at] = max(unknown_ns[at], most)


def _lead_ns(opening: Opening, position: int, start_ns: int) -> int | None:
    """Time of the period before a series' first reading; None where there is none in it."""
    first_ns = opening.after_ns[position] if position < len(opening.after_ns) else None
    if first_ns is None:
        return None
    return 0 if opening.before_ns[position] is not None else first_ns - start_ns

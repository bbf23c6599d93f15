"""Every claim of a province, judged again only when that could say something else.

A claim is one policy applied to one agency. What it used is kept in columns that grow with its routers'
visits. Once judged, it is left alone while its usage stays within the bounds `quota.quiet` names, is fresh,
the clock is trusted and the period lasts: judging it would only repeat the verdict with a newer number,
which is therefore put in when somebody looks. A test holds this equal to judging everything every time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Generic, TypeVar

from netmon.core import quota
from netmon.core.heads import Head
from netmon.core.model import Agency, Circuit, Direction, Verdict
from netmon.core.periods import Period, PeriodRule, period_containing
from netmon.core.quota import Quiet, QuotaPolicy, QuotaUsage
from netmon.daemon.consumption import Consumption, Key, straddling
from netmon.store.openings import Opening

K = TypeVar("K")
Owner = tuple[str, Direction]
"""An agency and a direction: whatever its policies say, one verdict counts."""
NOWHERE = Quiet(1, 0)
"""The bounds of a claim to be judged in any case."""


@dataclass(frozen=True, slots=True)
class Case:
    """One claim: what never changes of it while the configuration stands."""

    agency: str
    policy: QuotaPolicy
    circuits: Sequence[Circuit]
    span: Span


@dataclass(slots=True)
class Span:
    """One way to cut time, and the period it is in; shared by all claims that are cut alike."""

    rule: PeriodRule
    zone: str
    period: Period


@dataclass(slots=True)
class _Part:
    """What one router has of a claim."""

    claim: int
    span: Span
    out: bool
    circuits: Sequence[Circuit]
    places: tuple[int, ...] = ()
    pick: itemgetter[tuple[int, ...]] | None = None
    """Takes its cells out of a column; None: there are none, or only one."""
    amount: int = 0
    """Its bytes of the period, as they are in the claim's sum."""
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


@dataclass(slots=True)
class Staged:
    """What a turn found, before it is recorded: nothing of it counts until `Docket.advance`."""

    counting: dict[Owner, Verdict]
    """The verdict that counts, where it may have become another one."""
    judged: dict[int, tuple[Verdict, Quiet]] = field(default_factory=dict)
    """By claim, with the bounds within which it need not be judged again."""
    chosen: dict[Owner, int] = field(default_factory=dict)


class Docket:
    """All claims of one configuration.

    A turn is `roll`, `gather` for every router, `judge` and `choose` for what is due, and, once that is recorded,
    `advance` and `end_of_turn`. Each call is short, so that the event loop may run in between.
    """

    def __init__(
        self,
        agencies: Iterable[Agency],
        policies: Mapping[str, QuotaPolicy],
        circuits: Mapping[str, Sequence[Circuit]],
        consumption: Consumption,
        previous: Mapping[tuple[str, str], Verdict],
        counting: Mapping[Owner, Verdict],
        now_ns: int,
    ) -> None:
        """`circuits` by agency; `previous` by (agency, policy), `counting` by owner: the memory to go on from."""
        self._consumption = consumption
        self.cases: list[Case] = []
        self._spans: dict[tuple[PeriodRule, str], Span] = {}
        self._routers: dict[str, _Router] = {}
        self._rivals: dict[Owner, list[int]] = {}
        for agency in agencies:
            ours = circuits.get(agency.id, ())
            for name in agency.quotas if ours else ():
                self._enter(agency, policies[name], ours, now_ns)
        order = {id(span): at for at, span in enumerate(self._spans.values())}
        for router in self._routers.values():
            router.parts.sort(key=lambda part: order[id(part.span)])
            router.spans = tuple({id(part.span): part.span for part in router.parts}.values())
        count = len(self.cases)
        self._proven, self._shown = [0] * count, [0] * count
        self._low, self._high = [NOWHERE.from_bytes] * count, [NOWHERE.below_bytes] * count
        self._verdicts = [previous.get((claim.agency, claim.policy.name)) for claim in self.cases]
        self._restless = set(range(count))
        self._index = {(case.agency, case.policy.name): at for at, case in enumerate(self.cases)}
        self._unclaimed = {owner: verdict for owner, verdict in counting.items() if owner not in self._rivals}
        self._chosen: dict[Owner, int] = {}

    def _enter(self, agency: Agency, policy: QuotaPolicy, circuits: Sequence[Circuit], now_ns: int) -> None:
        cut = (policy.period, agency.timezone)
        span = self._spans.get(cut)
        if span is None:
            period = period_containing(policy.period, now_ns, agency.timezone)
            span = self._spans[cut] = Span(policy.period, agency.timezone, period)
        index = len(self.cases)
        self.cases.append(Case(agency.id, policy, circuits, span))
        self._rivals.setdefault((agency.id, policy.direction), []).append(index)
        by_place: dict[tuple[str, bool], list[Circuit]] = {}
        for circuit in circuits:
            by_place.setdefault((circuit.router, circuit.way(policy.direction) == "out"), []).append(circuit)
        for (router, out), theirs in by_place.items():
            self._routers.setdefault(router, _Router()).parts.append(_Part(index, span, out, theirs))

    # --- usage -----------------------------------------------------------------------------------

    @property
    def routers(self) -> list[str]:
        """All on which something is claimed."""
        return list(self._routers)

    def roll(self, now_ns: int) -> None:
        """Takes up the periods that contain `now_ns`; a claim whose period ended is judged anew."""
        rolled = []
        for span in self._spans.values():
            if not span.period.start_ns <= now_ns < span.period.end_ns:
                span.period = period_containing(span.rule, now_ns, span.zone)
                rolled.append(span)
        if rolled:
            self._restless |= {at for at, claim in enumerate(self.cases) if any(claim.span is one for one in rolled)}
            for router in self._routers.values():
                router.head, router.layout = None, (None, None)

    def wanted(self) -> set[Key]:
        """(router, period start) of everything that is claimed."""
        return {(name, span.period.start_ns) for name, router in self._routers.items() for span in router.spans}

    def renew(self, routers: Iterable[str]) -> None:
        """What these are counted from has changed."""
        for name in routers:
            self._routers[name].head, self._routers[name].layout = None, (None, None)

    def gather(self, name: str, now_ns: int, stale_after_ns: int) -> None:
        """Takes up the router's newest visit; claims that it, or the lack of it, may change become due."""
        router, head = self._routers[name], self._consumption.heads.get(name)
        if head is not None and router.layout != (head.series, head.pdu_of):
            self._lay_out(name, router, head)
        if head is None or now_ns - head.at_ns > stale_after_ns:
            self._restless.update(part.claim for part in router.parts)
        elif head.lagging:
            old = {at for at, seen in head.lagging.items() if now_ns - seen.at_ns > stale_after_ns}
            self._restless.update(part.claim for part in router.parts if not old.isdisjoint(part.places))
        if head is not router.head:
            router.head = head
            self._sum(name, router.parts)

    def _sum(self, name: str, parts: Sequence[_Part]) -> None:
        span, columns = None, None
        proven, low, high = self._proven, self._low, self._high
        for part in parts:
            if part.span is not span:
                span = part.span
                columns = self._consumption.proven(name, span.period.start_ns)
            amount = 0
            if columns is not None:
                if part.pick is not None:
                    amount = sum(part.pick(columns[part.out]))
                elif part.places:
                    amount = columns[part.out][part.places[0]]
            if amount != part.amount:
                claim = part.claim
                total = proven[claim] = proven[claim] + amount - part.amount
                part.amount = amount
                if not low[claim] <= total < high[claim]:
                    self._restless.add(claim)

    def _lay_out(self, name: str, router: _Router, head: Head) -> None:
        """Finds the parts' series in the head, and what is fixed of them for the period."""
        router.layout = (head.series, head.pdu_of)
        for part in router.parts:
            placed = [at for at in map(self._consumption.place, part.circuits) if at is not None]
            period = part.span.period
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

    def shown(self) -> list[int]:
        """One claim per agency, direction and period, for what is shown of usage."""
        return list(
            {(one.agency, one.policy.direction, id(one.span)): at for at, one in enumerate(self.cases)}.values()
        )

    def proven(self, index: int) -> int:
        """Bytes of the period, as of the last `gather`."""
        return self._proven[index]

    def shade(self, name: str, now_ns: int, estimated: list[int], unknown_ns: list[int]) -> None:
        """Puts in the router's part: bytes are added by claim, and of times the longest is kept."""
        router = self._routers[name]
        head = router.head
        plain = head is not None and not head.lagging and not self._consumption.has_gaps(name)
        received = [pdu.received_ns for pdu in head.pdus] if head is not None else []
        for part in router.parts:
            claim, period = part.claim, part.span.period
            estimated[claim] += part.estimated
            if plain and part.edges is not None:
                most = max(
                    min(lead_ns, now_ns - period.start_ns) + max(0, now_ns - received[pdu])
                    for pdu, lead_ns in part.edges
                )
            else:
                direction = self.cases[claim].policy.direction
                most = max(self._consumption.unknown_ns(one, direction, period, now_ns) for one in part.circuits)
            unknown_ns[claim] = max(unknown_ns[claim], most)

    # --- verdicts --------------------------------------------------------------------------------

    def due(self, clock_trusted: bool) -> list[int]:
        """The claims to be judged, after all routers were gathered."""
        return sorted(self._restless) if clock_trusted else list(range(len(self.cases)))

    def staged(self) -> Staged:
        """Nothing judged yet; but what no policy claims any more ends."""
        now = {owner: quota.no_quota(*owner, before) for owner, before in self._unclaimed.items()}
        return Staged({owner: verdict for owner, verdict in now.items() if verdict != self._unclaimed[owner]})

    def judge(self, staged: Staged, index: int, now_ns: int, clock_trusted: bool, stale_after_ns: int) -> None:
        """Adds what the policy says now."""
        case = self.cases[index]
        verdict = quota.judge(
            case.policy,
            case.agency,
            QuotaUsage(self._proven[index], self._consumption.newest_read_ns(case.circuits)),
            case.span.period,
            self._verdict(index),
            now_ns,
            clock_trusted=clock_trusted,
            stale_after_ns=stale_after_ns,
        )
        staged.judged[index] = verdict, quota.quiet(case.policy, case.span.period, verdict) or NOWHERE

    def choose(self, staged: Staged, indices: Iterable[int]) -> None:
        """Lets the strictest verdict count for the owners of these claims; all that is due has been judged."""
        for index in indices:
            owner = (self.cases[index].agency, self.cases[index].policy.direction)
            if owner in staged.chosen:
                continue
            rivals: list[tuple[Verdict, int]] = []
            for one in self._rivals[owner]:
                verdict = staged.judged[one][0] if one in staged.judged else self._verdict(one)
                if verdict is not None:
                    rivals.append((verdict, one))
            counting = quota.strictest([verdict for verdict, _ in rivals])
            staged.counting[owner] = counting
            staged.chosen[owner] = next(one for verdict, one in rivals if verdict is counting)

    def advance(self, staged: Staged, indices: Iterable[int]) -> None:
        """These verdicts are recorded, and stand from now on."""
        for index in indices:
            verdict, bounds = staged.judged[index]
            self._verdicts[index], self._shown[index] = verdict, self._proven[index]
            self._low[index], self._high[index] = bounds.from_bytes, bounds.below_bytes
            if bounds is NOWHERE:
                self._restless.add(index)
            else:
                self._restless.discard(index)

    def end_of_turn(self, staged: Staged) -> tuple[Mapping[Owner, Verdict], Mapping[tuple[str, str], Verdict]]:
        """Views as of the last turn: verdicts that count, by owner; the last of each policy, by (agency, policy)."""
        self._chosen |= staged.chosen
        self._unclaimed |= {owner: verdict for owner, verdict in staged.counting.items() if owner in self._unclaimed}
        self._shown = self._proven.copy()
        return View((self._chosen, self._unclaimed), self._counting), View((self._index,), self._previous)

    def _verdict(self, index: int) -> Verdict | None:
        """As it was last judged, with the number it had at the last turn."""
        verdict = self._verdicts[index]
        if verdict is None or self._high[index] == NOWHERE.below_bytes:
            return verdict
        shown = self._shown[index]
        return verdict if verdict.evidence["proven_bytes"] == shown else quota.refreshed(verdict, shown)

    def _counting(self, owner: Owner) -> Verdict | None:
        index = self._chosen.get(owner)
        return self._unclaimed.get(owner) if index is None else self._verdict(index)

    def _previous(self, key: tuple[str, str]) -> Verdict | None:
        index = self._index.get(key)
        return None if index is None else self._verdict(index)


def _lead_ns(opening: Opening, position: int, start_ns: int) -> int | None:
    """Time of the period before a series' first reading; None where there is none in it."""
    first_ns = opening.after_ns[position] if position < len(opening.after_ns) else None
    if first_ns is None:
        return None
    return 0 if opening.before_ns[position] is not None else first_ns - start_ns


class View(Mapping[K, Verdict], Generic[K]):
    """Verdicts that are made when somebody looks."""

    def __init__(self, keys: Sequence[Collection[K]], of: Callable[[K], Verdict | None]) -> None:
        self._keys, self._of = keys, of

    def __getitem__(self, key: K) -> Verdict:
        verdict = self._of(key)
        if verdict is None:
            raise KeyError(key)
        return verdict

    def __iter__(self) -> Iterator[K]:
        return chain.from_iterable(self._keys)

    def __len__(self) -> int:
        return sum(map(len, self._keys))

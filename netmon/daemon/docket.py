"""Every claim of a province, judged again only when that could say something else.

A claim is one policy applied to one agency in one direction. What it used is kept in columns that grow with its
routers' visits. Once judged, it is left alone while its usage stays within the bounds `quota.quiet` names, is fresh,
the clock is trusted, and the period and the time that `quiet` names last: judging it would only repeat the verdict
with a newer number, which is therefore put in when somebody looks. A test holds this equal to judging everything
every time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

from netmon.core import directing, ladder, quota
from netmon.core.directives import Directive, in_force
from netmon.core.ladder import Claim, QuotaPolicy, QuotaUsage
from netmon.core.model import Agency, Circuit, Direction, Verdict
from netmon.core.periods import GRID_NS
from netmon.core.quota import Quiet
from netmon.daemon import percentiles
from netmon.daemon.consumption import Consumption, Key
from netmon.daemon.decisions import Memory, counted
from netmon.daemon.figures import Wanted
from netmon.daemon.percentiles import NOTED_WITHIN_NS, Certain
from netmon.daemon.tallies import Span, Tallies
from netmon.store.closings import DemandKey

K = TypeVar("K")
Owner = tuple[str, Direction]
"""An agency and a direction: whatever its policies say, one verdict counts."""
NOWHERE = Quiet(1, 0)
"""The bounds of a claim to be judged in any case."""


@dataclass(frozen=True, slots=True)
class Case:
    """One claim: what never changes of it while the configuration stands."""

    agency: str
    direction: Direction
    policy: QuotaPolicy
    circuits: Sequence[Circuit]
    """Those that the policy counts."""
    span: Span

    def claim(self) -> Claim:
        """As of the running period."""
        return Claim(self.agency, self.direction, self.span.zone, self.policy, self.span.period)

    def percentile(self) -> Wanted:
        """The row of figures that a percentile is taken from."""
        return Wanted(self.agency, None, tuple(self.circuits), self.direction, self.span.period)


@dataclass(slots=True)
class Staged:
    """What a turn found, before it is recorded: nothing of it counts until `Docket.advance`."""

    now_ns: int
    counting: dict[Owner, Verdict]
    """The verdict that counts, where it may have become another one."""
    directives: tuple[Directive, ...] = ()
    """In force."""
    concerned: frozenset[Owner] = frozenset()
    """Whom these concern."""
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
        previous: Mapping[Memory, Verdict],
        counting: Mapping[Owner, Verdict],
        now_ns: int,
    ) -> None:
        """`circuits` by agency; `previous` and `counting`: the memory to go on from."""
        self._consumption = consumption
        self.tallies = Tallies(consumption)
        self.cases: list[Case] = []
        self._rivals: dict[Owner, list[int]] = {}
        for agency in agencies:
            for name in agency.quotas:
                ours = counted(policies[name], circuits.get(agency.id, ()))
                for direction in policies[name].counts if ours else ():
                    self._enter(agency, direction, policies[name], ours, now_ns)
        self.tallies.settle()
        count = len(self.cases)
        self._proven, self._shown = [0] * count, [0] * count
        self._low, self._high = [NOWHERE.low] * count, [NOWHERE.below] * count
        self._times: dict[int, tuple[int, int]] = {}
        """From when and until when claims need not be judged again, of those whose verdict changes by itself."""
        self._index = {(case.agency, case.policy.name, case.direction): at for at, case in enumerate(self.cases)}
        self._verdicts = [previous.get(key) for key in self._index]
        self._restless = set(range(count))
        self._rolling = {at for at, case in enumerate(self.cases) if case.policy.rollover_permille}
        self._percentiles = [at for at, case in enumerate(self.cases) if case.policy.volume_bytes is None]
        self._certain: Mapping[DemandKey, Certain] = {}
        self._asked_cell: int | None = None
        self._unclaimed = {owner: verdict for owner, verdict in counting.items() if owner not in self._rivals}
        self._chosen: dict[Owner, int] = {}
        self._directed = {owner: verdict for owner, verdict in counting.items() if owner in self._rivals}
        """What counts where that is not just what a policy says."""
        self._concerned: frozenset[Owner] = frozenset()
        """Whom directives concerned in the last turn."""

    def _enter(
        self, agency: Agency, direction: Direction, policy: QuotaPolicy, ours: Sequence[Circuit], now_ns: int
    ) -> None:
        index, span = len(self.cases), self.tallies.span(policy.period, agency.timezone, now_ns)
        self.cases.append(Case(agency.id, direction, policy, ours, span))
        self._rivals.setdefault((agency.id, direction), []).append(index)
        span.remembers |= policy.rollover_permille > 0
        for way in policy.counts:
            tally = self.tallies.tally(agency.id, way, span, policy.traffic_class, ours)
            tally.claims.append(index)
            if policy.volume_bytes is not None:
                tally.summed.append(index)
                if len(policy.counts) == 1:
                    tally.volume_bytes = policy.volume_bytes

    # --- usage -----------------------------------------------------------------------------------

    @property
    def routers(self) -> list[str]:
        """All on which something is claimed."""
        return self.tallies.routers

    def roll(self, now_ns: int) -> None:
        """Takes up the periods that contain `now_ns`; what time alone may change is judged anew."""
        rolled = {id(span) for span in self.tallies.roll(now_ns)}
        if rolled:
            self._restless |= {at for at, case in enumerate(self.cases) if id(case.span) in rolled}
            self._asked_cell = None
        self._restless |= {at for at, (since, until) in self._times.items() if not since <= now_ns < until}
        for at in self._percentiles:
            self._take_percentile(at, now_ns)

    def wanted(self) -> set[Key]:
        """(router, period start) of everything that is claimed."""
        return self.tallies.wanted()

    def renew(self, routers: Iterable[str]) -> None:
        """What these are counted from has changed."""
        names = set(routers)
        self.tallies.renew(names)
        if self._rolling:
            self._restless |= {at for tally in self.tallies.of(names) for at in tally.claims if at in self._rolling}

    def gather(self, name: str, now_ns: int, stale_after_ns: int) -> None:
        """Takes up the router's newest visit; claims that it, or the lack of it, may change become due."""
        stale, changes = self.tallies.gather(name, now_ns, stale_after_ns)
        for tally in stale:
            self._restless.update(tally.claims)
        proven, low, high = self._proven, self._low, self._high
        for tally, grown in changes:
            for at in tally.summed:
                total = proven[at] = proven[at] + grown
                if not low[at] <= total < high[at]:
                    self._restless.add(at)
        if self._rolling and self.tallies.unopened(name):
            self.renew([name])

    def percentiles_due(self, now_ns: int) -> list[Wanted]:
        """The rows whose certain percentile is to be asked for: all of them, once in a cell of the grid."""
        if not self._percentiles or self._asked_cell == now_ns // GRID_NS:
            return []
        return [self.cases[at].percentile() for at in self._percentiles]

    def learn_percentiles(self, found: Mapping[DemandKey, Certain], now_ns: int) -> None:
        """Takes up what was asked for."""
        self._certain, self._asked_cell = found, now_ns // GRID_NS
        for at in self._percentiles:
            self._take_percentile(at, now_ns)

    def _take_percentile(self, index: int, now_ns: int) -> None:
        case = self.cases[index]
        found = self._certain.get(case.percentile().key)
        bps = self._proven[index] = 0 if found is None else found.bps
        since_ns = case.span.period.start_ns if found is None else found.upto_ns
        if now_ns - since_ns > NOTED_WITHIN_NS or not self._low[index] <= bps < self._high[index]:
            self._restless.add(index)

    def _used(self, index: int, now_ns: int) -> QuotaUsage:
        case = self.cases[index]
        policy, period = case.policy, case.span.period
        read_at = self._consumption.read_at(case.circuits)
        if policy.volume_bytes is None:
            return percentiles.usage(self._certain.get(case.percentile().key), period, read_at, now_ns)
        carried = 0
        if policy.rollover_permille:
            before = self._consumption.proven_before(case.circuits, policy.counts, case.span.before(), period)
            carried = ladder.carried_over(policy, before)
        return QuotaUsage(self._proven[index], read_at[0], carried, read_at[1])

    # --- verdicts --------------------------------------------------------------------------------

    def due(self, clock_trusted: bool) -> list[int]:
        """The claims to be judged, after all routers were gathered."""
        return sorted(self._restless) if clock_trusted else list(range(len(self.cases)))

    def staged(self, now_ns: int, directives: Iterable[Directive] = ()) -> Staged:
        """Nothing judged yet; but what no policy claims any more ends."""
        held = in_force(directives, now_ns)
        subjects = {agency for agency, _ in self._rivals if any(directing.concerns(one, agency) for one in held)}
        concerned = frozenset(owner for owner in self._rivals if owner[0] in subjects)
        staged = Staged(now_ns, {}, held, concerned)
        for owner, before in self._unclaimed.items():
            verdict = directing.directed(directing.no_quota(*owner, before), held, before, now_ns)
            if verdict != before:
                staged.counting[owner] = verdict
        return staged

    def judge(
        self,
        staged: Staged,
        index: int,
        clock_trusted: bool,
        stale_after_ns: int,
        ease_stale_after_ns: int | None = None,
    ) -> None:
        """Adds what the policy says now."""
        claim = self.cases[index].claim()
        verdict = quota.judge(
            claim,
            self._used(index, staged.now_ns),
            self._verdict(index, self._shown),
            staged.now_ns,
            clock_trusted=clock_trusted,
            stale_after_ns=stale_after_ns,
            ease_stale_after_ns=ease_stale_after_ns,
        )
        staged.judged[index] = verdict, quota.quiet(claim, verdict, staged.now_ns) or NOWHERE

    def to_choose(self, staged: Staged) -> list[Owner]:
        """For whom another verdict may count, after all that is due was judged."""
        owners = ((self.cases[at].agency, self.cases[at].direction) for at in staged.judged)
        return list(dict.fromkeys(chain(owners, staged.concerned, self._concerned, self._directed)))

    def choose(self, staged: Staged, owners: Iterable[Owner]) -> None:
        """Lets the strictest verdict count for these, as far as people did not decide otherwise."""
        for owner in owners:
            rivals: list[Verdict] = []
            indices: list[int] = []
            for at in self._rivals[owner]:
                verdict = staged.judged[at][0] if at in staged.judged else self._verdict(at, self._proven)
                if verdict is not None:
                    rivals.append(verdict)
                    indices.append(at)
            counting = directing.counting(rivals, staged.directives, self._counting(owner), staged.now_ns)
            staged.counting[owner] = counting
            alone = next((at for verdict, at in zip(rivals, indices, strict=True) if verdict is counting), None)
            if alone is not None:
                staged.chosen[owner] = alone

    def advance(self, staged: Staged, indices: Iterable[int]) -> None:
        """These verdicts are recorded, and stand from now on."""
        for index in indices:
            verdict, bounds = staged.judged[index]
            self._verdicts[index], self._shown[index] = verdict, self._proven[index]
            self._low[index], self._high[index] = bounds.low, bounds.below
            self._times.pop(index, None)
            if bounds.until_ns is not None:
                self._times[index] = staged.now_ns, bounds.until_ns
            if bounds is NOWHERE:
                self._restless.add(index)
            else:
                self._restless.discard(index)

    def end_of_turn(self, staged: Staged) -> tuple[Mapping[Owner, Verdict], Mapping[Memory, Verdict]]:
        """Views as of the last turn: verdicts that count, by owner; the last of each policy."""
        self._chosen |= staged.chosen
        for owner, verdict in staged.counting.items():
            if owner in self._unclaimed:
                self._unclaimed[owner] = verdict
            elif owner in staged.chosen:
                self._directed.pop(owner, None)
            else:
                self._directed[owner] = verdict
        self._concerned = staged.concerned
        self._shown = self._proven.copy()
        return View((self._rivals, self._unclaimed), self._counting), View((self._index,), self._previous)

    def _verdict(self, index: int, numbers: Sequence[int]) -> Verdict | None:
        """As it was last judged, with the number it has now, or had at the last turn."""
        verdict = self._verdicts[index]
        if verdict is None or self._high[index] == NOWHERE.below:
            return verdict
        number = numbers[index]
        return verdict if quota.proven_of(verdict) == number else quota.refreshed(verdict, number)

    def _counting(self, owner: Owner) -> Verdict | None:
        if owner in self._directed:
            return self._directed[owner]
        index = self._chosen.get(owner)
        return self._unclaimed.get(owner) if index is None else self._verdict(index, self._shown)

    def _previous(self, key: Memory) -> Verdict | None:
        index = self._index.get(key)
        return None if index is None else self._verdict(index, self._shown)


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

"""Byte-exact truth: what the ledger proves, held against a router that knows what really passed.

Proven never exceeds the truth; wherever it falls short there is a gap that says so, long enough for what is missing;
and with 64-bit counters that went on it equals the truth, to the byte, across every kill of netmon.

`make soak` tries ten times as many (`NETMON_TRUTH_EXAMPLES=20000 pytest tests/truth`); a failure prints the shortest
history it found, and the line that repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from support.postgres import PostgresServer, as_superuser
from truth.ground import Database, Ground, files
from truth.life import Death, KilledError, Life
from truth.model import SECOND_NS, ModelRouter, Port, Served

from netmon.core.closing import Port as PortOf
from netmon.core.continuity import BELATED_TICKS, TICK_NS, UPTIME_WRAP
from netmon.core.heads import Ceilings, Head, Visit
from netmon.core.measurement import Column, Gap, GapReason, Interface, PduStamp, Poll
from netmon.core.model import Circuit, Faces, Way
from netmon.core.periods import Period
from netmon.daemon.clock import Clock
from netmon.daemon.figures import Reckoning
from netmon.store.location import Location
from netmon.store.reader import LedgerReader

EXAMPLES = int(os.environ.get("NETMON_TRUTH_EXAMPLES", "2000"))
SHARES = 4
"""The examples are spread over so many tests, which run side by side."""
STEPS = int(os.environ.get("NETMON_TRUTH_STEPS", "25"))
START_NS = 1_795_000_000 * SECOND_NS
GIGABIT = 10**9
CARRIED_BPS = 800_000_000
LATE_NS = 5 * SECOND_NS
"""No reply is later than this."""
DIRECTIONS: tuple[Way, Way] = ("in", "out")

seconds = st.sampled_from([0.004, 0.01, 0.5, 1, 3, 10, 30, 60, 300, 3600])
share = st.integers(0, 1000)


@dataclass(slots=True)
class Asked:
    """A request under way: what the first PDU was answered, and when it was sent by the process's own clocks."""

    poller: int
    anchor_ns: int
    """Wall time less monotonic time, as the visit began."""
    sent_ns: int
    stamp: int
    ports: tuple[Port, ...]
    identity: tuple[Interface, ...]
    served: list[Served]
    device: str
    host_uptime: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """What one poll showed of one series, and what was true then."""

    served: Served
    read_ns: int
    """Model time."""
    device: str
    uptime_ticks: int


class Truth(RuleBasedStateMachine):
    """A router, the network between, netmon with two pollers that overlap, its host's clock, and kills."""

    ground: ClassVar[Ground]

    @initialize(
        bits=st.sampled_from([64, 64, 32]),
        refresh=st.sampled_from([0, 0, 3, 30]),
        shows=st.tuples(st.booleans(), st.booleans()),
        uptime=st.sampled_from([50_000_000, UPTIME_WRAP - 5_000, 700]),
        declared=st.booleans(),
        split=st.booleans(),
        first=st.sampled_from([0, 1000, 2**32 - 1000, 2**64 - 10**9]),
    )
    def install(
        self,
        bits: int,
        refresh: int,
        shows: tuple[bool, bool],
        uptime: int,
        declared: bool,
        split: bool,
        first: int,
    ) -> None:
        self.router = ModelRouter(
            bits=bits,
            refresh_ns=refresh * SECOND_NS,
            shows_host_uptime=shows[0],
            # Just below a wrap, a clearing that is not shown cannot be told from one.
            shows_discontinuity=shows[1] or bits == 32 or first > 2**63,
            uptime_at_start_ticks=uptime,
            now_ns=10**15,
        )
        for name in ("ether1", "ether2", "ether3"):
            self.router.add_port(name, (first % 2**bits, 5))
        self.split, self.near_wrap = split, first > 2**63
        self.ceilings = Ceilings(
            dict.fromkeys(("ether1", "ether2", "ether3", "ether4"), GIGABIT) if declared or bits == 32 else {}
        )
        self.wall_offset_ns = START_NS - self.router.now_ns
        self.asked: list[Asked] = []
        self.shown: dict[int, tuple[Poll, dict[str, Known]]] = {}
        """By a poll's id."""
        self.spool: list[Poll] = []
        self.last: dict[str, Known] = {}
        """By series, its last committed reading."""
        self.hidden: set[tuple[str, int]] = set()
        """(series, epoch) of which nobody can tell that it began."""
        self.cleared: set[tuple[str, int]] = set()
        """Those of them that began long after the boot: what passed between the two is not known to be missing."""
        self.stepped = False
        self.lost: set[tuple[str, int]] = set()
        """(series, way) of which a gap hides bytes."""
        self.head: Head | None = None
        self.life = self.born(self.ground.fresh())

    def born(self, place: Location) -> Life:
        clock = Clock(False, lambda: self.router.now_ns + self.wall_offset_ns, lambda: self.router.now_ns)
        self.asked.clear()
        # What an earlier life dated later than it is now could be taken for new once its time has come.
        self.spool = [poll for poll in self.spool if poll.at_ns <= clock.now_ns()]
        return Life(self.ground, place, clock, self.ceilings)

    # --- the router ------------------------------------------------------------------------------

    @rule(seconds=seconds, shares=st.lists(share, min_size=6, max_size=6))
    def traffic(self, seconds: float, shares: list[int]) -> None:
        self.pass_ns(int(seconds * SECOND_NS))
        most = int(CARRIED_BPS / 8 * seconds)
        for at, port in enumerate(self.router.ports[:3]):
            self.router.carry(port, most * shares[2 * at] // 1000, most * shares[2 * at + 1] // 1000)

    def pass_ns(self, ns: int) -> None:
        self.router.now_ns += ns
        self.asked = [one for one in self.asked if self.router.now_ns - one.sent_ns <= LATE_NS]

    @rule()
    def reboot(self) -> None:
        self.pass_ns(6 * SECOND_NS)
        self.router.reboot()
        self.pass_ns(SECOND_NS)

    @rule()
    @precondition(
        lambda self: self.router.bits == 64 and not (self.near_wrap and any(map(self.is_cleared, self.router.ports)))
    )
    def agent_restarts(self) -> None:
        self.pass_ns(6 * SECOND_NS)
        self.router.restart_agent()
        self.hidden |= {(port.name, port.epoch) for port in self.router.ports}
        self.pass_ns(SECOND_NS)

    def is_cleared(self, port: Port) -> bool:
        known = self.last.get(port.name)
        return known is not None and known.served.epoch != port.epoch

    @rule(at=st.integers(0, 2))
    def clear_counters(self, at: int) -> None:
        port = self.router.ports[at]
        self.router.clear(port)
        if not self.router.shows_discontinuity:
            self.cleared.add((port.name, port.epoch))
            self.hidden.add((port.name, port.epoch))

    @rule()
    def renumber(self) -> None:
        self.router.renumber()

    @rule(at=st.integers(1, 2))
    def name_twice(self, at: int) -> None:
        port = self.router.ports[at]
        port.shown = "" if port.shown else "ether1"

    @rule(at=st.integers(0, 2))
    def unplug(self, at: int) -> None:
        port = self.router.ports[at]
        port.present = not port.present

    @rule()
    @precondition(lambda self: len(self.router.ports) == 3)
    def add_a_port(self) -> None:
        self.router.add_port("ether4", (77, 88))

    @rule(first=st.sampled_from([0, 10**6, 2**32 - 1]))
    def replace_the_device(self, first: int) -> None:
        self.pass_ns(6 * SECOND_NS)
        self.router.replace((first, first))

    # --- the network -----------------------------------------------------------------------------

    @rule(poller=st.integers(0, 1))
    def ask(self, poller: int) -> None:
        """One request a poller; the second PDU is answered as the first reply comes in."""
        router = self.router
        ports = tuple(router.told_apart())
        if not ports:
            return
        self.asked = [one for one in self.asked if one.poller != poller]
        self.asked.append(
            Asked(
                poller,
                self.life.clock.now_ns() - router.now_ns,
                router.now_ns,
                router.uptime_ticks,
                ports,
                router.identity,
                [router.served(port) for port in ports],
                router.device,
                router.host_uptime_ticks,
            )
        )

    @rule(at=st.integers(0, 1), times=st.sampled_from([1, 1, 1, 2, 3]), work=st.booleans())
    @precondition(lambda self: self.asked)
    def reply(self, at: int, times: int, work: bool) -> None:
        asked = self.asked.pop(at % len(self.asked))
        poll = self.poll_of(asked)
        if poll is None:
            return
        self.spool = [*self.spool[-5:], poll]
        for _ in range(times):
            self.life.offer(asked.poller, poll)
        if work:
            self.work(asked.poller)

    @rule(poller=st.integers(0, 1))
    def visit(self, poller: int) -> None:
        """The usual: asked, answered and accounted at once. The newest is then in the ledger, whatever came before."""
        for _ in range(2):  # while our clock is behind the ledger's, one poll may fall to a conflict
            self.ask(poller)
            self.pass_ns(10_000_000)
            if not self.router.told_apart() or not self.asked or self.life.ledger.full:
                return
            asked = self.asked[-1]
            self.reply(len(self.asked) - 1, 1, True)
            known = self.last.get(asked.ports[0].name)
            if known is not None and known.read_ns == asked.sent_ns:
                return
        # After a step back, a restart within a minute of another looks like a late reply until its uptime is longer.
        # And so does a port that was away while the device was replaced by one of nearly the same uptime.
        replaced = known is not None and known.device != asked.device
        masked = self.stepped and asked.stamp < BELATED_TICKS
        assert replaced or masked, "the newest reading was ignored twice"

    @rule(
        first=st.integers(0, 1),
        seconds=st.sampled_from([0.004, 0.5, 3]),
        shares=st.lists(share, min_size=6, max_size=6),
    )
    def overtake(self, first: int, seconds: float, shares: list[int]) -> None:
        """Both pollers ask, and the one that asked later is answered sooner."""
        self.ask(first)
        self.traffic(seconds, shares)
        self.visit(1 - first)
        if self.asked:
            self.reply(0, 1, True)

    @rule(at=st.integers(0, 2), poller=st.integers(0, 1))
    def reboot_unseen_by_a_port(self, at: int, poller: int) -> None:
        self.unplug(at)
        self.reboot()
        self.visit(poller)
        self.unplug(at)
        self.visit(poller)

    @rule()
    @precondition(lambda self: self.asked)
    def lose(self) -> None:
        self.asked.pop()

    @rule(at=st.integers(0, 5), poller=st.integers(0, 1))
    @precondition(lambda self: self.spool)
    def replay(self, at: int, poller: int) -> None:
        self.life.offer(poller, self.spool[at % len(self.spool)])
        self.work(poller)

    def poll_of(self, asked: Asked) -> Poll | None:
        router, now = self.router, self.router.now_ns
        parts = [0] * len(asked.ports)
        stamps = [PduStamp(asked.stamp, now + asked.anchor_ns)]
        ticks = dict.fromkeys([port.name for port in asked.ports], asked.stamp)
        reads = dict(
            zip([port.name for port in asked.ports], [(one, asked.sent_ns) for one in asked.served], strict=True)
        )
        if self.split and len(asked.ports) > 1:
            if router.identity != asked.identity or router.device != asked.device:
                return None  # the names of the second PDU do not match
            parts[-1] = 1
            last = asked.ports[-1]
            self.pass_ns(1_000_000)
            stamps.append(PduStamp(router.uptime_ticks, router.now_ns + asked.anchor_ns))
            reads[last.name], ticks[last.name] = (router.served(last), router.now_ns), router.uptime_ticks
        poll = Poll(
            router="r1",
            identity=asked.identity,
            pdus=tuple(stamps),
            pdu_of=tuple(parts),
            columns={
                Column.IN_OCTETS: tuple(reads[one.name][0].octets[0] for one in asked.identity),
                Column.OUT_OCTETS: tuple(reads[one.name][0].octets[1] for one in asked.identity),
                Column.DISCONTINUITY: tuple(reads[one.name][0].discontinuity for one in asked.identity),
            },
            counter_bits=router.bits,
            device=asked.device,
            host_uptime_ticks=asked.host_uptime,
            counter_refresh_ns=router.refresh_ns,
        )
        self.shown[id(poll)] = (
            poll,
            {name: Known(served, read_ns, asked.device, ticks[name]) for name, (served, read_ns) in reads.items()},
        )
        return poll

    # --- netmon ----------------------------------------------------------------------------------

    @rule(poller=st.integers(0, 1))
    def commit(self, poller: int) -> None:
        self.work(poller)

    @rule()
    def fill_or_free_the_disk(self) -> None:
        self.life.ledger.full = not self.life.ledger.full

    @rule(step=st.sampled_from([-40 * 86_400, -86_400, -400, -7, -1, 1, 7, 400, 86_400, 40 * 86_400]))
    def step_the_clock(self, step: int) -> None:
        self.wall_offset_ns += step * SECOND_NS
        self.stepped = True

    @rule(statement=st.sampled_from([None, None, 0, 1, 2, 3, 4, 5, 6]), poller=st.integers(0, 1))
    def kill(self, statement: int | None, poller: int) -> None:
        """Between two steps (0), at a statement of a commit, or after it and before anybody hears of it (None)."""
        life = self.life
        life.ledger.full = False
        life.ledger.death = Death(statement or None)
        with suppress(KilledError):
            if statement != 0:
                life.work(poller)
        left = life.ledger.die()
        self.settle()
        life.ledger.abandon()
        self.life = self.born(left)
        heads = self.life.ledger.heads()
        assert heads.get("r1") == self.head, "a committed visit is there whole, and no other"

    def work(self, poller: int) -> None:
        self.life.work(poller)
        self.settle()

    def settle(self) -> None:
        for visit, poll in self.life.book.taken:
            self.judge(visit, self.shown[id(poll)][1])
            self.head = visit.head
        self.life.book.taken.clear()

    # --- the judgement ---------------------------------------------------------------------------

    def judge(self, visit: Visit, shown: dict[str, Known]) -> None:
        head, before = visit.head, self.head
        gaps = {(gap.interface, gap.direction): gap for gap in visit.gaps}
        if before is not None:
            assert head.at_ns > before.at_ns
            assert head.sequence == before.sequence + 1
        for at, interface in enumerate(head.series):
            if at in head.lagging:
                continue
            name, now = interface.name, shown[interface.name]
            then = self.last.get(name)
            self.last[name] = now
            for way in (0, 1):
                total = (head.in_total, head.out_total)[way][at]
                if then is None or before is None:
                    assert total == 0, "the first reading of a series yields no usage"
                    continue
                counted = total - (before.in_total, before.out_total)[way][at]
                self.judge_growth(then, now, way, counted, gaps.get((name, ("in", "out")[way])), name)

    def judge_growth(self, then: Known, now: Known, way: int, counted: int, gap: Gap | None, name: str) -> None:
        truth = now.served.passed[way] - then.served.passed[way]
        what = f"{name} {way}: {counted} counted of {truth} ({gap})"
        # Of two replies within one tick of the uptime that show the same, it does not matter which was first.
        in_order = now.read_ns >= then.read_ns or now.served.octets == then.served.octets
        assert in_order, f"{what}: an older reading followed a newer one"
        # A clock that steps back just as long as a boot takes hides it, if nothing but a younger boot was seen.
        masked = (self.stepped and then.uptime_ticks < BELATED_TICKS) or is_like_a_wrap_of_uptime(then, now)
        if masked and self.near_wrap and then.served.epoch != now.served.epoch:
            return  # just below a wrap, a counter that began anew then looks as if it had gone over it
        assert 0 <= counted <= truth, what
        if counted < truth:
            epochs = range(then.served.epoch + 1, now.served.epoch + 1)
            hidden = any((name, epoch) in self.hidden for epoch in epochs)
            assert gap is not None or hidden or masked, f"{what}: lost without a word"
            if gap is not None:
                self.lost.add((name, way))
            cleared = any((name, epoch) in self.cleared for epoch in epochs)
            if gap is not None and not (self.stepped or cleared):
                reach_ns = gap.to_ns - gap.from_ns + 3 * LATE_NS + self.router.refresh_ns
                assert truth - counted <= CARRIED_BPS * reach_ns // (8 * SECOND_NS), f"{what}: the gap is too short"
        went_on = (then.served.epoch, then.served.wraps[way]) == (now.served.epoch, now.served.wraps[way])
        if self.router.bits == 64 and went_on and then.device == now.device:
            assert counted == truth or (
                gap is not None and gap.reason is GapReason.IMPLAUSIBLE and self.ceilings.declared(name)
            ), what

    def teardown(self) -> None:
        if not hasattr(self, "life"):
            return
        self.life.ledger.full = False
        try:
            for poller in (0, 1):
                self.work(poller)
            self.read_back()
        finally:
            self.life.ledger.abandon()
            self.ground.clear()

    def read_back(self) -> None:
        """What is shown is what the heads hold, whole and cut in two, and time is unknown where bytes are lost."""
        if self.head is None:
            return
        reader = LedgerReader.open(self.life.place)
        try:
            end_ns = self.head.at_ns + LATE_NS
            cut_ns = self.head.at_ns - SECOND_NS
            periods = [Period(*span, "") for span in ((0, end_ns), (0, cut_ns), (cut_ns, end_ns))]
            reckoning = Reckoning(reader, end_ns)
            circuits = [Circuit("r1", "a", "r1", one.name, Faces.AGENCY) for one in self.head.series]
            for period in periods:
                reckoning.prepare(circuits, period)
            for at, one in enumerate(self.head.series):
                for way, totals in enumerate((self.head.in_total, self.head.out_total)):
                    port = PortOf("r1", "r1", one.name, DIRECTIONS[way])
                    whole, *parts = (reckoning.usage(port, period) for period in periods)
                    assert (whole.proven_bytes, whole.estimated_bytes) == (totals[at], 0)
                    if (one.name, way) in self.lost:
                        assert whole.gaps
                        assert whole.unknown_ns > LATE_NS
                    assert sum(part.proven_bytes + part.estimated_bytes for part in parts) == totals[at]
        finally:
            reader.close()


def is_like_a_wrap_of_uptime(then: Known, now: Known) -> bool:
    """Whether the uptime went over its end as it was due to, which a boot at that very time looks like."""
    elapsed = (now.read_ns - then.read_ns) // TICK_NS
    advance = (now.uptime_ticks - then.uptime_ticks) % UPTIME_WRAP
    return now.uptime_ticks < then.uptime_ticks and abs(advance - elapsed) <= elapsed // 50 + 500


@pytest.fixture(scope="module")
def in_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with files(tmp_path_factory.mktemp("template")) as ground:
        yield ground


@pytest.fixture(scope="module")
def in_a_database(postgres: PostgresServer) -> Iterator[Ground]:
    with postgres.database() as place, as_superuser(place) as administrator:
        administrator.autocommit = True
        yield Database(place, administrator)


@pytest.mark.parametrize("share", range(SHARES))
def test_the_ledger_never_proves_more_than_the_truth_and_all_of_it_where_counters_go_on(
    in_files: Ground, share: int
) -> None:
    hold(in_files, EXAMPLES // SHARES)


@pytest.mark.parametrize("share", range(SHARES))
def test_the_same_of_a_ledger_on_a_server(in_a_database: Ground, share: int) -> None:
    hold(in_a_database, EXAMPLES // SHARES // 10)


def hold(ground: Ground, examples: int) -> None:
    Truth.ground = ground
    run_state_machine_as_test(
        Truth,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )

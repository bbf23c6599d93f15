"""Accounting rules 1-11, each named, and the law that the fast path and the exact rules agree."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core import counters
from netmon.core.continuity import UPTIME_WRAP, Continuity, continuity
from netmon.core.counters import account
from netmon.core.exact import exact
from netmon.core.heads import Ceilings, Head, LastSeen
from netmon.core.measurement import Column, GapReason, Interface, PduStamp, Poll
from netmon.core.model import NANOSECONDS as S

T0 = 1_763_000_000 * S
GIGABIT = Ceilings({"ether1": 10**9, "ether2": 10**9})
NONE_DECLARED = Ceilings({})
PORTS = (Interface(1, "ether1", "a"), Interface(2, "ether2", "b"))


@dataclass
class Router:
    """What the next poll of a small router says; every field can be changed between polls."""

    at_s: float = 0
    uptime_s: float = 100_000
    octets: tuple[tuple[int | None, int | None], ...] = ((1000, 2000), (3000, 4000))
    identity: tuple[Interface, ...] = PORTS
    bits: int = 64
    discontinuity: tuple[int | None, ...] | None = None
    device: str | None = "serial-1"
    host_s: float | None = None

    def after(self, seconds: float, **changes: object) -> Router:
        moved = {"at_s": self.at_s + seconds, "uptime_s": self.uptime_s + seconds}
        if self.host_s is not None:
            moved["host_s"] = self.host_s + seconds
        return replace(self, **{**moved, **changes})  # type: ignore[arg-type]

    def poll(self) -> Poll:
        return Poll(
            router="r1",
            identity=self.identity,
            pdus=(PduStamp(int(self.uptime_s * 100) % UPTIME_WRAP, T0 + int(self.at_s * S)),),
            pdu_of=(0,) * len(self.identity),
            columns={
                Column.IN_OCTETS: tuple(pair[0] for pair in self.octets),
                Column.OUT_OCTETS: tuple(pair[1] for pair in self.octets),
                Column.DISCONTINUITY: self.discontinuity or (0,) * len(self.identity),
            },
            counter_bits=self.bits,
            device=self.device,
            host_uptime_ticks=None if self.host_s is None else int(self.host_s * 100) % UPTIME_WRAP,
        )


def visited(*states: Router, ceilings: Ceilings = GIGABIT) -> tuple[Head, dict[tuple[str, str], GapReason]]:
    """The head after all states, and the gaps of the last visit by (interface, way)."""
    head: Head | None = None
    gaps: dict[tuple[str, str], GapReason] = {}
    for state in states:
        visit = account(head, state.poll(), ceilings)
        assert visit is not None
        head, gaps = visit.head, {(gap.interface, gap.direction): gap.reason for gap in visit.gaps}
    assert head is not None
    return head, gaps


START = Router()


def test_the_first_reading_of_a_series_yields_no_usage() -> None:
    head, gaps = visited(START)
    assert (head.in_total, head.out_total, gaps) == ((0, 0), (0, 0), {})


def test_growth_between_two_visits_is_counted_exactly() -> None:
    head, gaps = visited(START, START.after(30, octets=((1500, 2000), (3000, 4001))))
    assert (head.in_total, head.out_total, gaps) == ((500, 0), (0, 1), {})


@pytest.mark.parametrize(
    ("name", "change", "ceilings", "in_total", "reason"),
    [
        ("rule 1: a counter that decreases yields a gap", {"octets": ((999, 2000), (3000, 4000))}, GIGABIT, 0,
         GapReason.COUNTER_DECREASED),
        ("rule 3: a change of width starts a new epoch", {"bits": 32, "octets": ((1500, 2000), (3000, 4000))},
         GIGABIT, 0, GapReason.WIDTH_CHANGED),
        ("rule 5: after a reboot the new value is a lower bound", {"uptime_s": 10, "octets": ((900, 0), (0, 0))},
         GIGABIT, 900, GapReason.COUNTER_RESET),
        ("rule 5: after a reboot a counter already past its old value counts its growth alone",
         {"uptime_s": 10, "octets": ((1400, 2000), (3000, 4000))}, GIGABIT, 400, GapReason.COUNTER_RESET),
        ("rule 5: a cleared counter is a lower bound since the discontinuity",
         {"discontinuity": (77, 77), "octets": ((700, 0), (0, 0))}, GIGABIT, 700, GapReason.COUNTER_DISCONTINUITY),
        ("rule 6: a delta above ceiling x interval is implausible",
         {"octets": ((1000 + 5 * 10**9, 2000), (3000, 4000))}, GIGABIT, 0, GapReason.IMPLAUSIBLE),
        ("rule 6: another serial number is another device",
         {"device": "serial-2", "octets": ((1500, 2000), (3000, 4000))}, GIGABIT, 0, GapReason.DEVICE_REPLACED),
        ("an uptime that contradicts the clock keeps the proven growth and says so",
         {"uptime_s": 50_000, "octets": ((1500, 2000), (3000, 4000))}, GIGABIT, 500, GapReason.UPTIME_INCONSISTENT),
    ],
)  # fmt: skip
def test_the_exact_rules(
    name: str, change: dict[str, object], ceilings: Ceilings, in_total: int, reason: GapReason
) -> None:
    head, gaps = visited(START, START.after(30, **change), ceilings=ceilings)
    assert (head.in_total[0], gaps[("ether1", "in")]) == (in_total, reason), name


def test_an_implausible_reading_does_not_spoil_the_next() -> None:
    wild = START.after(30, octets=((10**15, 2000), (3000, 4000)))
    head, gaps = visited(START, wild, wild.after(30, octets=((10**15 + 7, 2000), (3000, 4000))))
    assert (head.in_total[0], gaps) == (7, {})


W32 = replace(START, bits=32, octets=((2**32 - 100, 0), (0, 0)))


@pytest.mark.parametrize(
    ("name", "seconds", "ceilings", "total", "reason"),
    [
        ("rule 4: a 32-bit counter wraps once", 10, GIGABIT, 150, None),
        ("rule 4: it may have wrapped twice", 40, GIGABIT, 0, GapReason.WRAP_AMBIGUOUS),
        ("rule 4: without a declared speed nothing is assumed", 10, NONE_DECLARED, 0, GapReason.WRAP_AMBIGUOUS),
    ],
)
def test_wraps_of_narrow_counters(
    name: str, seconds: float, ceilings: Ceilings, total: int, reason: GapReason | None
) -> None:
    head, gaps = visited(W32, W32.after(seconds, octets=((50, 0), (0, 0))), ceilings=ceilings)
    assert (head.in_total[0], gaps.get(("ether1", "in"))) == (total, reason), name


def test_a_64_bit_counter_may_wrap_too() -> None:
    high = replace(START, octets=((2**64 - 10, 0), (0, 0)))
    head, gaps = visited(high, high.after(30, octets=((5, 0), (0, 0))))
    assert (head.in_total[0], gaps) == (15, {})


def test_rule_2_an_absent_cell_is_not_zero_and_loses_nothing() -> None:
    mute = START.after(30, octets=((None, None), (3000, 4000)))
    back = mute.after(30, octets=((1900, 2900), (3100, 4100)))
    head, gaps = visited(START, mute, back)
    assert (head.in_total, head.out_total, gaps) == ((900, 100), (900, 100), {})


def test_an_interface_that_disappears_and_returns_continues() -> None:
    gone = START.after(30, identity=PORTS[1:], octets=((3000, 4000),))
    head, gaps = visited(START, gone, gone.after(30, identity=PORTS, octets=((1001, 2000), (3000, 4000))))
    assert (head.in_total, gaps, head.lagging) == ((1, 0), {}, {})


def test_rule_6_an_ifindex_that_moved_is_followed() -> None:
    moved = (Interface(7, "ether1", "a"), Interface(1, "ether2", "b"))
    head, gaps = visited(START, START.after(30, identity=moved, octets=((1500, 2000), (3000, 4000))))
    assert (head.in_total, gaps, head.series) == ((500, 0), {}, moved)


def test_a_new_interface_begins_with_a_gap_and_no_usage() -> None:
    more = (*PORTS, Interface(3, "ether3"))
    head, gaps = visited(START, START.after(30, identity=more, octets=((1500, 2000), (3000, 4000), (9, 9))))
    assert head.in_total == (500, 0, 0)
    assert gaps == {("ether3", way): GapReason.FIRST_READING for way in ("in", "out")}


def test_rule_6_a_restart_of_the_agent_alone_is_not_a_reset() -> None:
    linux = replace(START, host_s=500_000, discontinuity=(77, 77))
    restarted = linux.after(30, uptime_s=3, discontinuity=(0, 0), octets=((1500, 2000), (3000, 4000)))
    head, gaps = visited(linux, restarted)
    assert (head.in_total, gaps) == ((500, 0), {})


def test_rule_10_volume_across_a_continuous_outage_is_exact() -> None:
    head, gaps = visited(START, START.after(7200, octets=((10**9, 2000), (3000, 4000))))
    assert (head.in_total[0], gaps) == (10**9 - 1000, {})


def test_rule_11_polling_twice_or_replaying_adds_nothing() -> None:
    later = START.after(30, octets=((1500, 2000), (3000, 4000)))
    head, _ = visited(START, later)
    assert account(head, later.poll(), GIGABIT) is None
    assert account(head, START.poll(), GIGABIT) is None


def test_a_gap_after_a_reboot_ends_when_the_router_booted() -> None:
    first = account(None, START.poll(), GIGABIT)
    assert first is not None
    visit = account(first.head, START.after(60, uptime_s=20, octets=((5, 5), (5, 5))).poll(), GIGABIT)
    assert visit is not None
    assert {(gap.from_ns, gap.to_ns) for gap in visit.gaps} == {(T0, T0 + 40 * S)}


@pytest.mark.parametrize(
    ("name", "before", "elapsed_s", "after", "expected"),
    [
        ("steady", 1_000_000, 30, 1_003_000, Continuity.CONTINUOUS),
        ("late reply", 1_000_000, 34, 1_003_000, Continuity.CONTINUOUS),
        ("sysUpTime wraps at 497.1 days", UPTIME_WRAP - 1000, 30, 2000, Continuity.CONTINUOUS),
        ("reboot", 1_000_000, 30, 1500, Continuity.RESTARTED),
        ("reboot soon after a boot, seen later", 1000, 3600, 180_000, Continuity.RESTARTED),
        ("a second boot right after the first", 200, 30, 2700, Continuity.RESTARTED),
        ("a second boot 20 s after the first, seen an hour later", 102, 3621, 360_100, Continuity.RESTARTED),
        ("uptime fell by less than the slack", 300, 1, 100, Continuity.RESTARTED),
        ("clock stepped by a day", 1_000_000_000, 86_430, 1_000_003_000, Continuity.INCONSISTENT),
    ],
)
def test_continuity(name: str, before: int, elapsed_s: int, after: int, expected: Continuity) -> None:
    assert continuity(LastSeen(T0, before), PduStamp(after, T0 + elapsed_s * S), False) is expected, name


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=60)
def test_the_fast_path_equals_the_exact_rules(growths: list[list[tuple[int, int]]]) -> None:
    head = account(None, START.poll(), GIGABIT).head  # type: ignore[union-attr]
    state = START
    for growth in growths:
        octets = tuple((a[0] + g[0], a[1] + g[1]) for a, g in zip(state.octets, growth, strict=True))  # type: ignore[operator]
        state = state.after(30, octets=octets)
        fast = counters._steady(head, state.poll(), GIGABIT)
        assert fast == exact(head, state.poll(), GIGABIT)
        assert fast is not None
        head = fast.head


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["poll", "poll", "lost", "reboot", "clear", "agent", "renumber", "traffic"]),
        st.integers(1, 600),
        st.integers(0, 10**9),
    ),
    max_size=25,
)


@given(STEPS, st.sampled_from([32, 64]))
@settings(max_examples=150)
def test_proven_never_exceeds_the_truth_and_equals_it_while_counters_continue(
    steps: list[tuple[str, int, int]], bits: int
) -> None:
    state = replace(Router(), bits=bits, host_s=200_000, identity=PORTS[:1], octets=((5, 5),), discontinuity=(0,))
    truth, undisturbed, gap_seen = 0, True, False
    visit = account(None, state.poll(), GIGABIT)
    assert visit is not None
    head, cleared = visit.head, False
    for kind, seconds, traffic in steps:
        octets = min(traffic, seconds * 10**9 // 8)
        truth += octets
        (before, _), *_ = state.octets
        assert before is not None
        state = state.after(seconds, octets=(((before + octets) % 2**bits, 5),))
        match kind:
            case "reboot":
                state, undisturbed = replace(state, uptime_s=0, host_s=0, octets=((0, 0),)), False
            case "clear":
                ticks = int(state.uptime_s * 100)
                state, undisturbed, cleared = replace(state, discontinuity=(ticks,), octets=((0, 0),)), False, True
            case "agent" if not cleared:  # an agent that restarts forgets a clearing: nobody could tell
                state = replace(state, uptime_s=0, discontinuity=(0,))
            case "renumber":
                state = replace(state, identity=(replace(state.identity[0], index=state.identity[0].index + 1),))
            case "poll":
                visit = account(head, state.poll(), GIGABIT)
                assert visit is not None
                head, gap_seen, cleared = visit.head, gap_seen or bool(visit.gaps), False
                assert head.in_total[0] <= truth
                if undisturbed and bits == 64:
                    assert head.in_total[0] == truth
                if head.in_total[0] < truth:
                    assert gap_seen

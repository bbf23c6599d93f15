"""The seventeen accounting rules, one test each, named by the sentence it shows.

Rules 14, 15 and 17 need more than the core: they are shown where configuration and ledger keep them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from config.test_load import refused, sound
from core.test_counters import GIGABIT, NONE_DECLARED, PORTS, START, T0, W32, visited
from core.test_demand import percentile_95
from core.test_periods import at, gap, month, on_grid, readings
from hypothesis import given, settings
from hypothesis import strategies as st
from store.test_closings import CLOSING, END_NS, with_proven
from support.ledgers import opened

from netmon.core.closing import Drawn
from netmon.core.counters import account
from netmon.core.measurement import Column, GapReason, PduStamp, Poll, Usage
from netmon.core.model import NANOSECONDS as S
from netmon.core.model import Circuit, Direction, Faces
from netmon.core.periods import GRID_NS, Reading, add_usage, grid_cells, used_between, widened
from netmon.core.units import parse_rate, parse_volume
from netmon.store.reader import LedgerReader


def reading(in_octets: int | None) -> tuple[tuple[int | None, int | None], ...]:
    """ether1's ifIn as given, all else as it was at the start."""
    return (in_octets, 2000), (3000, 4000)


@given(st.integers(0, 999), st.sampled_from([1, 30, 600]), st.sampled_from([GIGABIT, NONE_DECLARED]))
@settings(max_examples=30)
def test_rule_1_a_counter_that_decreases_never_yields_usage(low: int, seconds: int, ceilings: Any) -> None:
    head, gaps = visited(START, START.after(seconds, octets=reading(low)), ceilings=ceilings)
    assert (head.in_total[0], gaps) == (0, {("ether1", "in"): GapReason.COUNTER_DECREASED})


def test_rule_2_a_failed_empty_or_non_numeric_read_is_absence_never_zero() -> None:
    mute = START.after(30, octets=reading(None))
    head, gaps = visited(START, mute)
    assert (head.in_total, gaps, sorted(head.lagging)) == ((0, 0), {}, [0])
    head, gaps = visited(START, mute, mute.after(30, octets=reading(1900)))
    assert (head.in_total, gaps, head.lagging) == ((900, 0), {}, {})


@pytest.mark.parametrize(("bits", "then"), [(64, 32), (32, 64)])
def test_rule_3_counter_width_is_pinned_per_series_and_a_change_starts_a_new_epoch(bits: int, then: int) -> None:
    before = replace(START, bits=bits)
    gone = before.after(30, bits=then, identity=PORTS[1:], octets=((3000, 4000),))
    back = gone.after(30, identity=PORTS, octets=reading(1500))
    head, gaps = visited(before, before.after(30, bits=then, octets=reading(1500)))
    assert (head.in_total[0], gaps["ether1", "in"]) == (0, GapReason.WIDTH_CHANGED)
    head, gaps = visited(before, gone, back)
    assert (head.in_total[0], gaps["ether1", "in"]) == (0, GapReason.FIRST_READING), "nor for one absent meanwhile"


@pytest.mark.parametrize(
    ("seconds", "ceilings", "change", "total", "reason"),
    [
        (10, GIGABIT, {}, 150, None),
        (34, GIGABIT, {}, 0, GapReason.WRAP_AMBIGUOUS),
        (10, NONE_DECLARED, {}, 0, GapReason.WRAP_AMBIGUOUS),
        (10, GIGABIT, {"uptime_s": 5}, 50, GapReason.COUNTER_RESET),
        (10, GIGABIT, {"octets": ((2**32 - 101, 0), (0, 0))}, 0, GapReason.COUNTER_DECREASED),
    ],
    ids=["plausible", "twice is possible", "no declared speed", "not continuous", "implausible rate"],
)
def test_rule_4_a_32_bit_counter_may_wrap_at_most_once_only_continuous_and_plausible(
    seconds: float, ceilings: Any, change: dict[str, object], total: int, reason: GapReason | None
) -> None:
    after = W32.after(seconds, **{"octets": ((50, 0), (0, 0)), **change})
    head, gaps = visited(W32, after, ceilings=ceilings)
    assert (head.in_total[0], gaps.get(("ether1", "in"))) == (total, reason)


def test_rule_5_a_reset_is_not_a_wrap_and_the_new_value_is_a_proven_lower_bound_since_boot() -> None:
    first = account(None, START.poll(), GIGABIT)
    assert first is not None
    visit = account(first.head, START.after(60, uptime_s=20, octets=((5, 7), (5, 7))).poll(), GIGABIT)
    assert visit is not None
    assert (visit.head.in_total, visit.head.out_total) == ((5, 5), (7, 7))
    assert {(one.from_ns, one.to_ns, one.reason) for one in visit.gaps} == {
        (T0, T0 + 40 * S, GapReason.COUNTER_RESET)
    }, "unknown is what passed between the last reading and the boot"


def test_rule_5_where_not_all_since_the_boot_was_counted_the_gap_lasts_until_the_reading() -> None:
    """The agent may have restarted alone, or a narrow counter have wrapped since: neither can be excluded."""
    for before, octets, seconds in ((START, reading(1400), 60), (W32, ((50, 0), (0, 0)), 600)):
        first = account(None, before.poll(), GIGABIT)
        assert first is not None
        visit = account(first.head, before.after(seconds, uptime_s=seconds - 20, octets=octets).poll(), GIGABIT)
        assert visit is not None
        ends = {one.to_ns for one in visit.gaps if (one.interface, one.direction) == ("ether1", "in")}
        assert ends == {T0 + seconds * S}


def test_rule_5_an_absent_port_s_reboot_is_noticed_although_the_host_ran_since_the_last_visit() -> None:
    before = replace(START, bits=32, host_s=100_000, octets=((2**32 - 100, 0), (3000, 4000)))
    booted = before.after(30, uptime_s=10, host_s=10, identity=PORTS[1:], octets=((0, 0),))
    back = booted.after(30, identity=PORTS, octets=((50, 0), (0, 0)))
    head, gaps = visited(before, booted, back)
    assert (head.in_total[0], gaps["ether1", "in"]) == (50, GapReason.COUNTER_RESET), "not a wrap"


def test_rule_6_identity_is_router_and_name_an_index_that_moved_is_followed() -> None:
    moved = tuple(replace(port, index=port.index + 7) for port in PORTS)
    head, gaps = visited(START, START.after(30, identity=moved, octets=reading(1500)))
    assert (head.in_total[0], gaps, head.series) == (500, {}, moved)


def test_rule_6_a_changed_serial_number_is_a_new_epoch_for_absent_ports_too() -> None:
    other = START.after(30, device="serial-2", identity=PORTS[1:], octets=((9000, 9000),))
    head, gaps = visited(START, other, other.after(30, identity=PORTS, octets=((5000, 5000), (9100, 9100))))
    assert head.in_total == (0, 100)
    assert gaps == {("ether1", way): GapReason.FIRST_READING for way in ("in", "out")}


def test_rule_7_counting_is_never_gated_on_the_operational_status() -> None:
    after = START.after(30, octets=reading(1500)).poll()
    dormant = replace(after, columns={**after.columns, Column.OPER_STATUS: (5, 2), Column.ADMIN_STATUS: (2, 2)})
    first = account(None, START.poll(), GIGABIT)
    assert first is not None
    visit = account(first.head, dormant, GIGABIT)
    assert visit is not None
    assert (visit.head.in_total[0], visit.gaps) == (500, ())


def test_rule_8_the_router_s_own_speed_is_never_trusted_and_a_declared_one_flags_but_does_not_rewrite() -> None:
    after = START.after(30, octets=reading(1000 + 30 * 10**8)).poll()
    slow = replace(after, columns={**after.columns, Column.SPEED_BPS: (10_000_000, 10_000_000)})
    first = account(None, START.poll(), GIGABIT)
    assert first is not None
    trusted = account(first.head, slow, GIGABIT)
    assert trusted is not None
    assert trusted.head.in_total[0] == 30 * 10**8
    head, gaps = visited(START, START.after(30, octets=reading(10**11)))
    assert (head.in_total[0], head.in_octets[0], gaps["ether1", "in"]) == (0, 10**11, GapReason.IMPLAUSIBLE)


@pytest.mark.parametrize(("refresh_s", "polled_s"), [(60, 30), (90, 30), (50, 30), (120, 60)])
def test_rule_9_agents_that_refresh_more_slowly_than_they_are_polled_are_detected_and_the_interval_widened(
    refresh_s: int, polled_s: int
) -> None:
    """10 Mbit/s all day long: the alternation of nothing and double must not raise the 95th percentile."""
    rows = [Reading(t * S, t // refresh_s * refresh_s * 1_250_000) for t in range(0, 86_401, polled_s)]
    value, cells = percentile_95([rows], 86_400 * S)
    plain = [rows[at] for at in range(len(rows))]
    assert cells == 288
    assert value is not None
    assert abs(value - 10_000_000) <= 10_000_000 * polled_s // 300
    assert len(widened(plain)) < len(plain)
    assert widened(plain)[-1].total_bytes == rows[-1].total_bytes


def test_rule_9_idle_time_is_not_taken_for_a_slow_agent() -> None:
    busy = [(t, t * 1000) for t in range(0, 3600, 30)]
    idle = [(t, busy[-1][1]) for t in range(3600, 7200, 30)]
    rows = readings(*busy, *idle, (7200, busy[-1][1] + 5))
    assert widened(rows) == rows


def test_rule_9_a_counter_that_is_refreshed_slowly_may_show_more_than_the_port_carries_in_one_interval() -> None:
    burst = reading(1000 + 30 * 125_000_000)
    late = START.after(10, octets=burst).poll()
    first = account(None, START.poll(), GIGABIT)
    assert first is not None
    unknown = account(first.head, late, GIGABIT)
    known = account(first.head, replace(late, counter_refresh_ns=30 * S), GIGABIT)
    assert unknown is not None
    assert known is not None
    assert {one.reason for one in unknown.gaps} == {GapReason.IMPLAUSIBLE}
    assert (known.head.in_total[0], known.gaps) == (30 * 125_000_000, ())


def test_rule_10_volume_across_a_continuous_gap_is_exact_and_only_its_distribution_unknown() -> None:
    head, gaps = visited(START, START.after(7200, octets=reading(10**9)))
    assert (head.in_total[0], gaps) == (10**9 - 1000, {})
    rows = [*on_grid(8000, 8000), Reading(26 * GRID_NS, 10**9), Reading(27 * GRID_NS, 10**9)]
    used = used_between(rows, (), 0, 27 * GRID_NS, 27 * GRID_NS)
    assert (used.proven_bytes, used.unknown_ns) == (10**9, 0)
    assert percentile_95([rows], 27 * GRID_NS) == (8000, 3), "two hours as one are no cells of 300 s"
    half = used_between(rows, (), 0, 14 * GRID_NS, 27 * GRID_NS)
    assert (half.proven_bytes, half.estimated_bytes) == (600_000, (10**9 - 600_000) // 2)


def test_rule_11_polling_twice_overlapping_pollers_or_replaying_never_add_bytes_twice() -> None:
    later = START.after(30, octets=reading(1500))
    head, _ = visited(START, later)
    assert account(head, later.poll(), GIGABIT) is None
    assert account(head, START.poll(), GIGABIT) is None
    belated = replace(START.after(29, octets=reading(1400)), at_s=31)
    assert account(head, belated.poll(), GIGABIT) is None, "the other poller's reply, answered before, received after"
    same_tick = replace(later, at_s=30.5, octets=reading(1499))
    visit = account(head, same_tick.poll(), GIGABIT)
    assert visit is not None
    assert (visit.head.in_total, visit.head.in_octets[0], visit.gaps) == ((500, 0), 1500, ()), "within one tick too"


def test_rule_11_of_overlapping_visits_each_series_keeps_its_newest_reading() -> None:
    """The first PDU of this visit is newer than the head's, its second was answered before the head's second."""

    def in_two(first_s: float, second_s: float, octets: tuple[int, int]) -> Poll:
        poll = START.after(0, octets=((octets[0], 2000), (octets[1], 4000))).poll()
        stamps = [PduStamp(10_000_000 + int(s * 100), T0 + int(s * S)) for s in (first_s, second_s)]
        return replace(poll, pdus=tuple(stamps), pdu_of=(0, 1))

    visit = account(None, in_two(0, 0.1, (1000, 3000)), GIGABIT)
    for poll in (in_two(10, 12, (1500, 3600)), in_two(11, 11.5, (1550, 3500))):
        assert visit is not None
        visit = account(visit.head, poll, GIGABIT)
    assert visit is not None
    assert (visit.head.in_total, visit.gaps, sorted(visit.head.lagging)) == ((550, 600), (), [1])
    last = account(visit.head, in_two(20, 20.1, (2000, 4000)), GIGABIT)
    assert last is not None
    assert (last.head.in_total, last.gaps) == ((1000, 1000), ())


def test_rule_11_a_clock_set_back_stops_nothing_and_is_named() -> None:
    ahead, _ = visited(START, replace(START, at_s=10**7, uptime_s=START.uptime_s + 30))
    behind = START.after(60, octets=reading(1500)).poll()
    assert account(ahead, behind, GIGABIT) is None, "it may be a replay"
    visit = account(ahead, behind, GIGABIT, newer=True)
    assert visit is not None
    assert (visit.head.in_total[0], visit.head.at_ns) == (500, ahead.at_ns + 1)
    assert {one.reason for one in visit.gaps} == {GapReason.CLOCK_STEPPED_BACK}


def test_rule_12_nearest_rank_on_a_300_s_grid_ports_summed_first_missing_cells_and_gaps_excluded() -> None:
    rates = [8 * k for k in range(1, 41)]
    assert percentile_95([on_grid(*rates)], 40 * GRID_NS) == (8 * 38, 40)
    left, right = on_grid(8000, 0, 8000, 8000), on_grid(0, 8000, 8000, 0)
    assert percentile_95([left, right], 4 * GRID_NS) == (16_000, 4)
    inside = gap(2 * GRID_NS + 5 * S, 2 * GRID_NS + 6 * S)
    assert percentile_95([left, right], 4 * GRID_NS, [inside]) == (8000, 3)
    at_the_edge = replace(inside, from_ns=3 * GRID_NS, to_ns=3 * GRID_NS + 1)
    assert percentile_95([left, right], 4 * GRID_NS, [inside, at_the_edge]) == (8000, 2)
    assert [grid_cells(low, high) for low, high in ((0, 4 * GRID_NS), (1, 4 * GRID_NS), (1, GRID_NS))] == [4, 3, 0]


def test_rule_13_periods_are_half_open_cut_in_the_agency_s_zone_and_a_sample_across_is_split() -> None:
    jakarta = month("2026-02-10T00:00", reset_day=31, zone="Asia/Jakarta")
    assert (jakarta.start_ns, jakarta.end_ns) == (at("2026-01-30T17:00"), at("2026-02-27T17:00"))
    low, high = Reading(jakarta.end_ns - 30 * S, 0), Reading(jakarta.end_ns + 90 * S, 1200)
    parts = [used_between([low, high], (), jakarta.end_ns + a, jakarta.end_ns + b, high.at_ns) for a, b in EDGES]
    assert [part.estimated_bytes for part in parts] == [300, 900]


EDGES = (-30 * S, 0), (0, 90 * S)


def test_rule_14_a_port_and_its_sub_interfaces_are_never_both_counted_across_agencies_either(tmp_path: Path) -> None:
    for port, why in (
        ("ether2", "ether2 is already counted by circuit dinkes-fo; a port belongs to one circuit"),
        ("ether2.100", "ether2.100 is a sub-interface of ether2, which circuit dinkes-fo counts; count one of them"),
        ("ether1", "ether1 is an uplink of this router; an uplink carries everyone and is no agency's circuit"),
    ):
        other = (
            "dinkes-radio: {agency: dinkes, interface: ether3",
            f"dinkes-radio: {{agency: pemprov, interface: {port}",
        )
        assert refused(sound(tmp_path, other))[0].endswith(why)
    assert add_usage([Usage(1, 2, 3, 10), Usage(10, 20, 0, 10)]) == Usage(11, 22, 3, 10), "and an agency is a sum"


@pytest.mark.parametrize(
    ("faces", "direction", "way"),
    [
        (Faces.AGENCY, Direction.DOWNLOAD, "out"),
        (Faces.AGENCY, Direction.UPLOAD, "in"),
        (Faces.PROVINCE, Direction.DOWNLOAD, "in"),
        (Faces.PROVINCE, Direction.UPLOAD, "out"),
    ],
)
def test_rule_15_agency_download_is_if_out_where_the_port_faces_the_agency(
    faces: Faces, direction: Direction, way: str
) -> None:
    assert Circuit("c", "a", "r", "ether1", faces).way(direction) == way


def test_rule_16_integers_all_the_way_and_decimal_units() -> None:
    big = 2**64 - 10**6
    start = replace(START, octets=((big, 2000), (3000, 4000)))
    head, _ = visited(start, start.after(30, octets=((big + 999_999, 2000), (3000, 4000))))
    assert head.in_total == (999_999, 0)
    assert all(type(total) is int for total in (*head.in_total, *head.out_total))
    assert (parse_rate("1 Mbps"), parse_volume("1 GB"), parse_volume("1 GiB")) == (10**6, 10**9, 2**30)


def test_rule_17_late_data_makes_revision_n_plus_1_and_revision_n_stays_retrievable(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.close_periods([Drawn(CLOSING, settled=False)])
        (second,) = ledger.close_periods([Drawn(with_proven(5, at_ns=END_NS + 1), settled=True)])
        reader = LedgerReader.open(tmp_path / "ledger.db")
        try:
            held = [reader.closed(CLOSING.start_ns, END_NS, "dinkes", number) for number in (1, 2)]
        finally:
            reader.close()
    assert (CLOSING.revision, second.revision) == (1, 2)
    assert held == [{"dinkes": CLOSING}, {"dinkes": second}]

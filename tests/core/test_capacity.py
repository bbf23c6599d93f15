"""What there is of what was purchased, after failures and by what people said."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.core.alerts import AlertKind, Severity
from netmon.core.capacity import CapacityReason, InForce, capacities
from netmon.core.capacity_alerts import backhaul_condition, uplink_condition
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.model import Direction
from netmon.core.port_state import PortKey, PortReason, PortState, PortStatus
from netmon.core.supply import Backhaul, Pool, Rates, TrafficClass, Uplink

M = 10**6
NOW = 1_000


def an_uplink(name: str, mbps: int, standby: bool = False) -> Uplink:
    return Uplink(name, "internet", "palu", f"port-{name}", Rates(mbps * M, mbps * M), standby)


def a_pool(purchased: int, *uplinks: Uplink) -> Pool:
    return Pool("internet", TrafficClass.INTERNET, Rates(purchased * M, purchased * M), uplinks)


def a_degradation(subject: str, download: int, upload: int, until_ns: int | None = None) -> Directive:
    rates = Rates(download * M, upload * M)
    return Directive("d1", DirectiveKind.DEGRADATION, subject, "fibre cut", "ani", 0, until_ns, rates)


def down(*names: str) -> Collection[PortKey]:
    return {("palu", f"port-{name}") for name in names}


def pool_of(pool: Pool, failed: Collection[PortKey] = (), *directives: Directive) -> InForce:
    return capacities([pool], [], failed, directives, NOW)[pool.id]


def reasons(found: InForce) -> list[tuple[CapacityReason, str]]:
    return [(cause.reason, cause.subject) for cause in found.causes]


A, B, S = an_uplink("a", 600), an_uplink("b", 400), an_uplink("s", 500, standby=True)


@pytest.mark.parametrize(
    ("pool", "failed", "left", "why"),
    [
        (a_pool(1000), (), 1000, []),
        (a_pool(1000, A, B), (), 1000, []),
        (a_pool(1000, A, B), ("a",), 400, [(CapacityReason.DOWN, "a")]),
        (a_pool(1000, A, B, S), (), 1000, []),  # standby is not summed
        (a_pool(2000, A, B, S), (), 1000, [(CapacityReason.UPLINKS_NARROWER, "internet")]),
        (a_pool(1000, A, B, S), ("b",), 1000, [(CapacityReason.DOWN, "b"), (CapacityReason.STANDBY, "s")]),
        (a_pool(1000, A, B, S), ("a",), 900, [(CapacityReason.DOWN, "a"), (CapacityReason.STANDBY, "s")]),
        (a_pool(1000, A, B, S), ("s",), 1000, [(CapacityReason.DOWN, "s")]),
        (
            a_pool(1000, A, B, S),
            ("a", "b"),
            500,
            [(CapacityReason.DOWN, "a"), (CapacityReason.DOWN, "b"), (CapacityReason.STANDBY, "s")],
        ),
        (
            a_pool(1000, A, B),
            ("a", "b"),
            None,
            [(CapacityReason.DOWN, "a"), (CapacityReason.DOWN, "b"), (CapacityReason.NOTHING_LEFT, "internet")],
        ),
        (a_pool(500, A, B), ("b",), 500, [(CapacityReason.DOWN, "b")]),
        (a_pool(500, S), (), 500, []),  # nothing to stand by for: it serves
    ],
)
def test_a_pool_has_what_its_uplinks_carry_and_at_most_what_was_purchased(
    pool: Pool, failed: tuple[str, ...], left: int | None, why: list[tuple[CapacityReason, str]]
) -> None:
    found = pool_of(pool, down(*failed))
    bps = None if left is None else left * M
    assert (found.of(Direction.DOWNLOAD), found.of(Direction.UPLOAD)) == (bps, bps)
    assert reasons(found) == why


def test_a_degradation_leaves_what_it_says_and_ends_by_itself() -> None:
    said = a_degradation("internet", 300, 1000, until_ns=NOW + 1)
    found = pool_of(a_pool(1000, A, B), (), said)
    assert (found.download_bps, found.upload_bps) == (300 * M, 1000 * M)
    assert [(cause.reason, cause.directive) for cause in found.causes] == [(CapacityReason.DEGRADED, "d1")]
    assert capacities([a_pool(1000, A, B)], [], (), [said], NOW + 1)["internet"].download_bps == 1000 * M


def test_a_degradation_never_adds() -> None:
    assert pool_of(a_pool(1000, A, B), down("a"), a_degradation("internet", 900, 900)).download_bps == 400 * M


def test_a_degraded_uplink_is_made_up_for_by_standby() -> None:
    found = pool_of(a_pool(1000, A, B, S), (), a_degradation("a", 100, 600))
    assert (found.download_bps, found.upload_bps) == (1000 * M, 1000 * M)
    assert reasons(found) == [(CapacityReason.DEGRADED, "a"), (CapacityReason.STANDBY, "s")]
    assert found.causes[-1].rates == Rates(500 * M, 0)


def test_a_pool_degraded_to_nothing_in_one_direction_has_nothing_there_and_all_of_the_other() -> None:
    found = pool_of(a_pool(1000, A, B), (), a_degradation("internet", 0, 1000))
    assert (found.download_bps, found.upload_bps) == (None, 1000 * M)
    assert reasons(found)[-1] == (CapacityReason.NOTHING_LEFT, "internet")


def test_a_boost_of_the_same_name_degrades_nothing() -> None:
    boost = Directive("d1", DirectiveKind.BOOST, "internet", "x", "ani", 0, NOW + 1, Rates(1, 1))
    assert pool_of(a_pool(1000, A, B), (), boost).download_bps == 1000 * M


def test_uplinks_and_backhauls_are_capacities_too() -> None:
    hauls = [
        Backhaul("ridge", "donggala", "sfp1", Rates(200 * M, 100 * M)),
        Backhaul("valley", "donggala", None, Rates(50 * M, 50 * M)),
    ]
    found = capacities([a_pool(1000, A, S)], hauls, {("donggala", "sfp1")}, [a_degradation("valley", 10, 10)], NOW)
    assert {name: one.download_bps for name, one in found.items()} == {
        "a": 600 * M,
        "s": 500 * M,
        "internet": 600 * M,
        "ridge": None,
        "valley": 10 * M,
    }


# --- laws ----------------------------------------------------------------------------------------

RATES = st.builds(Rates, st.integers(1, 2000), st.integers(1, 2000))
UPLINKS = st.lists(st.tuples(RATES, st.booleans()), max_size=6).map(
    lambda drawn: tuple(
        Uplink(f"u{at}", "p", "r", f"port{at}", rates, standby) for at, (rates, standby) in enumerate(drawn)
    )
)
POOLS = st.builds(lambda purchased, uplinks: Pool("p", TrafficClass.ALL, purchased, uplinks), RATES, UPLINKS)
FAILED = st.sets(st.integers(0, 5)).map(lambda ports: {("r", f"port{at}") for at in ports})


@given(pool=POOLS, failed=FAILED, more=FAILED)
def test_more_failures_never_leave_more_and_nothing_is_above_what_was_purchased(
    pool: Pool, failed: set[PortKey], more: set[PortKey]
) -> None:
    some = capacities([pool], [], failed, [], NOW)["p"]
    fewer = capacities([pool], [], failed | more, [], NOW)["p"]
    for direction in Direction:
        left = some.of(direction)
        assert left is None or 0 < left <= pool.purchased.of(direction)
        assert (fewer.of(direction) or 0) <= (left or 0)


@given(pool=POOLS, failed=FAILED)
def test_nothing_is_left_only_where_every_uplink_is_positively_down(pool: Pool, failed: set[PortKey]) -> None:
    found = capacities([pool], [], failed, [], NOW)["p"]
    ports = {(uplink.router, uplink.interface) for uplink in pool.uplinks}
    assert (found.download_bps is None) == (bool(ports) and ports <= failed)
    assert (found.upload_bps is None) == (found.download_bps is None)


@given(pool=POOLS, failed=FAILED)
def test_while_none_that_serves_is_down_standby_adds_nothing(pool: Pool, failed: set[PortKey]) -> None:
    serving = [uplink for uplink in pool.uplinks if not uplink.standby]
    if not serving or any((uplink.router, uplink.interface) in failed for uplink in serving):
        return
    found = capacities([pool], [], failed, [], NOW)["p"]
    built = sum(uplink.capacity.download_bps for uplink in serving)
    assert found.download_bps == min(pool.purchased.download_bps, built)


# --- alerts --------------------------------------------------------------------------------------

IS_DOWN = PortState(PortStatus.DOWN, PortReason.SHOWN_DOWN_TWICE, since_ns=7)


def test_an_uplink_that_is_down_is_critical_and_names_what_is_left_of_its_pool() -> None:
    found = uplink_condition(A, IS_DOWN, pool_of(a_pool(1000, A, B), down("a")))
    assert (found.kind, found.severity, found.firing) == (AlertKind.CAPACITY, Severity.CRITICAL, True)
    assert found.summary == (
        "Uplink a (palu port-a) is down: of pool internet there is 400 Mb/s of 1 Gb/s download and"
        " 400 Mb/s of 1 Gb/s upload."
    )


def test_the_alert_says_who_stands_in_and_when_nothing_is_left() -> None:
    served = uplink_condition(A, IS_DOWN, pool_of(a_pool(1000, A, B, S), down("a")))
    assert served.summary.endswith(" s stands in.")
    gone = uplink_condition(A, IS_DOWN, pool_of(a_pool(1000, A), down("a")))
    assert gone.summary.endswith("nothing is left of pool internet; limits stay as they are.")


def test_an_uplink_and_a_backhaul_that_are_up_do_not_fire() -> None:
    is_up = PortState(PortStatus.UP, PortReason.RECOVERED, since_ns=9)
    assert not uplink_condition(A, is_up, pool_of(a_pool(1000, A))).firing
    haul = Backhaul("ridge", "donggala", "sfp1", Rates(M, M))
    assert not backhaul_condition(haul, is_up).firing
    assert backhaul_condition(haul, IS_DOWN).firing

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.model import NANOSECONDS, Direction, Faces
from netmon.simulator.traffic import Capacity, Line, Traffic, share

MBPS = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = 5_000

    def __call__(self) -> int:
        return self.now_ns


class Limits:
    """Limits of one router by (interface, outward)."""

    def __init__(self, limits: Mapping[tuple[str, bool], int] | None = None) -> None:
        self.limits = dict(limits or {})

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return self.limits.get((interface, outward))


def line(number: int, download: int, upload: int = 0, faces: Faces = Faces.AGENCY) -> Line:
    return Line(f"c{number}", "r", f"p{number}", faces, download * MBPS, upload * MBPS)


def traffic(
    *lines: Line, pool: int = 1000, limits: Limits | None = None, clock: Clock | None = None, seed: int = 1
) -> tuple[Traffic, Clock, Limits]:
    clock, limits = clock or Clock(), limits or Limits()
    return Traffic(lines, Capacity(pool * MBPS, pool * MBPS), {"r": limits}, seed, clock), clock, limits


def test_a_download_leaves_a_port_that_faces_the_agency() -> None:
    flow, clock, _ = traffic(line(1, 80, 8))
    clock.now_ns += 10 * NANOSECONDS
    into, out = flow.port_octets("r", "p1")
    assert out == pytest.approx(100_000_000, rel=0.11)
    assert into == pytest.approx(10_000_000, rel=0.11)


def test_a_download_enters_a_port_that_faces_the_province() -> None:
    flow, clock, _ = traffic(line(1, 80, 8, Faces.PROVINCE))
    clock.now_ns += 10 * NANOSECONDS
    into, out = flow.port_octets("r", "p1")
    assert into > 5 * out


def test_counters_slow_down_exactly_when_a_limit_is_set_and_speed_up_when_it_goes() -> None:
    flow, clock, limits = traffic(line(1, 400), line(2, 400))
    clock.now_ns += 10 * NANOSECONDS
    before = flow.port_octets("r", "p1")[1]
    limits.limits["p1", True] = 8 * MBPS
    clock.now_ns += 10 * NANOSECONDS
    limited = flow.port_octets("r", "p1")[1] - before
    assert limited == 10_000_000
    flow.advance()
    del limits.limits["p1", True]
    clock.now_ns += 10 * NANOSECONDS
    assert flow.port_octets("r", "p1")[1] - before - limited > 300_000_000


def test_a_limit_in_one_direction_leaves_the_other_alone() -> None:
    free, clock, _ = traffic(line(1, 100, 100))
    limited, _, limits = traffic(line(1, 100, 100), clock=clock)
    limits.limits["p1", True] = MBPS
    clock.now_ns += 7 * NANOSECONDS
    assert limited.port_octets("r", "p1")[0] == free.port_octets("r", "p1")[0]


def test_what_a_limited_agency_leaves_goes_to_the_others() -> None:
    flow, _, limits = traffic(line(1, 900), line(2, 900))
    before = flow.rates(Direction.DOWNLOAD)[1]
    limits.limits["p1", True] = 20 * MBPS
    after = flow.rates(Direction.DOWNLOAD)[1]
    assert before < 600 * MBPS
    assert after > 800 * MBPS


def test_the_same_seed_gives_the_same_octets_however_often_they_are_read() -> None:
    lines = [line(n, 300 + n, 200) for n in range(5)]
    clock = Clock()
    one, _, _ = traffic(*lines, clock=clock, seed=7)
    other, _, _ = traffic(*lines, clock=clock, seed=7)
    for step in (1, 249_999_999, 3, 17 * NANOSECONDS + 123):
        clock.now_ns += step
        one.advance()
    # The lazy one catches up in one go: only fractions of an octet could differ, and they are carried.
    assert [one.port_octets("r", f"p{n}") for n in range(5)] == [other.port_octets("r", f"p{n}") for n in range(5)]


def test_an_uplink_carries_what_its_agencies_do() -> None:
    flow, clock, _ = traffic(line(1, 40, 10), line(2, 60, 20))
    clock.now_ns += 3 * NANOSECONDS
    ports = [flow.port_octets("r", "p1"), flow.port_octets("r", "p2")]
    assert flow.router_octets("r") == (sum(out for _, out in ports), sum(into for into, _ in ports))


@given(
    capacity=st.integers(0, 10**10),
    wants=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)), max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_a_share_never_exceeds_the_capacity_nor_anyones_wish_and_wastes_nothing(
    capacity: int, wants: list[tuple[int, int]]
) -> None:
    given_ = share(capacity, wants)
    assert sum(given_) <= capacity
    assert all(0 <= got <= most for got, (most, _) in zip(given_, wants, strict=True))
    assert sum(given_) >= min(capacity, sum(most for most, _ in wants)) - len(wants)


@given(
    demands=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=8),
    steps=st.lists(st.tuples(st.integers(1, 3 * NANOSECONDS), st.integers(0, 7), st.integers(0, 50)), max_size=6),
    pool=st.integers(1, 1000),
)
@settings(max_examples=60, deadline=None)
def test_the_pool_is_never_exceeded_whatever_the_limits(
    demands: list[tuple[int, int]], steps: list[tuple[int, int, int]], pool: int
) -> None:
    lines = [line(n, *demand) for n, demand in enumerate(demands)]
    flow, clock, limits = traffic(*lines, pool=pool)
    carried = (0, 0)
    for span, port, limit in steps:
        clock.now_ns += span
        now = flow.router_octets("r")
        for then, later in zip(carried, now, strict=True):
            # Each line may hold back less than one octet from before.
            assert (later - then) * 8 * NANOSECONDS <= pool * MBPS * span + len(lines) * 8 * NANOSECONDS
        carried = now
        limits.limits[f"p{port}", True] = limit * MBPS

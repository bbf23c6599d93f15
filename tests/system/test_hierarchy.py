"""Circuits behind one shaping point of a real Linux router: floors kept, lent and reclaimed, with real traffic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from statistics import fmean

import pytest
from support import guarded
from support.guarded import session, traces
from support.processes import wait_until
from support.testbed import LinuxRouter, linux_router, missing

from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.model import Agency, Circuit, Direction, Faces, Placement, ShapingPoint, VerdictReason
from netmon.core.planning import same_placement
from netmon.core.resolving import Armed, ResolveAction
from netmon.core.shaping import Shaped, hierarchies, tiers
from netmon.core.supply import Entitlement, Pool, Rates, TrafficClass
from netmon.routers.enforcement import Result, read_limit
from netmon.routers.port import Sharing, Target
from netmon.routers.session import Failure
from netmon.routers.upkeep import list_ours, wipe

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

MBPS = 1_000_000
DOWNLOAD, UPLOAD = Direction.DOWNLOAD, Direction.UPLOAD
PAYLOAD = 1448 / 1514
"""Of what is limited, the part that iperf3 counts."""
NAMES = ("hospital", "registry", "archive")
PREFIXES = {name: (f"10.11.{n}.0/24", f"2001:db8:{n}::/48") for n, name in enumerate(NAMES)}
ADDRESS = {name: f"10.11.{n}.2" for n, name in enumerate(NAMES)}
AGENCIES = [Agency("district", "District", "Asia/Jakarta")]
AGENCIES += [Agency(name, name, "Asia/Jakarta", parent="district") for name in NAMES]
CIRCUITS = [Circuit(name, name, "edge", f"port-{name}", Faces.AGENCY, pools=("internet",)) for name in NAMES]
_ids = count()

Series = Sequence[tuple[float, float]]
"""(instant, Mb/s), every tenth of a second."""


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxRouter]:
    with linux_router(tmp_path_factory.mktemp("bed") / "d", agencies=1) as router:
        for name in NAMES:
            router.route_behind(0, PREFIXES[name][0], f"{ADDRESS[name]}/24")
        yield router


@pytest.fixture(autouse=True)
def nothing_is_left(bed: LinuxRouter) -> Iterator[None]:
    before = traces(bed)
    yield
    with session(bed) as opened:
        for name in NAMES:
            for direction in Direction:
                gone = guarded.change_in(opened, intent(name, None, None, direction), target(bed, name))
                assert gone.outcome is Outcome.CONFIRMED, gone
    assert traces(bed) == before, "the last circuit's limit took the hierarchy with it"


def shaped(
    *entitled: tuple[str, float, float | None, int], capacity: int = 8 * MBPS
) -> dict[tuple[str, Direction], Shaped]:
    """What (agency, floor, ceiling, weight) come to behind one port of so much capacity; Mb/s each way."""
    pool = Pool("internet", TrafficClass.ALL, Rates(capacity, capacity))
    entitlements = [
        Entitlement(
            agency,
            "internet",
            0,
            Rates(int(floor * MBPS), int(floor * MBPS)),
            None if ceiling is None else Rates(int(ceiling * MBPS), int(ceiling * MBPS)),
            weight,
        )
        for agency, floor, ceiling, weight in entitled
    ]
    circuits = [
        replace(circuit, limited_at=ShapingPoint("r1", "ag1", Faces.AGENCY, PREFIXES[circuit.id]))
        for circuit in CIRCUITS
    ]
    return hierarchies(circuits, AGENCIES, {"internet": pool}, entitlements, 0)


def target(bed: LinuxRouter, circuit: str, circuits: tuple[str, ...] = NAMES) -> Target:
    port = bed.agencies[0]
    agencies = tiers(CIRCUITS, {agency.id: agency.parent for agency in AGENCIES})
    shared = Sharing(PREFIXES[circuit], circuits, agencies)
    uplinks = (bed.uplink.interface,)
    return Target(circuit, port.interface, Faces.AGENCY, port.alias, port.mac, uplinks, shared)


def intent(
    circuit: str, bps: int | None, placed: Placement | None, direction: Direction = DOWNLOAD, seconds: int = 60
) -> Intent:
    action = Action.REMOVE if bps is None else Action.SET
    change = Change("r1", circuit, circuit, direction, action, None, bps, VerdictReason.OVER_QUOTA, None, None, placed)
    now = time.time_ns()
    return Intent(f"h{next(_ids)}", change, now, now + seconds * 1_000_000_000)


def limit(
    bed: LinuxRouter,
    circuit: str,
    to: Shaped | None,
    direction: Direction = DOWNLOAD,
    steps: list[Step] | None = None,
) -> Result:
    bps, placed = (None, None) if to is None else (to.ceiling_bps, to.placement)
    what = intent(circuit, bps, placed, direction)
    return guarded.change(bed, what, target(bed, circuit), steps)


def limit_all(bed: LinuxRouter, tree: dict[tuple[str, Direction], Shaped], direction: Direction, *names: str) -> None:
    for name in names:
        result = limit(bed, name, tree[name, direction], direction)
        assert result.outcome is Outcome.CONFIRMED, result


def same(read: Placement | None, asked: Shaped) -> bool:
    return read is not None and same_placement(read, asked.placement, 5)


def classes(bed: LinuxRouter) -> list[str]:
    """All of the port, bursts left out: they follow from rates as tc prints them, rounded."""
    return sorted(
        line.split(" linklayer ")[0] for line in bed.on_router("tc", "-d", "class", "show", "dev", "ag1").splitlines()
    )


def during(series: Series, start: float, end: float) -> float:
    return fmean(rate for at, rate in series if start < at <= end)


def first_second(series: Series, since: float, holds: Callable[[float], bool]) -> float:
    """Seconds from `since` until the mean of half a second holds for the first time."""
    for at, _ in series:
        if at >= since and holds(during(series, at - 0.01, at + 0.45)):
            return at - since
    raise AssertionError(f"never after {since}: {series}")


@pytest.mark.measured
def test_an_idle_neighbours_floor_is_borrowed_and_given_back_within_a_second(bed: LinuxRouter) -> None:
    limit_all(bed, shaped(("hospital", 6, None, 1), ("registry", 2, None, 1)), DOWNLOAD, "hospital", "registry")
    with bed.receiving(0, ADDRESS["hospital"], 6) as hospital:
        with bed.receiving(0, ADDRESS["registry"], 2) as before:
            pass
        time.sleep(1)  # so long the registry is idle, and longer: iperf3 takes a while to end
        with bed.receiving(0, ADDRESS["registry"], 2) as after:
            pass
    began, stopped, resumed = before[4][0], before[-1][0], after[0][0]
    assert during(hospital, began, stopped) == pytest.approx(6 * PAYLOAD, rel=0.1), "both press"
    assert during(before, began, stopped) == pytest.approx(2 * PAYLOAD, rel=0.1)
    assert first_second(hospital, stopped, lambda mbps: mbps > 0.9 * 8 * PAYLOAD) < 1, "all of it within a second"
    assert during(hospital, stopped + 1, resumed - 0.2) == pytest.approx(8 * PAYLOAD, rel=0.1)
    assert first_second(after, resumed, lambda mbps: abs(mbps / 2 / PAYLOAD - 1) < 0.1) < 1, (
        "its floor is its own again"
    )
    assert during(after, resumed + 1, after[-1][0]) == pytest.approx(2 * PAYLOAD, rel=0.1)
    assert during(hospital, resumed + 1, after[-1][0]) == pytest.approx(6 * PAYLOAD, rel=0.1)


@pytest.mark.measured
def test_weights_share_what_is_left_and_a_ceiling_holds(bed: LinuxRouter) -> None:
    tree = shaped(("hospital", 1, None, 3), ("registry", 1, None, 1), ("archive", 0.5, 1, 1))
    limit_all(bed, tree, DOWNLOAD, *NAMES)
    with (
        bed.receiving(0, ADDRESS["hospital"], 2) as hospital,
        bed.receiving(0, ADDRESS["registry"], 2) as registry,
        bed.receiving(0, ADDRESS["archive"], 2) as archive,
    ):
        pass
    span = archive[6][0], hospital[-1][0]
    assert during(archive, *span) == pytest.approx(1 * PAYLOAD, rel=0.1), "its ceiling, and there is more"
    # 8 - 1 are left for the two; beyond their floors 3 to 1
    assert during(hospital, *span) == pytest.approx((1 + 3 * 5 / 4) * PAYLOAD, rel=0.15)
    assert during(registry, *span) == pytest.approx((1 + 5 / 4) * PAYLOAD, rel=0.15)


@pytest.mark.measured
def test_uploads_are_told_apart_by_where_they_come_from(bed: LinuxRouter) -> None:
    limit_all(bed, shaped(("hospital", 3, None, 1), ("registry", 1, None, 1), capacity=4 * MBPS), UPLOAD, *NAMES[:2])
    with (
        bed.receiving(0, ADDRESS["hospital"], 4, upload=True) as hospital,
        bed.receiving(0, ADDRESS["registry"], 4, upload=True) as registry,
    ):
        pass
    span = registry[10][0], hospital[-1][0]
    assert during(hospital, *span) == pytest.approx(3 * PAYLOAD, rel=0.15)
    assert during(registry, *span) == pytest.approx(1 * PAYLOAD, rel=0.2)


def test_each_circuit_is_altered_alone_and_what_is_in_place_is_not_sent_again(bed: LinuxRouter) -> None:
    tree = shaped(("hospital", 6, None, 2), ("registry", 2, None, 1))
    limit_all(bed, tree, DOWNLOAD, "hospital", "registry")
    steps: list[Step] = []
    again = limit(bed, "registry", tree["registry", DOWNLOAD], steps=steps)
    assert (again.outcome, steps) == (Outcome.CONFIRMED, [])
    assert same(again.placement, tree["registry", DOWNLOAD])
    other = shaped(("hospital", 4, None, 2), ("registry", 2, None, 1))
    assert limit(bed, "hospital", other["hospital", DOWNLOAD]).outcome is Outcome.CONFIRMED
    assert limit(bed, "registry", None).outcome is Outcome.CONFIRMED
    with session(bed) as opened:
        left, gone = (
            read_limit(target(bed, name), opened, guarded.LINUX, DOWNLOAD) for name in ("hospital", "registry")
        )
    assert left.bps == 8 * MBPS
    assert same(left.placement, other["hospital", DOWNLOAD])
    assert (gone.bps, gone.ours, gone.foreign) == (None, False, None)


def test_the_armed_undo_restores_this_circuit_and_leaves_its_neighbours(bed: LinuxRouter) -> None:
    tree = shaped(("hospital", 6, None, 1), ("registry", 2, None, 1))
    limit_all(bed, tree, DOWNLOAD, "hospital", "registry")
    before = classes(bed)
    other = shaped(("district", 0, 5, 1), ("hospital", 1, None, 1), ("registry", 2, None, 1))["hospital", DOWNLOAD]
    what = intent("hospital", other.ceiling_bps, other.placement, seconds=8)
    filters = "tc filter del"
    assert guarded.vanish(bed, what, target(bed, "hospital"), filters).outcome is Outcome.UNKNOWN
    seen = guarded.seen_of(bed, what, target(bed, "hospital"))
    assert (seen.read_bps, seen.armed, same(seen.placement, other)) == (5 * MBPS, Armed.ARMED, True)
    fired = bed.directory / "run" / "netmon" / f"{what.id}.fired"
    new = intent("archive", MBPS, tree["archive", DOWNLOAD].placement)
    wait_until(fired.exists, "the router's own undo")
    assert classes(bed) == before
    guarded.seen_of(bed, what, target(bed, "hospital"), ResolveAction.RECORD_OLD)
    assert guarded.vanish(bed, new, target(bed, "archive"), filters).outcome is Outcome.UNKNOWN
    undone = guarded.seen_of(bed, new, target(bed, "archive"), ResolveAction.REVERT)
    assert (undone.read_bps, undone.armed) == (None, Armed.FIRED)
    guarded.seen_of(bed, new, target(bed, "archive"), ResolveAction.RECORD_OLD)
    assert classes(bed) == before


def test_what_belongs_to_none_of_the_points_circuits_is_named_and_left(bed: LinuxRouter) -> None:
    tree = shaped(("hospital", 6, None, 1))
    limit_all(bed, tree, DOWNLOAD, "hospital", "registry")
    known = target(bed, "hospital", ("hospital", "archive"))
    refused = guarded.change(bed, intent("hospital", None, None), known)
    assert (refused.outcome, refused.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER)
    assert "class 4e4d:" in refused.detail
    word = ("tc", "filter", "add", "dev", "ag1", "parent", "4e4d:", "protocol", "ip", "pref", "9", "u32")
    bed.on_router(*word, "match", "ip", "dst", "10.9.9.9/32", "flowid", "4e4d:1")
    refused = limit(bed, "hospital", None)
    assert (refused.reason, "filter pref 9" in refused.detail) == (Failure.FOREIGN_SHAPER, True)
    bed.on_router("tc", "filter", "del", "dev", "ag1", "parent", "4e4d:", "protocol", "ip", "pref", "9")


def test_a_port_that_is_one_circuits_own_is_not_shared_nor_the_other_way_round(bed: LinuxRouter) -> None:
    whole = replace(target(bed, "hospital"), shared=None)
    assert guarded.change(bed, intent("hospital", MBPS, None), whole).outcome is Outcome.CONFIRMED
    tree = shaped(("registry", 2, None, 1))
    refused = limit(bed, "registry", tree["registry", DOWNLOAD])
    assert (refused.reason, "with a default class" in refused.detail) == (Failure.FOREIGN_SHAPER, True)
    assert guarded.change(bed, intent("hospital", None, None), whole).outcome is Outcome.CONFIRMED
    assert limit(bed, "registry", tree["registry", DOWNLOAD]).outcome is Outcome.CONFIRMED
    assert guarded.change(bed, intent("hospital", MBPS, None), whole).reason is Failure.FOREIGN_SHAPER


@pytest.mark.parametrize("direction", [DOWNLOAD, UPLOAD])
def test_one_circuits_limit_ends_by_itself_and_its_neighbours_stays(bed: LinuxRouter, direction: Direction) -> None:
    tree = shaped(("hospital", 4, None, 1), ("registry", 1, None, 1))
    for name, expires_s in (("hospital", 2), ("registry", 600)):
        to = tree[name, direction]
        what = replace(intent(name, to.ceiling_bps, to.placement, direction), expires_s=expires_s)
        assert guarded.change(bed, what, target(bed, name)).outcome is Outcome.CONFIRMED

    def read(name: str) -> int | None:
        with session(bed) as opened:
            return read_limit(target(bed, name), opened, guarded.LINUX, direction).bps

    wait_until(lambda: read("hospital") is None, "the hospital's limit to end")
    assert read("registry") == tree["registry", direction].ceiling_bps
    with session(bed) as opened:
        (thing,) = list_ours(opened, guarded.LINUX).ours
        assert wipe(thing, opened, guarded.LINUX).gone
    assert read("registry") is None

"""Classes of one agency's traffic at a port of a real Linux router, told apart by code points, with real traffic."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from statistics import fmean

import pytest
from support import guarded
from support.guarded import session, traces
from support.testbed import LinuxRouter, linux_router, missing

from netmon.core.changes import Action, Change, Intent, Outcome
from netmon.core.code_points import NAMES, excepted
from netmon.core.model import Agency, Circuit, Direction, Faces, ShapingPoint, VerdictReason
from netmon.core.resolving import Armed, ResolveAction
from netmon.core.shaping import Shaped, hierarchies, tiers
from netmon.core.supply import Entitlement, Pool, Rates, TrafficClass
from netmon.routers.dialects import Names
from netmon.routers.enforcement import Result, read_limit
from netmon.routers.port import Sharing, Target

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

MBPS = 1_000_000
PAYLOAD = 1448 / 1514
"""Of what is limited, the part that iperf3 counts."""
PREFIXES = ("10.11.0.0/24", "2001:db8:1::/48")
ADDRESS = "10.11.0.2"
CS1, UNNAMED = NAMES["cs1"], 5
OF_POOL = {"international": (2, (CS1, NAMES["af11"])), "domestic": (8, ())}
"""Mb/s and code points; domestic traffic is the rest."""
CIRCUITS = [
    Circuit(
        f"hospital-{pool}",
        "hospital",
        "edge",
        f"vlan-{pool}",
        Faces.AGENCY,
        pools=(pool,),
        limited_at=ShapingPoint("r1", "ag1", Faces.AGENCY, PREFIXES, None, dscp),
    )
    for pool, (_, dscp) in OF_POOL.items()
]
WORLD, HOME = CIRCUITS
AGENCIES = [Agency("hospital", "Hospital", "Asia/Jakarta")]
_ids = count()


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxRouter]:
    with linux_router(tmp_path_factory.mktemp("bed") / "d", agencies=1) as router:
        router.route_behind(0, PREFIXES[0], f"{ADDRESS}/24")
        yield router


@pytest.fixture(autouse=True)
def nothing_is_left(bed: LinuxRouter, request: pytest.FixtureRequest) -> Iterator[None]:
    before = traces(bed)
    yield
    direction = request.node.callspec.params["direction"] if hasattr(request.node, "callspec") else Direction.DOWNLOAD
    with session(bed) as opened:
        for circuit in CIRCUITS:
            gone = guarded.change_in(opened, intent(circuit, direction, lifted=True), target(bed, circuit))
            assert gone.outcome is Outcome.CONFIRMED, gone
    assert traces(bed) == before


def tree() -> dict[tuple[str, Direction], Shaped]:
    pools, entitlements = {}, []
    for pool, (mbps, _) in OF_POOL.items():
        rates = Rates(mbps * MBPS, mbps * MBPS)
        pools[pool] = Pool(pool, TrafficClass(pool), rates)
        entitlements.append(Entitlement("hospital", pool, 0, Rates(MBPS, MBPS), rates))
    return hierarchies(CIRCUITS, AGENCIES, pools, entitlements, 0)


def target(bed: LinuxRouter, circuit: Circuit) -> Target:
    port = bed.agencies[0]
    names = tuple(one.id for one in CIRCUITS)
    point = circuit.limiting
    agencies = tiers(CIRCUITS, {"hospital": None})
    shared = Sharing(point.prefixes, names, agencies, point.dscp, excepted(circuit, CIRCUITS))
    return Target(circuit.id, port.interface, Faces.AGENCY, port.alias, port.mac, (bed.uplink.interface,), shared)


def intent(circuit: Circuit, direction: Direction, lifted: bool = False) -> Intent:
    to = tree()[circuit.id, direction]
    change = Change(
        "r1", circuit.id, "hospital", direction, Action.SET, None, to.ceiling_bps, VerdictReason.OVER_QUOTA, None,
        None, to.placement,
    )  # fmt: skip
    if lifted:
        change = replace(change, action=Action.REMOVE, to_bps=None, to_placement=None)
    now = time.time_ns()
    return Intent(f"c{next(_ids)}", change, now, now + 60 * 10**9)


def limit(bed: LinuxRouter, circuit: Circuit, direction: Direction, lifted: bool = False) -> Result:
    return guarded.change(bed, intent(circuit, direction, lifted), target(bed, circuit))


def read_bps(bed: LinuxRouter, circuit: Circuit, direction: Direction) -> int | None:
    with session(bed) as opened:
        return read_limit(target(bed, circuit), opened, guarded.LINUX, direction).bps


def mbps(bed: LinuxRouter, upload: bool, *dscp: int, seconds: int = 3) -> list[float]:
    """What each of flows with those code points gets on the wire while all press, their start left out."""
    with ExitStack() as stack:
        flows = [stack.enter_context(bed.receiving(0, ADDRESS, seconds, upload, point)) for point in dscp]
    began, ended = max(flow[8][0] for flow in flows), min(flow[-1][0] for flow in flows)
    return [fmean(rate for at, rate in flow if began < at <= ended) / PAYLOAD for flow in flows]


@pytest.mark.measured
@pytest.mark.parametrize("direction", Direction)
def test_each_class_has_its_own_limit_and_what_is_not_named_falls_under_the_rest(
    bed: LinuxRouter, direction: Direction
) -> None:
    upload = direction is Direction.UPLOAD
    for circuit in CIRCUITS:
        assert limit(bed, circuit, direction).outcome is Outcome.CONFIRMED
    world, ordinary, unnamed = mbps(bed, upload, CS1, 0, UNNAMED)
    assert world == pytest.approx(2, rel=0.1)
    assert ordinary + unnamed == pytest.approx(8, rel=0.1)
    assert min(ordinary, unnamed) > 0.5, "both are the rest's"


@pytest.mark.measured
def test_a_class_without_a_limit_is_not_squeezed_into_its_neighbours(bed: LinuxRouter) -> None:
    assert limit(bed, HOME, Direction.DOWNLOAD).outcome is Outcome.CONFIRMED
    world, ordinary = mbps(bed, False, CS1, 0, seconds=2)
    assert world > 12
    assert ordinary == pytest.approx(8, rel=0.1)


def test_a_filter_that_somebody_altered_is_seen_and_set_right(bed: LinuxRouter) -> None:
    down = Direction.DOWNLOAD
    for circuit in CIRCUITS:
        assert limit(bed, circuit, down).outcome is Outcome.CONFIRMED
    minor = Names.of(WORLD.id).minor
    at = ("dev", "ag1", "parent", "4e4d:", "protocol", "all", "pref", str(int(minor, 16)))
    bed.on_router("tc", "filter", "del", *at)
    bed.on_router("tc", "filter", "add", *at, *f"u32 match ip dst {PREFIXES[0]} flowid 4e4d:{minor}".split())
    assert [read_bps(bed, circuit, down) for circuit in CIRCUITS] == [None, 8 * MBPS]
    assert limit(bed, WORLD, down).outcome is Outcome.CONFIRMED
    assert read_bps(bed, WORLD, down) == 2 * MBPS


SENDER = """
import socket, sys
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as out:
    out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, int(sys.argv[1]) << 2)
    for _ in range(int(sys.argv[2])):
        out.sendto(b"x", ("2001:db8:1::2", 9))
"""


def test_ipv6_packets_are_told_by_their_traffic_class(bed: LinuxRouter) -> None:
    for circuit in CIRCUITS:
        assert limit(bed, circuit, Direction.DOWNLOAD).outcome is Outcome.CONFIRMED
    bed.on_router("ip", "addr", "add", "2001:db8:f::1/64", "dev", "ag1", "nodad")
    bed.on_router("ip", "neigh", "add", "2001:db8:f::2", "lladdr", "02:00:00:00:00:02", "dev", "ag1")
    bed.on_router("ip", "route", "add", "2001:db8:1::/48", "via", "2001:db8:f::2")
    for point, packets in ((CS1, 3), (NAMES["af11"], 2), (0, 7), (UNNAMED, 4)):
        bed.on_router(sys.executable, "-c", SENDER, str(point), str(packets))
    shown = bed.on_router("tc", "-s", "class", "show", "dev", "ag1")

    def sent(circuit: Circuit) -> int:
        own = shown.split(f"class htb 4e4d:{Names.of(circuit.id).minor} ")[1]
        return int(own.split(" bytes ")[1].split(" pkt")[0])

    assert (sent(WORLD), sent(HOME)) == (3 + 2, 7 + 4)


def test_the_routers_own_undo_puts_the_code_points_back(bed: LinuxRouter) -> None:
    down = Direction.DOWNLOAD
    for circuit in CIRCUITS:
        assert limit(bed, circuit, down).outcome is Outcome.CONFIRMED
    before = bed.on_router("tc", "filter", "show", "dev", "ag1")
    what = intent(HOME, down, lifted=True)
    assert guarded.vanish(bed, what, target(bed, HOME), "if tc qdisc show").outcome is Outcome.UNKNOWN
    assert "match 40000000" not in bed.on_router("tc", "filter", "show", "dev", "ag1"), "the rest is unlimited now"
    undone = guarded.seen_of(bed, what, target(bed, HOME), ResolveAction.REVERT)
    assert (undone.read_bps, undone.armed) == (8 * MBPS, Armed.FIRED)
    guarded.seen_of(bed, what, target(bed, HOME), ResolveAction.RECORD_OLD)
    after = bed.on_router("tc", "filter", "show", "dev", "ag1")
    assert sorted(line for line in after.splitlines() if "match" in line) == sorted(
        line for line in before.splitlines() if "match" in line
    )

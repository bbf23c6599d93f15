"""What the whole way to 100,000 limits costs: 50,000 circuits, both directions. Part of `make bench-quota`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from netmon.core.decided import reasons
from netmon.core.demand_estimate import Wants
from netmon.core.distribution import Distribution, Limit, Question, distribute
from netmon.core.entitled import Inventory, problem
from netmon.core.floors import reserve
from netmon.core.headroom import with_headroom
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Faces, Mode, Place
from netmon.core.sharing import Shares, reach, share_tree
from netmon.core.sharing_tree import Tree
from netmon.core.supply import Backhaul, Entitlement, Pool, Rates, Sharing, TrafficClass, Uplink

T = TypeVar("T")

MBPS = 1_000_000
DISTRICTS, AGENCIES, CIRCUITS = 40, 25, 50
UPLINKS = 3
POOL_BPS = 30_000 * MBPS
NOW_NS = 1_790_000_000 * NANOSECONDS
DOWN = Direction.DOWNLOAD


def measure_limits(seed: int) -> None:
    """Prints what each part costs, in processor time."""
    asked = question(random.Random(seed))
    print(f"\n{len(asked.inventory.circuits):,} circuits, both directions; each district a backhaul, all of them short")
    for what, seconds in stages(asked):
        print(f"{what:52}{seconds:>8.2f} s")
    whole_s, first = timed(lambda: distribute(asked))
    print(f"{'all of it, the first time':52}{whole_s:>8.2f} s")
    later = drifted(asked, first, random.Random(seed))
    again_s, answer = timed(lambda: distribute(later))
    print(f"{'all of it, once limits are in force':52}{again_s:>8.2f} s")
    print(f"{len(answer.damped.moves):>8,} limits altered, {len(answer.damped.waits):,} wait")
    check(later, answer)
    why_s, _ = timed(lambda: reasons(later, answer, "d00-a00", DOWN))
    print(f"{'why, for an agency of 50 circuits':52}{why_s:>8.2f} s")


def stages(asked: Question) -> list[tuple[str, float]]:
    """One direction in its parts, and what 30 s of measurements cost."""
    posed_s, posed = timed(
        lambda: problem(
            asked.inventory,
            DOWN,
            entitlements=asked.entitlements,
            capacities={},
            wanted=asked.wanted[DOWN],
            said={},
        )
    )
    tree_s, tree = timed(lambda: Tree.of(posed.nodes, posed.capacities))
    wanted_s, first = timed(lambda: wanted_of(tree))
    headroom_s, limits = timed(lambda: with_headroom(first))
    if any(limits[leaf] < bps for leaf, bps in first.leaves().items()):
        raise SystemExit("a limit is below what the first filling gave")
    measured_s, _ = timed(lambda: measured([leaf.demand_bps or 0 for _, leaf in posed.leaves]))
    return [
        ("50,000 measurements taken up", measured_s),
        ("one direction: the problem posed", posed_s),
        ("one direction: the tree ordered", tree_s),
        ("one direction: what is wanted, shared", wanted_s),
        ("one direction: headroom", headroom_s),
    ]


def wanted_of(tree: Tree) -> Shares:
    demand = reserve(tree, tree.demand)
    return share_tree(tree, demand, reach(tree, demand))


def measured(rates_bps: Sequence[int]) -> Wants:
    wants = Wants(len(rates_bps))
    for at, bps in enumerate(rates_bps):
        wants.measured(at, bps, 2 * MBPS, NOW_NS)
    return wants


def question(rng: random.Random) -> Question:
    """A nation in small: every backhaul is short, nobody is limited yet."""
    uplinks = tuple(
        Uplink(f"uplink{number}", "internet", f"core{number}", "sfp1", Rates(POOL_BPS // 2, POOL_BPS // 2))
        for number in range(UPLINKS)
    )
    pool = Pool("internet", TrafficClass.INTERNET, Rates(POOL_BPS, POOL_BPS), uplinks, sharing=Sharing.ALWAYS)
    agencies, circuits, entitlements, backhauls = list[Agency](), list[Circuit](), list[Entitlement](), list[Backhaul]()
    for d in range(DISTRICTS):
        district, width = f"d{d:02}", rng.randint(250, 700) * MBPS
        backhauls.append(Backhaul(f"backhaul{d:02}", f"r{d:02}", None, Rates(width, width)))
        agencies.append(Agency(district, district, "Asia/Jakarta"))
        entitlements.append(Entitlement(district, "internet", 0, weight=rng.randint(1, 5)))
        for a in range(AGENCIES):
            agency, floor = f"{district}-a{a:02}", rng.choice([0, 5 * MBPS])
            agencies.append(Agency(agency, agency, "Asia/Jakarta", parent=district))
            weight, priority = rng.randint(1, 9), rng.choice([0, 5, 5, 5, 8])
            entitlements.append(
                Entitlement(agency, "internet", 0, Rates(floor, floor), weight=weight, priority=priority)
            )
            crosses = (f"uplink{(d * AGENCIES + a) % UPLINKS}", f"backhaul{d:02}")
            circuits += [
                Circuit(
                    id=f"{agency}-c{c:02}",
                    agency=agency,
                    router=f"r{d:02}-{a:02}",
                    interface=f"ether{c}",
                    faces=Faces.AGENCY,
                    mode=Mode.ENFORCE,
                    port_speed_bps=20 * MBPS,
                    pools=("internet",),
                    crosses=crosses,
                )
                for c in range(CIRCUITS)
            ]
    wanted = {way: {circuit.id: rng.randint(64_000, 3 * MBPS) for circuit in circuits} for way in Direction}
    inventory = Inventory(tuple(agencies), tuple(circuits), (pool,), tuple(backhauls))
    return Question(NOW_NS, inventory, tuple(entitlements), {}, {}, (), wanted, {})


def drifted(asked: Question, answer: Distribution, rng: random.Random) -> Question:
    """The next turn: all limits are in force, and everybody wants up to a quarter more or less."""
    limits: dict[Place, Limit] = {place: Limit(bps, 0) for place, bps in answer.targets.items()}
    wanted = {
        way: {circuit: bps and bps * rng.randint(80, 125) // 100 for circuit, bps in each.items()}
        for way, each in asked.wanted.items()
    }
    return replace(asked, limits=limits, wanted=wanted)


def check(asked: Question, answer: Distribution) -> None:
    """What is in force after this turn exceeds no capacity."""
    bounds = {"internet": POOL_BPS, **{one.id: one.capacity.download_bps for one in asked.inventory.backhauls}}
    used = dict.fromkeys(bounds, 0)
    for circuit in asked.inventory.circuits:
        place = circuit.id, DOWN
        bps = answer.alter.get(place, asked.limits[place].bps) or 0
        for capacity in (*circuit.pools, circuit.crosses[1]):
            used[capacity] += bps
    for capacity, bps in bounds.items():
        if used[capacity] > bps:
            raise SystemExit(f"{capacity} is exceeded: {used[capacity]} of {bps} bit/s")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result

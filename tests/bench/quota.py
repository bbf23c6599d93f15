"""What sharing costs: 50,000 circuits in a tree of four levels. `make bench-quota`.

1 province, 40 districts, 25 agencies each, 50 circuits each; everybody crosses the pool, one of 3 uplinks and one of
40 backhauls. Capacities are scarce enough that every backhaul is used up but where it says otherwise. Processor time.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bench.limits import measure_limits

from netmon.core.sharing import Shares, share
from netmon.core.sharing_account import account
from netmon.core.sharing_tree import Capacity, Leaf, Node, Tree

T = TypeVar("T")

MBPS = 1_000_000
DISTRICTS, AGENCIES = 40, 25
UPLINKS, BACKHAULS = 3, 40
CIRCUITS = 50


@dataclass(frozen=True, slots=True)
class Layout:
    """Which backhaul and uplink a circuit crosses: its district's, its agency's, or any."""

    what: str
    backhaul: Callable[[random.Random, int, int, int], int]
    uplink: Callable[[int, int, int], int]
    pool_bps: int = 30_000 * MBPS
    contained: bool = True
    """Whether the change is to alter nothing outside of the agency."""


LAYOUTS = (
    Layout("one pool, everything else wide", lambda _, d, a, c: d, lambda d, a, c: d % UPLINKS, 10_000 * MBPS),
    Layout("a backhaul a district", lambda _, d, a, c: d, lambda d, a, c: (d * AGENCIES + a) % UPLINKS),
    Layout(
        "agencies anywhere",
        lambda _, d, a, c: (d * 7 + a * 11) % BACKHAULS,
        lambda d, a, c: (d * AGENCIES + a) % UPLINKS,
    ),
    Layout(
        "floors that do not fit",
        lambda _, d, a, c: (d * 7 + a * 11) % BACKHAULS,
        lambda d, a, c: a % UPLINKS,
        1000 * MBPS,
        contained=False,
    ),
    Layout(
        "circuits anywhere", lambda rng, d, a, c: rng.randrange(BACKHAULS), lambda d, a, c: c % UPLINKS, contained=False
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(f"{'layout':32}{'used up':>8}{'tree':>8}{'share':>8}{'inside':>9}{'outside':>9}{'why':>8}")
    for layout in LAYOUTS:
        measure(layout, given.seed)
    print(
        "seconds to order the tree and to share; ms to share again after a change inside one agency, after one that all"
    )
    print("notice, and to account for one circuit")
    measure_limits(given.seed)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB resident at most")
    return 0


def measure(layout: Layout, seed: int) -> None:
    """Prints one line."""
    nodes, capacities = province(layout, random.Random(seed))
    tree_s, _ = timed(lambda: Tree.of(nodes, capacities))
    both_s, shares = timed(lambda: share(nodes, capacities))
    check(shares, nodes, capacities)
    agency, one = somebody_short(shares, nodes)
    inside_s, after = timed(lambda: shares.reshare({one: shares[one] // 2}))
    outside_s, _ = timed(lambda: shares.reshare({f"{agency}-c{number:02}": 0 for number in range(CIRCUITS)}))
    why_s, _ = timed(lambda: account(shares, one))
    if layout.contained and after[agency] != shares[agency]:
        raise SystemExit(f"{layout.what}: the change was to stay inside {agency}")
    print(
        f"{layout.what:32}{used_up(shares, nodes, capacities):>8}{tree_s:>8.2f}{both_s - tree_s:>8.2f}"
        f"{inside_s * 1e3:>9.1f}{outside_s * 1e3:>9.0f}{why_s * 1e3:>8.1f}"
    )


def somebody_short(shares: Shares, nodes: list[Node]) -> tuple[str, str]:
    """Of the agencies that have much less than they want, the one that has most, and its circuit that has most."""
    wanted: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, Leaf) and node.parent is not None:
            wanted[node.parent] = wanted.get(node.parent, 0) + (node.demand_bps or 0)
    short = [name for name in sorted(wanted) if shares[name] < wanted[name] // 2]
    agency = max(short, key=lambda name: shares[name])
    return agency, max((name for name in shares.leaves() if name.startswith(agency)), key=lambda name: shares[name])


def province(layout: Layout, rng: random.Random) -> tuple[list[Node], list[Capacity]]:
    scarce = layout is not LAYOUTS[0]
    capacities = [Capacity("pool", layout.pool_bps)]
    capacities += [Capacity(f"uplink{number}", layout.pool_bps // 2) for number in range(UPLINKS)]
    capacities += [
        Capacity(f"backhaul{number:02}", rng.randint(250, 700) * MBPS * (1 if scarce else 100))
        for number in range(BACKHAULS)
    ]
    nodes: list[Node] = [Node(id="province", parent=None)]
    for d in range(DISTRICTS):
        nodes.append(Node(id=f"d{d:02}", parent="province", weight=rng.randint(1, 5)))
        for a in range(AGENCIES):
            agency = f"d{d:02}-a{a:02}"
            nodes.append(
                Node(id=agency, parent=f"d{d:02}", weight=rng.randint(1, 9), priority=rng.choice([0, 5, 5, 5, 8]))
            )
            nodes += [
                Leaf(
                    id=f"{agency}-c{c:02}",
                    parent=agency,
                    weight=rng.randint(1, 9),
                    floor_bps=rng.choice([0, 50_000]),
                    ceiling_bps=20 * MBPS,
                    demand_bps=rng.randint(10_000, 3 * MBPS),
                    crosses=frozenset(
                        {
                            "pool",
                            f"uplink{layout.uplink(d, a, c)}",
                            f"backhaul{layout.backhaul(rng, d, a, c):02}",
                        }
                    ),
                )
                for c in range(CIRCUITS)
            ]
    return nodes, capacities


def used(shares: Shares, nodes: list[Node], capacities: list[Capacity]) -> dict[str, int]:
    use = {capacity.id: 0 for capacity in capacities}
    for node in nodes:
        if isinstance(node, Leaf):
            for capacity in node.crosses:
                use[capacity] += shares[node.id]
    return use


def used_up(shares: Shares, nodes: list[Node], capacities: list[Capacity]) -> int:
    use = used(shares, nodes, capacities)
    return sum(use[capacity.id] == capacity.bps for capacity in capacities)


def check(shares: Shares, nodes: list[Node], capacities: list[Capacity]) -> None:
    use = used(shares, nodes, capacities)
    for capacity in capacities:
        if use[capacity.id] > capacity.bps:
            raise SystemExit(f"{capacity.id} is exceeded: {use[capacity.id]} of {capacity.bps} bit/s")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


if __name__ == "__main__":
    sys.exit(main())

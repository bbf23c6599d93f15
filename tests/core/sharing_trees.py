"""Trees to share, for tests: by hand in a line, and random ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from netmon.core.sharing import Shares, share
from netmon.core.sharing_tree import Capacity, Leaf, Node

MBPS = 1_000_000


@dataclass(frozen=True)
class Province:
    """What is shared, in no order."""

    nodes: tuple[Node, ...]
    capacities: tuple[Capacity, ...] = ()

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(node for node in self.nodes if isinstance(node, Leaf))

    def shared(self) -> Shares:
        return share(self.nodes, self.capacities)

    def parents(self, name: str) -> list[Node]:
        by_id = {node.id: node for node in self.nodes}
        found: list[Node] = []
        parent = by_id[name].parent
        while parent is not None:
            found.append(by_id[parent])
            parent = by_id[parent].parent
        return found

    def under(self, name: str) -> list[Leaf]:
        return [leaf for leaf in self.leaves if leaf.id == name or name in (node.id for node in self.parents(leaf.id))]

    def crossing(self, capacity: str) -> list[Leaf]:
        return [leaf for leaf in self.leaves if capacity in leaf.crosses]

    def with_demands(self, demands: dict[str, int | None]) -> Province:
        return Province(
            tuple(
                replace(node, demand_bps=demands[node.id]) if isinstance(node, Leaf) and node.id in demands else node
                for node in self.nodes
            ),
            self.capacities,
        )


def of(*leaves: Leaf, total: int, nodes: tuple[Node, ...] = (), **capacities: int) -> dict[str, int]:
    """Shares of leaves under a root, "root", that has `total`."""
    root = Node(id="root", parent=None, ceiling_bps=total)
    return share([root, *nodes, *leaves], [Capacity(name, bps) for name, bps in capacities.items()]).leaves()


def flat(capacity_bps: int, **leaves: Leaf) -> Province:
    """Leaves under one root that has `capacity_bps`."""
    return Province((Node(id="root", parent=None, ceiling_bps=capacity_bps), *leaves.values()))


def leaf(
    name: str,
    demand_bps: int | None = None,
    parent: str = "root",
    *,
    weight: int = 1,
    floor: int = 0,
    ceiling: int | None = None,
    priority: int | None = None,
    crosses: str = "",
) -> Leaf:
    return Leaf(
        id=name,
        parent=parent,
        weight=weight,
        floor_bps=floor,
        ceiling_bps=ceiling,
        priority=priority,
        demand_bps=demand_bps,
        crosses=frozenset(crosses.split()),
    )


@st.composite
def provinces(
    draw: st.DrawFn,
    *,
    units: st.SearchStrategy[int] = st.sampled_from([1, 7, MBPS]),  # noqa: B008
    floors: bool = True,
    classes: bool = True,
    crossed: bool = True,
    deep: bool = True,
) -> Province:
    """Up to ten leaves under up to five nodes, crossing up to four capacities. Every leaf has a demand."""
    unit = draw(units)

    def amount(most: int) -> int:
        return draw(st.integers(0, most)) * unit

    def entitled(most: int) -> tuple[int, int | None]:
        ceiling = draw(st.none() | st.integers(0, most).map(lambda number: number * unit))
        floor = amount(most // 2) if floors and draw(st.booleans()) else 0
        return (floor if ceiling is None else min(floor, ceiling)), ceiling

    weights = st.integers(1, 6)
    priorities = st.sampled_from([None, None, 1, 3]) if classes else st.none()
    nodes: list[Node] = [Node(id="root", parent=None, ceiling_bps=draw(st.none() | st.just(amount(60))))]
    for number in range(draw(st.integers(0, 4)) if deep else 0):
        floor, ceiling = entitled(40)
        nodes.append(
            Node(
                id=f"node{number}",
                parent=draw(st.sampled_from([node.id for node in nodes])),
                weight=draw(weights),
                floor_bps=floor,
                ceiling_bps=ceiling,
                priority=draw(priorities),
            )
        )
    inner = [node.id for node in nodes]
    capacities = [
        Capacity(f"capacity{number}", amount(40) + draw(st.integers(0, 3)))
        for number in range(draw(st.integers(0, 4)) if crossed else 0)
    ]
    for number in range(draw(st.integers(1, 10))):
        floor, ceiling = entitled(20)
        nodes.append(
            Leaf(
                id=f"leaf{number}",
                parent=draw(st.sampled_from(inner)),
                weight=draw(weights),
                floor_bps=floor,
                ceiling_bps=ceiling,
                priority=draw(priorities),
                demand_bps=amount(30),
                crosses=frozenset(
                    draw(st.sets(st.sampled_from([capacity.id for capacity in capacities]), max_size=3))
                    if capacities
                    else ()
                ),
            )
        )
    return Province(tuple(nodes), tuple(capacities))

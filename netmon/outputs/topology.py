"""Which circuits a router has, and where they stand among its interfaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from netmon.core.measurement import Identity
from netmon.core.model import Circuit


def by_router(circuits: Iterable[Circuit]) -> Mapping[str, tuple[Circuit, ...]]:
    """Each router's circuits."""
    found: defaultdict[str, list[Circuit]] = defaultdict(list)
    for circuit in circuits:
        found[circuit.router].append(circuit)
    return {router: tuple(ours) for router, ours in found.items()}


def placed(series: Identity, circuits: Iterable[Circuit]) -> Sequence[tuple[int, Circuit]]:
    """The circuits of one router whose port is among `series`, by its position there."""
    ports: defaultdict[str, list[Circuit]] = defaultdict(list)
    for circuit in circuits:
        ports[circuit.interface].append(circuit)
    return [(at, circuit) for at, interface in enumerate(series) for circuit in ports.get(interface.name, ())]

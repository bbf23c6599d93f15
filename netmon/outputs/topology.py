"""Which counter of a router is which agency's download or upload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netmon.core.model import Circuit, Direction, leaves


@dataclass(frozen=True, slots=True)
class Measured:
    """One direction of a circuit, and the octet counter that measures it."""

    circuit: Circuit
    direction: Direction
    leaves: bool
    """True: the port's out counter; False: its in counter."""


def measured(circuit: Circuit) -> tuple[Measured, Measured]:
    """Download and upload of a circuit."""
    down, up = (Measured(circuit, direction, leaves(direction, circuit.faces)) for direction in Direction)
    return down, up


def by_port(circuits: Iterable[Circuit]) -> Mapping[tuple[str, str], tuple[Measured, ...]]:
    """(router, ifName) -> what its counters measure."""
    ports: defaultdict[tuple[str, str], tuple[Measured, ...]] = defaultdict(tuple)
    for circuit in circuits:
        ports[circuit.router, circuit.interface] += measured(circuit)
    return dict(ports)

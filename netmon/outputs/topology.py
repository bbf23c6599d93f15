"""Which counter of a router is which agency's download or upload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netmon.core.model import Circuit, Direction, Faces


@dataclass(frozen=True, slots=True)
class Measured:
    """One direction of a circuit, and the octet counter that measures it."""

    circuit: Circuit
    direction: Direction
    leaves: bool
    """True: the port's out counter; False: its in counter."""


def measured(circuit: Circuit) -> tuple[Measured, Measured]:
    """Download and upload of a circuit.

    The agency's download leaves by a port that faces the agency and enters by one that faces the
    province (accounting rule 15).
    """
    towards_agency = circuit.faces is Faces.AGENCY
    return (
        Measured(circuit, Direction.DOWNLOAD, towards_agency),
        Measured(circuit, Direction.UPLOAD, not towards_agency),
    )


def by_port(circuits: Iterable[Circuit]) -> Mapping[tuple[str, str], tuple[Measured, ...]]:
    """(router, ifName) -> what its counters measure."""
    ports: defaultdict[tuple[str, str], tuple[Measured, ...]] = defaultdict(tuple)
    for circuit in circuits:
        ports[circuit.router, circuit.interface] += measured(circuit)
    return dict(ports)

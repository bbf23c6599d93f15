"""What the control loop's columns say of single circuits."""

from __future__ import annotations

from collections.abc import Sequence

from netmon.core.model import Circuit, Direction
from netmon.core.periods import Period
from netmon.core.quota import QuotaUsage
from netmon.daemon.consumption import Consumption, straddling


def used(consumption: Consumption, circuits: Sequence[Circuit], direction: Direction, period: Period) -> QuotaUsage:
    """Proven, over all of an agency's circuits."""
    proven = 0
    for circuit in circuits:
        columns, at = consumption.proven(circuit.router, period.start_ns), consumption.place(circuit)
        if columns is not None and at is not None:
            proven += columns[circuit.way(direction) == "out"][at]
    return QuotaUsage(proven, consumption.newest_read_ns(circuits))


def estimated(consumption: Consumption, circuit: Circuit, direction: Direction, period: Period) -> int:
    """Bytes that straddle the period's start, as far as they are apportioned to it."""
    base, at = consumption.base(circuit.router, period.start_ns), consumption.place(circuit)
    if base is None or at is None:
        return 0
    return straddling(base.opening, at, circuit.way(direction) == "out", period)

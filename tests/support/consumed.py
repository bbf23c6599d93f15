"""What the control loop's columns say of single circuits."""

from __future__ import annotations

from collections.abc import Sequence

from netmon.core.ladder import Claim, QuotaUsage, carried_over
from netmon.core.model import Circuit, Direction
from netmon.core.periods import Period, period_before
from netmon.daemon import percentiles
from netmon.daemon.consumption import Consumption, straddling
from netmon.daemon.figures import Wanted
from netmon.daemon.percentiles import Notes


def proven(consumption: Consumption, circuits: Sequence[Circuit], direction: Direction, period: Period) -> int:
    """Bytes, over all of the circuits."""
    total = 0
    for circuit in circuits:
        columns, at = consumption.proven(circuit.router, period.start_ns), consumption.place(circuit)
        if columns is not None and at is not None:
            total += columns[circuit.way(direction) == "out"][at]
    return total


def used(consumption: Consumption, notes: Notes, now_ns: int, claim: Claim, circuits: Sequence[Circuit]) -> QuotaUsage:
    """All that a claim is judged on."""
    policy, period = claim.policy, claim.period
    read_at = consumption.read_at(circuits)
    if policy.volume_bytes is None:
        row = Wanted(claim.agency, None, tuple(circuits), claim.direction, period)
        return percentiles.usage(percentiles.certain(notes, [row]).get(row.key), period, read_at, now_ns)
    carried = 0
    if policy.rollover_permille:
        before = period_before(policy.period, period, claim.zone)
        carried = carried_over(policy, consumption.proven_before(circuits, policy.counts, before, period))
    octets = sum(proven(consumption, circuits, way, period) for way in policy.counts)
    return QuotaUsage(octets, read_at[0], carried, read_at[1])


def estimated(consumption: Consumption, circuit: Circuit, direction: Direction, period: Period) -> int:
    """Bytes that straddle the period's start, as far as they are apportioned to it."""
    base, at = consumption.base(circuit.router, period.start_ns), consumption.place(circuit)
    if base is None or at is None:
        return 0
    return straddling(base.opening, at, circuit.way(direction) == "out", period)

"""Whether traffic itself proves a limit: what passed while demand pressed against it.

A configured and read-back limit may still be bypassed (FastTrack, hardware offload, another address
family). Only the counters tell, and only while somebody wants more than the limit: idle is never proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netmon.core.model import NANOSECONDS
from netmon.core.periods import Reading

SETTLING_NS = 5 * NANOSECONDS
"""Counters served just after a change may have been read just before it."""
LEAST_WINDOW_NS = 15 * NANOSECONDS
"""Agents refresh their counters every few seconds: a shorter window measures the agent, not the limit."""
LEAST_READINGS = 4
PRESSING_PERMILLE = 800
"""Demand presses from this share of the limit on."""
TOLERANCE_PERMILLE = 100
"""Framing, bursts and rounding: so much more than the limit is still within it."""


class Finding(StrEnum):
    PENDING = "pending"
    """The window is still too short."""
    WITHIN = "within"
    """Demand pressed, and no more than the limit passed: observed."""
    EXCEEDED = "exceeded"
    """More than the limit passed: it is configured, but something bypasses it."""
    IDLE = "idle"
    """Too little was wanted: nothing is proven."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A limit in force, watched from the first reading after it had settled."""

    receipt: str
    limit_bps: int
    since_ns: int
    """When the limit was confirmed."""
    first: Reading | None = None
    readings: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    finding: Finding
    watch: Watch
    """To go on with."""
    rate_bps: int | None = None
    window_ns: int | None = None


def observe(watch: Watch, reading: Reading) -> Observation:
    """Takes in the circuit's next cumulative total; an idle window is begun anew."""
    if reading.at_ns < watch.since_ns + SETTLING_NS:
        return Observation(Finding.PENDING, watch)
    if watch.first is None:
        return Observation(Finding.PENDING, Watch(watch.receipt, watch.limit_bps, watch.since_ns, reading, 1))
    window_ns = reading.at_ns - watch.first.at_ns
    going_on = Watch(watch.receipt, watch.limit_bps, watch.since_ns, watch.first, watch.readings + 1)
    if window_ns < LEAST_WINDOW_NS or going_on.readings < LEAST_READINGS:
        return Observation(Finding.PENDING, going_on)
    rate_bps = (reading.total_bytes - watch.first.total_bytes) * 8 * NANOSECONDS // window_ns
    anew = Watch(watch.receipt, watch.limit_bps, watch.since_ns, reading, 1)
    if rate_bps * 1000 > watch.limit_bps * (1000 + TOLERANCE_PERMILLE):
        finding = Finding.EXCEEDED
    elif rate_bps * 1000 >= watch.limit_bps * PRESSING_PERMILLE:
        finding = Finding.WITHIN
    else:
        finding = Finding.IDLE
    return Observation(finding, anew, rate_bps, window_ns)

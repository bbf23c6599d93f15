"""What two readings of a device's uptime say about the time between them (rules 5, 6, 9 and 11)."""

from __future__ import annotations

from enum import Enum

from netmon.core.heads import Head, LastSeen
from netmon.core.measurement import PduStamp, Poll
from netmon.core.model import NANOSECONDS

TICK_NS = NANOSECONDS // 100
"""One TimeTicks unit (SNMPv2-SMI)."""
UPTIME_WRAP = 1 << 32
"""sysUpTime restarts from 0 after 497.1 days."""
BELATED_TICKS = 60 * 100
"""No reply comes later than this: a visit's deadline with all its retries."""


class Continuity(Enum):
    """What two readings of a device's uptime say about the time between them."""

    CONTINUOUS = "continuous"
    RESTARTED = "restarted"
    INCONSISTENT = "inconsistent"


def continuity(before: LastSeen, after: PduStamp, host_running: bool) -> Continuity:
    """Compares sysUpTime with the time that passed here (rules 5 and 9).

    `host_running` says that hrSystemUptime went on although sysUpTime may not have: then only the
    agent restarted, and the counters' base is unbroken (rule 6).
    """
    elapsed = (after.received_ns - before.at_ns) // TICK_NS
    slack = slack_ticks(elapsed, before.uptime_ticks)
    advance = (after.uptime_ticks - before.uptime_ticks) % UPTIME_WRAP
    wrapped = before.uptime_ticks + elapsed + slack >= UPTIME_WRAP
    if (after.uptime_ticks >= before.uptime_ticks or wrapped) and abs(advance - elapsed) <= slack:
        return Continuity.CONTINUOUS
    if host_running:
        return Continuity.CONTINUOUS
    if after.uptime_ticks <= elapsed + slack:
        return Continuity.RESTARTED
    return Continuity.INCONSISTENT


def is_belated(before: LastSeen, after: PduStamp) -> bool:
    """Whether `after` was answered before `before` was and only came in later, as the device's uptime shows.

    A restart sets the uptime back too, but then it is shorter than the time that passed here.
    """
    if not 0 < (before.uptime_ticks - after.uptime_ticks) % UPTIME_WRAP <= BELATED_TICKS:
        return False
    return after.uptime_ticks > max(0, after.received_ns - before.at_ns) // TICK_NS + 1


def span_ns_of(before: LastSeen, stamp: PduStamp, state: Continuity) -> int:
    elapsed = stamp.received_ns - before.at_ns
    if state is Continuity.INCONSISTENT and stamp.uptime_ticks > before.uptime_ticks:
        return max(elapsed, (stamp.uptime_ticks - before.uptime_ticks) * TICK_NS)
    if state is Continuity.RESTARTED:
        return max(elapsed, stamp.uptime_ticks * TICK_NS)
    return elapsed


def host_running(head: Head, poll: Poll) -> bool:
    """Whether hrSystemUptime shows that the host itself did not restart."""
    if head.host_uptime_ticks is None or poll.host_uptime_ticks is None:
        return False
    elapsed = (poll.at_ns - head.at_ns) // TICK_NS
    advance = (poll.host_uptime_ticks - head.host_uptime_ticks) % UPTIME_WRAP
    return abs(advance - elapsed) <= slack_ticks(elapsed, head.host_uptime_ticks)


def slack_ticks(elapsed: int, uptime_ticks: int) -> int:
    """Devices' clocks drift and replies are late: 2 % and 5 s; soon after a boot a second one would hide in that."""
    slack = elapsed // 50 + 500
    return slack if uptime_ticks > slack else elapsed // 5000 + 100

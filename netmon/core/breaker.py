"""A router that fails again and again is left alone for a while: a circuit breaker per router.

After so many failures in a row it opens: no session for a pause. Then one session is let through; if it fails, too,
the pause doubles up to the longest, and a success closes the breaker. A changed host key opens it for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netmon.core.model import NANOSECONDS

NEVER_NS = 2**63 - 1
"""Only a person closes it again."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """`control.breaker`."""

    failures: int = 3
    """In a row, until it opens."""
    pause_ns: int = 15 * 60 * NANOSECONDS
    """After it opened first."""
    longest_ns: int = 6 * 3600 * NANOSECONDS


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"
    """The pause is over: one session is let through."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """One router's."""

    failures: int = 0
    """In a row."""
    pause_ns: int = 0
    """The last; 0: it has not been open since the last success."""
    until_ns: int = 0
    detail: str = ""
    """The last failure."""

    def state(self, now_ns: int) -> BreakerState:
        if self.pause_ns == 0:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now_ns < self.until_ns else BreakerState.PROBING

    def failed(self, policy: BreakerPolicy, detail: str, now_ns: int) -> Breaker:
        """After one failure more. What was begun before it opened and fails after does not lengthen the pause."""
        failures = self.failures + 1
        if failures < policy.failures and self.pause_ns == 0:
            return Breaker(failures, detail=detail)
        if self.state(now_ns) is BreakerState.OPEN:
            return Breaker(failures, self.pause_ns, self.until_ns, detail)
        pause_ns = min(max(policy.pause_ns, 2 * self.pause_ns), policy.longest_ns)
        return Breaker(failures, pause_ns, now_ns + pause_ns, detail)

    def alarmed(self, detail: str) -> Breaker:
        """After another host key than the known one."""
        return Breaker(self.failures + 1, NEVER_NS, NEVER_NS, detail)

    def hurried(self, now_ns: int) -> Breaker:
        """The router has shown that it lives: the pause is over, unless a person must end it."""
        if self.pause_ns == 0 or self.until_ns == NEVER_NS:
            return self
        return Breaker(self.failures, self.pause_ns, min(self.until_ns, now_ns), self.detail)

"""What is known of an authoritative engine's clock (RFC 3414 sections 2.2 and 2.3). Pure: time comes in."""

from __future__ import annotations

from typing import Final, NamedTuple

from netmon.snmp.security_errors import SnmpTimeWindowError

WINDOW: Final = 150
"""Seconds a message may be off."""
LATCHED: Final = 2**31 - 1
"""snmpEngineBoots that has run out, and the most snmpEngineTime can be."""
SECOND: Final = 1_000_000_000


class EngineTime(NamedTuple):
    """The notion one engine has of another's clock."""

    boots: int
    time: int
    """Seconds since that boot, when it was learnt."""
    at_ns: int
    """Monotonic instant at which it was learnt."""
    authentic: bool
    """False: only claimed, in a discovery. Good enough to say when we ask, never to judge what we hear."""

    def now(self, now_ns: int) -> tuple[int, int]:
        """snmpEngineBoots and the estimated snmpEngineTime."""
        boots, time, at_ns, _ = self
        return boots, min(time + (now_ns - at_ns) // SECOND, LATCHED)

    def heard(self, boots: int, time: int, now_ns: int, where: object) -> EngineTime:
        """The notion after an authentic message of that time (RFC 3414 section 3.2, 7b).

        SnmpTimeWindowError if the message lies outside the window; the notion is then to be kept.
        """
        if boots == LATCHED:
            raise SnmpTimeWindowError(
                f"{where}: the agent's snmpEngineBoots has run out; give its engine a new id and its users new keys"
            )
        if not self.authentic or boots > self.boots or (boots == self.boots and time > self.time):
            # Whatever is newer than the latest message is followed, even far: a clock may have stood still or been set.
            return EngineTime(boots, time, now_ns, True)
        expected = self.now(now_ns)[1]
        if boots < self.boots or time < expected - WINDOW:
            raise SnmpTimeWindowError(
                f"{where}: a message of boot {boots}, second {time}, where boot {self.boots}, second {expected} is due;"
                " replayed, or the agent lost count of its restarts (snmpEngineBoots must survive them)"
            )
        return self

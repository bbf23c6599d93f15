"""The circuit breaker of every router, and what is told of those that are not closed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from netmon.core import alerting
from netmon.core.alerting import Condition
from netmon.core.alerts import Alert, AlertState
from netmon.core.breaker import NEVER_NS, Breaker, BreakerPolicy, BreakerState
from netmon.routers.session import Failure

log = logging.getLogger(__name__)

KEY: Final = "breaker/"
NO_FAULT_OF_ROUTERS: Final = frozenset(
    {
        Failure.CANCELLED,
        Failure.DIALECT,
        Failure.FOREIGN_SHAPER,
        Failure.HIERARCHY,
        Failure.IDENTITY_MISMATCH,
        Failure.MANAGEMENT_PATH,
        Failure.OTHERS_CONFIGURING,
        Failure.OTHER_NETMON,
        Failure.UNGUARDED,
        Failure.UPLINK,
    }
)
"""One port's, an operator's or netmon's own: on other ports of the router things may go well."""


class Breakers:
    """Bounded by the routers that ever failed."""

    def __init__(self, policy: BreakerPolicy, alerts: Mapping[str, Alert], now_ns: Callable[[], int]) -> None:
        """`alerts`: what was told before this daemon began; who was left alone then is left alone still."""
        self._policy, self._now_ns = policy, now_ns
        self._of: dict[str, Breaker] = {}
        for key, alert in alerts.items():
            if key.startswith(KEY) and alert.state is not AlertState.RESOLVED:
                self._of[key.removeprefix(KEY)] = self._as_told(alert)

    def _as_told(self, alert: Alert) -> Breaker:
        if alert.reason == Failure.HOST_KEY_MISMATCH:
            return Breaker().alarmed(alert.summary)
        pause_ns = self._policy.pause_ns
        return Breaker(self._policy.failures, pause_ns, alert.since_ns + pause_ns)

    @property
    def open_routers(self) -> frozenset[str]:
        """To which no session is opened now."""
        now_ns = self._now_ns()
        return frozenset(name for name, one in self._of.items() if one.state(now_ns) is BreakerState.OPEN)

    def lets(self, router: str) -> bool:
        """Whether a session may be opened to it."""
        one = self._of.get(router)
        return one is None or one.state(self._now_ns()) is not BreakerState.OPEN

    def succeeded(self, router: str) -> None:
        """It did what it was asked, or refused for a reason of no concern here."""
        if router in self._of:
            self._of[router] = Breaker()

    def failed(self, router: str, reason: Failure | None, detail: str) -> None:
        """Counts it, where it is the router's."""
        if reason is None or reason in NO_FAULT_OF_ROUTERS:
            return
        before = self._of.get(router, Breaker())
        if reason is Failure.HOST_KEY_MISMATCH:
            after = before.alarmed(detail)
        else:
            after = before.failed(self._policy, detail, self._now_ns())
        self._of[router] = after
        if after.until_ns > before.until_ns:
            log.warning("%s is left alone for a while after %d failures: %s", router, after.failures, detail)

    def hurry(self, router: str) -> None:
        """It lives: its next session need not wait."""
        if router in self._of:
            self._of[router] = self._of[router].hurried(self._now_ns())

    def reset(self) -> None:
        """A person asks: every router is tried."""
        self._of = dict.fromkeys(self._of, Breaker())

    def conditions(self) -> list[Condition]:
        """Of every router that ever failed."""
        now_ns = self._now_ns()
        return [alerting.breaker_condition(router, one, now_ns) for router, one in self._of.items()]

    def rows(self) -> list[tuple[str, Breaker]]:
        """Those that are not closed, by router."""
        now_ns = self._now_ns()
        return sorted((name, one) for name, one in self._of.items() if one.state(now_ns) is not BreakerState.CLOSED)


def lasting(routers: Iterable[tuple[str, Breaker]], now_ns: int) -> dict[str, int | None]:
    """Until when each open one is; None: until a person ends it."""
    return {
        name: None if one.until_ns == NEVER_NS else one.until_ns
        for name, one in routers
        if one.state(now_ns) is BreakerState.OPEN
    }

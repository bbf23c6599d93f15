"""Whether a port that carries much is up: what counts as evidence, and for how long a recovery has to last.

Only what a router said is evidence. A poll that failed, a port that is absent and a value that is missing change
nothing: a port stays what it was last shown to be. It goes down when two successful polls in a row show it down, and
comes up again once every successful poll of a hold-down showed it up, so that a flapping port does not make
everything that rests on it flap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from netmon.core.model import NANOSECONDS
from netmon.core.periods import BRIDGED_NS, covered

RECOVERY_NS: Final = 300 * NANOSECONDS
"""The hold-down, where none is configured."""

_CARRIES: Final = frozenset({1, 5})
"""ifOperStatus up and dormant (RFC 2863): dormant ports carry traffic (accounting rule 7)."""
_FAILED: Final = frozenset({2, 6, 7})
"""ifOperStatus down, notPresent, lowerLayerDown. Neither testing (3) nor unknown (4) says anything."""
_ADMIN_DOWN: Final = 2

PortKey = tuple[str, str]
"""(router, ifName)."""


class PortStatus(StrEnum):
    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class PortReason(StrEnum):
    """Why a port is taken for what it is."""

    NEVER_SHOWN = "never_shown"
    """No successful poll has told of it yet."""
    SHOWN_UP = "shown_up"
    SHOWN_DOWN_ONCE = "shown_down_once"
    """By the newest poll, and not by the one before: it stands as it stood."""
    SHOWN_DOWN_TWICE = "shown_down_twice"
    """By two successful polls in a row, or more."""
    RECOVERING = "recovering"
    """It is shown up again, and still counts as down: the hold-down has not passed."""
    RECOVERED = "recovered"
    """The newest poll ended a hold-down in which every successful poll showed it up."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What a port is judged by."""

    recovery_ns: int = RECOVERY_NS
    """For so long every successful poll has to show a port up that was down."""
    silence_ns: int = BRIDGED_NS
    """Successful polls further apart say nothing of the time between them."""


@dataclass(frozen=True, slots=True)
class PortState:
    """A port as far as polls have shown. Instants are those of polls."""

    status: PortStatus = PortStatus.UNKNOWN
    reason: PortReason = PortReason.NEVER_SHOWN
    """By the newest poll that was evidence."""
    since_ns: int | None = None
    """The first of the polls by which it has its status; None while that is unknown."""
    from_ns: int | None = None
    """Since when the status is known without a silence."""
    seen_ns: int | None = None
    """The newest poll that was evidence."""
    turning_ns: int | None = None
    """The first of the polls in a row that show something else; None: the newest one bears the status out."""

    @property
    def upto_ns(self) -> int | None:
        """Up to when the status is borne out: to the poll that first showed something else."""
        return self.seen_ns if self.turning_ns is None else self.turning_ns


def shows_up(admin_status: int | None, oper_status: int | None, *, receives: bool) -> bool | None:
    """What one poll shows of a port: ifAdminStatus and ifOperStatus of RFC 2863; None: no evidence.

    `receives`: octets came in by it since an earlier poll that showed it down. Such a port is up, whatever its status
    says: some agents call tunnels and sessions that carry traffic down.
    """
    if oper_status in _CARRIES:
        return None if admin_status == _ADMIN_DOWN else True
    if oper_status in _FAILED or admin_status == _ADMIN_DOWN:
        return receives
    return None


def observe(state: PortState, up: bool | None, at_ns: int, patience: Patience) -> PortState:
    """The state after a successful poll at `at_ns` that shows the port up, down or (None) nothing of it.

    A change is dated at the first poll that showed it. After a silence, or where the clock was set back, dates and the
    hold-down begin anew.
    """
    if up is None:
        return state
    silent = state.seen_ns is None or not 0 <= at_ns - state.seen_ns <= patience.silence_ns
    seen = replace(state, seen_ns=at_ns, from_ns=at_ns if silent else state.from_ns)
    if up is (state.status is PortStatus.UP) and state.status is not PortStatus.UNKNOWN:
        reason = PortReason.SHOWN_UP if up else PortReason.SHOWN_DOWN_TWICE
        return replace(seen, reason=reason, turning_ns=None)
    turning_ns = at_ns if silent or state.turning_ns is None else state.turning_ns
    if up:
        if state.status is PortStatus.UNKNOWN:
            return _turned(PortStatus.UP, PortReason.SHOWN_UP, at_ns, at_ns)
        if at_ns - turning_ns >= patience.recovery_ns:
            return _turned(PortStatus.UP, PortReason.RECOVERED, turning_ns, at_ns)
    elif state.turning_ns is not None:
        return _turned(PortStatus.DOWN, PortReason.SHOWN_DOWN_TWICE, turning_ns, at_ns)
    under_way = PortReason.RECOVERING if up else PortReason.SHOWN_DOWN_ONCE
    return replace(seen, reason=under_way, turning_ns=turning_ns)


def _turned(status: PortStatus, reason: PortReason, since_ns: int, seen_ns: int) -> PortState:
    return PortState(status, reason, since_ns, since_ns, seen_ns)


# --- what is remembered of it --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PortSpan:
    """A time for which a port's status is known without a silence: from_ns <= t <= upto_ns."""

    router: str
    interface: str
    status: PortStatus
    """UP or DOWN."""
    reason: PortReason
    """As of its end."""
    since_ns: int
    """When the status came about, which may lie before a silence."""
    from_ns: int
    upto_ns: int

    @property
    def port(self) -> PortKey:
        return self.router, self.interface


def span_of(port: PortKey, state: PortState) -> PortSpan | None:
    """The span that a state is at the end of; None as long as nothing is known of the port."""
    since_ns, from_ns, upto_ns = state.since_ns, state.from_ns, state.upto_ns
    if state.status is PortStatus.UNKNOWN or since_ns is None or from_ns is None or upto_ns is None:
        return None
    return PortSpan(*port, state.status, state.reason, since_ns, from_ns, upto_ns)


def resumed(span: PortSpan) -> PortState:
    """The state of a port of which `span` is what was last recorded."""
    return PortState(span.status, span.reason, span.since_ns, span.from_ns, span.upto_ns)


@dataclass(frozen=True, slots=True)
class Availability:
    """How much of a time a port was up, as far as that is known."""

    up_ns: int
    down_ns: int
    elapsed_ns: int
    outages: int
    """Distinct outages that touch the time."""

    @property
    def unknown_ns(self) -> int:
        """Neither up nor down: nobody was told."""
        return self.elapsed_ns - self.up_ns - self.down_ns

    @property
    def ratio(self) -> float | None:
        """Share of the known time in which it was up; None where nothing is known."""
        known_ns = self.up_ns + self.down_ns
        return self.up_ns / known_ns if known_ns else None


def availability(spans: Iterable[PortSpan], start_ns: int, until_ns: int) -> Availability:
    """Of one port in start_ns..until_ns. Where spans overlap, because a clock was set back, DOWN holds."""
    touching = [span for span in spans if span.from_ns < until_ns and span.upto_ns > start_ns]
    failed = [span for span in touching if span.status is PortStatus.DOWN]
    down_ns = covered([(span.from_ns, span.upto_ns) for span in failed], start_ns, until_ns)
    known_ns = covered([(span.from_ns, span.upto_ns) for span in touching], start_ns, until_ns)
    outages = len({span.since_ns for span in failed})
    return Availability(known_ns - down_ns, down_ns, max(0, until_ns - start_ns), outages)

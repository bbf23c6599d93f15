"""Is a fibre link getting worse, where does it, and when will it fail?

Each end of a link keeps a `Trend` of the light it receives and of that it sends. `judge` compares the ends and names
the cause; every decision has hysteresis. Nothing is concluded from absence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from netmon.core.alerting import Condition
from netmon.core.alerts import AlertKind, Severity
from netmon.core.fibre_limits import Light, Limits, Quantity
from netmon.core.fibre_trend import DAY_NS, Fit, Trend
from netmon.core.model import NANOSECONDS

_FALL_DB_PER_MONTH: Final = 0.3
"""Twice what ±0.3 dB of change with the seasons makes at its steepest."""
_FALL_CLEARS: Final = 0.15
_FALL_DB: Final = 0.25
_SURE_Z: Final = -4.0
"""Of Mann-Kendall: noise alone falls so once in 30,000 times."""
_BESIDE_DB_PER_MONTH: Final = 0.2
_BESIDE_Z: Final = -3.0
"""Enough where another power of the same link falls for sure."""
_UNSURE_Z: Final = -2.0
_DEFICIT_DB: Final = 3.0
_DEFICIT_CLEARS_DB: Final = 2.0
_LOW_CLEARS_DB: Final = 0.5
_STALE_NS: Final = 2 * DAY_NS
_SOON_DAYS: Final = 30
_VERY_SOON_DAYS: Final = 7
_FORESEEN_DAYS: Final = 3650


# --- one end ---------------------------------------------------------------------------------


class Measured(Protocol):
    """A reading of a transceiver, or of one of its lanes."""

    @property
    def rx_power_dbm(self) -> float | None: ...

    @property
    def tx_power_dbm(self) -> float | None: ...

    @property
    def rx_state(self) -> Light: ...

    @property
    def tx_state(self) -> Light: ...

    @property
    def thresholds(self) -> Mapping[Quantity, Limits]: ...


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: a port, or one lane of it."""

    router: str
    interface: str
    """ifName."""
    lane: int | None = None
    rx: Trend = field(default_factory=Trend)
    tx: Trend = field(default_factory=Trend)
    rx_limits: Limits = field(default_factory=Limits)
    is_enabled: bool = True
    """ifAdminStatus is not down."""
    is_up: bool = True
    """ifOperStatus is up, or unknown."""
    seen_ns: int | None = None
    """When light was last measured."""

    @property
    def id(self) -> str:
        return f"{self.router}/{self.interface}" + (f"/{self.lane}" if self.lane is not None else "")

    def observed(self, reading: Measured | None, *, enabled: bool | None, up: bool | None, now_ns: int) -> End:
        """With one more visit. None: not read, not known. Only light on a port that is not down is remembered."""
        end = replace(self, is_enabled=enabled is not False, is_up=up is not False)
        if reading is None or not end.is_enabled or not end.is_up:
            return end
        end = replace(end, rx_limits=reading.thresholds.get(Quantity.RX_POWER, end.rx_limits))
        if reading.rx_state is Light.LIGHT and reading.rx_power_dbm is not None:
            end = replace(end, rx=end.rx.add(reading.rx_power_dbm, now_ns), seen_ns=now_ns)
        if reading.tx_state is Light.LIGHT and reading.tx_power_dbm is not None:
            end = replace(end, tx=end.tx.add(reading.tx_power_dbm, now_ns))
        return end

    def is_seen(self, now_ns: int) -> bool:
        return self.seen_ns is not None and now_ns - self.seen_ns < _STALE_NS

    def low_day(self) -> float | None:
        """Day since 1970 on which the line through its medians reaches the low alarm.

        None: it does not fall, or there is no low alarm.
        """
        low, fit = self.rx_limits.low_alarm, self.rx.fit
        if low is None or fit is None or fit.db_per_day >= 0:
            return None
        return fit.last_day + max(0.0, (fit.level_dbm - low) / -fit.db_per_day)


# --- the verdict -----------------------------------------------------------------------------


class FibreReason(StrEnum):
    """Why a link is, or is not, complained of."""

    STEADY = "steady"
    LEARNING = "learning"
    NO_DATA = "no_data"
    PORT_DOWN = "port_down"
    PORT_DISABLED = "port_disabled"
    FIBRE = "fibre"
    """Both ends receive less: what they share."""
    CONNECTOR = "connector_or_receiver"
    """One end receives less, the other does not: the connector or the receiver of that end."""
    TRANSMITTER = "transmitter"
    """An end sends less: its laser."""
    ONE_END_SEEN = "far_end_not_read"
    """One end receives less, and nothing is known of the other."""


class Sign(StrEnum):
    """What is wrong with an end."""

    FALLING = "falling"
    LOST = "below_baseline"
    LOW = "below_low_alarm"
    FADING = "sends_less"


_RECEIVED: Final = frozenset({Sign.FALLING, Sign.LOST, Sign.LOW})


@dataclass(frozen=True, slots=True)
class FibreVerdict:
    """How a link stands; the next verdict is reached from it."""

    ends: tuple[str, ...]
    """`router/interface` or `router/interface/lane` of each, sorted."""
    reason: FibreReason
    firing: bool
    at: str = ""
    """The end to look at; empty: what lies between them."""
    signs: frozenset[tuple[str, Sign]] = frozenset()
    severity: Severity = Severity.INFO
    since_day: int = 0
    """Day since 1970 on which it began to fire."""
    db_per_month: float | None = None
    """Of the power `reason` is about, at the worst end."""
    baseline_dbm: float | None = None
    level_dbm: float | None = None
    low_alarm_dbm: float | None = None
    crosses_day: int | None = None
    """Day since 1970 on which the low alarm is reached if nothing changes; None: never, or not known."""


def judge(ends: Sequence[End], previous: FibreVerdict | None, now_ns: int) -> FibreVerdict:
    """The verdict on a link of one known end, or two.

    A link with a port that is disabled is not complained of. While a port is down, or nothing is read, the verdict
    before stands: it raises nothing and ends nothing.
    """
    names = tuple(sorted(end.id for end in ends))
    held = previous if previous is not None and previous.firing else None
    if not all(end.is_enabled for end in ends):
        return FibreVerdict(names, FibreReason.PORT_DISABLED, firing=False)
    if not all(end.is_up for end in ends):
        return held or FibreVerdict(names, FibreReason.PORT_DOWN, firing=False)
    if not any(end.is_seen(now_ns) for end in ends):
        return held or FibreVerdict(names, FibreReason.NO_DATA, firing=False)
    known = previous.signs if previous is not None else frozenset()
    signs = frozenset((end.id, sign) for end in ends for sign in _signs(end, known, beside=False))
    if signs:
        signs |= {(end.id, sign) for end in ends for sign in _signs(end, known, beside=True)}
    if not signs:
        learning = any(end.rx.fit is None for end in ends)
        return FibreVerdict(names, FibreReason.LEARNING if learning else FibreReason.STEADY, firing=False)
    reason, culprit = _blamed(ends, signs, held, now_ns)
    return _verdict(names, reason, culprit, _worst(ends, signs), signs, held, now_ns)


def _signs(end: End, known: frozenset[tuple[str, Sign]], *, beside: bool) -> list[Sign]:
    """What is wrong with the end; what was, is until it is clearly over.

    `beside`: something is wrong with the link already, so less proof is asked of another fall.
    """
    before = {sign for name, sign in known if name == end.id}
    level, baseline, low = end.rx.level_dbm, end.rx.baseline_dbm, end.rx_limits.low_alarm
    found = {
        Sign.FALLING: _falls(end.rx.fit, Sign.FALLING in before, beside),
        Sign.FADING: _falls(end.tx.fit, Sign.FADING in before, beside),
    }
    if level is not None and baseline is not None:
        found[Sign.LOST] = baseline - level >= (_DEFICIT_CLEARS_DB if Sign.LOST in before else _DEFICIT_DB)
    if level is not None and low is not None:
        found[Sign.LOW] = level < low + (_LOW_CLEARS_DB if Sign.LOW in before else 0.0)
    return [sign for sign, holds in found.items() if holds]


def _falls(fit: Fit | None, before: bool, beside: bool) -> bool:
    if fit is None:
        return False
    if before:
        return fit.db_per_month < -_FALL_CLEARS and fit.z < _UNSURE_Z
    if beside:
        return fit.db_per_month <= -_BESIDE_DB_PER_MONTH and fit.z <= _BESIDE_Z
    fallen = -fit.db_per_day * fit.span_days
    return fit.db_per_month <= -_FALL_DB_PER_MONTH and fit.z <= _SURE_Z and fallen >= _FALL_DB


def _blamed(
    ends: Sequence[End], signs: frozenset[tuple[str, Sign]], held: FibreVerdict | None, now_ns: int
) -> tuple[FibreReason, str]:
    """The cause, and the end it is at."""
    fading = [end.id for end in ends if (end.id, Sign.FADING) in signs]
    if fading:
        return FibreReason.TRANSMITTER, fading[0]
    dim = [end for end in ends if any(name == end.id for name, _ in signs)]
    if len(dim) > 1:
        return FibreReason.FIBRE, ""
    others = [end for end in ends if end is not dim[0]]
    known_before = held is not None and (held.reason, held.at) == (FibreReason.CONNECTOR, dim[0].id)
    if others and (known_before or all(end.is_seen(now_ns) and end.rx.baseline_dbm is not None for end in others)):
        return FibreReason.CONNECTOR, dim[0].id
    return FibreReason.ONE_END_SEEN, dim[0].id


def _worst(ends: Sequence[End], signs: frozenset[tuple[str, Sign]]) -> End:
    """The end with a sign that will, or did, reach its low alarm first."""
    blamed = [end for end in ends if any(name == end.id for name, _ in signs)]
    return min(blamed, key=lambda end: ((end.id, Sign.LOW) not in signs, end.low_day() or math.inf))


def _verdict(
    names: tuple[str, ...],
    reason: FibreReason,
    culprit: str,
    worst: End,
    signs: frozenset[tuple[str, Sign]],
    held: FibreVerdict | None,
    now_ns: int,
) -> FibreVerdict:
    today = now_ns // DAY_NS
    receives = any(sign in _RECEIVED for name, sign in signs if name == worst.id)
    trend = worst.rx if receives else worst.tx
    falling = (worst.id, Sign.FALLING) in signs
    low_day = worst.low_day() if falling else None
    severity = _severity(signs, None if low_day is None else low_day - today)
    if held is not None:
        severity = max(severity, held.severity, key=_RANKS.index)
    return FibreVerdict(
        ends=names,
        reason=reason,
        firing=True,
        at=culprit,
        signs=signs,
        severity=severity,
        since_day=held.since_day if held is not None else today,
        db_per_month=trend.fit.db_per_month if trend.fit is not None else None,
        baseline_dbm=trend.baseline_dbm,
        level_dbm=trend.level_dbm,
        low_alarm_dbm=worst.rx_limits.low_alarm if receives else None,
        crosses_day=math.ceil(low_day) if low_day is not None and low_day < today + _FORESEEN_DAYS else None,
    )


_RANKS: Final = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


def _severity(signs: frozenset[tuple[str, Sign]], days_to_low: float | None) -> Severity:
    """Critical below the low alarm or within a week of it, a warning within a month or far below the baseline.

    It does not sink while the verdict fires: it would be news again and again.
    """
    kinds = {sign for _, sign in signs}
    if Sign.LOW in kinds or (days_to_low is not None and days_to_low <= _VERY_SOON_DAYS):
        return Severity.CRITICAL
    if Sign.LOST in kinds or (days_to_low is not None and days_to_low <= _SOON_DAYS):
        return Severity.WARNING
    return Severity.INFO


# --- the alert -------------------------------------------------------------------------------


class FibreSentence(StrEnum):
    """Every summary of a link; fields are named, so that a translation may reorder them."""

    FIBRE = "Link {link}: both ends receive less light ({level}{slope}); look at the fibre between them.{crosses}"
    CONNECTOR = (
        "Link {link}: {at} receives less light ({level}{slope}), the other end does not;"
        " clean the connector at {at}, then change its transceiver.{crosses}"
    )
    TRANSMITTER = "Link {link}: the laser of {at} sends less light ({level}{slope}); change its transceiver.{crosses}"
    ONE_END_SEEN = (
        "Link {link}: {at} receives less light ({level}{slope}); its other end is not read,"
        " look at the connectors and the fibre.{crosses}"
    )
    WELL = "Link {link}: the received light is steady."
    DISABLED = "Link {link}: a port is disabled."


def fibre_condition(verdict: FibreVerdict, kind: AlertKind = AlertKind.FIBRE) -> Condition:
    """What `alerting.transition` makes an alert of; of a verdict that never fired it makes none.

    Its router is that of the link's first end, whichever end is to blame: an alert stays with one subject.
    """
    sentence = {
        FibreReason.FIBRE: FibreSentence.FIBRE,
        FibreReason.CONNECTOR: FibreSentence.CONNECTOR,
        FibreReason.TRANSMITTER: FibreSentence.TRANSMITTER,
        FibreReason.ONE_END_SEEN: FibreSentence.ONE_END_SEEN,
        FibreReason.PORT_DISABLED: FibreSentence.DISABLED,
    }.get(verdict.reason, FibreSentence.WELL)
    link = " - ".join(verdict.ends)
    return Condition(
        key=f"fibre/{'--'.join(verdict.ends)}",
        kind=kind,
        severity=verdict.severity,
        firing=verdict.firing,
        summary=sentence.format(
            link=link, at=verdict.at, level=_level(verdict), slope=_slope(verdict), crosses=_crosses(verdict)
        ),
        reason=verdict.reason,
        epoch=f"{verdict.at}/{verdict.since_day}",
        router=verdict.ends[0].partition("/")[0],
    )


def _level(verdict: FibreVerdict) -> str:
    level = f"{verdict.level_dbm:.1f} dBm" if verdict.level_dbm is not None else "level unknown"
    return level + (f", at first {verdict.baseline_dbm:.1f}" if verdict.baseline_dbm is not None else "")


def _slope(verdict: FibreVerdict) -> str:
    return f", {verdict.db_per_month:+.1f} dB a month" if verdict.db_per_month is not None else ""


def _crosses(verdict: FibreVerdict) -> str:
    if verdict.crosses_day is None or verdict.low_alarm_dbm is None:
        return ""
    day = datetime.fromtimestamp(verdict.crosses_day * DAY_NS // NANOSECONDS, UTC).date()
    return f" It reaches the low alarm of {verdict.low_alarm_dbm:.1f} dBm about {day.isoformat()}."

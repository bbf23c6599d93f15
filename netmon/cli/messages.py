"""What netmon says to people who are no engineers, in their language: the form of a catalogue, and how it writes
numbers and times.

A catalogue has a field per sentence, so that none can be forgotten; a test holds the placeholders of all equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from netmon.core.changes import Outcome, Proof
from netmon.core.decided import Decided
from netmon.core.directives import DirectiveKind
from netmon.core.model import Direction, VerdictReason
from netmon.core.planning import Withheld
from netmon.core.sharing_account import Standpoint
from netmon.core.units import format_rate, format_volume


@dataclass(frozen=True, slots=True)
class Sentences:
    """Templates for `str.format`."""

    recorded: str
    released: str
    no_circuits: str
    directions: Mapping[Direction, str]
    # What counts.
    limited: Mapping[VerdictReason, str]
    """By the reasons that can carry a limit."""
    free: Mapping[VerdictReason, str]
    not_recorded: str
    since: str
    # Labels of what follows.
    why: str
    decided: str
    data: str
    shared: str
    ends: str
    again: str
    sooner: str
    # Why.
    used: str
    used_sum: str
    carried: str
    percentile: str
    step: str
    next_step: str
    set_aside: str
    rule: str
    legal_basis: str
    # Decided.
    directives: Mapping[DirectiveKind, str]
    """By those that concern an agency."""
    any_policy: str
    lasts_until: str
    lasts: str
    # Scarce capacity.
    scarce: str
    """In place of the verdict's sentence, where no policy limits but sharing does."""
    entitled: str
    share: Mapping[Decided, str]
    wanted: str
    entitlement: str
    basis: str
    approaches: str
    standpoints: Mapping[Standpoint, str]
    own_circuits: str
    lasting: Mapping[str, str]
    """By `sharing.lasts`."""
    # Data.
    all_proven: str
    only_proven: str
    estimated: str
    unknown: str
    read: str
    never_read: str
    decided_on: str
    # Shared.
    policy_says: str
    policy_says_none: str
    strictest: str
    only_circuit: str
    stands_by: str
    carrying_circuit: str
    among_circuits: str
    remainder: str
    exempted: Mapping[str, str]
    # Circuits.
    due: str
    nothing_due: str
    in_force: str
    none_in_force: str
    not_known: str
    pending: str
    withheld: Mapping[Withheld, str]
    held: str
    held_until: str
    changed: str
    no_limit: str
    outcomes: Mapping[Outcome, str]
    proofs: Mapping[Proof, str]
    # Its end.
    until: Mapping[str, str]
    """By `ends_with`."""
    resumes: str
    overdue: str
    conditions: Mapping[str, str]
    """By `ends_sooner_if.what`."""
    volume_of: str
    using_less: str
    refused: str


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its catalogue, and how figures and times are written in it."""

    sentences: Sentences
    decimal_sign: str
    months: tuple[str, ...]
    instant_form: str
    """Of `date`, `time` and `zone`."""
    clock_sign: str
    """Between hours and minutes."""
    duration_units: tuple[str, str, str, str]
    """Days, hours, minutes, seconds."""

    def rate(self, bps: int) -> str:
        """`7.5 Mb/s`."""
        return self._figure(format_rate(bps))

    def volume(self, octets: int) -> str:
        """`1.24 TB`."""
        return self._figure(format_volume(octets))

    def volume_not_below(self, octets: int) -> str:
        """The same, rounded up: as three digits say it, it suffices."""
        unit: int = 10 ** max(0, len(str(octets)) - 3)
        return self.volume(-(-octets // unit) * unit)

    def percent(self, ratio: float) -> str:
        """`124.0%`."""
        return self._figure(f"{ratio:.1%}")

    def instant(self, written: str, zone: str) -> str:
        """`22 November 2026, 16:31 WITA`; seconds only where there are some. `written` is RFC 3339."""
        moment = datetime.fromisoformat(written).astimezone(ZoneInfo(zone))
        form = "%H:%M:%S" if moment.second else "%H:%M"
        return self.instant_form.format(
            date=f"{moment.day} {self.months[moment.month - 1]} {moment.year}",
            time=moment.strftime(form).replace(":", self.clock_sign),
            zone=moment.tzname(),
        )

    def duration(self, seconds: int) -> str:
        """`2 h 5 min`: the two largest units."""
        parts: list[str] = []
        for unit, size in zip(self.duration_units, (86_400, 3600, 60, 1), strict=True):
            count, seconds = divmod(seconds, size)
            if count:
                parts.append(f"{count} {unit}")
        return " ".join(parts[:2]) or f"0 {self.duration_units[-1]}"

    def _figure(self, text: str) -> str:
        return text.replace(".", self.decimal_sign)

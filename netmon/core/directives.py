"""What people decided for a time: boosts, exemptions, freezes, degraded capacity. Each ends by itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from netmon.core.alerting import Condition
from netmon.core.alerts import AlertKind, Severity
from netmon.core.supply import Rates
from netmon.core.units import format_rate

LONGEST_TEXT = 500
"""Characters of a reason; what is longer belongs into a letter that the reason names."""
ALERT_KEY = "directive/"
"""How the keys of alerts about directives begin; the id follows."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of characters that show as nothing, or as something else than they are."""


class DirectiveKind(StrEnum):
    BOOST = "boost"
    """An agency may have at least so much, whatever its quota's step or its ceiling says, and is owed it as a floor."""
    EXEMPTION = "exemption"
    """A policy, or all, do not slow an agency; what it uses is counted all the same."""
    FREEZE = "freeze"
    """No limit of an agency, or of anybody, is altered."""
    DEGRADATION = "degradation"
    """Of a pool, an uplink or a backhaul there is only so much."""


EVERYBODY = "*"
"""The subject of a freeze that holds for all agencies."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One decision of a person. In force from at_ns until it ends, is ended, or, open-ended, until it is ended."""

    id: str
    kind: DirectiveKind
    subject: str
    """Agency, or EVERYBODY; of a degradation the pool, uplink or backhaul."""
    reason: str
    by: str
    """Who gave it."""
    at_ns: int
    until_ns: int | None
    """None: until it is ended; of degradations and freezes only."""
    rates: Rates | None = None
    """Of a boost: at least; of a degradation: what is left."""
    policy: str | None = None
    """Of an exemption: the policy; None: all."""
    request: str | None = None
    """The request whose approval it is."""
    ended_ns: int | None = None
    """When somebody ended it before its time."""
    ended_by: str | None = None
    ended_reason: str | None = None
    replaced_by: str | None = None
    """The directive that took its place at ended_ns."""

    @property
    def place(self) -> tuple[DirectiveKind, str, str | None]:
        """What only one directive at a time is about: of two the later one counts."""
        return self.kind, self.subject, self.policy

    def is_over(self, now_ns: int) -> bool:
        """Never again in force."""
        return (self.until_ns is not None and now_ns >= self.until_ns) or (
            self.ended_ns is not None and now_ns >= self.ended_ns
        )

    def in_force(self, now_ns: int) -> bool:
        return self.at_ns <= now_ns and not self.is_over(now_ns)


def in_force(directives: Iterable[Directive], now_ns: int) -> tuple[Directive, ...]:
    """Those that hold now, in their order."""
    return tuple(directive for directive in directives if directive.in_force(now_ns))


def objection_to_text(what: str, text: object) -> str | None:
    """Why a reason or a name cannot stand in the record, as one sentence; None where it can."""
    if not isinstance(text, str) or not text.strip():
        return f"{what} is empty; say it in words, for the record"
    if len(text) > LONGEST_TEXT:
        return f"{what} has {len(text)} characters; say it in {LONGEST_TEXT} at most, and name the letter with the rest"
    odd = next((character for character in text if unicodedata.category(character) in _UNSEEN), None)
    if odd is not None:
        return f"{what} holds U+{ord(odd):04X}, which does not show; write it in one line of visible characters"
    return None


def frozen(agencies: Iterable[str], directives: Iterable[Directive], now_ns: int) -> frozenset[str]:
    """Those of the agencies of which no limit is altered now."""
    subjects = {one.subject for one in in_force(directives, now_ns) if one.kind is DirectiveKind.FREEZE}
    return frozenset(agency for agency in agencies if agency in subjects or EVERYBODY in subjects)


def directive_conditions(directives: Iterable[Directive], now_ns: int) -> Iterator[Condition]:
    """One for each, firing while it is in force: so its beginning and its end are told once each."""
    for directive in directives:
        about_agency = directive.kind is not DirectiveKind.DEGRADATION and directive.subject != EVERYBODY
        firing = directive.in_force(now_ns)
        said = effect(directive) if firing else _end(directive)
        yield Condition(
            key=ALERT_KEY + directive.id,
            kind=AlertKind.DIRECTIVE,
            severity=Severity.INFO,
            firing=firing,
            summary=f"{directive.id}: {said} ({directive.by}: {directive.reason}).",
            reason=directive.kind,
            epoch=f"{directive.at_ns}",
            agency=directive.subject if about_agency else None,
        )


def effect(directive: Directive) -> str:
    """What it does while it is in force, in words."""
    name = directive.subject
    match directive.kind:
        case DirectiveKind.BOOST:
            return f"{name} may have at least {_both(directive.rates)}"
        case DirectiveKind.EXEMPTION:
            return f"{name} is not slowed by {_quotas(directive)}"
        case DirectiveKind.FREEZE:
            return f"no limit of {_whose(directive)} is altered"
        case DirectiveKind.DEGRADATION:
            if directive.rates == Rates(0, 0):
                return f"of {name} there is nothing"
            return f"of {name} there is only {_both(directive.rates)}"


def _end(directive: Directive) -> str:
    name = directive.subject
    match directive.kind:
        case DirectiveKind.BOOST:
            return f"the boost of {name} is over"
        case DirectiveKind.EXEMPTION:
            return f"{name} is no longer exempt from {_quotas(directive)}"
        case DirectiveKind.FREEZE:
            return f"limits of {_whose(directive)} are altered again"
        case DirectiveKind.DEGRADATION:
            return f"all of {name} is there again"


def _both(rates: Rates | None) -> str:
    if rates is None:
        return "nothing"
    down, up = format_rate(rates.download_bps), format_rate(rates.upload_bps)
    return f"{down} each way" if down == up else f"{down} download and {up} upload"


def _whose(directive: Directive) -> str:
    return "any agency" if directive.subject == EVERYBODY else directive.subject


def _quotas(directive: Directive) -> str:
    return "any quota" if directive.policy is None else f"the quota {directive.policy}"

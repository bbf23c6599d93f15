"""What people decided for a time: boosts, exemptions, freezes, degraded capacity. Each ends by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from netmon.core.supply import Rates


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
    ended_ns: int | None = None
    """When somebody ended it before its time."""

    def in_force(self, now_ns: int) -> bool:
        return (
            self.at_ns <= now_ns
            and (self.until_ns is None or now_ns < self.until_ns)
            and (self.ended_ns is None or now_ns < self.ended_ns)
        )


def in_force(directives: Iterable[Directive], now_ns: int) -> tuple[Directive, ...]:
    """Those that hold now, in their order."""
    return tuple(directive for directive in directives if directive.in_force(now_ns))

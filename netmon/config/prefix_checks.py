"""Whether every packet at a shared port belongs to one circuit: by its address, and where that is not enough by its
DiffServ code point."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from netmon.config.checks import Finding
from netmon.config.errors import Loc
from netmon.core.code_points import EVERY, excepted, shown, told
from netmon.core.model import Circuit, ShapingPoint

MOST_RULES: Final = 256
"""That one circuit may need at a router: a packet is compared with each."""


@dataclass(frozen=True, slots=True)
class Member:
    """A circuit at a shared port."""

    loc: Loc
    """Of its `limited_at`."""
    circuit: Circuit
    at: ShapingPoint


@dataclass(frozen=True, slots=True)
class _Span:
    version: int
    start: int
    end: int
    prefix: str
    loc: Loc
    of: Member

    @property
    def dscp(self) -> frozenset[int]:
        return frozenset(self.of.at.dscp)


def check(members: Sequence[Member]) -> Iterator[Finding]:
    """Everything ambiguous between the circuits of one port, once for each prefix."""
    spans = [_span(member, at, prefix) for member in members for at, prefix in enumerate(member.at.prefixes)]
    around: list[_Span] = []
    clear = True
    for span in sorted(spans, key=lambda one: (one.version, one.start, -one.end)):
        while around and not (around[-1].version == span.version and span.end <= around[-1].end):
            around.pop()
        finding = next((found for wider in around if (found := _ambiguous(span, wider))), None)
        if finding is not None:
            clear = False
            yield finding
        around.append(span)
    if clear:
        for member in members:
            yield from _left(member, [one.circuit for one in members])


def _span(member: Member, at: int, prefix: str) -> _Span:
    network = ipaddress.ip_network(prefix)
    first, last = int(network.network_address), int(network.broadcast_address)
    return _Span(network.version, first, last, prefix, (*member.loc, "prefixes", at), member)


def _ambiguous(span: _Span, wider: _Span) -> Finding | None:
    """`span` lies within `wider`, or is the same."""
    name, other = span.of.circuit.id, wider.of.circuit.id
    if span.of is wider.of:
        return span.loc, f"{span.prefix} lies within {wider.prefix} of this circuit; keep one of them"
    if not span.dscp and not wider.dscp:
        return span.loc, (
            f"{span.prefix} lies within {wider.prefix} of circuit {other}; keep one of them, or give one of the"
            " circuits a dscp of its own"
        )
    if both := span.dscp & wider.dscp:
        return (*span.of.loc, "dscp"), (
            f"{shown(both)} of {span.prefix} is circuit {other}'s, too, and a packet belongs to one circuit; name it"
            " at one of them"
        )
    if not wider.dscp and wider.prefix != span.prefix:
        return wider.loc, (
            f"{span.prefix} of circuit {name}, which is told by dscp, lies within {wider.prefix}; divide that, so that"
            f" {span.prefix} itself stands here"
        )
    return None


def _left(member: Member, circuits: Sequence[Circuit]) -> Iterator[Finding]:
    """Whether there is anything left for a circuit, and not too much to compare with."""
    point = member.at
    without = excepted(member.circuit, circuits)
    for at, prefix in enumerate(point.prefixes):
        if {number for one in without if prefix in one.prefixes for number in one.dscp} == EVERY:
            yield (
                (*member.loc, "prefixes", at),
                (
                    f"nothing of {prefix} is left: other circuits have every code point of it; take some from them, or"
                    " the prefix from here"
                ),
            )
    rules = sum(len(some) * max(1, len(parts)) for some, parts in told(point.prefixes, point.dscp, without))
    each = len(point.prefixes) * max(1, len(point.dscp)) + sum(len(one.prefixes) * len(one.dscp) for one in without)
    if (count := max(rules, each)) > MOST_RULES:
        yield (
            member.loc,
            (
                f"its prefixes and code points take {count} rules at a router, of which a circuit may have"
                f" {MOST_RULES}; name fewer"
            ),
        )

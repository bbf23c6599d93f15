"""What makes a plan refuse itself: a table of named rules over everything that it would tighten.

A refusal withholds tightenings only. What is due of capacity that is shared is paced where it is decided
(core/damping), so that those rules which count how much is tightened at once do not count it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from netmon.core.changes import Refusal
from netmon.core.model import Direction
from netmon.core.units import format_rate

FREE_AGENCIES = 3
"""So many agencies may be tightened at once, however few there are in all."""
_NAMED_AT_MOST = 5


class Rule(StrEnum):
    """In this order; the first that does not hold names the refusal."""

    CLOCK = "clock_untrusted"
    UPLINK = "uplink"
    LIMIT_ZERO = "limit_zero"
    FLOOR = "below_floor"
    AGENCIES = "too_many_tightened"
    RATE = "too_much_tightened"
    ROUTERS = "too_many_routers"


class Unit(StrEnum):
    """What a rule counts."""

    AGENCIES = "agencies"
    CIRCUITS = "circuits"
    BPS = "bps"
    ROUTERS = "routers"


@dataclass(frozen=True, slots=True)
class Tightening:
    """One limit that would be lowered, or set where there is none."""

    circuit: str
    agency: str
    direction: Direction
    router: str
    interface: str
    from_bps: int | None
    """None: no limit is in force."""
    to_bps: int
    to_floor_bps: int | None = None
    """Of it, what is the circuit's own at a shaping point that others share."""
    port_speed_bps: int | None = None
    """What the port passes where nothing limits it; None: not known."""
    shared: bool = False
    """It follows from what others want, too."""
    may_breach_floor: bool = False
    indivisible: str | None = None
    """Why the agency's limit cannot be divided among its circuits."""

    @property
    def taken_bps(self) -> int:
        """How much less may pass; 0 where it is not known how much could."""
        before = self.from_bps if self.from_bps is not None else self.port_speed_bps
        return 0 if before is None else max(0, before - self.to_bps)


@dataclass(frozen=True, slots=True)
class Caps:
    """What a plan may tighten."""

    agencies_total: int
    max_tightened_permille: int
    """Of all agencies."""
    max_tightened_bps: int | None = None
    """Both directions together; None: no cap."""
    max_routers: int | None = None
    clock_trusted: bool = True
    uplinks: frozenset[tuple[str, str]] = frozenset()
    """(router, ifName)."""
    floors: Mapping[tuple[str, Direction], int] = field(default_factory=dict)
    """What each agency is guaranteed, bit/s over all its circuits."""
    tolerance_permille: int = 5

    @property
    def most_agencies(self) -> int:
        return max(FREE_AGENCIES, self.agencies_total * self.max_tightened_permille // 1000)


@dataclass(frozen=True, slots=True)
class Finding:
    """How a plan stands to one rule."""

    rule: Rule
    found: int
    most: int | None
    """None: there is no cap."""
    unit: Unit
    detail: str | None
    """Why the plan refuses itself, by how much, and what to do; None: the rule holds."""


Left = Mapping[tuple[str, Direction], int | None]
"""(agency, direction) -> what all its circuits together would be limited to; None: any is not limited."""


def findings(tightened: Sequence[Tightening], left: Left, caps: Caps) -> tuple[Finding, ...]:
    """Every rule, in order. `left` as the plan would leave it, of agencies that it tightens."""
    return tuple(rule(tightened, left, caps) for rule in _RULES)


def refusal(found: Sequence[Finding]) -> Refusal | None:
    """By the first rule that does not hold."""
    return next((Refusal(one.rule.value, one.detail) for one in found if one.detail is not None), None)


def named(names: Sequence[str]) -> str:
    """`a, b and 4 more`."""
    listed = ", ".join(names[:_NAMED_AT_MOST])
    return listed if len(names) <= _NAMED_AT_MOST else f"{listed} and {len(names) - _NAMED_AT_MOST} more"


def _agencies(tightened: Sequence[Tightening]) -> list[str]:
    return sorted({one.agency for one in tightened})


def _by_policy(tightened: Sequence[Tightening]) -> list[Tightening]:
    return [one for one in tightened if not one.shared]


def _clock(tightened: Sequence[Tightening], left: Left, caps: Caps) -> Finding:
    found = [] if caps.clock_trusted else _agencies(tightened)
    detail = f"the clock is not synchronised: {named(found)} not limited until it is" if found else None
    return Finding(Rule.CLOCK, len(found), 0, Unit.AGENCIES, detail)


def _uplink(tightened: Sequence[Tightening], left: Left, caps: Caps) -> Finding:
    found = [one for one in tightened if (one.router, one.interface) in caps.uplinks]
    detail = None
    if found:
        detail = (
            f"circuit {found[0].circuit} is on {found[0].router} {found[0].interface}, an uplink, which is"
            " never limited; correct the circuit's interface or the router's uplinks"
        )
    return Finding(Rule.UPLINK, len(found), 0, Unit.CIRCUITS, detail)


def _limit_zero(tightened: Sequence[Tightening], left: Left, caps: Caps) -> Finding:
    found = [one.indivisible for one in tightened if one.indivisible is not None]
    return Finding(Rule.LIMIT_ZERO, len(found), 0, Unit.CIRCUITS, found[0] if found else None)


def _floor(tightened: Sequence[Tightening], left: Left, caps: Caps) -> Finding:
    """Of what policies decide: how far floors are met of scarce capacity is decided, and told, where it is shared."""
    short: dict[tuple[str, Direction], tuple[int, int]] = {}
    for one in _by_policy(tightened):
        owner = one.agency, one.direction
        floor, has = caps.floors.get(owner, 0), left.get(owner)
        if has is not None and not one.may_breach_floor and (floor - has) * 1000 > floor * caps.tolerance_permille:
            short[owner] = has, floor
    detail = None
    if short:
        (agency, direction), (has, floor) = min(short.items())
        detail = (
            f"{agency} would have {format_rate(has)} {direction}, {format_rate(floor - has)} less than the"
            f" {format_rate(floor)} it is guaranteed; raise the policy's step, or write may_breach_floor: true with its"
            " legal_basis"
        )
    return Finding(Rule.FLOOR, len({agency for agency, _ in short}), 0, Unit.AGENCIES, detail)


def _many(tightened: Sequence[Tightening], left: Left, caps: Caps) -> Finding:
    found, most, detail = _agencies(_by_policy(tightened)), caps.most_agencies, None
    if len(found) > most:
        detail = (
            f"{len(found)} of {caps.agencies_total} agencies would be limited at once, more than"
            f" {caps.max_tightened_permille / 10:g} %: {named(found)}; check the policies and the clock,"
            " or raise control.max_tightened_ratio"
        )
    return Finding(Rule.AGENCIES, len(found), most, Unit.AGENCIES, detail)


def _much(tightened: Sequence[Tightening], left: Left, caps: Caps) -> Finding:
    ours, most, detail = _by_policy(tightened), caps.max_tightened_bps, None
    found = sum(one.taken_bps for one in ours)
    if most is not None and found > most:
        detail = (
            f"{format_rate(found)} would be taken at once, {format_rate(found - most)} more than"
            f" control.max_tightened_bps ({format_rate(most)}): {named(_agencies(ours))}; check the policies,"
            " or raise it"
        )
    return Finding(Rule.RATE, found, most, Unit.BPS, detail)


def _routers(tightened: Sequence[Tightening], left: Left, caps: Caps) -> Finding:
    found, most, detail = sorted({one.router for one in _by_policy(tightened)}), caps.max_routers, None
    if most is not None and len(found) > most:
        detail = (
            f"limits would be lowered on {len(found)} routers at once, {len(found) - most} more than"
            f" control.max_routers_per_cycle ({most}): {named(found)}; check the policies, or raise it"
        )
    return Finding(Rule.ROUTERS, len(found), most, Unit.ROUTERS, detail)


_RULES: Sequence[Callable[[Sequence[Tightening], Left, Caps], Finding]] = (
    _clock,
    _uplink,
    _limit_zero,
    _floor,
    _many,
    _much,
    _routers,
)

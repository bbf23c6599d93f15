"""The vocabulary: who is served, over which circuits, and what policies say of them, as frozen values.

It goes on in core/measurement (what routers say), core/changes (what is done to them) and core/alerts.

Instants are UTC nanoseconds since the Unix epoch (`*_ns`), durations inside decisions are
nanoseconds too; volumes are bytes, rates bit/s, all `int`. None means absent, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

NANOSECONDS = 1_000_000_000
"""In one second."""


class Direction(StrEnum):
    """Seen from the agency."""

    DOWNLOAD = "download"
    UPLOAD = "upload"


Place = tuple[str, Direction]
"""(circuit, direction): where there is one limit, or none."""
Way = Literal["in", "out"]
"""The router's own view of a port: ifIn or ifOut."""


class Faces(StrEnum):
    """Whom the measured port faces; decides which of ifIn and ifOut is the agency's download."""

    AGENCY = "agency"
    PROVINCE = "province"


def leaves(direction: Direction, faces: Faces) -> bool:
    """Whether an agency's traffic in `direction` leaves the router by the port; else it enters there.

    The download leaves by a port that faces the agency, and enters by one that faces the province (rule 15).
    """
    return (direction is Direction.DOWNLOAD) == (faces is Faces.AGENCY)


class Role(StrEnum):
    PRIMARY = "primary"
    BACKUP = "backup"
    PARALLEL = "parallel"


class Mode(StrEnum):
    OBSERVE = "observe"
    ENFORCE = "enforce"


class TrafficClass(StrEnum):
    """What a counter can tell apart."""

    ALL = "all"
    """Whatever passes a port, traffic between agencies included."""
    INTERNET = "internet"
    DOMESTIC = "domestic"
    INTERNATIONAL = "international"


@dataclass(frozen=True, slots=True)
class ShapingPoint:
    """A port at which circuits are limited. Those that share one are told apart by their agencies' prefixes, and where
    these overlap by DiffServ code points."""

    router: str
    interface: str
    """ifName on `router`."""
    faces: Faces
    prefixes: tuple[str, ...] = ()
    """The circuit's own, canonical IPv4 and IPv6; empty: all that passes the port is the circuit's."""
    port_speed_bps: int | None = None
    """What the port passes at most; None: not known."""
    dscp: tuple[int, ...] = ()
    """The circuit's own code points (RFC 2474); empty: whatever circuits with the same prefixes do not name."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """One way an agency meets the network: measured at one port, limited there or at a shaping point elsewhere."""

    id: str
    agency: str
    router: str
    interface: str
    """ifName on `router`."""
    faces: Faces
    role: Role = Role.PRIMARY
    mode: Mode = Mode.OBSERVE
    alias: str | None = None
    """Expected ifAlias (contract id); None: not checked."""
    port_speed_bps: int | None = None
    """Declared physical ceiling; flags a reading, never rewrites it."""
    pools: tuple[str, ...] = ()
    """Purchased capacity that it draws on."""
    crosses: tuple[str, ...] = ()
    """Uplinks and backhauls on its way, where they are known."""
    traffic_class: TrafficClass = TrafficClass.ALL
    """What its counter counts, and its limit limits."""
    limited_at: ShapingPoint | None = None
    """Where it shares a port with others; None: it is limited where it is measured."""

    @property
    def limiting(self) -> ShapingPoint:
        """The port at which it is limited."""
        return self.limited_at or ShapingPoint(self.router, self.interface, self.faces)

    def way(self, direction: Direction) -> Way:
        """Which of the port's own counters is the agency's `direction` (accounting rule 15)."""
        return "out" if leaves(direction, self.faces) else "in"


@dataclass(frozen=True, slots=True)
class Agency:
    id: str
    name: str
    timezone: str
    """IANA zone in which the agency's periods are cut."""
    code: str | None = None
    parent: str | None = None
    quotas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleRef:
    """Where a rule stands: policy file (relative to its folder) and line, 1-based."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit in one direction, as a node of a device's hierarchy could hold it."""

    ceiling_bps: int
    floor_bps: int = 0
    weight: int = 1
    priority: int = 0
    """0 is first."""
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """A node above circuits in a device's own hierarchy."""

    agency: str | None
    """Whose circuits hang from it; None: the root, which is the shaping point as a whole."""
    ceiling_bps: int
    floor_bps: int
    """The sum of the floors below it, which it lends among them; of the root, its ceiling."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where in a device's own hierarchy a circuit hangs, and what is its own there whatever others want."""

    floor_bps: int
    weight: int
    """Against all circuits of the shaping point, for what is lent; 1 to 64. As read, 0 where the router has none."""
    priority: int
    """What is lent goes to lower ones first; 0 to 7."""
    above: tuple[Tier, ...]
    """From the root to what the circuit hangs from."""


class VerdictReason(StrEnum):
    NO_QUOTA = "no_quota"
    WITHIN_QUOTA = "within_quota"
    NEAR_QUOTA = "near_quota"
    OVER_QUOTA = "over_quota"
    HELD_BY_HYSTERESIS = "held_by_hysteresis"
    HELD_TO_PERIOD_END = "held_to_period_end"
    RESTORED_BY_STEP = "restored_by_step"
    OUTSIDE_WINDOW = "outside_window"
    GRACE = "grace"
    RESTORED_NEW_PERIOD = "restored_new_period"
    RESTORED_POLICY_CHANGED = "restored_policy_changed"
    FROZEN_CLOCK = "frozen_clock"
    FROZEN_STALE = "frozen_stale"
    EASED_STALE = "eased_stale"
    HELD_BY_OPERATOR = "held_by_operator"
    EXEMPT = "exempt"
    BOOSTED = "boosted"
    FROZEN_BY_OPERATOR = "frozen_by_operator"
    SHARED = "shared"
    """A circuit has its share of scarce capacity (core/shares); never a policy's verdict."""
    CEILING = "ceiling"
    """A circuit has what an entitlement allows at most; never a policy's verdict."""
    ROLLOUT_HALTED = "rollout_halted"
    """A change is taken back because another of its batch went wrong (core/rollout); never a policy's verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies say for an agency in one direction now."""

    agency: str
    direction: Direction
    limit: RateLimit | None
    """For the whole agency; divided among its circuits before planning."""
    reason: VerdictReason
    policy: str | None
    rule: RuleRef | None
    step: int
    """0 below the ladder, else the 1-based step in force."""
    period_start_ns: int
    until_ns: int | None
    """When it ends by itself: with the period, or sooner with a window, a grace or a directive."""
    evidence: Mapping[str, int] = field(default_factory=dict)
    """Numbers it rests on: proven_bytes, quota_bytes, threshold_bytes, and what quota.py remembers by it."""
    may_breach_floor: bool = False
    """Whether its limit may be lower than a guaranteed floor: the policy's step says so, with a legal basis."""

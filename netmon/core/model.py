"""The vocabulary: what is measured, decided and done, as frozen values.

Instants are UTC nanoseconds since the Unix epoch (`*_ns`), durations inside decisions are
nanoseconds too; volumes are bytes, rates bit/s, all `int`. None means absent, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """A port at which circuits are limited. Those that share one are told apart by their agencies' prefixes."""

    router: str
    interface: str
    """ifName on `router`."""
    faces: Faces
    prefixes: tuple[str, ...] = ()
    """The circuit's own, canonical IPv4 and IPv6; empty: all that passes the port is the circuit's."""
    port_speed_bps: int | None = None
    """What the port passes at most; None: not known."""


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


# --- what a router said ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interface:
    """How an interface is known (IF-MIB ifIndex, ifName, ifAlias)."""

    index: int
    name: str
    alias: str = ""


Identity = tuple[Interface, ...]
Cells = Sequence[int | None]


class Column(StrEnum):
    """The columns of a Poll; values are the MIB object's own integers unless said otherwise."""

    IN_OCTETS = "in_octets"  # ifHCInOctets, or ifInOctets where counter_bits is 32
    OUT_OCTETS = "out_octets"
    IN_ERRORS = "in_errors"
    OUT_ERRORS = "out_errors"
    IN_DISCARDS = "in_discards"
    OUT_DISCARDS = "out_discards"
    ADMIN_STATUS = "admin_status"
    OPER_STATUS = "oper_status"
    SPEED_BPS = "speed_bps"  # ifHighSpeed x 1,000,000
    DISCONTINUITY = "discontinuity_ticks"  # ifCounterDiscontinuityTime


@dataclass(frozen=True, slots=True)
class PduStamp:
    """When one PDU of a visit was answered."""

    uptime_ticks: int
    """sysUpTime in this very PDU, hundredths of a second, modulo 2^32."""
    received_ns: int
    """UTC time of receipt: the visit's wall time plus a monotonic difference."""


@dataclass(frozen=True, slots=True)
class Poll:
    """One router visit, columnar: cell i of every column belongs to identity[i]."""

    router: str
    identity: Identity
    """The same object from visit to visit while nothing changed."""
    pdus: tuple[PduStamp, ...]
    pdu_of: tuple[int, ...]
    """Position in `pdus` of the PDU that carried interface i."""
    columns: Mapping[Column, Cells]
    counter_bits: int = 64
    """Width of the octet columns: 64 or 32."""
    device: str | None = None
    """Serial number or engine id; a change is another device."""
    host_uptime_ticks: int | None = None
    """hrSystemUptime.0: the second opinion on a restart of the agent alone."""
    counter_refresh_ns: int = 0
    """How old its counters may be when they are served, as its platform is known for (rule 9)."""

    @property
    def at_ns(self) -> int:
        """The visit's instant: receipt of its first PDU."""
        return self.pdus[0].received_ns


# --- what was accounted ----------------------------------------------------------------------


class GapReason(StrEnum):
    FIRST_READING = "first_reading"
    COUNTER_RESET = "counter_reset"
    COUNTER_DECREASED = "counter_decreased"
    COUNTER_DISCONTINUITY = "counter_discontinuity"
    WRAP_AMBIGUOUS = "wrap_ambiguous"
    IMPLAUSIBLE = "implausible"
    WIDTH_CHANGED = "width_changed"
    DEVICE_REPLACED = "device_replaced"
    UPTIME_INCONSISTENT = "uptime_inconsistent"
    CLOCK_STEPPED_BACK = "clock_stepped_back"


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that may have passed and cannot be known: from_ns <= t < to_ns on one series."""

    router: str
    interface: str
    direction: str
    """`in` or `out`: the router's own view of the port."""
    from_ns: int
    to_ns: int
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Usage:
    """What an agency or circuit used in a half-open period, by strength of evidence."""

    proven_bytes: int
    estimated_bytes: int
    """Measured exactly, but apportioned across the period's edge."""
    unknown_ns: int
    """Time of the elapsed period for which bytes may be missing."""
    elapsed_ns: int
    gaps: tuple[Gap, ...] = ()

    @property
    def coverage_ratio(self) -> float | None:
        """Share of the elapsed period in which nothing can be missing; None before it began."""
        return None if self.elapsed_ns <= 0 else 1 - self.unknown_ns / self.elapsed_ns


# --- what is decided -------------------------------------------------------------------------


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


class Action(StrEnum):
    SET = "set"
    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Change:
    """One alteration of one limit, in one direction of one circuit."""

    router: str
    circuit: str
    agency: str
    direction: Direction
    action: Action
    from_bps: int | None
    to_bps: int | None
    reason: VerdictReason
    rule: RuleRef | None
    from_placement: Placement | None = None
    """Before and after, where the circuit shares a shaping point and has a limit."""
    to_placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """The tightenings of a plan for which persons are asked (core/approval.py)."""

    hash: str
    """SHA-256 over `rows`, hexadecimal: what an approval is given to."""
    rows: tuple[str, ...]
    agencies: int
    bps: int
    """How much less may pass after them, as far as that is known."""
    needed: int
    """So many different persons must approve."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to alter now. Decreases come before increases; refuses itself when unsafe."""

    changes: tuple[Change, ...]
    refused: Refusal | None
    hash: str
    """SHA-256 over desired and observed state, hexadecimal."""
    awaited: Awaited | None = None
    """None: nothing in it takes an approval."""


# --- what was done ---------------------------------------------------------------------------


class Step(StrEnum):
    """How far a guarded change got; each is recorded before it is begun."""

    RECORDED = "recorded"
    CONNECT = "connect"
    ARM = "arm"
    APPLY = "apply"
    READ_BACK = "read_back"
    DISARM = "disarm"
    SAVE = "save"


class Outcome(StrEnum):
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Proof(StrEnum):
    CONFIGURED = "configured"
    READ_BACK = "read_back"
    OBSERVED = "observed"
    NOT_TESTABLE = "not_testable"


@dataclass(frozen=True, slots=True)
class Begun:
    """When a step of a change was about to begin."""

    step: Step
    at_ns: int


@dataclass(frozen=True, slots=True)
class Intent:
    """A change about to be tried, recorded before any session opens."""

    id: str
    """Also names the armed undo on the router."""
    change: Change
    created_ns: int
    deadline_ns: int
    """When the router's own undo fires if it was armed and not confirmed."""
    step: Step = Step.RECORDED
    expires_s: int = 0
    """After how long the router ends a limit that is set, should nobody renew it; 0: never."""
    begun: tuple[Begun, ...] = ()
    """The steps so far, in order."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The evidence of how one change went; a link of a hash chain."""

    id: str
    """The intent's id."""
    at_ns: int
    change: Change
    outcome: Outcome
    proof: Proof
    detail: str
    """One sentence: what was read back, or why it failed."""
    duration_ns: int


class AlertState(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertKind(StrEnum):
    QUOTA = "quota"
    LIMIT = "limit"
    ROUTER = "router"
    FIBRE = "fibre"
    HEALTH = "health"
    LEDGER = "ledger"
    DIRECTIVE = "directive"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class Alert:
    """One transition of one alert; `id` is distinct per transition and stable across restarts."""

    id: str
    key: str
    """What it is about, e.g. `quota/dinkes/download`: one state per key."""
    kind: AlertKind
    severity: Severity
    state: AlertState
    since_ns: int
    summary: str
    reason: str
    agency: str | None = None
    router: str | None = None
    circuit: str | None = None

"""What sharing came to for each circuit, as it is recorded: the limit that is due, what decided it, and how.

Limits that a plan may set follow the damped answer (core/damping). Where netmon only observes nothing is ever set,
so what would be set is noted there instead, and noted anew when it has moved by more than the deadband.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from netmon.core.alerting import Condition
from netmon.core.alerts import AlertKind, Severity
from netmon.core.capacity import InForce
from netmon.core.damping import Damping
from netmon.core.decided import Decided, Reasoning, explained
from netmon.core.directives import Directive
from netmon.core.distribution import NO_LIMIT, Distribution, Limit, Measure, Question, distribute
from netmon.core.entitled import Inventory
from netmon.core.model import Circuit, Direction, Mode, Place, Verdict, VerdictReason
from netmon.core.planning import Share
from netmon.core.scarcity import Scarcity
from netmon.core.sharing_account import Account
from netmon.core.supply import Entitlement


class Sentence(StrEnum):
    """Every summary; fields are named, so that a translation may reorder them."""

    CUT = "More is guaranteed and wanted in {direction} than there is: floors are cut, by class and in proportion."
    MET = "All that is guaranteed and wanted in {direction} is there again."


@dataclass(frozen=True, slots=True)
class Line:
    """What a child had of a node when its class had been served: a step of the arithmetic, from the root down."""

    node: str
    node_bps: int
    child: str
    child_bps: int
    weight: int
    standpoint: str
    """sharing_account.Standpoint."""
    fixed_bps: int
    rising_weight: int
    """The level is (node_bps - fixed_bps) / rising_weight bit/s per unit of weight; 0: nobody rises."""
    rounding_bps: int


@dataclass(frozen=True, slots=True)
class Due:
    """The limit that is due to one circuit in one direction, from `at_ns` on."""

    circuit: str
    agency: str
    direction: Direction
    bps: int | None
    """None: no limit."""
    target_bps: int | None
    """What it is to become; `bps` approaches it, for limits do not follow every whim."""
    decided: str
    """What the target ended at: decided.Decided."""
    by: str
    """The node, the capacity or the circuit that this is about."""
    damping: str | None
    """Why it is altered by so much now: damping.Move; None: it is what would be set, were the circuit limited."""
    rose: bool
    """Against the limit before; the end of one is a rise."""
    at_ns: int
    wanted_bps: int | None
    """What the circuit was judged to want; None: not known."""
    lines: tuple[Line, ...]
    """The filling that gave the target; none where it draws on no shared pool."""

    @property
    def place(self) -> Place:
        return self.circuit, self.direction

    def share(self) -> Share:
        """As a plan takes it."""
        return Share(self.bps, _REASONS.get(self.decided))


_REASONS: Mapping[str, VerdictReason] = {
    Decided.NOTHING_LEFT: VerdictReason.SHARED,
    Decided.MINIMUM: VerdictReason.SHARED,
    Decided.FLOOR: VerdictReason.SHARED,
    Decided.ALLOCATION: VerdictReason.SHARED,
    Decided.HEADROOM: VerdictReason.SHARED,
    Decided.PORT: VerdictReason.SHARED,
    Decided.CEILING: VerdictReason.CEILING,
    Decided.BOOST: VerdictReason.BOOSTED,
}
"""Where the agency's verdict decided, or nothing did, the verdict's own reason stands."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What stands as long as a configuration does; the worker keeps it."""

    inventory: Inventory
    entitlements: tuple[Entitlement, ...]
    damping: Damping


@dataclass(frozen=True, slots=True)
class Posed:
    """What is asked from turn to turn; see distribution.Question."""

    now_ns: int
    capacities: Mapping[str, InForce]
    verdicts: Mapping[tuple[str, Direction], Verdict]
    """Those that carry a limit."""
    directives: tuple[Directive, ...]
    wanted: Mapping[Direction, Mapping[str, int | None]]
    limits: Mapping[Place, Limit]
    down: frozenset[str]
    fixed: frozenset[str]
    scarcity: Mapping[Measure, Scarcity]
    noted: Mapping[Place, int | None]
    """What was last noted of circuits that are only observed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is due anew, and what the next turn goes on from."""

    dues: tuple[Due, ...]
    scarcity: Mapping[Measure, Scarcity]
    cut: tuple[Direction, ...]
    """Directions in which floors had to be cut."""


def answer(supply: Supply, posed: Posed) -> Answer:
    """What is due anew. Raises SharingError."""
    question = Question(
        now_ns=posed.now_ns,
        inventory=supply.inventory,
        entitlements=supply.entitlements,
        capacities=posed.capacities,
        verdicts=posed.verdicts,
        directives=posed.directives,
        wanted=posed.wanted,
        limits=posed.limits,
        down=posed.down,
        fixed=posed.fixed,
        scarcity=posed.scarcity,
        damping=supply.damping,
    )
    found = distribute(question)
    cut = tuple(direction for direction in Direction if found.infeasible.get(direction, False))
    return Answer(due(question, found, posed.noted), found.scarcity, cut)


def floor_conditions(found: Answer) -> Iterator[Condition]:
    """Each direction's: fires while floors are cut, because more is guaranteed and wanted than there is."""
    for direction in Direction:
        cut = direction in found.cut
        yield Condition(
            key=f"floors/{direction}",
            kind=AlertKind.CAPACITY,
            severity=Severity.WARNING,
            firing=cut,
            summary=(Sentence.CUT if cut else Sentence.MET).format(direction=direction),
            reason="floors_cut" if cut else "floors_met",
            epoch="",
        )


def due(question: Question, answer: Distribution, noted: Mapping[Place, int | None]) -> tuple[Due, ...]:
    """What is due anew, by place; `noted`: what was last noted of circuits that are only observed."""
    circuits = {circuit.id: circuit for circuit in question.inventory.circuits}
    observed = [
        place
        for place, target in answer.targets.items()
        if circuits[place[0]].mode is Mode.OBSERVE and _moved(noted.get(place), target, question.damping)
    ]
    places = {*answer.alter, *observed}
    return tuple(
        _due(question, answer, circuits[one.circuit], direction, one)
        for direction, one in explained(question, answer, sorted(places))
    )


def _moved(noted: int | None, target: int | None, damping: Damping) -> bool:
    if noted is None or target is None:
        return noted is not target
    return abs(target - noted) * 1000 > damping.deadband_permille * noted


def _due(question: Question, answer: Distribution, circuit: Circuit, direction: Direction, why: Reasoning) -> Due:
    place = circuit.id, direction
    altered = place in answer.alter
    bps = answer.alter[place] if altered else why.target_bps
    before = question.limits.get(place, NO_LIMIT).bps
    account = why.wanted if why.decided in _FIRST_FILLING else why.headroom
    return Due(
        circuit=circuit.id,
        agency=circuit.agency,
        direction=direction,
        bps=bps,
        target_bps=why.target_bps,
        decided=why.decided.value,
        by=why.by,
        damping=why.damping.value if altered and why.damping is not None else None,
        rose=before is not None and (bps is None or bps > before),
        at_ns=question.now_ns,
        wanted_bps=question.wanted.get(direction, {}).get(circuit.id),
        lines=() if account is None else tuple(_lines(account)),
    )


_FIRST_FILLING = frozenset({Decided.ALLOCATION, Decided.FLOOR})


def _lines(account: Account) -> Iterable[Line]:
    for step in account.steps:
        yield Line(
            step.node,
            step.node_bps,
            step.child,
            step.child_bps,
            step.weight,
            step.standpoint.value,
            step.fixed_bps,
            step.rising_weight,
            step.rounding_bps,
        )

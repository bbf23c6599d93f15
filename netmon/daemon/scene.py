"""What is known of one agency at one instant: now, as `netmon plan` judges it, or earlier, as it was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netmon.config.load import Configuration
from netmon.core import directing, planning
from netmon.core.allocation import parts
from netmon.core.changes import Action, Outcome, Refusal
from netmon.core.directives import Directive
from netmon.core.model import Agency, Circuit, Direction, Mode, Place, Verdict
from netmon.core.planning import Withheld
from netmon.core.quota import essence
from netmon.core.shares import Due
from netmon.daemon.decisions import Question, decide
from netmon.store.history import Judged
from netmon.store.reader import LedgerReader
from netmon.store.values import Hold, LimitState, ReceiptLink

UNTOUCHED = LimitState(None, True, 0)


@dataclass(frozen=True, slots=True)
class Case:
    """One direction: what counts, and what it was chosen from."""

    verdict: Verdict | None
    """None: nothing had been recorded by then."""
    rivals: tuple[Verdict, ...]
    judged: Judged | None
    """The record of the verdict; None: it has only just been reached."""
    shares: Mapping[str, int]
    """By circuit; none without a limit."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is known of one agency at one instant."""

    configuration: Configuration
    reader: LedgerReader
    agency: Agency
    circuits: tuple[Circuit, ...]
    """By id."""
    at_ns: int
    recorded: bool
    cases: Mapping[Direction, Case]
    desired: Mapping[Place, int | None]
    actions: Mapping[Place, Action]
    """What the plan would do; none of what was recorded."""
    limits: Mapping[Place, LimitState]
    holds: Mapping[str, Hold]
    receipts: Mapping[Place, ReceiptLink]
    withheld: Mapping[Place, Withheld]
    refused: Refusal | None
    directives: tuple[Directive, ...]
    """In force then, of those that say something of the agency's verdicts."""
    down: frozenset[str]
    """Circuits positively shown to be down; not known of what was recorded."""
    dues: Mapping[Place, Due]
    """What was due of capacity that is shared; none of a circuit that does not share."""


def scene_now(configuration: Configuration, reader: LedgerReader, agency: Agency, question: Question) -> Scene:
    """As it follows from the question, which is about the whole inventory. Raises StoreError."""
    now_ns, decision, down = question.now_ns, decide(question), question.context.down_circuits
    counting = {one.direction: one for one in decision.verdicts if one.agency == agency.id}
    circuits = _circuits(configuration, agency)
    recorded = reader.verdicts_at(agency.id, now_ns)
    cases: dict[Direction, Case] = {}
    for direction in Direction:
        verdict = counting.get(direction) or directing.no_quota(agency.id, direction, None)
        judged = recorded.get(direction)
        rivals = tuple(one for one in decision.every if (one.agency, one.direction) == (agency.id, direction))
        same = judged is not None and essence(judged.verdict) == essence(verdict)
        cases[direction] = Case(
            verdict, rivals, judged if same else None, _shares(verdict, circuits, question.context.down_circuits)
        )
    changes = {(one.circuit, one.direction): one for one in decision.plan.changes if one.agency == agency.id}
    withheld = planning.withheld(decision.verdicts, question.circuits, question.observed, question.context)
    ours = frozenset(_places(circuits))
    return Scene(
        configuration,
        reader,
        agency,
        circuits,
        now_ns,
        recorded=False,
        cases=cases,
        desired={place: change.to_bps for place, change in changes.items()},
        actions={place: change.action for place, change in changes.items()},
        limits=reader.limit_states(),
        holds=reader.holds(now_ns),
        receipts=reader.receipts_at(_places(circuits), now_ns),
        withheld={place: why for place, why in withheld.items() if place in changes},
        refused=decision.plan.refused,
        directives=tuple(one for one in question.directives if directing.concerns(one, agency.id)),
        down=down,
        dues={place: one for place, one in reader.dues().items() if place in ours and place in question.context.shares},
    )


def scene_then(configuration: Configuration, reader: LedgerReader, agency: Agency, at_ns: int) -> Scene:
    """As the verdict log and the receipt chain have it. Raises StoreError."""
    circuits = _circuits(configuration, agency)
    recorded = reader.verdicts_at(agency.id, at_ns)
    holds = reader.holds_at([circuit.id for circuit in circuits], at_ns)
    receipts = reader.receipts_at(_places(circuits), at_ns)
    limits = reader.limit_states()
    cases: dict[Direction, Case] = {}
    for direction in Direction:
        judged = recorded.get(direction)
        verdict = None if judged is None else judged.verdict
        rivals = () if verdict is None or verdict.policy is None else (verdict,)
        cases[direction] = Case(verdict, rivals, judged, _shares(verdict, circuits))
    desired = {
        (circuit, direction): None if circuit in holds else share
        for direction, case in cases.items()
        for circuit, share in case.shares.items()
    }
    dues = reader.dues_at(_places(circuits), at_ns)
    desired |= {place: None if place[0] in holds else one.bps for place, one in dues.items()}
    observed = {circuit.id for circuit in circuits if circuit.mode is Mode.OBSERVE}
    return Scene(
        configuration,
        reader,
        agency,
        circuits,
        at_ns,
        recorded=True,
        cases=cases,
        desired=desired,
        actions={},
        limits={place: _limit_then(limits.get(place), receipts.get(place), at_ns) for place in _places(circuits)},
        holds=holds,
        receipts=receipts,
        withheld={
            place: Withheld.OBSERVE_MODE for place, bps in desired.items() if bps is not None and place[0] in observed
        },
        refused=None,
        directives=tuple(one for one in reader.directives(at_ns) if directing.concerns(one, agency.id)),
        down=frozenset(),
        dues=dues,
    )


def _circuits(configuration: Configuration, agency: Agency) -> tuple[Circuit, ...]:
    return tuple(sorted((c for c in configuration.circuits if c.agency == agency.id), key=lambda c: c.id))


def _places(circuits: Sequence[Circuit]) -> list[Place]:
    return [(circuit.id, direction) for circuit in circuits for direction in Direction]


def _shares(
    verdict: Verdict | None, circuits: Sequence[Circuit], down: frozenset[str] = frozenset()
) -> Mapping[str, int]:
    if verdict is None or verdict.limit is None:
        return {}
    shares, _ = parts(verdict.limit.ceiling_bps, circuits, down)  # the plan says where it could not be divided
    return shares


def _limit_then(state: LimitState | None, link: ReceiptLink | None, at_ns: int) -> LimitState:
    """What was in force by then: as it still is, or else as the last change before had left it."""
    if state is not None and state.at_ns <= at_ns:
        return state
    if link is None:
        return UNTOUCHED
    receipt = link.receipt
    match receipt.outcome:
        case Outcome.CONFIRMED:
            return LimitState(receipt.change.to_bps, True, receipt.at_ns)
        case Outcome.REVERTED:
            return LimitState(receipt.change.from_bps, True, receipt.at_ns)
    return LimitState(None, False, receipt.at_ns)

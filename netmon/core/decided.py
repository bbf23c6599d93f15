"""Why a circuit's limit is what it is: the two fillings step by step, and the one bound that decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from netmon.core.allocation import MINIMUM_BPS
from netmon.core.damping import Move, Wait
from netmon.core.distribution import NO_LIMIT, Distribution, Question, Way
from netmon.core.entitled import Bound, circuit_id
from netmon.core.headroom import Dealt
from netmon.core.model import Circuit, Direction, Place
from netmon.core.sharing_account import Account, Accounts, Stop


class Decided(StrEnum):
    """What a limit ended at."""

    NOT_SHORT = "not_short"
    """No limit: nothing it crosses is short, and no quota says anything."""
    NOTHING_LEFT = "nothing_left"
    """Of something it crosses nothing is there now: the limit stays as it is."""
    MINIMUM = "minimum"
    """A limit is never less, whatever is left."""
    FLOOR = "floor"
    """It has its part of what is guaranteed, and no more is left."""
    ALLOCATION = "allocation"
    """A capacity is used up by what is wanted: it has its share of it."""
    HEADROOM = "headroom"
    """It has more than it wants now: its part of what nobody wants."""
    CEILING = "ceiling"
    """That of an entitlement."""
    LADDER = "ladder"
    """A step of a quota."""
    BOOST = "boost"
    PORT = "port"


_BOUNDS = {
    Bound.ENTITLEMENT: Decided.CEILING,
    Bound.LADDER: Decided.LADDER,
    Bound.FLOOR: Decided.FLOOR,
    Bound.BOOST: Decided.BOOST,
}


@dataclass(frozen=True, slots=True)
class Reasoning:
    """One circuit in one direction."""

    circuit: str
    target_bps: int | None
    """What the limit should be; None: there should be none."""
    decided: Decided
    """What the target ended at."""
    by: str
    """The node, the capacity or the circuit that this is about."""
    in_force_bps: int | None
    next_bps: int | None
    """What it is once this cycle's changes are made; other than the target: damping decided."""
    damping: Move | Wait | None
    """Why it is altered now, or is not though it should be another; None: it is as it should be."""
    wanted: Account | None
    """The first filling; None: it draws on no shared pool, or nothing of one is left."""
    headroom: Account | None
    """The second: its floor is what the first gave."""


def reasons(question: Question, answer: Distribution, agency: str, direction: Direction) -> tuple[Reasoning, ...]:
    """Of each of the agency's circuits, by id; `answer` is what `distribute` made of the question."""
    ours = sorted(circuit.id for circuit in question.inventory.circuits if circuit.agency == agency)
    return tuple(one for _, one in explained(question, answer, [(circuit, direction) for circuit in ours]))


def explained(
    question: Question, answer: Distribution, places: Iterable[Place]
) -> Iterator[tuple[Direction, Reasoning]]:
    """Of each of these, in their order. Raises KeyError where there is no such circuit."""
    circuits = {circuit.id: circuit for circuit in question.inventory.circuits}
    books = {direction: _Books(way) for direction, way in answer.ways.items()}
    for circuit, direction in places:
        yield direction, _reasoning(question, answer, books[direction], circuits[circuit])


class _Books:
    """One direction, and the accounts of both fillings."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self._accounts = None if way.dealt is None else (Accounts(way.dealt.wanted), Accounts(way.dealt.limits))

    def of(self, circuit: str) -> tuple[Account | None, Account | None]:
        """None: it is not shared there."""
        leaf, dealt = circuit_id(circuit), self.way.dealt
        if self._accounts is None or dealt is None or leaf not in dealt.wanted.tree.position or leaf in self.way.held:
            return None, None
        return self._accounts[0].of(leaf), self._accounts[1].of(leaf)


def _reasoning(question: Question, answer: Distribution, books: _Books, circuit: Circuit) -> Reasoning:
    place = circuit.id, books.way.problem.direction
    in_force = question.limits.get(place, NO_LIMIT).bps
    target = answer.targets.get(place, in_force)
    wanted, headroom = books.of(circuit.id)
    decided, by = _decided(books.way, circuit, target, wanted, headroom)
    return Reasoning(
        circuit=circuit.id,
        target_bps=target,
        decided=decided,
        by=by,
        in_force_bps=in_force,
        next_bps=answer.alter.get(place, in_force),
        damping=_damping(answer, place),
        wanted=wanted,
        headroom=headroom,
    )


def _damping(answer: Distribution, place: Place) -> Move | Wait | None:
    move = answer.damped.moves.get(place)
    return answer.damped.waits.get(place) if move is None else move[1]


def _decided(
    way: Way, circuit: Circuit, target: int | None, wanted: Account | None, headroom: Account | None
) -> tuple[Decided, str]:
    if circuit.id in way.problem.kept:
        return Decided.NOTHING_LEFT, circuit.id
    if target is None:
        return Decided.NOT_SHORT, circuit.id
    if (held := way.held.get(circuit_id(circuit.id))) is not None:
        return _bound(way, held.by), held.by
    if way.dealt is None or wanted is None or headroom is None:
        return Decided.LADDER, circuit.agency
    return _shared(way, way.dealt, wanted, headroom)


def _shared(way: Way, dealt: Dealt, wanted: Account, headroom: Account) -> tuple[Decided, str]:
    by = headroom.stopped_by
    if headroom.share_bps < MINIMUM_BPS:
        return Decided.MINIMUM, headroom.leaf
    if headroom.stop is Stop.CEILING:
        return _bound(way, by), by
    if headroom.share_bps > wanted.share_bps:
        return Decided.HEADROOM, by
    tree = dealt.wanted.tree
    promised = [tree.ids[at] for at in tree.ancestors(tree.position[headroom.leaf]) if tree.floor[at]]
    if promised and wanted.share_bps == wanted.floor_bps:
        return (Decided.BOOST if promised[0] in way.problem.boosted else Decided.FLOOR), promised[0]
    return Decided.ALLOCATION, by


def _bound(way: Way, by: str) -> Decided:
    bound = way.problem.bounds.get(by)
    return Decided.PORT if bound is None else _BOUNDS[bound]

"""What a person has done at one circuit's port: somebody else's shapers adopted, and given back.

Each word goes into the receipt chain before the router is touched, with all that puts the things back, and again when
it is known how it went. Whoever repeats a command of which that is not known looks at the router first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from netmon.config.errors import did_you_mean
from netmon.config.load import Configuration
from netmon.core.adoption import Aside, Shaper, Stage, Word
from netmon.core.changes import Outcome
from netmon.core.model import Circuit, Direction, Mode
from netmon.daemon.control import CommandError
from netmon.daemon.ledger import LedgerService
from netmon.daemon.reached import Reached, reason_of, router_named
from netmon.routers.adopting import Course, Moved
from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign, Owner
from netmon.routers.session import Failure
from netmon.routers.upkeep import SurveyedPort
from netmon.store.chain import Kind
from netmon.store.ledger import Ledger

ADOPT: Final = "adopt"
GIVE_BACK: Final = "give_back"
STAGES: Final[Mapping[Outcome, Stage]] = {
    Outcome.CONFIRMED: Stage.DONE,
    Outcome.FAILED: Stage.FAILED,
    Outcome.REVERTED: Stage.FAILED,
    Outcome.UNKNOWN: Stage.UNKNOWN,
}


def circuit_named(configuration: Configuration, name: object) -> Circuit:
    """A configured circuit on a router that netmon can log in to. Raises CommandError."""
    circuits = {one.id: one for one in configuration.circuits}
    if not isinstance(name, str) or name not in circuits:
        raise CommandError(f"there is no circuit {name!r}{did_you_mean(str(name), circuits)}")
    router_named(configuration, circuits[name].limiting.router)
    return circuits[name]


def set_aside_rows(asides: Mapping[str, Aside]) -> list[dict[str, Any]]:
    """What `netmon release --all` says is set aside on routers, by circuit."""
    return [
        {"circuit": circuit, "router": one.word.router, "things": [thing.named for thing in one.word.things]}
        for circuit, one in sorted(asides.items())
    ]


class Adopter:
    """One netmon's, with a daemon or without."""

    def __init__(self, reached: Reached, ledger: LedgerService, owner: Owner | None, now_ns: Callable[[], int]) -> None:
        self._reached, self._ledger, self._owner, self._now_ns = reached, ledger, owner, now_ns

    async def adopt(self, args: Mapping[str, Any], in_doubt: Iterable[str], *, is_released: bool) -> dict[str, Any]:
        """`in_doubt`: routers with a change unresolved. Raises CommandError, with nothing altered or as it says."""
        circuit, reason = circuit_named(self._reached.configuration, args.get("circuit")), reason_of(args)
        if circuit.mode is Mode.OBSERVE:
            raise CommandError(f"{circuit.id} is in mode: observe, so netmon would set nothing in its place")
        if is_released:
            raise CommandError("everything is released and stays so until netmon resume; adopt afterwards")
        self._check_settled(circuit, in_doubt)
        aside = (await self._ledger.write(Ledger.adoptions)).get(circuit.id)
        if aside is not None:
            _check_place(circuit, aside.word)
        found = self._adoptable(circuit, await self._reached.survey_port(circuit, self._owner), aside)
        before = () if aside is None else aside.word.things
        things = (*before, *(one for one in found if not any(_same(one, other) for other in before)))
        earlier = None if aside is None or aside.doubtful is None else aside.doubtful.id
        word = self._word(circuit, str(args["by"]), reason, things)
        await self._carry_out(circuit, Kind.ADOPTION, Course.SET_ASIDE, word, earlier)
        return _answer(word)

    async def give_back(self, args: Mapping[str, Any], in_doubt: Iterable[str]) -> dict[str, Any]:
        """The same, the other way round; netmon's own limits go off the port."""
        circuit, reason = circuit_named(self._reached.configuration, args.get("circuit")), reason_of(args)
        aside = (await self._ledger.write(Ledger.adoptions)).get(circuit.id)
        if aside is None:
            raise CommandError(
                f"nothing was adopted at {circuit.id}, so there is nothing to put back; to lift its limit use netmon"
                " exempt, and to lift every limit netmon release --all"
            )
        _check_place(circuit, aside.word)
        self._check_settled(circuit, in_doubt)
        earlier = None if aside.doubtful is None else aside.doubtful.id
        word = self._word(circuit, str(args["by"]), reason, aside.word.things)
        await self._carry_out(circuit, Kind.RESTORATION, Course.PUT_BACK, word, earlier)
        for direction in Direction:
            await self._ledger.write(Ledger.note_limit, circuit.id, direction, None, True, self._now_ns())
        return _answer(word)

    # --- before anything is altered --------------------------------------------------------------

    def _check_settled(self, circuit: Circuit, in_doubt: Iterable[str]) -> None:
        if (router := circuit.limiting.router) in in_doubt:
            raise CommandError(
                f"a change on {router} is under way or unresolved; try again when netmon receipts has it"
            )

    def _adoptable(self, circuit: Circuit, port: SurveyedPort, aside: Aside | None) -> tuple[Shaper, ...]:
        """What is on the port now, all of which can be set aside. Raises CommandError."""
        if port.reason not in (None, Failure.FOREIGN_SHAPER):
            raise CommandError(f"{circuit.id} cannot be adopted ({port.reason}): {port.detail}")
        found = tuple(Shaper(one.kind, one.name, one.way, one.setting) for one in port.foreigners)
        if aside is not None and aside.doubtful is None:
            again = [one.named for one in found if any(_same(one, other) for other in aside.word.things)]
            if again or not found:
                there = f", and somebody has set {', '.join(again)} there again" if again else ""
                raise CommandError(
                    f"{circuit.id} was adopted already, by {aside.word.by}{there}; netmon release {circuit.id} puts"
                    " back what was set aside"
                )
        if not found and aside is None:
            detail = f": {port.detail}" if port.reason is not None else ""
            raise CommandError(f"nothing of anybody else's that could be set aside shapes {circuit.id}{detail}")
        if objections := [one for one in port.objections if one is not None]:
            raise CommandError(f"{circuit.id} cannot be adopted, nothing was altered: {'; '.join(objections)}")
        return found

    # --- doing it --------------------------------------------------------------------------------

    def _word(self, circuit: Circuit, by: str, reason: str, things: tuple[Shaper, ...]) -> Word:
        place, made = circuit.limiting, f"nm-{secrets.token_hex(8)}"
        return Word(made, circuit.id, place.router, place.interface, self._now_ns(), by, reason, Stage.BEGUN, things)

    async def _carry_out(self, circuit: Circuit, kind: Kind, course: Course, word: Word, earlier: str | None) -> None:
        """Raises CommandError unless it was read back."""
        await self._ledger.write(Ledger.record_adoption, kind, word)
        things = tuple(_foreign(one) for one in word.things)
        try:
            moved = await self._reached.move(circuit, self._owner, course, word.id, earlier, things)
        except CommandError as error:
            moved = Moved(Outcome.UNKNOWN, str(error))
        ended = replace(word, stage=STAGES[moved.outcome], detail=moved.detail, at_ns=self._now_ns())
        await self._ledger.write(Ledger.record_adoption, kind, ended)
        if ended.stage is Stage.DONE:
            return
        how = "as it was before" if ended.stage is Stage.FAILED else "not known; repeat the command, it looks first"
        why = "" if moved.reason is None else f" ({moved.reason})"
        raise CommandError(f"{circuit.id}{why}: {moved.detail}; the router is {how}")


def _check_place(circuit: Circuit, of: Word) -> None:
    """Raises CommandError where the circuit is limited at another port than what was set aside for it."""
    place = circuit.limiting
    if (of.router, of.interface) != (place.router, place.interface):
        raise CommandError(
            f"what was adopted for {circuit.id} is set aside at {of.interface} of {of.router}, and the circuit is"
            f" limited at {place.interface} of {place.router} now; configure it as it was, release it, and move it"
        )


def _foreign(one: Shaper) -> Foreign:
    return Foreign(one.kind, one.name, None if one.way is None else Way(one.way), one.setting)


def _same(one: Shaper, other: Shaper) -> bool:
    return (one.kind, one.name, one.way) == (other.kind, other.name, other.way) and (
        one.kind not in _SEVERAL or one.setting == other.setting
    )


_SEVERAL: Final = frozenset({"policer", "filter"})
"""Of one name and way there may be one in each family of addresses."""


def _answer(word: Word) -> dict[str, Any]:
    things = [{"kind": one.kind, "name": one.name, "way": one.way, "setting": one.setting} for one in word.things]
    return {"circuit": word.circuit, "router": word.router, "interface": word.interface, "things": things}

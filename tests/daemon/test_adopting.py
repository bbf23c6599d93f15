"""Somebody else's shapers adopted and given back: what is refused, and what the chain has of it when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from daemon.world import START_NS, a_configuration
from support.ledgers import opened

from netmon.config.load import Configuration
from netmon.core.adoption import Aside, Stage
from netmon.core.changes import Outcome
from netmon.core.model import Mode
from netmon.daemon.adopting import Adopter, set_aside_rows
from netmon.daemon.control import CommandError
from netmon.daemon.enforcer import MoveAsideOrder, SurveyOrder
from netmon.daemon.processes import ChildDiedError
from netmon.daemon.reached import Reached
from netmon.routers.adopting import Course, Moved
from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign
from netmon.routers.session import Failure
from netmon.routers.upkeep import Surveyed, SurveyedPort
from netmon.store.chain import Kind
from netmon.store.ledger import Ledger

BOSS = Foreign("simple-queue", "boss", None, "target=ether1 max-limit=1M/1M")
OTHER = Foreign("queue-tree", "other", Way.EGRESS, "parent=ether1 max-limit=1M")
DONE = Moved(Outcome.CONFIRMED, "was read back")


@dataclass
class Enforcer:
    """A router of which one port is asked; what it answers to a move is given."""

    circuit: str
    ledger: Ledger
    there: tuple[Foreign, ...] = (BOSS,)
    objections: tuple[str | None, ...] | None = None
    reason: Failure | None = Failure.FOREIGN_SHAPER
    answer: Moved | Exception = DONE
    moves: list[MoveAsideOrder] = field(default_factory=list)
    recorded_first: list[Aside] = field(default_factory=list)

    async def request(self, payload: Any) -> Any:
        if isinstance(payload, SurveyOrder):
            objections = self.objections or (None,) * len(self.there)
            port = SurveyedPort(
                self.circuit, "ether1", self.reason, "as it is", foreigners=self.there, objections=objections
            )
            return Surveyed(ports=(port,))
        assert isinstance(payload, MoveAsideOrder)
        self.moves.append(payload)
        self.recorded_first.append(self.ledger.adoptions()[self.circuit])
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer.outcome is Outcome.CONFIRMED:
            self.there = () if payload.course is Course.SET_ASIDE else payload.things
        return self.answer


class AsService:
    """The ledger without its thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def write(self, method: Any, *args: Any) -> Any:
        return method(self._ledger, *args)


class Site:
    def __init__(self, configuration: Configuration, ledger: Ledger) -> None:
        circuits = [one for one in configuration.circuits if configuration.settings.routers[one.limiting.router].ssh]
        self.circuit = replace(circuits[0], mode=Mode.ENFORCE)
        self.configuration = replace(configuration, circuits=(self.circuit,))
        self.enforcer, self.ledger = Enforcer(self.circuit.id, ledger), ledger
        reached = Reached(self.configuration, self.enforcer, lambda _: "routeros", lambda *_: None)
        self._adopter = Adopter(reached, AsService(ledger), None, lambda: START_NS)  # type: ignore[arg-type]
        self._args = {"circuit": self.circuit.id, "by": "sari", "reason": "ours now"}

    def adopt(self, in_doubt: tuple[str, ...] = (), *, is_released: bool = False) -> dict[str, Any]:
        return asyncio.run(self._adopter.adopt(self._args, in_doubt, is_released=is_released))

    def give_back(self) -> dict[str, Any]:
        return asyncio.run(self._adopter.give_back(self._args, ()))

    @property
    def aside(self) -> Aside | None:
        return self.ledger.adoptions().get(self.circuit.id)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with opened(tmp_path / "ledger.db") as ledger:
        yield Site(a_configuration(tmp_path), ledger)


def test_it_is_recorded_with_all_that_puts_it_back_before_the_router_is_touched(site: Site) -> None:
    assert site.adopt()["things"] == [
        {"kind": "simple-queue", "name": "boss", "way": None, "setting": "target=ether1 max-limit=1M/1M"}
    ]
    (first,) = site.enforcer.recorded_first
    assert (first.word.stage, first.word.things[0].setting) == (Stage.BEGUN, BOSS.setting)
    assert site.aside is not None
    assert site.aside.doubtful is None
    assert site.enforcer.moves[0].things == (BOSS,)
    told = set_aside_rows(site.ledger.adoptions())
    assert told == [
        {"circuit": site.circuit.id, "router": site.circuit.limiting.router, "things": ["simple-queue boss"]}
    ]
    assert site.give_back()["things"][0]["name"] == "boss"
    assert [one.course for one in site.enforcer.moves] == [Course.SET_ASIDE, Course.PUT_BACK]
    assert site.aside is None


def refused(site: Site, said: str, **how: Any) -> None:
    before = site.aside
    with pytest.raises(CommandError, match=said):
        site.adopt(**how)
    assert site.aside == before
    assert site.enforcer.moves == []


def test_nothing_is_adopted_under_the_global_hold_or_while_a_change_is_unresolved(site: Site) -> None:
    refused(site, "everything is released", is_released=True)
    refused(site, "unresolved", in_doubt=(site.circuit.limiting.router,))


def test_nothing_is_adopted_where_netmon_only_observes(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as ledger:
        configuration = a_configuration(tmp_path)
        site = Site(configuration, ledger)
        observed = replace(site.circuit, mode=Mode.OBSERVE)
        reached = Reached(
            replace(configuration, circuits=(observed,)), site.enforcer, lambda _: "routeros", lambda *_: None
        )
        adopter = Adopter(reached, AsService(ledger), None, lambda: START_NS)  # type: ignore[arg-type]
        with pytest.raises(CommandError, match="mode: observe"):
            asyncio.run(adopter.adopt({"circuit": observed.id, "by": "sari", "reason": "so"}, (), is_released=False))


def test_what_cannot_be_put_back_is_named(site: Site) -> None:
    site.enforcer.there, site.enforcer.objections = (BOSS, OTHER), (None, "queue-tree other cannot be set aside: so")
    refused(site, "nothing was altered: queue-tree other cannot be set aside")


def test_where_nothing_is_there_or_the_port_is_out_of_bounds_nothing_is_adopted(site: Site) -> None:
    site.enforcer.reason = Failure.MANAGEMENT_PATH
    refused(site, "management_path")
    site.enforcer.there, site.enforcer.reason = (), None
    refused(site, "nothing of anybody else's")
    with pytest.raises(CommandError, match="nothing was adopted"):
        site.give_back()


def test_the_same_thing_is_not_adopted_twice(site: Site) -> None:
    site.adopt()
    site.enforcer.moves.clear()
    refused(site, "was adopted already, by sari; netmon release")
    site.enforcer.there = (BOSS,)
    refused(site, "somebody has set simple-queue boss there again")


def test_another_thing_is_adopted_beside_the_first(site: Site) -> None:
    site.adopt()
    site.enforcer.there = (OTHER,)
    site.adopt()
    assert site.aside is not None
    assert [one.name for one in site.aside.word.things] == ["boss", "other"]


@pytest.mark.parametrize("answer", [Moved(Outcome.UNKNOWN, "the link dropped"), ChildDiedError("the enforcer ended")])
def test_what_was_not_seen_to_end_is_made_good_by_repeating(site: Site, answer: Moved | Exception) -> None:
    site.enforcer.answer = answer
    with pytest.raises(CommandError, match="not known; repeat the command"):
        site.adopt()
    assert site.aside is not None
    doubtful = site.aside.doubtful
    assert doubtful is not None
    site.enforcer.answer = DONE
    site.enforcer.there = ()  # it was set aside after all
    site.adopt()
    assert site.enforcer.moves[-1].earlier == doubtful.id
    assert site.enforcer.moves[-1].things == (BOSS,)
    assert site.aside is not None
    assert site.aside.doubtful is None


def test_what_was_undone_leaves_no_adoption(site: Site) -> None:
    site.enforcer.answer = Moved(Outcome.REVERTED, "it still shapes the port; undone", Failure.READ_BACK_MISMATCH)
    with pytest.raises(CommandError, match="the router is as it was before"):
        site.adopt()
    assert site.aside is None


def test_a_circuit_that_was_moved_is_not_given_back_elsewhere(site: Site) -> None:
    site.adopt()
    word = site.aside
    assert word is not None
    site.ledger.record_adoption(Kind.ADOPTION, replace(word.word, router="elsewhere"))
    with pytest.raises(CommandError, match="is set aside at"):
        site.give_back()

"""The sweep against a scripted world, and its pace against real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from support.processes import PATIENCE_S
from support.scripted_agent import ScriptedAgent

from netmon.bundled import folder
from netmon.routers.parents import IF_STACK_STATUS
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.sweep import Greeting, Login, Paced, Place, Silence, Sweep
from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import VarBind
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpTimeoutError, SnmpTransportError
from netmon.snmp.oid import Oid
from netmon.snmp.security_errors import SnmpUnknownUserError
from netmon.snmp.settings import DiscoverSettings
from netmon.snmp.template import GetTemplate, TemplateReply
from netmon.snmp.transport import TransportStats

MILLISECOND = 1_000_000
SETTINGS = DiscoverSettings(timeout="10ms", in_flight=4)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


@dataclass
class World:
    """Agents by address and community; everything else is silent or fails as it is told to."""

    boxes: dict[tuple[str, bytes], ScriptedAgent] = field(default_factory=dict)
    failures: dict[str, Callable[[bytes], SnmpError]] = field(default_factory=dict)
    lost: int = 0
    """First questions that nobody hears."""
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    most_at_once: int = 0
    _now: int = 0

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        self.asked.append((agent.address, agent.community))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        if agent.address in self.failures:
            raise self.failures[agent.address](agent.community)
        box = self.boxes.get((agent.address, agent.community))
        if box is None or self.lost:
            self.lost -= 1 if box is not None else 0
            raise SnmpTimeoutError(agent.address, 1)
        return await box.get(agent, oids)

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
    ) -> dict[Oid, dict[Oid, VarBind]]:
        return await self.boxes[agent.address, agent.community].walk(agent, columns)

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> Sequence[TemplateReply]:
        raise AssertionError("nothing is polled in a search")

    def most_varbinds(self, agent: Agent) -> int:
        return 60

    def most_octets(self, agent: Agent) -> int:
        raise AssertionError("nothing is polled in a search")

    def stats(self) -> TransportStats:
        return TransportStats(*[0] * 11)


def box(name: str = "box") -> ScriptedAgent:
    made = ScriptedAgent("RouterOS", (1, 3, 6, 1, 4, 1, 14988, 1))
    made.tree[1, 3, 6, 1, 2, 1, 1, 5, 0] = name.encode()
    made.add(1, "ether1")
    return made


def logins(*communities: str) -> tuple[Login, ...]:
    return tuple(Login(name, Agent("", community=name.encode())) for name in communities)


async def swept(
    world: World, profiles: Profiles, *places: Place, settings: DiscoverSettings = SETTINGS, wanted: str | None = None
) -> Sweep:
    sweep = Sweep(world, profiles, settings)
    told: list[int] = []
    await sweep.run(
        places,
        lambda: told.append(sweep.asked),
        lambda greeting: wanted is None or greeting.sys_name == wanted,
    )
    assert told == list(range(1, len(places) + 1))
    return sweep


async def test_the_first_credential_that_is_answered_is_the_only_one_used(profiles: Profiles) -> None:
    world = World({("192.0.2.1", b"second"): box()})
    sweep = await swept(world, profiles, Place("192.0.2.1", 161, logins("first", "second", "third")))
    (found,) = sweep.found
    assert (found.login, found.discovered.profile.platform) == ("second", "routeros")
    assert [community for _, community in world.asked[:2]] == [b"first", b"second"]
    assert {community for _, community in world.asked[2:]} == {b"second"}
    assert sweep.unanswered == ()


async def test_an_answer_lost_is_asked_for_again_after_every_credential_had_its_turn(profiles: Profiles) -> None:
    world = World({("192.0.2.1", b"right"): box()}, lost=1)
    sweep = await swept(world, profiles, Place("192.0.2.1", 161, logins("right", "wrong")))
    assert [one.login for one in sweep.found] == ["right"]
    assert [community for _, community in world.asked[:3]] == [b"right", b"wrong", b"right"]


async def test_no_more_is_asked_than_rounds_times_credentials(profiles: Profiles) -> None:
    world = World()
    sweep = await swept(world, profiles, Place("192.0.2.1", 161, logins("a", "b")))
    assert world.asked == [("192.0.2.1", b"a"), ("192.0.2.1", b"b")] * 2
    (silent,) = sweep.unanswered
    assert (silent.kind, silent.count) == (Silence.NO_REPLY, 1)


WHERE = "192.0.2.1"
TELLING: list[tuple[Callable[[bytes], SnmpError], Silence, int]] = [
    (lambda _: SnmpTransportError("no route"), Silence.UNREACHABLE, 1),
    (lambda _: SnmpUnknownUserError(WHERE, "watch"), Silence.REFUSED, 2),
    (lambda c: SnmpUnknownUserError(WHERE, "w") if c == b"a" else SnmpTimeoutError(WHERE, 1), Silence.REFUSED, 3),
    (lambda c: SnmpDecodeError("odd", 3) if c == b"b" else SnmpTimeoutError(WHERE, 1), Silence.UNUSABLE, 3),
]


@pytest.mark.parametrize(("failure", "kind", "asked"), TELLING)
async def test_of_several_failures_the_most_telling_counts_and_what_is_certain_is_not_repeated(
    failure: Callable[[bytes], SnmpError], kind: Silence, asked: int, profiles: Profiles
) -> None:
    world = World(failures={WHERE: failure})
    sweep = await swept(world, profiles, Place(WHERE, 161, logins("a", "b")))
    (one,) = sweep.unanswered
    assert (one.kind, one.count, len(world.asked)) == (kind, 1, asked)
    assert one.examples[0][0] == WHERE


async def test_a_router_that_answers_but_tells_nothing_is_unusable(profiles: Profiles) -> None:
    silent = box()
    del silent.tree[1, 3, 6, 1, 2, 1, 1, 3, 0]
    sweep = await swept(World({(WHERE, b"a"): silent}), profiles, Place(WHERE, 161, logins("a")))
    (one,) = sweep.unanswered
    assert (one.kind, sweep.found) == (Silence.UNUSABLE, [])
    assert "let its community read 1.3.6.1.2.1.1" in one.examples[0][1]


async def test_what_is_part_of_what_is_read_too_and_names_do_where_no_table_can_be_had(profiles: Profiles) -> None:
    stacked = box()
    for index, name in ((2, "ether1.10"), (3, "bond1"), (4, "ether4")):
        stacked.add(index, name)
    stacked.tree[*IF_STACK_STATUS, 3, 4] = 1
    sweep = await swept(World({(WHERE, b"a"): stacked}), profiles, Place(WHERE, 161, logins("a")))
    assert sweep.found[0].parents == {"ether1.10": "ether1", "ether4": "bond1"}

    class Lacking(World):
        async def walk(
            self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
        ) -> dict[Oid, dict[Oid, VarBind]]:
            if IF_STACK_STATUS in columns:
                raise SnmpTimeoutError(agent.address, 3)
            return await super().walk(agent, columns)

    sweep = await swept(Lacking({(WHERE, b"a"): stacked}), profiles, Place(WHERE, 161, logins("a")))
    assert sweep.found[0].parents == {"ether1.10": "ether1"}


async def test_only_what_is_wanted_is_read(profiles: Profiles) -> None:
    world = World({("192.0.2.1", b"a"): box("one"), ("192.0.2.2", b"a"): box("two")})
    places = [Place(f"192.0.2.{n}", 161, logins("a")) for n in (1, 2)]
    sweep = await swept(world, profiles, *places, wanted="two")
    assert [one.greeting for one in sweep.found] == [Greeting("two", b"")]
    assert sweep.unanswered == ()


async def test_examples_are_bounded_and_everything_is_counted(profiles: Profiles) -> None:
    places = [Place(f"192.0.2.{n}", 161, logins("a")) for n in range(1, 101)]
    world = World()
    sweep = await swept(world, profiles, *places)
    (silent,) = sweep.unanswered
    assert (silent.count, len(silent.examples)) == (100, 20)
    assert world.most_at_once == 4


async def test_what_was_found_before_an_interrupt_is_kept(profiles: Profiles) -> None:
    world = World({("192.0.2.1", b"a"): box()})

    class Stuck(World):
        async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
            if agent.address != "192.0.2.1":
                await asyncio.Event().wait()
            return await world.get(agent, oids)

        async def walk(
            self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
        ) -> dict[Oid, dict[Oid, VarBind]]:
            return await world.walk(agent, columns)

    sweep = Sweep(Stuck(), profiles, SETTINGS)
    first = asyncio.Event()
    task = asyncio.ensure_future(sweep.run([Place(f"192.0.2.{n}", 161, logins("a")) for n in (1, 2, 3)], first.set))
    await asyncio.wait_for(first.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.place.address for one in sweep.found] == ["192.0.2.1"]
    assert sweep.asked == 1


async def test_no_more_than_the_rate_is_sent_repetitions_counted(profiles: Profiles) -> None:
    """Real datagrams to an address where nobody listens: 60 of them at 100 a second, 25 of which may come at once."""
    async with await Client.open() as client:
        sweep = Sweep(Paced(client, 100), profiles, DiscoverSettings(timeout="1ms"))
        began = time.monotonic()
        await sweep.run([Place(f"127.77.1.{n}", 9, logins("a", "b")) for n in range(1, 16)], lambda: None)
        took = time.monotonic() - began
        stats = client.stats()
    assert (stats.requests, stats.retries) == (60, 0)
    assert took >= (60 - 25) / 100


async def test_what_a_call_sends_beyond_its_share_is_taken_from_the_next() -> None:
    class Greedy(World):
        sent = 0

        async def walk(
            self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
        ) -> dict[Oid, dict[Oid, VarBind]]:
            self.sent += 50
            return {}

        def stats(self) -> TransportStats:
            return replace(super().stats(), requests=self.sent)

    paced = Paced(Greedy(), 100)
    began = time.monotonic()
    await paced.walk(Agent("192.0.2.1"), [])
    await paced.walk(Agent("192.0.2.1"), [])
    assert time.monotonic() - began >= (51 - 25) / 100


def test_a_place_never_shows_a_secret() -> None:
    place = Place("192.0.2.1", 161, (Login("named", Agent("", community=b"hunter2")),))
    assert "hunter2" not in repr(place)

"""The sweep: which of many addresses have a router behind them, and what each router says of itself.

Every address is asked one small question with each credential in turn, and once more in a second round where
nothing answered; the first credential that is answered is the only one used from then on. So a router hears each
wrong community at most once a round, and one that answers promptly hears none behind the right one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from netmon.routers import mib
from netmon.routers.discovery import Discovered, DiscoveryError, Prober, discover
from netmon.routers.parents import ATTACHED_AGG_ID, IF_STACK_STATUS, parents_in
from netmon.routers.profiles import Profiles
from netmon.snmp.asking import backed_off
from netmon.snmp.budget import Budget
from netmon.snmp.client import Agent
from netmon.snmp.codec import VarBind
from netmon.snmp.errors import SnmpError, SnmpTimeoutError, SnmpTransportError
from netmon.snmp.oid import Oid
from netmon.snmp.security_errors import SnmpSecurityError
from netmon.snmp.settings import DiscoverSettings
from netmon.snmp.template import GetTemplate, TemplateReply
from netmon.snmp.transport import TransportStats

READ_PATIENCE_S: Final = 60.0
"""For the interface table of one router, over however slow a link."""
EXAMPLES: Final = 20
"""Addresses that are named for each way of not answering; the others are counted."""

ENGINE_ID: Final[Oid] = (1, 3, 6, 1, 6, 3, 10, 2, 1, 1)
"""snmpEngineID (RFC 3411, SNMP-FRAMEWORK-MIB), without its instance."""
_QUESTION: Final = (mib.SYS_OBJECT_ID, mib.SYS_UPTIME, mib.SYS_NAME, (*ENGINE_ID, 0))


class Asker(Prober, Protocol):
    """The SNMP client, and how much it has sent."""

    def stats(self) -> TransportStats: ...


@dataclass(frozen=True, slots=True)
class Login:
    """A credential by its name, and the agent it makes; the agent's address and port are replaced."""

    name: str
    agent: Agent


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask, and how."""

    address: str
    """IP address or host name."""
    port: int
    logins: tuple[Login, ...]
    """In the order they are tried."""
    router: str | None = None
    """Its name in the configuration; None: it is not there."""
    platform: str | None = None
    """As configured; None: it is recognised."""


class Greeting(NamedTuple):
    """The answer to the first question."""

    sys_name: str
    engine_id: bytes
    """snmpEngineID; empty: the agent does not give it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A router that answered, and was read."""

    place: Place
    login: str
    """Name of the credential it answered."""
    greeting: Greeting
    discovered: Discovered
    parents: Mapping[str, str]
    """ifName -> ifName of what it is part of."""


class Silence(StrEnum):
    """Why there is no router at an address."""

    NO_REPLY = "no_reply"
    """Nothing there, nothing that admits this host, or no credential is right: SNMP answers none of them."""
    UNREACHABLE = "unreachable"
    """Cannot be sent to: no route, or a name that does not resolve."""
    REFUSED = "refused"
    """An SNMPv3 agent that knows none of the users, or not with these keys."""
    UNUSABLE = "unusable"
    """It answers, but not what must be known."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Addresses without a router, of one kind."""

    kind: Silence
    count: int
    examples: tuple[tuple[str, str], ...]
    """Address, and the sentence that says why; at most 20."""


class Paced:
    """An Asker that sends at most so many requests a second, over all agents.

    A call waits for one request's share; what it sends beyond that (a walk's further requests, SNMPv3's engine
    discovery) is taken from those that come after.
    """

    def __init__(self, asker: Asker, per_second: int) -> None:
        self._asker = asker
        self._budget = Budget(per_second)
        self._taken = self._sent()
        self._waiting = 0

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        await self._turn()
        return await self._asker.get(agent, oids)

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]:
        await self._turn()
        return await self._asker.walk(agent, columns, max_repetitions)

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> Sequence[TemplateReply]:
        await self._turn()
        return await self._asker.fetch(agent, templates)

    def most_varbinds(self, agent: Agent) -> int:
        return self._asker.most_varbinds(agent)

    def most_octets(self, agent: Agent) -> int:
        return self._asker.most_octets(agent)

    def stats(self) -> TransportStats:
        return self._asker.stats()

    async def _turn(self) -> None:
        now_ns = time.monotonic_ns()
        beyond = self._sent() - (self._taken - self._waiting)
        for _ in range(max(0, beyond)):
            self._budget.take(now_ns)
            self._taken += 1
        self._taken += 1
        self._waiting += 1
        try:
            await asyncio.sleep(self._budget.take(now_ns) / 1e9)
        finally:
            self._waiting -= 1

    def _sent(self) -> int:
        stats = self._asker.stats()
        return stats.requests + stats.retries


class Sweep:
    """One search; what it found so far can be looked at at any time, also after it was cancelled."""

    def __init__(self, asker: Asker, profiles: Profiles, settings: DiscoverSettings) -> None:
        self._asker = asker
        self._profiles = profiles
        self._settings = settings
        self._counts = dict.fromkeys(Silence, 0)
        self._examples: dict[Silence, list[tuple[str, str]]] = {kind: [] for kind in Silence}
        self.found: list[Found] = []
        """In the order they answered."""
        self.asked = 0
        """Addresses that are done with."""

    @property
    def unanswered(self) -> tuple[Unanswered, ...]:
        """Of each kind that occurred."""
        return tuple(
            Unanswered(kind, count, tuple(self._examples[kind])) for kind, count in self._counts.items() if count
        )

    async def run(
        self,
        places: Iterable[Place],
        told: Callable[[], None],
        wanted: Callable[[Greeting], bool] = lambda _: True,
    ) -> None:
        """Asks every place; `told` is called after each. Only routers whose greeting is `wanted` are read.

        Raises ProfileError for a platform that does not exist, and nothing for what routers do.
        """
        rest = iter(places)

        async def worker(mine: Iterator[Place]) -> None:
            for place in mine:
                await self._visit(place, wanted)
                self.asked += 1
                told()

        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.in_flight):
                group.create_task(worker(rest))

    async def _visit(self, place: Place, wanted: Callable[[Greeting], bool]) -> None:
        failures: dict[str, SnmpError] = {}
        for attempt in range(self._settings.retries + 1):
            for login in place.logins:
                if isinstance(failures.get(login.name), SnmpTimeoutError | None):
                    try:
                        greeting = await self._greeted(place, login, attempt)
                    except SnmpError as error:
                        failures[login.name] = error
                        if isinstance(error, SnmpTransportError):
                            return self._note(place, Silence.UNREACHABLE, error)
                    else:
                        if wanted(greeting):
                            await self._read(place, login, greeting)
                        return None
        return self._note(place, *_most_telling(failures.values()))

    async def _greeted(self, place: Place, login: Login, attempt: int) -> Greeting:
        # Without the client's own repetitions: each attempt waits for its share of the rate.
        patience_ns = backed_off(self._settings.timeout, attempt)
        agent = replace(login.agent, address=place.address, port=place.port, timeout_ns=patience_ns, retries=0)
        _, _, name, engine = await self._asker.get(agent, _QUESTION)
        return Greeting(
            mib.decode_text(mib.DECODERS["text"], name.value) or "",
            engine.value if isinstance(engine.value, bytes) else b"",
        )

    async def _read(self, place: Place, login: Login, greeting: Greeting) -> None:
        agent = replace(login.agent, address=place.address, port=place.port)
        try:
            async with asyncio.timeout(READ_PATIENCE_S):
                discovered = await discover(self._asker, agent, self._profiles, place.platform)
                parents = await self._parents(agent, discovered)
        except (SnmpError, DiscoveryError) as error:
            self._note(place, Silence.UNUSABLE, error)
        except TimeoutError:
            self._note(place, Silence.UNUSABLE, f"no complete answer within {READ_PATIENCE_S:g} s; check the link")
        else:
            self.found.append(Found(place, login.name, greeting, discovered, parents))

    async def _parents(self, agent: Agent, discovered: Discovered) -> dict[str, str]:
        try:
            table = await self._asker.walk(agent, (IF_STACK_STATUS, ATTACHED_AGG_ID))
        except SnmpError:
            # Names alone, then: a router is not lost for a table that many agents lack.
            table = {}
        return parents_in(discovered.interfaces, table)

    def _note(self, place: Place, kind: Silence, why: object) -> None:
        self._counts[kind] += 1
        if len(self._examples[kind]) < EXAMPLES:
            self._examples[kind].append((place.address, str(why)))


def _most_telling(failures: Iterable[SnmpError]) -> tuple[Silence, object]:
    """What an address's failures with all credentials come to: an answer of any kind tells more than none."""
    silence: object = "no credential to try"
    refusal: object = None
    for failure in failures:
        if isinstance(failure, SnmpTimeoutError):
            silence = failure
        elif isinstance(failure, SnmpSecurityError):
            refusal = refusal or failure
        else:
            return Silence.UNUSABLE, failure
    return (Silence.NO_REPLY, silence) if refusal is None else (Silence.REFUSED, refusal)

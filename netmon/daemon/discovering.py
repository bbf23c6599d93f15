"""`netmon discover`: searches addresses, compares what answers with the configuration, and proposes additions."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from netmon import bundled
from netmon.config.load import Configuration, load
from netmon.config.merging import Edit, MergeError, check, edits_of, texts_of
from netmon.config.proposal import Proposal, ProposedRouter, propose, serial_of
from netmon.daemon.agents import agent_of, agent_with
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.sweep import Found, Login, Paced, Place, Sweep, Unanswered
from netmon.snmp.addresses import is_literal
from netmon.snmp.client import Client

RESOLVING_S: Final = 10.0
"""For all host names together; one that takes longer is not compared by address."""


class DiscoverError(Exception):
    """There is nothing to search with; one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int
    found: int
    """Routers, of the addresses searched."""
    is_comparing: bool
    """Configured routers are asked who they are."""


Told = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Discovery:
    """What came of a search."""

    configuration: Configuration
    texts: Mapping[Path, bytes]
    """What the configuration's files held when the search began."""
    is_complete: bool
    """False: it was interrupted."""
    asked: int
    """Addresses."""
    total: int
    found: tuple[Found, ...]
    """In the order of the addresses searched."""
    unanswered: tuple[Unanswered, ...]
    proposal: Proposal
    edits: tuple[Edit, ...]
    obstacle: str | None
    """Why the proposal cannot be merged."""


def search(path: Path, addresses: Sequence[str], port: int, told: Told) -> Discovery:
    """Searches the addresses with the configuration at `path`; an interrupt ends it with what was found so far.

    Raises ConfigError, ProfileError, SecretUnavailableError, DiscoverError and SnmpTransportError.
    """
    texts = texts_of(path)
    configuration = load(path, texts)
    profiles = load_profiles((configuration.directory / "collectors", bundled.folder("collectors")))
    run = _Search(configuration, profiles, addresses, port, told)
    is_complete = asyncio.run(run.run())
    order = {address: position for position, address in enumerate(addresses)}
    found = tuple(sorted(run.sweep.found, key=lambda one: order[one.place.address])) if run.sweep else ()
    proposal = propose(configuration, found, run.witnesses)
    edits: tuple[Edit, ...] = ()
    obstacle = None
    try:
        edits = edits_of(proposal, texts)
        if edits:
            check(configuration, path, edits, proposal)
    except MergeError as error:
        obstacle = str(error)
    return Discovery(
        configuration,
        texts,
        is_complete,
        run.sweep.asked if run.sweep else 0,
        len(addresses),
        found,
        run.sweep.unanswered if run.sweep else (),
        proposal,
        edits,
        obstacle,
    )


class _Search:
    def __init__(
        self, configuration: Configuration, profiles: Profiles, addresses: Sequence[str], port: int, told: Told
    ) -> None:
        self._configuration = configuration
        self._profiles = profiles
        self._addresses = addresses
        self._port = port
        self._told = told
        self._settings = configuration.settings.snmp.discover
        self._logins = tuple(_login(configuration, name) for name in _credentials(configuration))
        self.sweep: Sweep | None = None
        self.witnesses: Sequence[Found] = ()

    async def run(self) -> bool:
        """False: it was interrupted."""
        snmp = self._configuration.settings.snmp
        try:
            async with await Client.open(self._settings.in_flight, snmp.source_address) as client:
                asker = Paced(client, self._settings.rate)
                self.sweep = Sweep(asker, self._profiles, self._settings)
                places = await self._places()
                await self.sweep.run(places, self._teller(self.sweep, len(places), False))
                await self._compare(asker, self.sweep.found, {place.router for place in places})
        except asyncio.CancelledError:
            return False
        return True

    async def _places(self) -> list[Place]:
        """Each address with the ways to ask it: a configured router's own, else every credential."""
        routers = self._configuration.settings.routers
        names = {router.address for router in routers.values()}.union(self._addresses)
        numbers = await _resolved(name for name in names if not is_literal(name))
        known = {(_spelt(numbers, router.address), router.snmp_port): name for name, router in routers.items()}
        places = []
        for address in self._addresses:
            router = known.get((_spelt(numbers, address), self._port))
            if router is None:
                places.append(Place(address, self._port, self._logins))
            else:
                places.append(replace(self._known(router), address=address))
        return places

    def _known(self, name: str) -> Place:
        router = self._configuration.settings.routers[name]
        login = Login(router.snmp, agent_of(self._configuration, name))
        return Place(router.address, router.snmp_port, (login,), name, router.platform)

    async def _compare(self, asker: Paced, found: Sequence[Found], asked: set[str | None]) -> None:
        """Asks the other configured routers who they are, and reads those that may be one just found."""
        fresh = [one for one in found if one.place.router is None]
        names = {one.greeting.sys_name for one in fresh}
        engines = {one.greeting.engine_id for one in fresh} - {b""}
        others = [name for name in self._configuration.settings.routers if name not in asked]
        if not fresh or not others:
            return
        sweep = Sweep(asker, self._profiles, self._settings)
        self.witnesses = sweep.found
        await sweep.run(
            map(self._known, others),
            self._teller(sweep, len(others), True),
            lambda greeting: greeting.sys_name in names or greeting.engine_id in engines,
        )

    def _teller(self, sweep: Sweep, total: int, is_comparing: bool) -> Callable[[], None]:
        found = sweep.found if self.sweep is None else self.sweep.found
        return lambda: self._told(Progress(sweep.asked, total, len(found), is_comparing))


def _credentials(configuration: Configuration) -> Sequence[str]:
    """Those of snmp.discover, else all: version 3 first, for its agents say at once whether they know the user."""
    snmp = configuration.settings.snmp
    names = snmp.discover.credentials or sorted(
        snmp.credentials, key=lambda name: snmp.credentials[name].version != "3"
    )
    if not names:
        raise DiscoverError("no SNMP credential is configured, so nothing can be asked; add one under snmp.credentials")
    return names


def _login(configuration: Configuration, name: str) -> Login:
    return Login(name, agent_with(configuration, name))


def _spelt(numbers: Mapping[str, str], address: str) -> str:
    """One spelling of an address or resolved name."""
    address = numbers.get(address, address)
    return str(ipaddress.ip_address(address)) if is_literal(address) else address.lower().rstrip(".")


async def _resolved(names: Iterable[str]) -> dict[str, str]:
    """Host name -> its first address, as far as they can be resolved in time."""
    loop = asyncio.get_running_loop()
    found: dict[str, str] = {}

    async def one(name: str) -> None:
        with suppress(OSError, UnicodeError):
            answer = await loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
            found[name] = str(answer[0][4][0]).partition("%")[0]

    tasks = [asyncio.ensure_future(one(name)) for name in names]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=RESOLVING_S)
        for task in late:
            task.cancel()
    return found


# --- the document ----------------------------------------------------------------------------


def discovery_data(discovery: Discovery, is_written: bool) -> dict[str, Any]:
    """`data` of docs/schemas/discover.schema.json; holds names of credentials and no secret."""
    proposal = discovery.proposal
    return {
        "complete": discovery.is_complete,
        "addresses": discovery.total,
        "asked": discovery.asked,
        "routers": [_router(*row) for row in rows(discovery)],
        "unanswered": [
            {
                "kind": one.kind.value,
                "addresses": one.count,
                "examples": [{"address": address, "why": why} for address, why in one.examples],
            }
            for one in discovery.unanswered
        ],
        "circuits": [
            {
                "circuit": circuit.name,
                "router": router.name,
                "agency": circuit.agency,
                "interface": circuit.interface,
                "alias": circuit.alias,
            }
            for router in (*proposal.new, *proposal.known)
            for circuit in router.circuits
        ],
        "suggestions": [
            {"router": router.name, "interface": interface, "alias": alias, "why": why}
            for router in (*proposal.new, *proposal.known)
            for interface, alias, why in decisions(router)
        ],
        "files": [{"path": str(edit.file), "diff": "".join(edit.diff())} for edit in discovery.edits],
        "obstacle": discovery.obstacle,
        "written": is_written,
    }


def rows(discovery: Discovery) -> Iterator[tuple[Found, str, str]]:
    """Everything found, its name, and whether it is `new`, `configured` or the `same` as that router."""
    states = {id(router.found): (router.name, "new") for router in discovery.proposal.new}
    states |= {id(router.found): (router.name, "configured") for router in discovery.proposal.known}
    states |= {id(found): (name, "same") for found, name in discovery.proposal.repeated}
    for found in discovery.found:
        name, state = states[id(found)]
        yield found, name, state


def _router(found: Found, name: str, state: str) -> dict[str, Any]:
    return {
        "address": found.place.address,
        "port": found.place.port,
        "router": name,
        "state": state,
        "sys_name": found.discovered.sys_name or None,
        "sys_descr": found.discovered.sys_descr or None,
        "platform": found.discovered.profile.platform,
        "serial": serial_of(found),
        "engine_id": found.greeting.engine_id.hex() or None,
        "credential": found.login,
        "interfaces": len(found.discovered.interfaces),
        "problems": list(found.discovered.problems),
    }


def decisions(router: ProposedRouter) -> Iterator[tuple[str, str, str]]:
    """ifName, ifAlias and a sentence for every port that a person must decide on."""
    for one in router.suggestions:
        yield one.interface, one.alias, one.why
    for interface, alias in router.uplinks:
        yield interface, alias, "it looks like an uplink; list it under uplinks, which are counted and never limited"

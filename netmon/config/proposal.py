"""What a search found + the present configuration -> the routers and circuits that could be added to it. Pure.

Nothing is guessed that would count or limit the wrong thing: an agency that is not configured, an uplink, a port
that is part of another one become remarks for a person to decide on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from pydantic import TypeAdapter, ValidationError

from netmon.config.load import Configuration
from netmon.core.model import Faces, Mode
from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.parents import counting
from netmon.routers.profiles import GENERIC
from netmon.routers.settings import LONGEST_LIMITED_NAME, CircuitSettings, RouterSettings, can_be_limited
from netmon.routers.sweep import ENGINE_ID, Found
from netmon.settings import Name
from netmon.snmp.settings import DiscoverSettings

LONGEST_NAME: Final = 64
LONGEST_ALIAS: Final = 255
_NAME: Final = TypeAdapter(Name)


@dataclass(frozen=True, slots=True)
class ProposedCircuit:
    name: str
    agency: str
    interface: str
    """ifName."""
    alias: str
    """ifAlias."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A port that a person must decide on."""

    interface: str
    alias: str
    why: str
    """What keeps it from being proposed, and what to do."""
    circuit: ProposedCircuit | None = None
    """What it would be, if that person agrees."""


@dataclass(frozen=True, slots=True)
class ProposedRouter:
    """A router that is not configured, or circuits for one that is."""

    name: str
    found: Found
    circuits: tuple[ProposedCircuit, ...]
    suggestions: tuple[Suggestion, ...]
    uplinks: tuple[tuple[str, str], ...]
    """ifName and ifAlias of what looks like an uplink and is not configured as one."""


@dataclass(frozen=True, slots=True)
class Proposal:
    new: tuple[ProposedRouter, ...]
    """Routers to add."""
    known: tuple[ProposedRouter, ...]
    """Configured ones, with what could be added to them."""
    repeated: tuple[tuple[Found, str], ...]
    """What was found once more, and the name of the router that it is."""


def serial_of(found: Found) -> str | None:
    """What the device itself calls its serial number; an engine id is none."""
    octets = found.discovered.device_octets
    return None if octets is None or octets[0][: len(ENGINE_ID)] == ENGINE_ID else found.discovered.device


def propose(configuration: Configuration, found: Sequence[Found], witnesses: Sequence[Found] = ()) -> Proposal:
    """What to add for what was `found`; earlier ones are taken for the device where later ones are the same.

    `witnesses` are configured routers that were asked only to tell whether a found one is among them.
    """
    settings = configuration.settings
    routers = set(settings.routers)
    circuits = {circuit.id: circuit.agency for circuit in configuration.circuits}
    decide = _Decisions(
        {name: agency.code for name, agency in settings.agencies.items()}, settings.snmp.discover, circuits
    )
    devices = _Devices()
    for one in (*found, *witnesses):
        if one.place.router is not None:
            devices.add(one, one.place.router)
    known = tuple(
        decide.about(one.place.router, one, settings.routers[one.place.router])
        for one in found
        if one.place.router is not None
    )
    new: list[ProposedRouter] = []
    repeated: list[tuple[Found, str]] = []
    for one in found:
        if one.place.router is not None:
            continue
        same = devices.find(one)
        if same is not None:
            repeated.append((one, same))
            continue
        name = _router_name(one, routers)
        routers.add(name)
        devices.add(one, name)
        new.append(decide.about(name, one, None))
    return Proposal(tuple(new), known, tuple(repeated))


class _Devices:
    """Which device is which router.

    The same serial number or engine id is the same device, unless both show MAC addresses and share none: clones
    of one disk image share an engine id, and cheap boards a serial number.
    """

    def __init__(self) -> None:
        self._known: dict[object, list[tuple[str, frozenset[str]]]] = {}

    def add(self, found: Found, router: str) -> None:
        for key in _marks(found):
            self._known.setdefault(key, []).append((router, _macs(found)))

    def find(self, found: Found) -> str | None:
        macs = _macs(found)
        for key in _marks(found):
            for router, theirs in self._known.get(key, ()):
                if not macs or not theirs or macs & theirs:
                    return router
        return None


def _marks(found: Found) -> Iterator[object]:
    if found.discovered.device_octets is not None:
        yield found.discovered.device_octets
    if found.greeting.engine_id:
        yield (*ENGINE_ID, 0), found.greeting.engine_id


def _macs(found: Found) -> frozenset[str]:
    addresses = (interface.mac for interface in found.discovered.interfaces)
    return frozenset(mac for mac in addresses if mac and mac.strip("0:"))


# --- names -----------------------------------------------------------------------------------


def slug(text: str) -> str:
    """The text as a name of the configuration, as far as it goes: `Core 1 (Palu)` -> `core-1-palu`."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:LONGEST_NAME].strip("._-")


def _router_name(found: Found, taken: Collection[str]) -> str:
    """The first label of sysName, else all of it, else with the address."""
    whole = slug(found.discovered.sys_name)
    label = whole.partition(".")[0].strip("_-")
    place = slug(f"{found.place.address}-{found.place.port}" if found.place.port != 161 else found.place.address)
    place = place.replace(".", "-")
    first = label if re.search("[a-z]", label) else whole
    wishes = (first, whole, _joined(first or "router", place))
    return _free(wishes, taken)


def _joined(*parts: str) -> str:
    return slug("-".join(part for part in parts if part))


def _free(wishes: Iterable[str], taken: Collection[str]) -> str:
    """The first wish that is a name and not taken, else the last one with a number."""
    last = ""
    for wish in wishes:
        last = wish
        if _is_name(wish) and wish not in taken:
            return wish
    number = 2
    while (name := f"{last[: LONGEST_NAME - 8]}-{number}") in taken:
        number += 1
    return name


def _is_name(text: str) -> bool:
    try:
        _NAME.validate_python(text)
    except ValidationError:
        return False
    return True


# --- ports -----------------------------------------------------------------------------------


class _Decisions:
    """What each port of each router may become."""

    def __init__(
        self, agencies: Mapping[str, str | None], settings: DiscoverSettings, circuits: dict[str, str]
    ) -> None:
        self._agencies = agencies
        self._by_code = {slug(code): name for name, code in agencies.items() if code}
        self._alias_patterns = [re.compile(pattern) for pattern in settings.alias_patterns]
        self._uplink_patterns = [re.compile(pattern) for pattern in settings.uplink_patterns]
        self._circuits = circuits
        """Their agencies by their names, over all routers."""

    def about(self, name: str, found: Found, configured: RouterSettings | None) -> ProposedRouter:
        counted = {} if configured is None else {of.interface: circuit for circuit, of in configured.circuits.items()}
        not_asked = set() if configured is None else set(configured.watched)
        uplinks: list[tuple[str, str]] = []
        served: list[DiscoveredInterface] = []
        for interface in found.discovered.interfaces:
            if interface.name in not_asked:
                continue
            if any(pattern.search(_alias(interface)) for pattern in self._uplink_patterns):
                uplinks.append((interface.name, _alias(interface)))
            elif self._agency_said(interface):
                served.append(interface)
        is_limited = configured is not None and configured.mode is Mode.ENFORCE
        unfit = {one.name: _unfit(one, is_limited) for one in served}
        sure = [one.name for one in served if self._agency(self._agency_said(one)) and not unfit[one.name]]
        twice = _twice(sure, counted, found.parents)
        circuits = [self._sure(name, one) for one in served if one.name in sure and one.name not in twice]
        counted |= {circuit.interface: circuit.name for circuit in circuits}
        for one in served:
            if one.name not in sure:
                twice |= _twice([one.name], counted, found.parents)
        doubts = (
            self._doubt(name, one, unfit[one.name], _last(one.name, twice), counted)
            for one in served
            if one.name not in counted
        )
        return ProposedRouter(name, found, tuple(circuits), tuple(filter(None, doubts)), tuple(uplinks))

    def _sure(self, router: str, interface: DiscoveredInterface) -> ProposedCircuit:
        agency = self._agency(self._agency_said(interface))
        assert agency is not None, "only where there is one"
        circuit = self._circuit(router, interface, agency)
        self._circuits[circuit.name] = agency
        return circuit

    def _doubt(
        self, router: str, interface: DiscoveredInterface, unfit: str, twin: str | None, counted: Mapping[str, str]
    ) -> Suggestion | None:
        """What keeps the port from being proposed; None: its agency's traffic is counted already, at `twin`."""
        said, alias = self._agency_said(interface), _alias(interface)
        circuit = counted.get(twin) if twin is not None else None
        if circuit is not None:
            if self._agency(said) == self._circuits.get(circuit):
                return None
            why = f"circuit {circuit} counts the same traffic at {twin}; count one of them"
            return Suggestion(interface.name, alias, why)
        if unfit:
            return Suggestion(interface.name, alias, unfit)
        name = slug(said)
        near = next(iter(get_close_matches(name, self._agencies, n=1)), None)
        why = f"no agency is named {said}; {f'did you mean {near}?' if near else 'add it under agencies first'}"
        wish = self._circuit(router, interface, near or (name if _is_name(name) else "agency"))
        return Suggestion(interface.name, alias, why, wish)

    def _agency_said(self, interface: DiscoveredInterface) -> str:
        """As the port's description writes it; empty: it names none."""
        for pattern in self._alias_patterns:
            if (match := pattern.search(_alias(interface))) and (said := (match["agency"] or "").strip()):
                return said
        return ""

    def _agency(self, said: str) -> str | None:
        """By its id, else by its reference code."""
        name = slug(said)
        return name if name in self._agencies else self._by_code.get(name)

    def _circuit(self, router: str, interface: DiscoveredInterface, agency: str) -> ProposedCircuit:
        port = slug(interface.name.replace("/", "-"))
        wishes = (_joined(agency, router), _joined(agency, router, port))
        return ProposedCircuit(_free(wishes, self._circuits), agency, interface.name, _alias(interface))


def _alias(interface: DiscoveredInterface) -> str:
    return interface.alias[:LONGEST_ALIAS]


def _twice(names: Sequence[str], counted: Collection[str], parents: Mapping[str, str]) -> dict[str, str]:
    """Those of `names` whose traffic would count twice -> the interface that counts it; what is `counted` stays."""
    found: dict[str, str] = {}
    rest = list(names)
    while True:
        members = counting((*counted, *rest), parents).members
        holding = {holder: port for port, holder in members.items() if port in counted and holder in rest}
        if not holding:
            return found | {name: members[name] for name in rest if name in members}
        found |= holding
        rest = [name for name in rest if name not in holding]


def _last(name: str, of: Mapping[str, str]) -> str | None:
    """Where the trail that begins at `name` ends; None: there is none."""
    seen = [name]
    while seen[-1] in of and of[seen[-1]] not in seen:
        seen.append(of[seen[-1]])
    return seen[-1] if len(seen) > 1 else None


def _unfit(interface: DiscoveredInterface, is_limited: bool) -> str:
    """Why the port can be no circuit; "" where it can."""
    if interface.counter_bits is None:
        return "it counts no octets, so it cannot be measured; measure a port beneath or above it"
    try:
        CircuitSettings(agency="any", interface=interface.name, faces=Faces.AGENCY)
    except ValidationError:
        return "its ifName is longer than 255 characters; rename it on the router"
    if is_limited and not can_be_limited(interface.name):
        return (
            f"its ifName is not ASCII of at most {LONGEST_LIMITED_NAME} characters, and this router's circuits are"
            " enforced; rename it on the router, or add it with mode: observe"
        )
    return ""


def platform_of(found: Found) -> str | None:
    """The platform to be written; None where nothing but IF-MIB was recognised."""
    platform = found.discovered.profile.platform
    return None if platform == GENERIC else platform

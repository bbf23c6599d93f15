"""What a visit asked of a router, by which line of which profile, what came of it, and what was not asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from netmon.routers import mib, topology
from netmon.routers.cli_profile import CliCollector
from netmon.routers.cli_reading import CliReading
from netmon.routers.discovery import Discovered, Prober
from netmon.routers.objects import OBJECTS
from netmon.routers.parents import ATTACHED_AGG_ID, IF_STACK_STATUS
from netmon.routers.profile_place import Place, Placed
from netmon.routers.profiles import OCTETS, Profile
from netmon.snmp.client import Agent
from netmon.snmp.codec import VarBind
from netmon.snmp.errors import SnmpError
from netmon.snmp.oid import Oid, format_oid
from netmon.snmp.template import GetTemplate, TemplateReply

_BY_NETMON: Final = "netmon itself"
_NAMES: Final[Mapping[Oid, str]] = {
    **{oid: name for name, oid in OBJECTS.items()},
    **topology.NAMES,
    mib.SYS_DESCR: "sysDescr.0",
    mib.SYS_OBJECT_ID: "sysObjectID.0",
    mib.SYS_UPTIME: "sysUpTime.0",
    mib.SYS_NAME: "sysName.0",
    mib.HR_SYSTEM_UPTIME: "hrSystemUptime.0",
    ATTACHED_AGG_ID: "dot3adAggPortAttachedAggID",
    IF_STACK_STATUS: "ifStackStatus",
}
_GROUPS: Final[Mapping[Oid, str]] = {
    (1, 3, 6, 1, 4, 1, 9): "Cisco's",
    (1, 3, 6, 1, 4, 1, 2011): "Huawei's",
    (1, 3, 6, 1, 4, 1, 2636): "Juniper's",
    (1, 3, 6, 1, 4, 1, 14988): "MIKROTIK-MIB",
    (1, 3, 6, 1, 2, 1, 47): "ENTITY-MIB",
    (1, 3, 6, 1, 2, 1, 99): "ENTITY-SENSOR-MIB",
}


@dataclass(frozen=True, slots=True)
class Read:
    """One object that was asked for, or one command."""

    object: str
    """Its descriptor where netmon knows one, else its identifier; a command as it was sent."""
    by: str
    """`collectors/junos.yaml:31`, with more lines where more name it, or `netmon itself`."""
    values: int
    """How many the agent gave; of a command, readings."""
    failure: str | None = None
    """Why it could not be read, where it could not."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One object that a profile names and that was not asked for."""

    object: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    recognised: str
    """One sentence: the platform, and the rule that said so."""
    read: tuple[Read, ...]
    """In the order in which they were first asked for."""
    skipped: tuple[Skipped, ...]


class Witness:
    """A Prober that remembers what it passed on, and what came back."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self.values: dict[Oid, int] = {}
        """Object, or instance of a scalar -> values the agent gave."""
        self.failures: dict[Oid, str] = {}

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        try:
            found = await self._prober.get(agent, oids)
        except SnmpError as error:
            self._failed(oids, error)
            raise
        for oid, varbind in zip(oids, found, strict=True):
            self._saw(oid, 0 if varbind.is_exception else 1)
        return found

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]:
        try:
            found = await self._prober.walk(agent, columns, max_repetitions=max_repetitions)
        except SnmpError as error:
            self._failed(columns, error)
            raise
        for column in columns:
            self._saw(column, len(found.get(column, {})))
        return found

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> Sequence[TemplateReply]:
        try:
            replies = await self._prober.fetch(agent, templates)
        except SnmpError as error:
            self._failed([column for template in templates[:1] for column in template.columns], error)
            raise
        counts: dict[Oid, int] = {}
        for template, reply in zip(templates, replies, strict=True):
            for at, column in enumerate(template.columns):
                cells = reply.cells[at :: len(template.columns)]
                counts[column] = counts.get(column, 0) + sum(cell is not None for cell in cells)
        for column, count in counts.items():
            self._saw(column, count)
        return replies

    def most_varbinds(self, agent: Agent) -> int:
        return self._prober.most_varbinds(agent)

    def most_octets(self, agent: Agent) -> int:
        return self._prober.most_octets(agent)

    def _saw(self, oid: Oid, count: int) -> None:
        self.values[oid] = max(count, self.values.get(oid, 0))
        self.failures.pop(oid, None)

    def _failed(self, oids: Iterable[Oid], error: SnmpError) -> None:
        for oid in oids:
            self.values.setdefault(oid, 0)
            self.failures[oid] = str(error)


def explain(discovered: Discovered, witness: Witness) -> Explanation:
    """What the witness saw of a visit, line by line of the profile that led it."""
    places: dict[Oid, list[Place]] = {}
    for oid, place in _places(discovered.profile, None):
        places.setdefault(oid, []).append(place)
    reads: dict[Oid, Read] = {}
    for oid, count in witness.values.items():
        # Single instances of a column that a profile names are one line together.
        named = _named(oid, places)
        whole = oid if named is None or oid[:-1] not in places else named
        before = reads.get(whole)
        reads[whole] = Read(
            object=_name(whole),
            by=_BY_NETMON if named is None else _lines(places[named]),
            values=count + (before.values if before else 0),
            failure=witness.failures.get(oid) or (before.failure if before else None),
        )
    return Explanation(
        recognised=_recognised(discovered),
        read=tuple(reads.values()),
        skipped=tuple(
            Skipped(_name(oid), _lines(lines), _why_not(oid, discovered))
            for oid, lines in places.items()
            if not any(one[: len(oid)] == oid for one in reads)
        ),
    )


def commands_read(collectors: Iterable[CliCollector], reading: CliReading) -> tuple[Read, ...]:
    """What each command of a profile gave; without those that came to nothing because nobody could log in."""
    counts = {one.command: one.readings for one in reading.answers}
    whys = {one.what: one.why for one in reversed(reading.missing)}
    return tuple(
        Read(
            object=one.command,
            by=str(one.place or _BY_NETMON),
            values=counts.get(one.command, 0),
            failure=None if counts.get(one.command) else whys.get(one.command),
        )
        for one in collectors
        if one.command in counts or one.command in whys
    )


def _recognised(discovered: Discovered) -> str:
    profile = discovered.profile
    for rule in profile.recognise:
        if rule.specificity(discovered.sys_object_id, discovered.sys_descr) is not None:
            return (
                f"{profile.platform}, by {rule.place or 'its rule'}: sysObjectID {format_oid(discovered.sys_object_id)}"
            )
    if profile.recognise:
        return f"{profile.platform}, because it was asked for; none of its rules holds"
    return (
        f"{profile.platform}, because no other profile knows sysObjectID"
        f" {format_oid(discovered.sys_object_id) or '(none)'}"
    )


def _places(part: object, place: Place | None) -> Iterator[tuple[Oid, Place]]:
    """Every object that a part of a profile names, and the line of the entry that names it."""
    if isinstance(part, Placed) and part.place is not None:
        place = part.place
    if isinstance(part, BaseModel):
        for name in type(part).model_fields:
            if name not in {"recognise", "is_"}:
                yield from _places(getattr(part, name), place)
    elif isinstance(part, Mapping):
        for one in part.values():
            yield from _places(one, place)
    elif isinstance(part, tuple):
        if place is not None and len(part) > _SHORTEST and all(type(arc) is int for arc in part):
            yield part, place
        else:
            for one in part:
                yield from _places(one, place)


_SHORTEST: Final = 6
"""Numbers of an object identifier; what is shorter in a profile is none."""


def _named(oid: Oid, places: Mapping[Oid, object]) -> Oid | None:
    """The object, or the table it is in, that a profile names; None: none does."""
    return next((oid[:length] for length in range(len(oid), _SHORTEST, -1) if oid[:length] in places), None)


def _lines(places: Iterable[Place]) -> str:
    """`collectors/junos.yaml:15, 31; collectors/generic-if-mib.yaml:57`."""
    by_file: dict[str, list[str]] = {}
    for place in places:
        file, _, line = str(place).rpartition(":")
        if line not in by_file.setdefault(file, []):
            by_file[file].append(line)
    return "; ".join(f"{file}:{', '.join(lines)}" for file, lines in by_file.items())


def _why_not(oid: Oid, discovered: Discovered) -> str:
    profile: Profile = discovered.profile
    for column, sources in profile.interfaces.items():
        ranks = [rank for rank, source in enumerate(sources) if source.object == oid]
        if not ranks:
            continue
        if column == "alias" and profile.quirks.alias_empty:
            return "quirks.alias_empty: it holds nothing on this platform"
        earlier = _name(sources[0].object)
        if ranks[0] and column in OCTETS:
            return f"{earlier} holds a value for every interface"
        return f"{earlier} holds values" if ranks[0] else "there is no interface to read it of"
    return "what is written before it gave values, or what it belongs to is not there"


def _name(oid: Oid) -> str:
    if (name := _NAMES.get(oid)) is not None:
        return name
    if oid[-1:] == (0,) and (name := _NAMES.get(oid[:-1])) is not None:
        return f"{name}.0"
    group = next((name for prefix, name in _GROUPS.items() if oid[: len(prefix)] == prefix), None)
    return f"{format_oid(oid)} ({group})" if group else format_oid(oid)

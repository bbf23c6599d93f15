"""What interfaces are called: by ifName, or where an agent gives none, by the next object that its profile names.

RFC 2863: ifName is the name that the device's own commands take, ifDescr a text about the interface, unique by
convention alone. One object names all interfaces of a router, so that no name can come from two places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netmon.routers import mib
from netmon.routers.objects import object_name
from netmon.routers.profiles import NAME, Profile, Source
from netmon.snmp.codec import VarBind
from netmon.snmp.oid import Oid, format_oid

NO_INTERFACE: Final = "the agent shows no interface; let its community read 1.3.6.1.2.1.2 and 1.3.6.1.2.1.31"
_NAMED_AT_MOST: Final = 5
"""Interfaces that one sentence names."""

Rows = Mapping[int, VarBind]
"""ifIndex -> value of one column; absent values are left out."""
Table = Mapping[Oid, Rows]
"""Object -> ifIndex -> value."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a router's interfaces."""

    source: Source
    """Where all of them are from: the first object of the profile that gives any."""
    texts: Mapping[int, str]
    """ifIndex -> name, in ascending order; not those that have none."""
    octets: Mapping[int, bytes]
    """The same as the agent sends them."""
    problems: tuple[str, ...]
    """One sentence each: what has no name, and why that is."""
    why_empty: str | None
    """Why there is no name at all; also among the problems."""

    def shared(self, indices: Sequence[int]) -> str:
        """Why interfaces of one name cannot be measured."""
        remedy = "give each its own name on the router"
        if self.source.object == mib.IF_DESCR:
            remedy = "ifName (ifXTable, RFC 2863) would tell them apart: use firmware that has it"
        return f"ifIndex {some(list(map(str, indices)))} share this name, so it cannot be measured; {remedy}"


def names_in(profile: Profile, table: Table) -> Names:
    """The names that the first object to give any gives."""
    sources = profile.interfaces[NAME]
    source = next((source for source in sources if _texts(source, table)), sources[0])
    texts = _texts(source, table)
    why_empty = None if texts else _why_empty(sources, table)
    problems = [why_empty] if why_empty else []
    if texts and source is not sources[0]:
        problems.append(
            f"the agent gives no {object_name(sources[0].object)}, so interfaces are known by"
            f" {object_name(source.object)}, which other firmware may write otherwise; let its community read"
            f" {object_name(sources[0].object)} ({format_oid(sources[0].object)}) if it has that"
        )
    nameless = sorted(_rows(table) - texts.keys()) if texts else []
    if nameless:
        others = sources[sources.index(source) + 1 :]
        said = [_said(index, others, table) for index in nameless]
        problems.append(
            f"ifIndex {some(said)} has no {object_name(source.object)}, by which the router's other interfaces are"
            " known, and is not measured; name it on the router"
        )
    octets = {index: value for index in texts if isinstance(value := table[source.object][index].value, bytes)}
    return Names(source, texts, octets, tuple(problems), why_empty)


def is_lacking(sources: Sequence[Source], table: Table) -> bool:
    """Whether an interface, or the whole router, has no name by any of these objects."""
    named = {index for source in sources for index in _texts(source, table)}
    return not named or bool(_rows(table) - named)


def rows_to_read(profile: Profile, table: Table) -> set[int]:
    """The interfaces that have a name as far as the table goes; all of them where none has one yet."""
    return set(names_in(profile, table).texts) or _rows(table)


def some(names: Sequence[str]) -> str:
    """At most five of them, and how many more."""
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _rows(table: Table) -> set[int]:
    return {index for rows in table.values() for index in rows}


def _texts(source: Source, table: Table) -> dict[int, str]:
    rows = sorted(table.get(source.object, {}).items())
    return {index: text for index, varbind in rows if (text := mib.decode_text(source.decoder, varbind.value))}


def _said(index: int, sources: Sequence[Source], table: Table) -> str:
    """The ifIndex, with what the next best object calls it."""
    text = next((text for source in sources if (text := _texts(source, table).get(index))), None)
    return f"{index} ({text})" if text else str(index)


def _why_empty(sources: Sequence[Source], table: Table) -> str:
    count = len(_rows(table))
    if not count:
        return NO_INTERFACE
    objects = " or ".join(object_name(source.object) for source in sources)
    return (
        f"the agent shows {count} and no {objects} of any, by which netmon tells interfaces apart; let its community"
        " read 1.3.6.1.2.1.2 and 1.3.6.1.2.1.31, or use newer firmware"
    )

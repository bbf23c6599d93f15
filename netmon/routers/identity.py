"""Whether the names of a router's interfaces still mean what they meant when it was looked at before.

A series is known by its interface's name. An agent that begins to give ifName, mostly by newer firmware, may call by
one name what was another interface by ifDescr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from netmon.routers.discovery import Discovered
from netmon.routers.objects import object_name
from netmon.routers.profiles import NAME
from netmon.snmp.oid import Oid


@dataclass(frozen=True, slots=True)
class NamingChange:
    """A router whose interfaces were known by another object before."""

    why: str
    """What changed, with the remedy."""
    mistakable: Mapping[str, str]
    """Names that were those of other interfaces before -> the sentence that says so."""


def lost_names(now: Discovered, before: Discovered) -> str | None:
    """Why the router cannot be measured by the names it gives now; None: they are no worse than before.

    An agent that starts shows ifXTable late now and then, and a view may be narrowed by mistake.
    """
    if now.why_empty or _rank(now, now.naming.object) <= _rank(now, before.naming.object):
        return None
    name = object_name(before.naming.object)
    return (
        f"the agent no longer gives {name}, by which its interfaces are known; let its community read it, or if the"
        " firmware has none any more, write the interfaces as they are called now and reload netmon"
    )


def naming_change(now: Discovered, before: Discovered) -> NamingChange | None:
    """What came of another object naming the interfaces; None: it is the same."""
    if now.why_empty or now.naming.object == before.naming.object:
        return None
    new, old = object_name(now.naming.object), object_name(before.naming.object)
    indices = {interface.name: interface.index for interface in before.interfaces}
    return NamingChange(
        f"the router's interfaces are known by {new} now, no longer by {old}; write the names it has now, and reload"
        " netmon",
        {
            one.name: f"by {old} it was ifIndex {indices[one.name]}, by {new} it is {one.index}, so it may be another"
            " interface and is not measured; correct the configuration if so, and reload netmon"
            for one in now.interfaces
            if indices.get(one.name, one.index) != one.index
        },
    )


def without(discovered: Discovered, mistakable: Mapping[str, str]) -> Discovered:
    """The router with those names refused."""
    if not any(interface.name in mistakable for interface in discovered.interfaces):
        return discovered
    return replace(
        discovered,
        interfaces=tuple(interface for interface in discovered.interfaces if interface.name not in mistakable),
        refused={**discovered.refused, **mistakable},
    )


def _rank(discovered: Discovered, name_object: Oid) -> int:
    """Its place among the objects that the profile names interfaces by; behind all of them if it is none."""
    objects = [source.object for source in discovered.profile.interfaces[NAME]]
    return objects.index(name_object) if name_object in objects else len(objects)

"""What a search would find, read from scripted agents by the real discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netmon.bundled import folder
from netmon.routers import mib
from netmon.routers.discovery import discover
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.sweep import ENGINE_ID, Found, Greeting, Place
from netmon.snmp.client import Agent
from support.scripted_agent import ScriptedAgent

ROUTEROS = (1, 3, 6, 1, 4, 1, 14988, 1)
ENGINE = (*ENGINE_ID, 0)
SERIAL = (1, 3, 6, 1, 4, 1, 14988, 1, 1, 7, 3, 0)
"""mtxrSerialNumber.0 (MIKROTIK-MIB)."""


def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


async def a_finding(
    address: str,
    ports: Mapping[str, str] | None = None,
    *,
    name: str = "",
    router: str | None = None,
    serial: str | None = None,
    engine: bytes = b"",
    macs: Sequence[bytes] | None = None,
    parents: Mapping[str, str] | None = None,
    login: str = "default",
    port: int = 161,
    uncounted: Sequence[str] = (),
    object_id: tuple[int, ...] = ROUTEROS,
) -> Found:
    """A router with as many ports: ifName -> ifAlias. Its MAC addresses follow from the address, unless given."""
    box = ScriptedAgent("RouterOS CCR2004", object_id)
    box.tree[mib.SYS_NAME] = name.encode()
    if serial is not None:
        box.tree[SERIAL] = serial.encode()
    if engine:
        box.tree[ENGINE] = engine
    for index, (interface, alias) in enumerate((ports or {}).items(), 1):
        octets = None if interface in uncounted else 1000
        box.add(index, interface, octets, octets)
        box.set("ifAlias", index, alias.encode())
        own = bytes((2, *address.encode()[-4:], index))
        box.set("ifPhysAddress", index, macs[index - 1] if macs is not None else own)
    discovered = await discover(box, Agent(address), profiles(), None)
    place = Place(address, port, (), router)
    return Found(place, login, Greeting(name, engine), discovered, parents or {})

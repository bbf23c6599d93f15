"""Whether names still mean what they meant, when another object begins to give them."""

from __future__ import annotations

import pytest
from support.scripted_agent import ScriptedAgent

from netmon.bundled import folder
from netmon.routers.discovery import Discovered, discover
from netmon.routers.identity import lost_names, naming_change, without
from netmon.routers.profiles import Profiles, load_profiles
from netmon.snmp.client import Agent


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


async def router(profiles: Profiles, by: str = "ifName", **names: int) -> Discovered:
    """Interfaces and their ifIndex."""
    box = ScriptedAgent()
    for name, index in names.items():
        box.add(index, name, named_by=by)
    return await discover(box, Agent("192.0.2.1"), profiles, None)


async def test_ifname_that_comes_is_a_change_and_ifname_that_goes_is_a_loss(profiles: Profiles) -> None:
    old, new = await router(profiles, "ifDescr", port1=1), await router(profiles, ge1=1)
    assert lost_names(new, old) is None
    change = naming_change(new, old)
    assert change is not None
    assert change.why.startswith("the router's interfaces are known by ifName now, no longer by ifDescr;")
    assert change.mistakable == {}
    why = lost_names(old, new)
    assert why is not None
    assert why.startswith("the agent no longer gives ifName, by which its interfaces are known;")


async def test_a_router_that_shows_nothing_has_neither_changed_nor_lost_its_names(profiles: Profiles) -> None:
    before, nothing = await router(profiles, "ifDescr", port1=1), await router(profiles)
    assert (lost_names(nothing, before), naming_change(nothing, before)) == (None, None)


async def test_a_name_at_its_own_place_is_kept_and_one_at_anothers_is_refused(profiles: Profiles) -> None:
    old = await router(profiles, "ifDescr", lo=1, eth0=2, eth1=3)
    new = await router(profiles, lo=1, eth0=3, eth1=2, eth2=4)
    change = naming_change(new, old)
    assert change is not None
    assert change.mistakable.keys() == {"eth0", "eth1"}
    assert change.mistakable["eth0"].startswith("by ifDescr it was ifIndex 2, by ifName it is 3, so it may be another")
    left = without(new, change.mistakable)
    assert [interface.name for interface in left.interfaces] == ["lo", "eth2"]
    assert left.refused.keys() == {"eth0", "eth1"}
    assert without(new, {}) is new


async def test_an_ifindex_that_moves_under_the_same_object_is_no_change(profiles: Profiles) -> None:
    assert naming_change(await router(profiles, eth0=9), await router(profiles, eth0=2)) is None

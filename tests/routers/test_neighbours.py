"""Neighbours are recognised by every name they go by, and never guessed."""

from __future__ import annotations

import pytest

from netmon.core.fibre_pairs import Heard
from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.neighbours import Directory
from netmon.routers.topology import Link

PORTS = tuple(
    DiscoveredInterface(index, name, name.encode(), alias, mac, 6, None, 64)
    for index, name, alias, mac in (
        (1, "Te1/1", "to the hospital", "02:00:00:00:00:01"),
        (2, "Te1/2", "spare", "02:00:00:00:00:02"),
        (3, "Gi0/3", "spare", None),
    )
)


@pytest.fixture
def directory() -> Directory:
    known = Directory({"palu-core": "10.0.0.1", "gowa": "gowa.example.net", "parigi": "10.0.0.3"})
    known.learn("palu-core", "CORE-1.sulteng.example", PORTS)
    known.learn("gowa", "router", ())
    known.learn("parigi", "router", ())
    return known


def link(system: str, port: str | None = None, description: str | None = None, protocol: str = "lldp") -> Link:
    return Link("xe0", system, port, description, protocol)


@pytest.mark.parametrize(
    ("system", "router"),
    [
        ("CORE-1.sulteng.example", "palu-core"),
        ("core-1", "palu-core"),
        ("core-1.another.domain", "palu-core"),
        ("CORE-1(SSI0123456789)", "palu-core"),
        ("palu-core", "palu-core"),
        ("10.0.0.1", "palu-core"),
        ("10.0.0.9", None),
        ("router", None),
        ("a switch", None),
        ("02:00:00:00:00:01", None),
    ],
)
def test_a_system_is_known_by_its_names_and_address_unless_two_share_them(
    directory: Directory, system: str, router: str | None
) -> None:
    assert directory.heard([link(system)]) == (Heard("xe0", router, None),)


@pytest.mark.parametrize(
    ("port", "description", "name"),
    [
        ("Te1/1", None, "Te1/1"),
        ("TenGigabitEthernet1/1", None, "Te1/1"),
        ("02:00:00:00:00:02", None, "Te1/2"),
        ("to the hospital", None, "Te1/1"),
        ("spare", None, None),
        ("3", None, "Gi0/3"),
        ("local-77", "GigabitEthernet0/3", "Gi0/3"),
        (None, None, None),
        ("9", "nonsense", None),
    ],
)
def test_a_port_is_known_by_its_name_however_long_its_address_its_alias_or_its_number(
    directory: Directory, port: str | None, description: str | None, name: str | None
) -> None:
    assert directory.heard([link("core-1", port, description)]) == (Heard("xe0", "palu-core", name),)


def test_of_several_protocols_at_a_port_the_one_that_bridges_do_not_pass_on_counts(directory: Directory) -> None:
    heard = [link("gowa", protocol="mndp"), link("core-1", "Te1/1"), link("parigi", protocol="cdp")]
    assert directory.heard(heard) == (Heard("xe0", "palu-core", "Te1/1"),)


def test_a_router_that_gets_another_name_is_no_longer_known_by_the_old_one(directory: Directory) -> None:
    directory.learn("palu-core", "new", PORTS)
    assert [one.router for one in directory.heard([link("core-1"), link("new")])] == [None, "palu-core"]
    directory.learn("parigi", "router-2", ())
    assert directory.heard([link("router")]) == (Heard("xe0", "gowa", None),)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from support.findings import a_finding

from netmon.config.load import Configuration, load
from netmon.config.proposal import Proposal, ProposedRouter, platform_of, propose, serial_of, slug
from netmon.core.model import Mode

SITE = """\
site: {name: sulteng}
snmp:
  credentials: {default: {community: {file: community}}}
  discover: {DISCOVER}
agencies:
  dinkes: {name: Dinas Kesehatan, code: "1.02.01"}
  arsip: {name: Dinas Kearsipan}
routers:
  core-1:
    address: 10.20.0.1
    uplinks: [ether9]
    circuits:
      dinkes-core-1: {agency: dinkes, interface: ether1, faces: agency}
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return loaded(tmp_path)


def loaded(directory: Path, discover: str = "") -> Configuration:
    path = directory / "netmon.yaml"
    path.write_text(dedent(SITE).replace("DISCOVER", discover), encoding="utf-8")
    return load(path)


def only(proposal: Proposal) -> ProposedRouter:
    (router,) = (*proposal.new, *proposal.known)
    return router


def circuits(router: ProposedRouter) -> dict[str, str]:
    """Interface -> agency."""
    return {circuit.interface: circuit.agency for circuit in router.circuits}


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [("Core 1 (Palu)", "core-1-palu"), ("-x-", "x"), ("...", ""), ("é", ""), ("A" * 70, "a" * 64), ("a_b.c", "a_b.c")],
)
def test_a_slug_is_a_name_of_the_configuration(text: str, name: str) -> None:
    assert slug(text) == name


@pytest.mark.parametrize(
    ("sys_name", "router"),
    [
        ("edge-1.palu.example.go.id", "edge-1"),
        ("Edge 1", "edge-1"),
        ("core-1.palu.example.go.id", "core-1.palu.example.go.id"),
        ("core-1", "core-1-10-20-0-2"),
        ("", "router-10-20-0-2"),
        ("10.9.8.7", "10.9.8.7"),
    ],
    ids=["first-label", "made-valid", "whole-name-if-taken", "address-if-taken-too", "nameless", "an-address"],
)
async def test_a_router_is_called_by_its_sys_name(sys_name: str, router: str, configuration: Configuration) -> None:
    proposal = propose(configuration, [await a_finding("10.20.0.2", name=sys_name)])
    assert only(proposal).name == router


async def test_many_routers_that_still_have_their_maker_s_name_get_names_of_their_own(
    configuration: Configuration,
) -> None:
    found = [await a_finding(f"10.20.0.{n}", {"ether1": ""}, name="MikroTik") for n in (2, 3, 4)]
    names = [router.name for router in propose(configuration, found).new]
    assert names == ["mikrotik", "mikrotik-10-20-0-3", "mikrotik-10-20-0-4"]


async def test_circuits_have_names_of_their_own_over_all_routers(configuration: Configuration) -> None:
    ports = {"ether1": "OPD: dinkes", "ether2": "OPD: dinkes", "sfp/3": "OPD: dinkes"}
    found = await a_finding("10.20.0.2", ports, name="core-2")
    named = [circuit.name for circuit in only(propose(configuration, [found])).circuits]
    assert named == ["dinkes-core-2", "dinkes-core-2-ether2", "dinkes-core-2-sfp-3"]


# --- what a port's description says ----------------------------------------------------------


@pytest.mark.parametrize(
    ("alias", "agency"),
    [
        ("OPD: dinkes", "dinkes"),
        ("opd=DINKES fibre, 2024", "dinkes"),
        ("customer: arsip", "arsip"),
        ("link 7; agency=dinkes", "dinkes"),
        ("027/DINKES/FO", "dinkes"),
        ("OPD: 1.02.01", "dinkes"),
    ],
)
async def test_a_description_names_the_agency_by_id_or_reference_code(
    alias: str, agency: str, configuration: Configuration
) -> None:
    router = only(propose(configuration, [await a_finding("10.20.0.2", {"ether1": alias})]))
    (circuit,) = router.circuits
    assert (circuit.agency, circuit.interface, circuit.alias) == (agency, "ether1", alias)


@pytest.mark.parametrize("alias", ["", "to the roof", "10/100/1000", "dinkes", "COPD: dinkes"])
async def test_other_descriptions_say_nothing(alias: str, configuration: Configuration) -> None:
    router = only(propose(configuration, [await a_finding("10.20.0.2", {"ether1": alias})]))
    assert (router.circuits, router.suggestions, router.uplinks) == ((), (), ())


async def test_patterns_of_the_configuration_take_the_place_of_the_shipped_ones(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, r"alias_patterns: ['^to (?P<agency>\w+)$'], uplink_patterns: ['^isp$']")
    found = await a_finding("10.20.0.2", {"ether1": "to arsip", "ether2": "OPD: dinkes", "ether3": "isp"})
    router = only(propose(configuration, [found]))
    assert circuits(router) == {"ether1": "arsip"}
    assert router.uplinks == (("ether3", "isp"),)


@pytest.mark.parametrize(
    ("alias", "why", "agency"),
    [
        ("OPD: dinkse", "no agency is named dinkse; did you mean dinkes?", "dinkes"),
        ("OPD: Satpol.PP", "no agency is named Satpol.PP; add it under agencies first", "satpol.pp"),
    ],
)
async def test_an_unknown_agency_is_a_suggestion_and_nothing_more(
    alias: str, why: str, agency: str, configuration: Configuration
) -> None:
    router = only(propose(configuration, [await a_finding("10.20.0.2", {"ether1": alias}, name="core-2")]))
    assert router.circuits == ()
    (one,) = router.suggestions
    assert (one.interface, one.why) == ("ether1", why)
    assert one.circuit is not None
    assert one.circuit.agency == agency


async def test_uplinks_are_for_a_person_to_confirm(configuration: Configuration) -> None:
    ports = {"sfp1": "UPLINK Example Net", "sfp2": "Transit: OPD: dinkes", "ether3": "uplinked by mistake"}
    router = only(propose(configuration, [await a_finding("10.20.0.2", ports)]))
    assert [port for port, _ in router.uplinks] == ["sfp1", "sfp2"]
    assert router.circuits == ()


# --- nothing counts twice --------------------------------------------------------------------


async def test_members_and_sub_interfaces_of_a_proposed_port_are_not_proposed_again(
    configuration: Configuration,
) -> None:
    ports = {"ether1": "OPD: dinkes", "ether2": "OPD: dinkes", "bond1": "OPD: dinkes", "bond1.10": "OPD: arsip"}
    parents = {"ether1": "bond1", "ether2": "bond1", "bond1.10": "bond1"}
    router = only(propose(configuration, [await a_finding("10.20.0.2", ports, name="core-2", parents=parents)]))
    assert circuits(router) == {"bond1": "dinkes"}
    (other,) = router.suggestions
    assert (other.interface, other.circuit) == ("bond1.10", None)
    assert other.why == "circuit dinkes-core-2 counts the same traffic at bond1; count one of them"


async def test_a_port_that_carries_one_already_counted_is_not_proposed(configuration: Configuration) -> None:
    found = await a_finding(
        "10.20.0.1",
        {"ether1": "OPD: dinkes", "bond1": "OPD: dinkes", "bond2": "OPD: arsip"},
        router="core-1",
        parents={"ether1": "bond2"},
    )
    router = only(propose(configuration, [found]))
    assert circuits(router) == {"bond1": "dinkes"}
    assert [one.why for one in router.suggestions] == [
        "circuit dinkes-core-1 counts the same traffic at ether1; count one of them"
    ]


async def test_of_an_aggregate_s_members_and_its_sub_interfaces_the_latter_are_proposed(
    configuration: Configuration,
) -> None:
    ports = {"xe-0/0/0": "OPD: dinkes", "ae0": "", "ae0.100": "OPD: dinkes", "ae0.200": "OPD: arsip"}
    parents = {"xe-0/0/0": "ae0", "ae0.100": "ae0", "ae0.200": "ae0"}
    router = only(propose(configuration, [await a_finding("10.20.0.2", ports, parents=parents)]))
    assert circuits(router) == {"ae0.100": "dinkes", "ae0.200": "arsip"}
    assert router.suggestions == ()


async def test_of_parts_of_parts_only_the_whole_is_proposed(configuration: Configuration) -> None:
    ports = {"e1": "OPD: dinkes", "bond1": "OPD: dinkes", "e1.7": "OPD: arsip"}
    found = await a_finding("10.20.0.2", ports, name="core-2", parents={"e1.7": "e1", "e1": "bond1"})
    router = only(propose(configuration, [found]))
    assert circuits(router) == {"bond1": "dinkes"}
    (one,) = router.suggestions
    assert one.why == "circuit dinkes-core-2 counts the same traffic at bond1; count one of them"


async def test_a_port_of_an_unknown_agency_under_a_counted_one_is_not_offered(configuration: Configuration) -> None:
    ports = {"ether1": "OPD: dinkes", "ether1.7": "OPD: satpol"}
    found = await a_finding("10.20.0.2", ports, name="core-2", parents={"ether1.7": "ether1"})
    (one,) = only(propose(configuration, [found])).suggestions
    assert (one.why.partition(" at ")[0], one.circuit) == ("circuit dinkes-core-2 counts the same traffic", None)


async def test_an_interface_that_counts_nothing_or_cannot_be_written_is_a_suggestion(
    configuration: Configuration,
) -> None:
    ports = {"ether1": "OPD: dinkes", "e" * 256: "OPD: dinkes", "é": "OPD: dinkes"}
    router = only(propose(configuration, [await a_finding("10.20.0.2", ports, uncounted=["ether1"])]))
    assert circuits(router) == {"é": "dinkes"}
    found = await a_finding("10.20.0.2", dict.fromkeys(ports, "OPD: satpol"), uncounted=["ether1"])
    assert [one.why.partition(";")[0] for one in only(propose(configuration, [found])).suggestions] == [
        "it counts no octets, so it cannot be measured",
        "its ifName is longer than 255 characters",
        "no agency is named satpol",
    ]


async def test_a_port_whose_name_cannot_be_limited_is_not_proposed_where_circuits_are_enforced(
    configuration: Configuration,
) -> None:
    settings = configuration.settings
    enforced = settings.routers["core-1"].model_copy(update={"mode": Mode.ENFORCE})
    routers = {**settings.routers, "core-1": enforced}
    governed = replace(configuration, settings=settings.model_copy(update={"routers": routers}))
    found = await a_finding("10.20.0.1", {"étage 2": "OPD: dinkes", "ether2": "OPD: arsip"}, router="core-1")
    router = only(propose(governed, [found]))
    assert circuits(router) == {"ether2": "arsip"}
    assert [one.why.partition(";")[0] for one in router.suggestions] == [
        "its ifName is not ASCII of at most 64 characters, and this router's circuits are enforced"
    ]
    assert circuits(only(propose(configuration, [found]))) == {"étage 2": "dinkes", "ether2": "arsip"}


# --- which device ----------------------------------------------------------------------------

PORTS = {"ether1": "OPD: dinkes", "ether9": "UPLINK", "ether2": "OPD: arsip"}
ENGINE, OTHER = b"\x80\x00\x1f\x88\x04one", b"\x80\x00\x1f\x88\x04two"
MACS = [bytes((2, 0, 0, 0, 0, n)) for n in range(3)]


async def test_a_configured_router_is_offered_only_what_it_lacks(configuration: Configuration) -> None:
    proposal = propose(configuration, [await a_finding("10.20.0.1", PORTS, router="core-1")])
    assert proposal.new == ()
    assert circuits(only(proposal)) == {"ether2": "arsip"}
    assert only(proposal).uplinks == ()


async def test_ports_of_pools_uplinks_and_of_backhauls_are_not_offered(tmp_path: Path) -> None:
    path = tmp_path / "netmon.yaml"
    pool = "pools: {p: {download: 1 Gbps, upload: 1 Gbps, uplinks: {u: {router: core-1, interface: sfp1}}}}\n"
    backhaul = "backhauls: {hill: {interface: ether2, download: 9 Mbps, upload: 9 Mbps}}"
    path.write_text(pool + SITE.replace("DISCOVER", "").replace("uplinks: [ether9]", backhaul), encoding="utf-8")
    ports = {"sfp1": "UPLINK", "ether2": "OPD: arsip", "ether3": "OPD: arsip"}
    proposal = propose(load(path), [await a_finding("10.20.0.1", ports, router="core-1")])
    assert (circuits(only(proposal)), only(proposal).uplinks) == ({"ether3": "arsip"}, ())


@pytest.mark.parametrize("marks", [{"serial": "HF90"}, {"engine": ENGINE}, {"serial": "HF90", "engine": ENGINE}])
async def test_a_router_found_at_a_second_address_is_proposed_once(
    marks: dict[str, str], configuration: Configuration
) -> None:
    twins = [await a_finding(f"10.20.0.{n}", PORTS, name="edge", macs=MACS, **marks) for n in (2, 3)]  # type: ignore[arg-type]
    proposal = propose(configuration, twins)
    assert [router.found for router in proposal.new] == twins[:1]
    assert proposal.repeated == ((twins[1], "edge"),)


@pytest.mark.parametrize("as_witness", [False, True])
async def test_a_second_address_of_a_configured_router_is_never_proposed(
    as_witness: bool, configuration: Configuration
) -> None:
    own = await a_finding("10.20.0.1", PORTS, router="core-1", serial="HF90", macs=MACS)
    other = await a_finding("10.99.0.1", PORTS, serial="HF90", macs=MACS)
    proposal = propose(configuration, [other], [own]) if as_witness else propose(configuration, [other, own])
    assert (proposal.new, proposal.repeated) == ((), ((other, "core-1"),))
    assert len(proposal.known) == (0 if as_witness else 1)


async def test_clones_that_share_an_engine_id_but_no_mac_address_are_different_devices(
    configuration: Configuration,
) -> None:
    clones = [await a_finding(f"10.20.0.{n}", PORTS, name=f"edge-{n}", engine=ENGINE) for n in (2, 3)]
    assert len(propose(configuration, clones).new) == 2


async def test_devices_that_tell_nothing_of_themselves_are_taken_for_different_ones(
    configuration: Configuration,
) -> None:
    found = [await a_finding(f"10.20.0.{n}", PORTS, macs=MACS) for n in (2, 3)]
    assert len(propose(configuration, found).new) == 2


async def test_an_engine_id_is_no_serial_number() -> None:
    assert serial_of(await a_finding("10.20.0.2", serial="HF90", engine=ENGINE)) == "HF90"
    assert serial_of(await a_finding("10.20.0.2", engine=ENGINE)) is None
    assert serial_of(await a_finding("10.20.0.2")) is None


async def test_a_platform_is_written_only_where_one_was_recognised() -> None:
    assert platform_of(await a_finding("10.20.0.2")) == "routeros"
    assert platform_of(await a_finding("10.20.0.2", object_id=(1, 3, 6, 1, 4, 1, 77))) is None


def test_an_empty_search_proposes_nothing(configuration: Configuration) -> None:
    assert propose(configuration, []) == Proposal((), (), ())

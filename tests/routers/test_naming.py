"""By which object interfaces are told apart, and what is said of those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from netmon.bundled import folder
from netmon.routers.naming import NO_INTERFACE, is_lacking, names_in, rows_to_read, some
from netmon.routers.objects import OBJECTS
from netmon.routers.profiles import NAME, Profile, load_profiles
from netmon.snmp.codec import Tag, VarBind
from netmon.snmp.oid import Oid

IF_NAME, IF_DESCR, IF_TYPE = OBJECTS["ifName"], OBJECTS["ifDescr"], OBJECTS["ifType"]
Column = Mapping[int, bytes | int]


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profiles([folder("collectors")]).named("generic-if-mib")


def table_of(**columns: Column) -> dict[Oid, dict[int, VarBind]]:
    return {
        OBJECTS[name]: {
            index: VarBind(
                (*OBJECTS[name], index), Tag.OCTET_STRING if isinstance(value, bytes) else Tag.INTEGER, value
            )
            for index, value in rows.items()
        }
        for name, rows in columns.items()
    }


@pytest.mark.parametrize(
    ("if_name", "if_descr", "texts", "by"),
    [
        ({1: b"ge1", 2: b"ge2"}, {1: b"Port 1", 2: b"Port 2"}, {1: "ge1", 2: "ge2"}, IF_NAME),
        ({}, {2: b"Port 2", 1: b"Port 1"}, {1: "Port 1", 2: "Port 2"}, IF_DESCR),
        ({1: b"", 2: b"\0"}, {1: b"Port 1", 2: b"Port 2"}, {1: "Port 1", 2: "Port 2"}, IF_DESCR),
        ({2: b"ge2"}, {1: b"Port 1", 2: b"Port 2"}, {2: "ge2"}, IF_NAME),
        ({1: 7}, {1: b"Port 1"}, {1: "Port 1"}, IF_DESCR),
        ({}, {1: b"  "}, {}, IF_NAME),
        ({}, {}, {}, IF_NAME),
    ],
)
def test_one_object_names_all_interfaces_and_ifname_comes_first(
    profile: Profile, if_name: Column, if_descr: Column, texts: dict[int, str], by: Oid
) -> None:
    names = names_in(profile, table_of(ifName=if_name, ifDescr=if_descr))
    assert (names.texts, names.source.object) == (texts, by)
    assert list(names.texts) == sorted(names.texts)
    assert names.octets.keys() == names.texts.keys()
    assert (names.why_empty is None) == bool(texts)


def test_interfaces_without_the_name_that_others_have_are_named_by_what_they_have(profile: Profile) -> None:
    table = table_of(ifName={1: b"ge1"}, ifDescr={1: b"Port 1", 2: b"mgmt"}, ifType={1: 6, 2: 6, 3: 24})
    (problem,) = names_in(profile, table).problems
    assert problem == (
        "ifIndex 2 (mgmt), 3 has no ifName, by which the router's other interfaces are known, and is not measured;"
        " name it on the router"
    )


def test_a_name_by_ifdescr_is_said_to_be_one(profile: Profile) -> None:
    (problem,) = names_in(profile, table_of(ifDescr={1: b"Port 1"})).problems
    assert problem == (
        "the agent gives no ifName, so interfaces are known by ifDescr, which other firmware may write otherwise;"
        " let its community read ifName (1.3.6.1.2.1.31.1.1.1.1) if it has that"
    )


def test_no_name_is_made_up(profile: Profile) -> None:
    assert names_in(profile, {}).problems == (NO_INTERFACE,)
    (problem,) = names_in(profile, table_of(ifType={1: 6, 2: 6})).problems
    assert problem.startswith("the agent shows 2 and no ifName or ifDescr of any, by which netmon tells interfaces")


def test_what_to_do_about_a_shared_name_depends_on_who_gave_it(profile: Profile) -> None:
    by_name, by_descr = names_in(profile, table_of(ifName={1: b"x"})), names_in(profile, table_of(ifDescr={1: b"x"}))
    assert by_name.shared([1, 2]) == (
        "ifIndex 1, 2 share this name, so it cannot be measured; give each its own name on the router"
    )
    assert by_descr.shared([1, 2]).endswith(
        "ifName (ifXTable, RFC 2863) would tell them apart: use firmware that has it"
    )


@pytest.mark.parametrize(
    ("table", "lacking", "to_read"),
    [
        ({}, True, set()),
        (table_of(ifName={1: b"ge1"}, ifType={1: 6}), False, {1}),
        (table_of(ifName={1: b"ge1"}, ifType={1: 6, 2: 6}), True, {1}),
        (table_of(ifName={1: b""}, ifType={1: 6}), True, {1}),
        (table_of(ifType={1: 6, 2: 6}), True, {1, 2}),
    ],
)
def test_further_objects_are_read_where_a_name_is_lacking(
    profile: Profile, table: dict[Oid, dict[int, VarBind]], lacking: bool, to_read: set[int]
) -> None:
    assert is_lacking(profile.interfaces[NAME][:1], table) is lacking
    assert rows_to_read(profile, table) == to_read


def test_a_sentence_names_five_and_counts_the_rest() -> None:
    assert some(list("abcde")) == "a, b, c, d, e"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"

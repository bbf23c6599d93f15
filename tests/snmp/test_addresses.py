from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp.addresses import Addresses, Target, literal, misspelling
from netmon.snmp.errors import SnmpTransportError
from netmon.snmp.udp import source_address


@pytest.mark.parametrize(
    ("host", "family", "canonical"),
    [
        ("127.0.0.1", socket.AF_INET, "127.0.0.1"),
        ("::1", socket.AF_INET6, "::1"),
        ("2001:DB8:0:0::5", socket.AF_INET6, "2001:db8::5"),
    ],
)
async def test_a_literal_is_taken_in_the_kernels_spelling(host: str, family: int, canonical: str) -> None:
    assert await Addresses().resolve(host, 161) == Target(family, canonical, 161)


async def test_a_link_local_address_keeps_its_interface() -> None:
    target = await Addresses().resolve("fe80::1%lo", 161)
    assert target == Target(socket.AF_INET6, "fe80::1", 161, socket.if_nametoindex("lo"))


async def test_a_host_name_is_resolved() -> None:
    assert (await Addresses().resolve("localhost", 161)).host in {"127.0.0.1", "::1"}


async def test_the_interface_of_a_link_local_address_is_looked_up_again_for_it_may_be_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    indexes = iter((7, 9))
    monkeypatch.setattr("netmon.snmp.addresses.NAME_LIFETIME_NS", 0)
    monkeypatch.setattr(
        "netmon.snmp.addresses.literal", lambda host, port: Target(socket.AF_INET6, "fe80::1", port, next(indexes))
    )
    addresses = Addresses()
    assert [(await addresses.resolve("fe80::1%eth0", 161)).scope for _ in range(2)] == [7, 9]


MISSPELT = [
    ("fe80::1", "'fe80::1' is link-local: its interface has to be written behind it, for example fe80::1%eth0"),
    ("FE80::1%0", "'FE80::1%0' is link-local: its interface has to be written behind it, for example FE80::1%eth0"),
    ("fe80::1%nowhere", "'fe80::1%nowhere': this host has no interface nowhere; ip link lists those it has"),
    ("fe80::1%2147483647", "'fe80::1%2147483647': this host has no interface 2147483647; ip link lists those it has"),
    ("::1%lo", "'::1%lo' names an interface, as only link-local addresses (fe80::) do; write ::1"),
    (
        "2001:db8::1%1",
        "'2001:db8::1%1' names an interface, as only link-local addresses (fe80::) do; write 2001:db8::1",
    ),
    ("::ffff:127.0.0.1", "'::ffff:127.0.0.1' is an IPv4 address in the form of IPv6; write 127.0.0.1"),
    ("::FFFF:7f00:1%1", "'::FFFF:7f00:1%1' is an IPv4 address in the form of IPv6; write 127.0.0.1"),
    ("[2001:db8::1]", "'[2001:db8::1]' has brackets; write 2001:db8::1"),
    ("[2001:db8::1]:161", "'[2001:db8::1]:161' has brackets; write 2001:db8::1, and its port apart"),
    ("", "an empty address; write an IP address or a host name"),
    (
        "x" * 64,
        (
            f"'{'x' * 63}'... is too long for a host name, which has at most 253 characters and 63 between dots;"
            " correct it"
        ),
    ),
]


@pytest.mark.parametrize(("host", "sentence"), MISSPELT)
async def test_an_address_that_would_never_answer_as_it_is_written_is_refused_with_the_remedy(
    host: str, sentence: str
) -> None:
    with pytest.raises(SnmpTransportError) as caught:
        await Addresses().resolve(host, 161)
    assert str(caught.value) == sentence
    with pytest.raises(SnmpTransportError) as caught:
        source_address(host)
    assert str(caught.value) == sentence


def test_a_long_name_is_one_while_it_has_253_characters() -> None:
    name = ".".join(["x" * 63] * 4)[:253]
    assert misspelling(name) == ""
    assert "too long" in misspelling(name + "y")


@given(st.ip_addresses().map(str))
def test_an_address_that_is_not_refused_is_taken_as_the_kernel_names_it_in_a_reply(address: str) -> None:
    if not misspelling(address):
        target = literal(address, 161)
        name = socket.getnameinfo((target.host, target.port), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        assert (name, target.scope) == ((target.host, "161"), 0)


@pytest.mark.parametrize("host", ["no such host", "a\0b", "127.0.0.1:161", "10.0.0.0/8", "fe80::1%", "x..y"])
async def test_what_does_not_resolve_is_refused_with_the_remedy(host: str) -> None:
    with pytest.raises(SnmpTransportError, match="neither an IP address nor a name that resolves"):
        await Addresses().resolve(host, 161)


Found = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


def found(*hosts: str) -> list[Found]:
    """As the resolver gives them."""

    def each() -> Iterator[Found]:
        for host in hosts:
            plain, _, scope = host.partition("%")
            if ":" in plain:
                yield socket.AF_INET6, 0, 0, "", (plain, 161, 0, int(scope or 0))
            else:
                yield socket.AF_INET, 0, 0, "", (plain, 161)

    return list(each())


@pytest.mark.parametrize(
    ("hosts", "chosen"),
    [
        (("2001:db8::1", "10.0.0.1"), Target(socket.AF_INET6, "2001:db8::1", 161)),
        (("10.0.0.1", "2001:db8::1"), Target(socket.AF_INET, "10.0.0.1", 161)),
        (("fe80::1", "::ffff:10.0.0.2", "10.0.0.1"), Target(socket.AF_INET, "10.0.0.1", 161)),
        (("fe80::1%4", "10.0.0.1"), Target(socket.AF_INET6, "fe80::1", 161, 4)),
    ],
)
async def test_a_name_of_several_addresses_stands_for_the_first_that_can_answer(
    hosts: tuple[str, ...], chosen: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolved(*_: object, **__: object) -> list[Found]:
        return found(*hosts)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    assert await Addresses().resolve("router.example", 161) == chosen


async def test_a_name_whose_addresses_cannot_answer_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolved(*_: object, **__: object) -> list[Found]:
        return found("fe80::1")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    with pytest.raises(SnmpTransportError, match=r"no usable address of 'router.example': 'fe80::1' is link-local"):
        await Addresses().resolve("router.example", 161)


@pytest.mark.parametrize("port", [0, -1, 65_536])
async def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(SnmpTransportError, match="is no UDP port"):
        await Addresses().resolve("127.0.0.1", port)


async def test_a_name_keeps_its_last_address_when_the_dns_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netmon.snmp.addresses.NAME_LIFETIME_NS", 0)
    addresses = Addresses()
    first = await addresses.resolve("localhost", 161)

    async def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "the resolver does not answer")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fails)
    assert await addresses.resolve("localhost", 161) == first

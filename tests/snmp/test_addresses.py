from __future__ import annotations

import asyncio
import socket

import pytest

from netmon.snmp.addresses import Addresses, Target
from netmon.snmp.errors import SnmpTransportError


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


@pytest.mark.parametrize("host", ["no such host", "", "a\0b", "x" * 70, "127.0.0.1:161", "10.0.0.0/8"])
async def test_what_does_not_resolve_is_refused_with_the_remedy(host: str) -> None:
    with pytest.raises(SnmpTransportError, match="neither an IP address nor a name that resolves"):
        await Addresses().resolve(host, 161)


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

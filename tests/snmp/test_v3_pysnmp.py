"""SNMPv3 against pysnmp's agent, which has what Debian's snmpd has not: the long keys as Cisco makes them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from pysnmp.carrier.asyncio.dgram import udp  # type: ignore[import-untyped]
from pysnmp.entity import config, engine  # type: ignore[import-untyped]
from pysnmp.entity.rfc3413 import cmdrsp, context  # type: ignore[import-untyped]
from snmp.usm_oracle import AUTH_OIDS, PRIV_OIDS
from support.processes import free_port

from netmon.snmp.client import Agent, Client
from netmon.snmp.oid import Oid
from netmon.snmp.security_errors import SnmpWrongKeyError
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
AUTH_PASSWORD, PRIV_PASSWORD = b"authentication", b"and privacy"


def user(auth: AuthProtocol, priv: PrivProtocol) -> User:
    return User(f"{auth.value}-{priv.value}".encode(), auth, AUTH_PASSWORD, priv, PRIV_PASSWORD)


USERS = [user(*both) for both in product(AuthProtocol, (PrivProtocol.AES192C, PrivProtocol.AES256C))]
USERS += [user(AuthProtocol.MD5, PrivProtocol.AES256), user(AuthProtocol.SHA, PrivProtocol.DES)]


@contextmanager
def pysnmp_agent(users: list[User]) -> Iterator[int]:
    """Its port; on the running loop."""
    agent = engine.SnmpEngine()
    port = free_port(socket.SOCK_DGRAM)
    config.add_transport(agent, udp.DOMAIN_NAME, udp.UdpAsyncioTransport().open_server_mode(("127.0.0.1", port)))
    for one in users:
        assert one.auth
        assert one.priv
        config.add_v3_user(
            agent,
            one.name.decode(),
            AUTH_OIDS[one.auth],
            AUTH_PASSWORD.decode(),
            PRIV_OIDS[one.priv],
            PRIV_PASSWORD.decode(),
        )
        config.add_vacm_user(agent, 3, one.name.decode(), "authPriv", (1, 3, 6, 1, 2, 1))
    answering = context.SnmpContext(agent)
    responders: list[Any] = [
        cmdrsp.GetCommandResponder(agent, answering),
        cmdrsp.BulkCommandResponder(agent, answering),
    ]
    try:
        yield port
    finally:
        for responder in responders:
            responder.close(agent)
        agent.close_dispatcher()


async def test_every_long_key_as_cisco_makes_it_is_let_in_and_reads() -> None:
    async with await Client.open() as client:
        with pysnmp_agent(USERS) as port:
            for one in USERS:
                agent = Agent("127.0.0.1", port, b"", 500_000_000, 5, one)
                assert (await client.get(agent, [(*SYSTEM, 5, 0)]))[0].is_exception is False
                found = await client.walk(agent, [SYSTEM])
                assert (5, 0) in found[SYSTEM]


async def test_replies_of_any_length_are_read_although_pysnmp_pads_those_that_need_no_padding() -> None:
    one = USERS[-1]
    assert one.priv is PrivProtocol.DES
    async with await Client.open() as client:
        with pysnmp_agent([one]) as port:
            agent = Agent("127.0.0.1", port, b"", 500_000_000, 5, one)
            for further in range(8):
                (answer,) = await client.get(agent, [(*SYSTEM, 99, *(1,) * further)])
                assert answer.is_exception


async def test_wrong_keys_are_told_apart() -> None:
    one = USERS[-1]
    async with await Client.open() as client:
        with pysnmp_agent([one]) as port:
            agent = Agent("127.0.0.1", port, b"", 500_000_000, 5, one)
            await client.get(agent, [(*SYSTEM, 5, 0)])
            for wrong, what in (
                (replace(one, auth_password=b"mistyped"), "authentication key"),
                (replace(one, priv_password=b"mistyped"), "privacy key"),
            ):
                with pytest.raises(SnmpWrongKeyError, match=what):
                    await client.get(replace(agent, user=wrong), [(*SYSTEM, 5, 0)])

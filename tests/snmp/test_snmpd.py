"""Against Net-SNMP's agent, which shares no code with netmon."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from snmp.scripted import counted
from support.processes import free_port, running

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import V2C, Message, Pdu, PduKind, Tag, VarBind, encode_message
from netmon.snmp.errors import SnmpTimeoutError
from netmon.snmp.oid import Oid
from netmon.snmp.template import IF_NAME, GetTemplate, build_templates

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
IF_X: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
IF: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
SNMPD = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin:/bin")

pytestmark = pytest.mark.skipif(SNMPD is None, reason="needs snmpd installed")


def answers(port: int) -> bool:
    request = Message(V2C, b"secret", Pdu(PduKind.GET, 1, 0, 0, (VarBind((*SYSTEM, 3, 0), Tag.NULL, None),)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        probe.connect(("127.0.0.1", port))
        try:
            probe.send(encode_message(request))
            return bool(probe.recv(2000))
        except OSError:
            return False


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    directory = tmp_path_factory.mktemp("snmpd")
    port = free_port(socket.SOCK_DGRAM)
    config = directory / "snmpd.conf"
    config.write_text("rocommunity secret 127.0.0.1\nsysName edge-router\nsysDescr a test router\n", encoding="ascii")
    environment = {"SNMP_PERSISTENT_DIR": str(directory / "state"), "SNMPCONFPATH": str(directory), "MIBS": ""}
    command: list[str | Path] = [
        str(SNMPD),
        "-f",
        "-Lo",
        "-C",
        "-c",
        config,
        "-p",
        directory / "pid",
        f"udp:127.0.0.1:{port}",
    ]
    with running(command, lambda: answers(port), directory / "log", environment):
        yield Agent("127.0.0.1", port, b"secret", 10_000_000_000, 1)


async def test_get_reads_the_system_group(snmpd: Agent) -> None:
    async with await Client.open() as client:
        found = await client.get(snmpd, [(*SYSTEM, 5, 0), (*SYSTEM, 1, 0), (*SYSTEM, 3, 0), (*SYSTEM, 99, 0)])
    assert [varbind.value for varbind in found[:2]] == [b"edge-router", b"a test router"]
    assert found[2].tag == Tag.TIME_TICKS
    assert found[3].is_exception


async def test_walk_finds_the_interfaces_the_kernel_has(snmpd: Agent) -> None:
    columns = [IF_NAME, (*IF_X, 6), (*IF, 8), (*IF_X, 99)]
    async with await Client.open() as client:
        found = await client.walk(snmpd, columns, max_repetitions=3)
    kernel = {index: name.encode() for index, name in socket.if_nameindex()}
    assert {index: varbind.value for (index,), varbind in found[IF_NAME].items()} == kernel
    assert {varbind.tag for varbind in found[(*IF_X, 6)].values()} == {Tag.COUNTER64}
    assert found[(*IF_X, 99)] == {}


async def test_fetch_recognises_the_kernels_counters_from_the_second_time_on(
    snmpd: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = [(index, name.encode()) for index, name in socket.if_nameindex()]
    columns = [(*IF_X, 6), (*IF_X, 10), (*IF, 7), (*IF, 8), (*IF, 14)]
    lo = [name for _, name in identity].index(b"lo")
    async with await Client.open() as client:
        templates = build_templates(identity, columns)
        decoded = counted(monkeypatch, GetTemplate, "read")
        for _ in range(5):
            replies = await client.fetch(snmpd, templates)
    # Once each, and again where some number has just outgrown its octets.
    assert len(templates) <= len(decoded) < 5 * len(templates)
    assert all(reply.names_match and reply.uptime_ticks > 0 for reply in replies)
    octets, _, admin, oper, _ = ([cell for reply in replies for cell in reply.cells[c::5]][lo] for c in range(5))
    # snmpd keeps what it read of the kernel for some seconds, so only the upper bound is sure.
    assert octets is not None
    assert octets <= _received_octets()
    assert (admin, oper) == (1, 1)


def _received_octets() -> int:
    return int(Path("/sys/class/net/lo/statistics/rx_bytes").read_text(encoding="ascii"))


async def test_fetch_says_when_an_interface_is_not_the_one_it_was(snmpd: Agent) -> None:
    (template,) = build_templates([(1, b"ether1"), (4_000_000, b"gone")], [(*IF_X, 6)])
    async with await Client.open() as client:
        (reply,) = await client.fetch(snmpd, [template])
    assert not reply.names_match
    assert reply.names == (b"lo", None)


async def test_a_wrong_community_is_a_timeout_that_names_the_community_but_does_not_show_it(snmpd: Agent) -> None:
    async with await Client.open() as client:
        with pytest.raises(SnmpTimeoutError, match="community is right") as caught:
            await client.get(Agent(snmpd.address, snmpd.port, b"wrong-one", 50_000_000, 0), [(*SYSTEM, 5, 0)])
    assert "wrong-one" not in str(caught.value)

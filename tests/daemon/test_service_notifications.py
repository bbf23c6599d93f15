"""A trap makes the daemon read its router at once, and nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon.boxes import COMMUNITY, served
from daemon.test_service import Site
from support.processes import free_port, wait_until
from support.stack import sample

from netmon.snmp.codec import Message, Pdu, PduKind, Tag, VarBind, encode_message

LINK_DOWN = VarBind((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0), Tag.OID, (1, 3, 6, 1, 6, 3, 1, 1, 5, 3))


def send_trap(port: int, community: str) -> None:
    message = Message(1, community.encode(), Pdu(PduKind.TRAP, 1, 0, 0, (LINK_DOWN,)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(encode_message(message), ("127.0.0.1", port))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(("palu",)) as boxes:
        yield Site(tmp_path, free_port(), boxes)


def test_a_trap_makes_the_daemon_read_its_router_at_once(site: Site) -> None:
    port = free_port(socket.SOCK_DGRAM)
    site.write("palu", interval="1h", deadline="10s")
    written = json.loads(site.config.read_text())
    written["snmp"]["notifications"] = {"listen": ["127.0.0.1"], "port": port}
    site.config.write_text(json.dumps(written))
    box = site.boxes["palu"]
    with site.daemon(site.alive):
        wait_until(lambda: site.said("traps and informs are received at 127.0.0.1"), "the socket to be open")
        polls = box.polls
        send_trap(port, "guessed")
        send_trap(port, COMMUNITY)
        wait_until(lambda: box.polls > polls, "a visit long before its turn, which comes once an hour")
        assert sample(site.url, "netmon_notifications_total", kind="link_down") == 1
        assert sample(site.url, "netmon_notifications_dropped_total", reason="unknown_credential") == 1
        wait_until(lambda: site.said("palu says: link down"), "the event to be logged")

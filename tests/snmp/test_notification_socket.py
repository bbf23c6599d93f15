"""Where answers come from on a host of several addresses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from select import select

import pytest

from netmon.snmp.errors import SnmpTransportError
from netmon.snmp.notification_socket import MAX_DATAGRAM, Datagram, NotificationSocket

ADDRESSES = ["fd00::1", "fd00::2", "fe80::1%v0", "fe80::2%v0"]
NAMESPACE = """
ip link set lo up && ip link add v0 type veth peer v1 && ip link set v0 up && ip link set v1 up || exit 1
for address in fd00::1 fd00::2 fe80::1 fe80::2; do
    ip -6 address add $address/64 dev v0 nodad || exit 1
done
exec "$@"
"""


def received(one: NotificationSocket) -> Datagram:
    assert select([one], [], [], 10)[0], "nothing came"
    return one.receive()


def answer_source(listen: str, ask: str) -> list[str]:
    """Asks at `ask`, which has an answer from there only: what the answer said, and where it was listened at."""
    one = NotificationSocket(listen, 0)
    family = socket.AF_INET6 if ":" in ask else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(10)
        asker.connect(socket.getaddrinfo(ask, one.address[1], family, socket.SOCK_DGRAM)[0][4])
        asker.send(b"inform")
        found = received(one)
        assert found.host == asker.getsockname()[0].partition("%")[0]
        one.answer(found, found.data + b" acknowledged")
        said = asker.recv(100).decode()
    one.close()
    return [said, one.address[0]]


@pytest.mark.parametrize("ask", ["127.0.0.1", "127.0.0.2"])
@pytest.mark.parametrize("listen", ["0.0.0.0", ""])
def test_an_answer_leaves_from_the_address_that_was_asked(listen: str, ask: str) -> None:
    assert answer_source(listen or ask, ask) == ["inform acknowledged", listen or ask]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")
def test_an_answer_leaves_from_the_address_that_was_asked_on_ipv6_link_local_ones_too() -> None:
    script = "import json, snmp.test_notification_socket as test; print(json.dumps(test.asked_of_each()))"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", NAMESPACE, "sh", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    expected = [["inform acknowledged", listen] for address in ADDRESSES for listen in ("::", address)]
    assert json.loads(done.stdout) == expected


def asked_of_each() -> list[list[str]]:
    return [answer_source(listen, address) for address in ADDRESSES for listen in ("::", address)]


def test_a_longer_datagram_is_cut_just_so_that_it_shows() -> None:
    one = NotificationSocket("127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for octets in (MAX_DATAGRAM, 60_000, 3):
            sender.sendto(b"x" * octets, one.address)
    assert [len(received(one).data) for _ in range(3)] == [MAX_DATAGRAM, MAX_DATAGRAM + 1, 3]
    with pytest.raises(BlockingIOError):
        one.receive()
    one.close()


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("fe80::1", "'fe80::1' is link-local: its interface has to be written behind it"),
        ("fe80::1%nowhere", "'fe80::1%nowhere': this host has no interface nowhere"),
    ],
)
def test_a_link_local_address_without_an_interface_of_this_host_is_refused(host: str, why: str) -> None:
    with pytest.raises(SnmpTransportError, match=why):
        NotificationSocket(host, 0)

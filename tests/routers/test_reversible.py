"""What of somebody else's is put back exactly, and what is left to its owner; the queues on a real kernel."""

from __future__ import annotations

import re
import subprocess

import pytest
from support.testbed import missing

from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign
from netmon.routers.reversible import IrreversibleError, Reversible, reversible

OUT, IN = Way.EGRESS, Way.INGRESS
_TBF = "rate 3Mbit burst 15999b lat 50ms"
REVERSIBLE = [
    ("tc", Foreign("qdisc", "qdisc tbf 1:", OUT, f"qdisc tbf 1: root refcnt 2 {_TBF} "), "eth1"),
    ("tc", Foreign("qdisc", "qdisc pfifo 8001:", OUT, "qdisc pfifo 8001: root refcnt 2 limit 50p"), "eth1"),
    ("simple_queue", Foreign("simple-queue", "boss; x", None, "target=ether2 max-limit=1M/1M"), "ether2"),
    ("simple_queue", Foreign("simple-queue", "boss", None, "target=10.1.0.0/24 max-limit=1M/1M"), "ether2"),
    ("simple_queue", Foreign("queue-tree", "boss", OUT, "parent=ether2 max-limit=1M"), "ether2"),
    ("ios", Foreign("service-policy", "B", OUT, "interface GigabitEthernet0/2\nservice-policy output B"), "Gi0/2"),
    ("iosxr", Foreign("service-policy", "B", IN, "interface Gi0/0/0/2\nservice-policy input B"), "Gi0/0/0/2"),
    (
        "junos",
        Foreign("policer", "B", IN, "set interfaces ge-0/0/1 unit 0 family inet policer input B"),
        "ge-0/0/1",
    ),
    (
        "junos",
        Foreign("filter", "F", IN, "set interfaces ge-0/0/1 unit 7 family inet filter input F"),
        "ge-0/0/1.7",
    ),
    ("vrp5", Foreign("traffic-policy", "b", IN, "traffic-policy b inbound"), "GigabitEthernet0/0/2"),
    ("vrp8", Foreign("qos car", "", OUT, "qos car outbound cir 3000 cbs 4000 green pass red discard"), "GE1"),
    ("vyos", Foreign("traffic-policy", "B", OUT, "eth1 egress B"), "eth1"),
]
LEFT = [
    ("tc", Foreign("qdisc", "qdisc htb 1:", OUT, "qdisc htb 1: root refcnt 2 r2q 10 default 0x10"), "eth1"),
    ("tc", Foreign("qdisc", "qdisc tbf 1:", OUT, f"qdisc tbf 1: parent 2:1 {_TBF}"), "eth1"),
    ("tc", Foreign("qdisc", "qdisc tbf 1:", OUT, f"qdisc tbf 1: root refcnt 2 {_TBF} peakrate 9Mbit"), "eth1"),
    ("tc", Foreign("qdisc", "qdisc pfifo 1:", OUT, "qdisc pfifo 1: root limit 50p; reboot"), "eth1"),
    ("tc", Foreign("ingress", "qdisc ingress ffff:", IN, ""), "eth1"),
    ("simple_queue", Foreign("simple-queue", "b", None, "target=0.0.0.0/0 max-limit=1M/1M"), "ether2"),
    ("simple_queue", Foreign("simple-queue", "b", None, "target=ether2,ether3 max-limit=1M/1M"), "ether2"),
    ("simple_queue", Foreign("simple-queue", "b", None, "target=ether2 max-limit=1M/1M dynamic=true"), "ether2"),
    ("simple_queue", Foreign("queue-tree", "b", None, "parent=global max-limit=1M"), "ether2"),
    ("ios", Foreign("rate-limit", "output 8000", OUT, "interface Gi0/2\nrate-limit output 8000"), "Gi0/2"),
    ("ios", Foreign("service-policy", "B on Gi0/2.7", OUT, "interface Gi0/2.7\nservice-policy output B"), "Gi0/2"),
    (
        "ios",
        Foreign("service-policy", "B", IN, "interface Gi0/2\nservice instance 1 ethernet\nservice-policy input B"),
        "Gi0/2",
    ),
    ("junos", Foreign("policer", "B", IN, "set interfaces ge-0/0/1 unit 0 layer2-policer input-policer B"), "ge-0/0/1"),
    (
        "junos",
        Foreign("class-of-service", "shaping-rate 5m", OUT, "set class-of-service interfaces ge-* shaping-rate 5m"),
        "ge-0/0/1",
    ),
    ("vrp5", Foreign("traffic-policy", "b on the whole router", IN, "traffic-policy b global inbound"), "GE1"),
    ("vrp5", Foreign("qos car", "", IN, "qos car inbound acl 3000 cir 3000"), "GE1"),
    ("vrp5", Foreign("qos gts", "", OUT, "qos gts cir 3000"), "GE1"),
    ("vyos", Foreign("redirect", "ifb0", IN, "set interfaces ethernet eth1 redirect ifb0"), "eth1"),
    ("vyos", Foreign("traffic-policy", "B on eth1", OUT, "eth1 egress B"), "eth1.100"),
    ("tc", Foreign("qdisc", "qdisc tbf 1: on eth1", OUT, f"on eth1: qdisc tbf 1: root refcnt 2 {_TBF}"), "eth1.100"),
    ("simple_queue", Foreign("simple-queue", "b on ether2", None, "target=ether2 max-limit=1M/1M"), "vlan100"),
    ("vrp8", Foreign("traffic-policy", "b on GE1", IN, "traffic-policy b inbound"), "GE1.100"),
    ("unheard-of", Foreign("queue", "q", OUT, "queue q"), "eth1"),
]


@pytest.mark.parametrize(("reader", "foreign", "interface"), REVERSIBLE)
def test_what_the_router_printed_in_a_known_form_can_be_put_back(reader: str, foreign: Foreign, interface: str) -> None:
    found = reversible(reader, foreign, interface)
    assert found.interface == interface
    assert found.matches(found)
    assert all(re.fullmatch(r"[\x21-\x7e]+", word) for word in found.setting)


@pytest.mark.parametrize(("reader", "foreign", "interface"), LEFT)
def test_whatever_else_there_is_stays_with_its_owner(reader: str, foreign: Foreign, interface: str) -> None:
    with pytest.raises(IrreversibleError, match="cannot be set aside") as raised:
        reversible(reader, foreign, interface)
    assert foreign.name in str(raised.value)


MADE = [
    "tbf rate 3mbit burst 16000 latency 50ms",
    "tbf rate 9mbit burst 9k limit 18k",
    "tbf rate 1gbit burst 200k latency 20ms",
    "pfifo limit 50",
    "bfifo limit 100000",
    "bfifo limit 97k",
]
PRINTED = [
    "sfq 7: root refcnt 2 limit 127p quantum 1514b depth 127 divisor 1024 perturb 10sec",
    "fq 7: root refcnt 2 limit 10000p flow_limit 100p buckets 1024 quantum 3028b initial_quantum 15140b horizon_drop",
    "netem 7: root refcnt 2 limit 1000 delay 20ms loss 1% rate 2Mbit",
]
"""Kernels may lack these, and tc itself does not."""
PORT = "ip link add d0 type veth peer name d1 && ip link set d0 up"


@pytest.mark.system
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.parametrize("queue", MADE)
def test_a_kernel_given_what_it_printed_has_the_same_queue_again(queue: str) -> None:
    shown, _ = run(f"{PORT} && tc qdisc add dev d0 root handle 7: {queue} && tc qdisc show dev d0")
    first = reversible("tc", Foreign("qdisc", "qdisc", OUT, shown.splitlines()[0]), "d0")
    again, _ = run(f"{PORT} && {added(first)} && tc qdisc show dev d0")
    second = reversible("tc", Foreign("qdisc", "qdisc", OUT, again.splitlines()[0]), "d0")
    assert second.matches(first), (shown, again)


@pytest.mark.system
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.parametrize("printed", PRINTED)
def test_tc_knows_every_word_that_it_printed(printed: str) -> None:
    found = reversible("tc", Foreign("qdisc", "qdisc", OUT, f"qdisc {printed}"), "d0")
    _, error = run(f"{PORT} && {added(found)}")
    assert error in {"", "Error: Specified qdisc kind is unknown.\n"}


def added(found: Reversible) -> str:
    return f"tc qdisc add dev {found.interface} root handle {found.name} {' '.join(found.setting)}"


def run(script: str) -> tuple[str, str]:
    """In a network namespace of its own."""
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, check=False)
    return done.stdout, done.stderr

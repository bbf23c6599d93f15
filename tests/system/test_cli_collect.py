"""The command line of a real Linux router, read over real SSH."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli_collectors import shipped_collectors
from support.testbed import LinuxRouter, linux_router, missing

from netmon.daemon.enforcer import CollectOrder, Setup, collect_once
from netmon.routers.dialects import Way
from netmon.routers.settings import RouterSettings, SshCredential, SshSettings

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxRouter]:
    with linux_router(tmp_path_factory.mktemp("bed") / "d", agencies=1) as router:
        yield router


def test_the_queues_of_a_real_linux_router_are_read_with_rates_and_counters(bed: LinuxRouter, tmp_path: Path) -> None:
    for command in (
        "tc qdisc add dev ag1 root handle 1: htb default 10",
        "tc class add dev ag1 parent 1: classid 1:10 htb rate 8mbit ceil 10mbit",
        "tc qdisc add dev ag1 parent 1:10 handle 10: bfifo limit 100000",
        "tc qdisc add dev up0 root handle 2: tbf rate 5mbit burst 16k latency 50ms",
    ):
        bed.on_router(*command.split())
    bed.exec(bed.namespace, "bash", "-c", f"for i in 1 2 3; do echo hello > /dev/udp/{bed.agencies[0].address}/9; done")
    settings = RouterSettings(address=bed.ssh_address, ssh="key", ssh_port=bed.ssh_port)
    credential = SshCredential(username=bed.ssh_user, private_key=bed.key_file)
    ssh = SshSettings(credentials={"key": credential}, known_hosts=bed.known_hosts)
    order = CollectOrder("r1", settings, "linux", shipped_collectors("linux"))
    reading = collect_once(order, Setup(ssh, tmp_path))
    assert (reading.missing, reading.failure, reading.configuration) == ((), None, None)
    found = {(queue.target, queue.name): queue for queue in reading.queues}
    assert {("ag1", "htb 1:"), ("ag1", "htb 1:10"), ("ag1", "bfifo 10:"), ("up0", "tbf 2:")} <= set(found)
    shaped = found["ag1", "htb 1:10"]
    assert (shaped.limit_bps, shaped.direction) == (10_000_000, Way.EGRESS)
    assert found["up0", "tbf 2:"].limit_bps == 5_000_000
    assert shaped.octets is not None
    assert shaped.octets >= 3 * (14 + 20 + 8 + 6)
    assert shaped.packets is not None
    assert shaped.packets >= 3
    assert shaped.dropped_packets == 0

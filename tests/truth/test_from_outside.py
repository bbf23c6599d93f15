"""The truth from outside: `netmon run` polls model routers over SNMP, is killed, and `netmon usage` tells the truth."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from daemon.world import alive, children
from support.processes import free_port, running, wait_until
from support.stack import NETMON, cli, fetch, sample
from truth.agent import COMMUNITY, TruthAgent, answering, traffic
from truth.model import ModelRouter

KILLED = Path(__file__).with_name("killed.py")
TESTS = Path(__file__).parents[1]
KILLS = int(os.environ.get("NETMON_TRUTH_KILLS", "50"))
INTERVAL_S = 0.25
UNSEEN_NS = 3_000_000_000
"""Before a reset, visits may have failed or waited for so long."""


def router(name: str, bits: int = 64, first: int = 0, losing: float = 0.0, doubling: float = 0.0) -> TruthAgent:
    model = ModelRouter(bits=bits, now_ns=time.monotonic_ns(), shows_host_uptime=name != "reboots")
    model.add_port("ether1", (first, first))
    return TruthAgent(name, model, losing, doubling)


def configuration(directory: Path, port: int, agents: list[TruthAgent]) -> Path:
    path = directory / "netmon.yaml"
    document = {
        "site": {"name": "truth", "timezone": "Asia/Makassar"},
        "ledger": {"path": "ledger.db", "commit_interval": "50ms"},
        "snmp": {
            "credentials": {"default": {"version": "2c", "community": {"env": "NETMON_TEST_COMMUNITY"}}},
            "poll_interval": f"{int(INTERVAL_S * 1000)}ms",
            "poll_deadline": "240ms",
            "timeout": "100ms",
            "retries": 1,
        },
        "agencies": {agent.name: {"name": agent.name} for agent in agents},
        "routers": {
            agent.name: {
                "address": "127.0.0.1",
                "snmp_port": agent.port,
                "circuits": {
                    f"{agent.name}-1": {
                        "agency": agent.name,
                        "interface": "ether1",
                        "faces": "agency",
                        "port_speed": "1 Gbit/s",
                    }
                },
            }
            for agent in agents
        },
        "http": {"host": "127.0.0.1", "port": port},
        "control": {"socket": "c.sock", "require_synchronised_clock": False},
    }
    path.write_text(json.dumps(document))
    return path


@contextmanager
def netmon(config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    variables = {**os.environ, "NETMON_TEST_COMMUNITY": COMMUNITY}
    ready = lambda: fetch(f"http://127.0.0.1:{port}/readyz")[0] == 200  # noqa: E731
    with running([NETMON, "run", "-c", config], ready, config.with_name("netmon.log"), variables) as daemon:
        yield daemon


def test_a_real_netmon_that_polls_over_snmp_and_is_killed_reports_the_truth_to_the_byte(tmp_path: Path) -> None:
    steady = router("steady", first=2**64 - 30_000_000, losing=0.15, doubling=0.2)
    wraps = router("wraps", bits=32, first=2**32 - 20_000_000, doubling=0.2)
    reboots = router("reboots", first=10**15)
    agents = [steady, wraps, reboots]
    port = free_port()

    def total(agent: TruthAgent, direction: str) -> float | None:
        url = f"http://127.0.0.1:{port}"
        return sample(url, "netmon_circuit_bytes_total", circuit=f"{agent.name}-1", direction=direction)

    def polled(agent: TruthAgent, times: int) -> None:
        seen = agent.polls
        wait_until(lambda: agent.polls >= seen + times, f"visits of {agent.name}")

    def noticed(reset: Callable[[], None], reason: str) -> None:
        """A reset that no other follows before netmon saw it: two between the same readings would be one gap."""
        counted = total(reboots, "download") or 0
        wait_until(lambda: (total(reboots, "download") or 0) > counted, "usage before the reset")
        gaps = partial(sample, f"http://127.0.0.1:{port}", "netmon_gaps_total", reason=reason)
        told = gaps() or 0
        reboots.reset(reset, UNSEEN_NS)
        wait_until(lambda: (gaps() or 0) > told, f"the {reason}")

    with answering(agents):
        config = configuration(tmp_path, port, agents)
        with traffic(agents, seed=5):
            pass  # a first reading yields no usage, so nothing may pass before it
        first = {agent.name: agent.truth()[0] for agent in agents}
        with netmon(config, port) as daemon:
            wait_until(lambda: all(total(agent, "download") == 0 for agent in agents), "the first visits")
            with traffic(agents, seed=7):
                noticed(reboots.router.reboot, "counter_reset")
                noticed(lambda: reboots.router.clear(reboots.router.ports[0]), "counter_discontinuity")
                polled(steady, 3)
                offspring = children(daemon.pid)
                os.kill(daemon.pid, signal.SIGKILL)
                daemon.wait(5)
                wait_until(lambda: not any(map(alive, offspring)), "its children to end")
                with steady.lock:
                    steady.router.renumber()
                with netmon(config, port):
                    noticed(reboots.router.reboot, "counter_reset")
        with netmon(config, port):
            truth = {
                agent.name: tuple(now - then for now, then in zip(agent.truth()[0], first[agent.name], strict=True))
                for agent in agents
            }

            def reached(agent: TruthAgent) -> bool:
                return (total(agent, "upload"), total(agent, "download")) == truth[agent.name]

            wait_until(lambda: all(map(reached, (steady, wraps))), f"{truth}")
            polled(reboots, 3)
        rows = {
            (row["agency"], row["direction"]): row for row in cli("usage", "--by", "circuit", config=config)["data"]
        }
    for agent in agents:
        for direction, way in (("upload", 0), ("download", 1)):
            judge(rows[agent.name, direction], truth[agent.name][way], agent, way)


def judge(row: dict[str, Any], truth: int, agent: TruthAgent, way: int) -> None:
    counted = row["proven_bytes"] + row["estimated_bytes"]
    assert 0 < counted <= truth, row
    lost = truth - counted
    assert lost <= agent.unseen[0][way], f"{lost} lost, {agent.unseen[0][way]} may have been: {row}"
    if agent.name == "reboots":
        assert {gap["reason"] for gap in row["gaps"]} == {"counter_reset", "counter_discontinuity"}
    else:
        assert (lost, row["gaps"]) == (0, [])


def test_kill_9_at_random_moments_with_full_durability_loses_and_doubles_nothing(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    done = subprocess.run(
        [sys.executable, KILLED, tmp_path / "ledger.db", str(KILLS), str(seed)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=10 + KILLS * 2,
    )
    print(f"seed {seed}")
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    assert f"{KILLS} kills" in done.stdout

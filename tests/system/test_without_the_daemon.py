"""State-changing verbs while no daemon runs: they take its lock, do the same, and give it back."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from support.processes import free_port, wait_until
from support.stack import NETMON, cli, netmon_run

from netmon.simulator.configuration import write_configuration
from netmon.simulator.province import THIRSTY, Ports, Province, circuit_id, running_province

pytestmark = pytest.mark.system

CIRCUIT = circuit_id(THIRSTY)


def netmon(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([NETMON, *arguments], capture_output=True, text=True, check=False, timeout=60)


def limited(province: Province) -> int | None:
    """What the thirsty agency's own router lets it download now, bit/s."""
    unit = province.unit("gubernuran")
    return unit.router.limit_bps(unit.agency_port(THIRSTY).name, True)


def until_limited(province: Province, config: Path, port: int, log: Path) -> None:
    """Runs a daemon until it has limited the agency and written the receipt."""
    with netmon_run(config, port, log):
        wait_until(lambda: limited(province) is not None, "the limit")
        wait_until(lambda: cli("receipts", config=config)["data"], "its receipt")


async def test_a_limit_is_lifted_and_kept_off_while_netmon_is_down(tmp_path: Path) -> None:
    async with running_province(ports=Ports(mqtt=None)) as province:
        port = free_port()
        config = write_configuration(tmp_path / "d", province, port)
        quotas = config.parent / "policies" / "quotas" / "demo.yaml"
        quotas.write_text(quotas.read_text().replace("600 MB", "60 MB").replace("period: 60s", "period: day"))
        await asyncio.to_thread(until_limited, province, config, port, tmp_path / "log")

        before = (await asyncio.to_thread(cli, "receipts", config=config))["data"]
        assert (before[-1]["circuit"], before[-1]["outcome"]) == (CIRCUIT, "confirmed")
        done = await asyncio.to_thread(netmon, "revert", CIRCUIT, "--reason", "ambulance dispatch", "-c", config)
        assert done.returncode == 0, done.stdout + done.stderr
        assert limited(province) is None
        after = (await asyncio.to_thread(cli, "receipts", config=config))["data"]
        assert len(after) == len(before) + 1
        assert (after[0]["to_bps"], after[0]["reason"], after[0]["outcome"]) == (None, "held_by_operator", "confirmed")

        again = await asyncio.to_thread(netmon, "apply", "-c", config)
        assert (again.returncode, limited(province)) == (0, None), "the hold keeps it off"
        refused = await asyncio.to_thread(netmon, "revert", "nobody", "--reason", "x", "-c", config)
        assert refused.returncode == 1
        assert refused.stderr == "netmon: there is no circuit 'nobody'; netmon plan lists them\n"

"""Circuits that share a port of a simulated Linux router: a hierarchy as the kernel keeps it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from netmon import bundled
from netmon.core.changes import Action, Change, Intent, Outcome
from netmon.core.code_points import Packets
from netmon.core.model import NANOSECONDS, Direction, Faces, Placement, Tier, VerdictReason
from netmon.routers.dialects import Names, load_dialect
from netmon.routers.enforcement import Result, carry_out
from netmon.routers.port import RefusedError, Sharing, Target
from netmon.routers.session import Failure, Login
from netmon.routers.shared_port import open_port
from netmon.routers.ssh import open_session
from netmon.simulator.device import PortRole
from netmon.simulator.linux_cli import Linux
from netmon.simulator.province import MBPS, Ports, Province, Unit, running_province

PREFIXES = {"a": ("10.1.0.0/16", "2001:db8:1::/48"), "b": ("10.2.0.0/16",)}
ABOVE = (Tier(None, 20 * MBPS, 20 * MBPS), Tier("district", 15 * MBPS, 10 * MBPS))
PLACED = Placement(5 * MBPS, 3, 4, ABOVE)


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    async with running_province(ports=Ports(mqtt=None)) as running:
        (tmp_path / "known_hosts").write_text("".join(unit.known_hosts_line for unit in running.units))
        yield running


async def change(
    unit: Unit,
    folder: Path,
    circuit: str,
    placed: Placement | None,
    direction: Direction = Direction.DOWNLOAD,
    circuits: tuple[str, ...] = ("a", "b"),
    action: Action | None = None,
    shared: Sharing | None = None,
) -> Result:
    platform = unit.site.platform.value
    login = Login(
        unit.router.name,
        unit.router.address,
        unit.ssh_port,
        platform,
        unit.account.username,
        folder / "known_hosts",
        unit.account.password,
    )
    dialect = load_dialect(platform, [bundled.folder("policies") / "enforcement"])
    shared = shared or Sharing(PREFIXES[circuit], circuits, ("district",))
    target = Target(circuit, interface_of(unit), Faces.AGENCY, shared=shared)
    action = action or (Action.REMOVE if placed is None else Action.SET)
    bps = None if action is Action.REMOVE else 10 * MBPS
    what = Change(
        unit.router.name, circuit, circuit, direction, action, None, bps, VerdictReason.OVER_QUOTA, None, None, placed
    )
    now = time.time_ns()
    intent = Intent(f"i{now}", what, now, now + 60 * NANOSECONDS)

    def go() -> Result:
        session = open_session(login, dialect)
        try:
            return carry_out(intent, target, session, dialect, lambda *_: None, time.time_ns, time.monotonic_ns)
        finally:
            session.close()

    return await asyncio.to_thread(go)


def interface_of(unit: Unit) -> str:
    return next(port.name for port in unit.router.ports if port.role is PortRole.AGENCY)


@pytest.mark.parametrize("direction", Direction)
async def test_a_hierarchy_is_built_kept_moved_and_taken_down(
    province: Province, tmp_path: Path, direction: Direction
) -> None:
    unit = province.unit("rumah-sakit")
    assert isinstance(unit.system, Linux)
    network = unit.system.network
    before = set(network.links)
    for circuit in PREFIXES:
        result = await change(unit, tmp_path, circuit, PLACED, direction)
        assert (result.outcome, result.read_bps, result.placement) == (Outcome.CONFIRMED, 10 * MBPS, PLACED), result
    again = await change(unit, tmp_path, "a", PLACED, direction)
    assert "nothing was sent" in again.detail
    higher = replace(PLACED, above=ABOVE[:1])
    moved = await change(unit, tmp_path, "a", higher, direction)
    assert (moved.outcome, moved.placement) == (Outcome.CONFIRMED, higher), "hung from another class"
    stranger = await change(unit, tmp_path, "a", PLACED, direction, circuits=("a",))
    assert stranger.reason is Failure.FOREIGN_SHAPER
    for circuit in PREFIXES:
        gone = await change(unit, tmp_path, circuit, None, direction)
        assert (gone.outcome, gone.read_bps) == (Outcome.CONFIRMED, None)
    assert network.links[interface_of(unit)].root is None
    assert not network.links[interface_of(unit)].ingress
    assert set(network.links) == before


CLASSES = {
    "a": Sharing(PREFIXES["a"], ("a", "b"), ("district",), (8,)),
    "b": Sharing(PREFIXES["a"], ("a", "b"), ("district",), (), (Packets("a", PREFIXES["a"], (8,)),)),
}


@pytest.mark.parametrize("direction", Direction)
async def test_classes_with_the_same_prefixes_are_told_apart_by_code_points(
    province: Province, tmp_path: Path, direction: Direction
) -> None:
    unit = province.unit("rumah-sakit")
    assert isinstance(unit.system, Linux)
    before = set(unit.system.network.links)
    for circuit, shared in CLASSES.items():
        made = await change(unit, tmp_path, circuit, PLACED, direction, shared=shared)
        assert (made.outcome, made.read_bps) == (Outcome.CONFIRMED, 10 * MBPS), made
    for circuit, shared in CLASSES.items():
        assert "nothing was sent" in (await change(unit, tmp_path, circuit, PLACED, direction, shared=shared)).detail
    (root,) = [link.root for link in unit.system.network.links.values() if link.root is not None]
    firsts = [[f.matches[0] for f in root.filters if f.flow == f"4e4d:{Names.of(name).minor}"] for name in CLASSES]
    assert firsts[0] == ["40200000/f0fc0000 at 0", "62000000/ffc00000 at 0"]
    assert len(firsts[1]) == 2 * 6, "63 of 64 code points are six blocks, of each family"
    left = await change(unit, tmp_path, "b", None, direction, shared=CLASSES["b"])
    assert left.outcome is Outcome.CONFIRMED
    alone = await change(unit, tmp_path, "a", PLACED, direction, shared=replace(CLASSES["a"], dscp=(8, 46)))
    assert alone.outcome is Outcome.CONFIRMED
    assert "nothing was sent" not in alone.detail, "other code points are another limit"
    assert (await change(unit, tmp_path, "a", None, direction, shared=CLASSES["a"])).outcome is Outcome.CONFIRMED
    assert set(unit.system.network.links) == before


async def test_a_class_in_use_is_not_hung_elsewhere(province: Province, tmp_path: Path) -> None:
    unit = province.unit("rumah-sakit")
    assert (await change(unit, tmp_path, "a", PLACED)).outcome is Outcome.CONFIRMED
    deeper = (ABOVE[0], Tier("province", 20 * MBPS, 10 * MBPS), ABOVE[1])
    refused = await change(unit, tmp_path, "b", replace(PLACED, above=deeper))
    assert (refused.outcome, refused.reason) == (Outcome.FAILED, Failure.HIERARCHY)
    assert "district hangs from the root, wanted from province" in refused.detail


class Silent:
    """A session of which nothing may be asked."""

    username = "netmon"

    def run(self, command: str) -> str:
        raise AssertionError(command)

    def transcript(self) -> str:
        return ""

    def close(self) -> None:
        raise AssertionError("whoever opened it closes it")


def test_a_platform_without_a_hierarchy_refuses_before_anything_is_sent() -> None:
    dialect = load_dialect("ios", [bundled.folder("policies") / "enforcement"])
    target = Target("a", "ge0", Faces.AGENCY, shared=Sharing(PREFIXES["a"], ("a", "b"), ()))
    with pytest.raises(RefusedError, match="ios has no hierarchy of its own, so ge0 cannot be shared") as refused:
        open_port(target, Silent(), dialect)
    assert refused.value.reason is Failure.HIERARCHY


async def test_without_a_place_nothing_is_altered(province: Province, tmp_path: Path) -> None:
    unit = province.unit("rumah-sakit")
    assert isinstance(unit.system, Linux)
    refused = await change(unit, tmp_path, "a", None, action=Action.SET)
    assert (refused.outcome, refused.reason) == (Outcome.FAILED, Failure.HIERARCHY)
    assert unit.system.network.links[interface_of(unit)].root is None

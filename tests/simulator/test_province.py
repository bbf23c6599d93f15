from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.processes import eventually

from netmon import bundled
from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.model import NANOSECONDS, Direction, Faces, VerdictReason
from netmon.routers.dialects import Dialect, load_dialect
from netmon.routers.enforcement import Result, Target, carry_out, read_limit
from netmon.routers.session import Login
from netmon.routers.ssh import open_session
from netmon.simulator.configuration import write_configuration
from netmon.simulator.device import Platform, PortRole
from netmon.simulator.linux_host import Stream, Streams
from netmon.simulator.province import (
    MBPS,
    POOL,
    THIRSTY,
    UPLOADING,
    Ports,
    Province,
    Unit,
    build_province,
    running_province,
)
from netmon.simulator.routeros_cli import RouterOs

BOTH = pytest.mark.parametrize(("router", "agency"), [("gubernuran", THIRSTY), ("rumah-sakit", UPLOADING)])


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    async with running_province(ports=Ports(mqtt=None)) as running:
        (tmp_path / "known_hosts").write_text("".join(unit.known_hosts_line for unit in running.units))
        yield running


def _login(unit: Unit, folder: Path) -> tuple[Login, Dialect]:
    platform = unit.site.platform.value
    login = Login(
        router=unit.router.name,
        address=unit.router.address,
        port=unit.ssh_port,
        platform=platform,
        username=unit.account.username,
        known_hosts=folder / "known_hosts",
        password=unit.account.password,
    )
    return login, load_dialect(platform, [bundled.folder("policies") / "enforcement"])


def _intent(unit: Unit, circuit: str, direction: Direction, from_bps: int | None, to_bps: int | None) -> Intent:
    action = Action.REMOVE if to_bps is None else Action.SET
    change = Change(unit.router.name, circuit, "a", direction, action, from_bps, to_bps, VerdictReason.OVER_QUOTA, None)
    now = time.time_ns()
    return Intent(f"i{now}", change, now, now + 60 * NANOSECONDS)


def _carry_out(unit: Unit, folder: Path, intent: Intent, target: Target) -> Result:
    login, dialect = _login(unit, folder)
    session = open_session(login, dialect)
    try:
        return carry_out(intent, target, session, dialect, lambda _id, _step: None, time.time_ns, time.monotonic_ns)
    finally:
        session.close()


@BOTH
async def test_netmons_guarded_change_sets_reads_and_removes_limits_both_ways(
    province: Province, tmp_path: Path, router: str, agency: str
) -> None:
    unit = province.unit(router)
    port = unit.agency_port(agency)
    target = Target(
        f"{agency}-1", port.name, Faces.AGENCY, alias=port.alias, mac=port.mac_text, uplinks=(unit.uplink.name,)
    )
    before: dict[Direction, int | None] = {Direction.DOWNLOAD: None, Direction.UPLOAD: None}
    for direction, rate in (
        (Direction.DOWNLOAD, 20 * MBPS),
        (Direction.UPLOAD, 8 * MBPS),
        (Direction.DOWNLOAD, 5 * MBPS),
        (Direction.DOWNLOAD, None),
        (Direction.UPLOAD, None),
    ):
        intent = _intent(unit, target.circuit, direction, before[direction], rate)
        result = await asyncio.to_thread(_carry_out, unit, tmp_path, intent, target)
        assert result.outcome is Outcome.CONFIRMED, result.detail
        assert result.read_bps == rate
        before[direction] = rate
        assert unit.router.limit_bps(port.name, outward=True) == before[Direction.DOWNLOAD]
        assert unit.router.limit_bps(port.name, outward=False) == before[Direction.UPLOAD]


@BOTH
async def test_a_change_that_is_never_confirmed_is_undone_by_the_router_alone(
    province: Province, tmp_path: Path, router: str, agency: str
) -> None:
    unit = province.unit(router)
    port = unit.agency_port(agency)
    target = Target(f"{agency}-1", port.name, Faces.AGENCY)
    slow = _intent(unit, target.circuit, Direction.DOWNLOAD, None, 3 * MBPS)
    limits: list[int | None] = []

    class PowerCutError(Exception):
        pass

    def until_disarm(_id: str, step: Step) -> None:
        if step is Step.DISARM:
            limits.append(unit.router.limit_bps(port.name, outward=True))
            raise PowerCutError

    def go() -> None:
        login, dialect = _login(unit, tmp_path)
        session = open_session(login, dialect)
        now = time.time_ns()
        intent = Intent(slow.id, slow.change, now, now + 6 * NANOSECONDS)
        try:
            carry_out(intent, target, session, dialect, until_disarm, time.time_ns, time.monotonic_ns)
        finally:
            session.close()

    with pytest.raises(PowerCutError):
        await asyncio.to_thread(go)
    assert limits == [3 * MBPS]
    await eventually(lambda: unit.router.limit_bps(port.name, outward=True) is None, "the router's own undo")


@BOTH
async def test_uplink_and_management_port_and_a_foreign_shaper_are_refused(
    province: Province, tmp_path: Path, router: str, agency: str
) -> None:
    unit = province.unit(router)
    management = next(port for port in unit.router.ports if port.role is PortRole.MANAGEMENT)
    port = unit.agency_port(agency)
    system = unit.system
    if isinstance(system, RouterOs):
        await system.run(f"/queue simple add name=manual target={port.name} max-limit=9M/9M")
    else:
        shell = system.shell("root", "127.0.0.1", 1, None)
        await shell.run(f"tc qdisc add dev {port.name} root handle 1: htb default 10", Streams("", Stream(), Stream()))
    for interface, reason in ((management.name, "management"), (port.name, "foreign"), (unit.uplink.name, "uplink")):
        target = Target("c", interface, Faces.AGENCY, uplinks=(unit.uplink.name,))
        intent = _intent(unit, "c", Direction.DOWNLOAD, None, MBPS)
        result = await asyncio.to_thread(_carry_out, unit, tmp_path, intent, target)
        assert result.outcome is Outcome.FAILED
        assert reason in str(result.reason)


async def test_a_pushed_limit_slows_the_counter(province: Province, tmp_path: Path) -> None:
    unit = province.unit("gubernuran")
    port = unit.agency_port(THIRSTY)
    target = Target("c", port.name, Faces.AGENCY)
    intent = _intent(unit, "c", Direction.DOWNLOAD, None, 8 * MBPS)
    result = await asyncio.to_thread(_carry_out, unit, tmp_path, intent, target)
    assert result.outcome is Outcome.CONFIRMED
    instants = [time.monotonic_ns()]
    start = unit.router.octets(port)[1]
    instants.append(time.monotonic_ns())
    await asyncio.sleep(0.3)
    instants.append(time.monotonic_ns())
    moved = unit.router.octets(port)[1] - start
    instants.append(time.monotonic_ns())
    least, most = (octets * MBPS // NANOSECONDS for octets in (instants[2] - instants[1], instants[3] - instants[0]))
    assert 0.95 * least <= moved <= 1.05 * most, "8 Mb/s are a megabyte each second"
    login, dialect = _login(unit, tmp_path)
    session = await asyncio.to_thread(open_session, login, dialect)
    reading = await asyncio.to_thread(read_limit, target, session, dialect, Direction.DOWNLOAD)
    assert (reading.bps, reading.ours) == (8 * MBPS, True)
    await asyncio.to_thread(session.close)


async def test_the_generated_configuration_loads_without_a_problem(tmp_path: Path) -> None:
    from netmon.config.load import load

    async with running_province() as running:
        path = write_configuration(tmp_path / "demo", running)
        configuration = load(path)
        settings = configuration.settings
        assert len(configuration.agencies) == len(configuration.circuits) == 16
        assert {router.address for router in settings.routers.values()} == {u.router.address for u in running.units}
        assert settings.outputs.mqtt is not None
        assert settings.outputs.mqtt.port == running.mqtt_port
        for unit in running.units:
            password = settings.ssh.credentials[unit.router.name].password
            assert password is not None
            assert password.reveal() == unit.account.password
            assert ((tmp_path / "demo" / "secrets" / f"{unit.router.name}-password").stat().st_mode & 0o077) == 0
        assert {"demo-download", "demo-upload", "opd-download", "opd-upload"} <= set(configuration.policies)


def test_four_times_the_pool_is_asked_for_on_four_routers_of_two_platforms() -> None:
    province = build_province()
    assert sum(agency.download_mbps for agency in province.agencies) * MBPS == 4 * POOL.download_bps
    assert len(province.agencies) >= 12
    assert [unit.site.platform for unit in province.units].count(Platform.ROUTEROS) == 2
    assert len(province.units) == 4


class Clock:
    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class FakeConfiguration:
    """Limits as netmon would have pushed them, without the pushing."""

    def __init__(self) -> None:
        self.limits: dict[tuple[str, bool], int] = {}

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return self.limits.get((interface, outward))

    def reboot(self) -> None:
        self.limits.clear()


@pytest.mark.parametrize("into_the_period_s", range(0, 60, 7))
def test_whenever_the_demo_starts_exactly_two_agencies_pass_their_quota_and_are_freed_within_two_minutes(
    into_the_period_s: int,
) -> None:
    clock = Clock()
    province = build_province(clock=clock)
    quotas = {THIRSTY: (True, 600_000_000), UPLOADING: (False, 1_200_000_000)}
    places = {}
    for unit in province.units:
        configuration = FakeConfiguration()
        unit.router.install(province.traffic, configuration)
        for agency in unit.site.agencies:
            places[agency.id] = (unit.router, unit.agency_port(agency.id), configuration)
    at_start = {agency: router.octets(port) for agency, (router, port, _) in places.items()}
    over: dict[str, int] = {}
    freed: dict[str, int] = {}
    for second in range(1, 116):
        clock.now_ns = second * NANOSECONDS
        for name, (router, port, configuration) in places.items():
            octets = router.octets(port)
            download_or_upload, volume = quotas.get(name, (True, 0))
            if (into_the_period_s + second) % 60 == 0:
                at_start[name] = octets
                if configuration.limits.pop((port.name, download_or_upload), None):
                    freed.setdefault(name, second)
            used = [now - then for now, then in zip(octets, at_start[name], strict=True)]
            if name not in quotas:
                assert used[True] < 0.8 * 2_000_000_000, name
                assert used[False] < 0.8 * 3_000_000_000, name
            elif used[download_or_upload] >= volume:
                over.setdefault(name, second)
                configuration.limits[port.name, download_or_upload] = 20 * MBPS
    assert set(over) == set(freed) == set(quotas)
    assert max(over.values()) <= 65


def test_nothing_passes_a_port_while_its_link_is_down_and_it_counts_on_from_there() -> None:
    now_ns = 0
    province = build_province(clock=lambda: now_ns)
    unit = province.unit("gubernuran")
    for name in (unit.uplink.name, unit.agency_port(THIRSTY).name):
        port = unit.router.port(name)
        assert port is not None
        now_ns += NANOSECONDS
        before = unit.router.octets(port)
        unit.router.down.add(name)
        assert unit.router.octets(port) == before
        now_ns += 60 * NANOSECONDS
        assert unit.router.octets(port) == before
        unit.router.down.discard(name)
        assert unit.router.octets(port) == before
        now_ns += NANOSECONDS
        assert sum(unit.router.octets(port)) > sum(before)

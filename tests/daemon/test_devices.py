"""Fibre and health, from a simulated transceiver over SNMP to the ledger's outbox, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from daemon.world import at_work as running_tasks
from support.processes import eventually
from support.scripted_agent import ScriptedAgent

from netmon.bundled import folder
from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.fibre import FibreReason
from netmon.core.fibre_limits import Light, Limits, Quantity
from netmon.core.fibre_trend import DAY_NS
from netmon.core.model import NANOSECONDS
from netmon.daemon.clock import Trust
from netmon.daemon.devices import FORGOTTEN_NS, DeviceWatch
from netmon.daemon.ledger import LedgerService
from netmon.daemon.standing import Standing
from netmon.daemon.surveys import Survey
from netmon.outputs.prometheus import Metrics
from netmon.routers import mib
from netmon.routers.discovery import Discovered, discover
from netmon.routers.health import HealthReading
from netmon.routers.health_profile import HealthKind, Status
from netmon.routers.inspection import Inspection, Inspector, PortStatus
from netmon.routers.optics_values import OpticsReading
from netmon.routers.polling import RouterPoller
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.topology import Link
from netmon.simulator.device import Transceiver
from netmon.simulator.province import COMMUNITY, build_province
from netmon.simulator.snmp_agent import serve_snmp
from netmon.snmp.client import Agent, Client
from netmon.store.errors import StoreError
from netmon.store.fibre import FibreBook
from netmon.store.ledger import Ledger
from netmon.store.settings import LedgerSettings

START = 20_000 * DAY_NS
NORTH, SOUTH = "gubernuran", "pelayanan"
PORT = "ether1"
ADDRESSES = {NORTH: "127.77.0.1", SOUTH: "127.77.0.2"}


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles((folder("collectors"),))


@dataclass
class Time:
    """A clock that only the test moves."""

    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class Office:
    """A watch over its ledger, and all it has told."""

    time: Time
    ledger: LedgerService
    standing: Standing
    metrics: Metrics
    watch: DeviceWatch
    announced: list[int] = field(default_factory=list)

    async def told(self) -> list[Alert]:
        return [entry.alert for entry in await self.ledger.unsent(1000)]

    def shown(self, name: str) -> list[str]:
        text = b"".join(self.metrics.render()).decode()
        return [line for line in text.splitlines() if line.startswith(name + "{")]


@asynccontextmanager
async def at_work(directory: Path, time: Time, addresses: Mapping[str, str] = ADDRESSES) -> AsyncIterator[Office]:
    ledger = LedgerService.open(LedgerSettings.model_validate({"path": directory / "ledger.db"}), time)
    try:
        standing, metrics = await Standing.restored(ledger), Metrics("sulteng")
        announced: list[int] = []
        watch = DeviceWatch(addresses, ledger, standing, metrics, time, lambda: announced.append(1))
        await watch.restore()
        yield Office(time, ledger, standing, metrics, watch, announced)
    finally:
        await ledger.close()


# --- over SNMP, from two simulated routers at the ends of one fibre -------------------------------


@dataclass
class Fibre:
    """Two routers that hear each other at their first ports."""

    pollers: dict[str, RouterPoller]
    inspectors: dict[str, Inspector]
    modules: dict[str, Transceiver]
    down: dict[str, set[str]]

    async def surveyed(self, office: Office, *routers: str) -> None:
        for router in routers or (NORTH, SOUTH):
            discovered = self.pollers[router].discovered
            assert discovered is not None
            found = await self.inspectors[router].inspect(discovered, office.watch.ports(router))
            survey = Survey(found, office.time.now, 0.01)
            office.watch.take(survey)
            await office.watch.judge(survey)

    async def day_by_day(self, office: Office, days: int, north_db_a_week: float = 0.0) -> None:
        for _ in range(days):
            await self.surveyed(office)
            office.time.now += DAY_NS
            module = self.modules[NORTH]
            if module.rx_power_dbm is not None:
                module.rx_power_dbm -= north_db_a_week / 7


@pytest.fixture
async def fibre(profiles: Profiles) -> AsyncIterator[Fibre]:
    province = build_province()
    made = Fibre({}, {}, {}, {})
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(await Client.open())
        for name, other in ((NORTH, SOUTH), (SOUTH, NORTH)):
            router = province.unit(name).router
            module = made.modules[name] = Transceiver(rx_power_dbm=-8.0)
            router.plug(PORT, module, neighbour=other)
            made.down[name] = router.down
            served, port = await serve_snmp(router, COMMUNITY)
            stack.callback(served.close)
            agent = Agent(router.address, port, COMMUNITY.encode())
            poller = made.pollers[name] = RouterPoller(name, agent, client, profiles, (PORT,), lambda: START)
            await poller.poll()
            made.inspectors[name] = Inspector(name, agent, client)
        yield made


async def test_a_connector_that_gets_dirty_is_one_alert_with_the_day_on_which_the_link_would_fail(
    tmp_path: Path, fibre: Fibre
) -> None:
    async with at_work(tmp_path, Time()) as office:
        await fibre.day_by_day(office, 30, north_db_a_week=0.5)
        [alert] = await office.told()
        assert (alert.kind, alert.state, alert.severity) == (AlertKind.FIBRE, AlertState.FIRING, Severity.INFO)
        assert (alert.key, alert.reason) == ("fibre/gubernuran/ether1--pelayanan/ether1", "connector_or_receiver")
        assert "clean the connector at gubernuran/ether1" in alert.summary
        low_day = datetime.fromtimestamp((20_000 + 168) * 86_400, UTC).date()
        assert f"It reaches the low alarm of -20.0 dBm about {low_day}." in alert.summary
        assert office.announced == [1]
        labels = 'site="sulteng",router="gubernuran",interface="ether1"'
        assert office.shown("netmon_optics_rx_power_dbm") == [
            f"netmon_optics_rx_power_dbm{{{labels}}} -10.071",
            'netmon_optics_rx_power_dbm{site="sulteng",router="pelayanan",interface="ether1"} -8.0',
        ]
        [low] = office.shown("netmon_fibre_rx_low_alarm_timestamp_seconds")
        assert float(low.split()[-1]) == pytest.approx((20_000 + 168) * 86_400, abs=86_400)
        assert 'far_end="pelayanan/ether1",reason="connector_or_receiver",severity="info"' in "".join(
            office.shown("netmon_fibre_verdict_info")
        )


async def test_a_restart_goes_on_where_the_daemon_before_stopped(tmp_path: Path, fibre: Fibre) -> None:
    time = Time()
    for _ in range(6):
        async with at_work(tmp_path, time) as office:
            await fibre.day_by_day(office, 5, north_db_a_week=0.5)
    async with at_work(tmp_path, time) as office:
        assert [alert.reason for alert in await office.told()] == ["connector_or_receiver"]
        assert len(office.shown("netmon_fibre_verdict_info")) == 2, "before any survey"
        state = await office.ledger.write(FibreBook.fibre)
        assert [len(end.rx.days) for end in state.ends] == [29, 29]
        fibre.modules[NORTH].rx_power_dbm = -8.0
        await fibre.day_by_day(office, 25)
        assert [alert.state for alert in await office.told()] == [AlertState.FIRING, AlertState.RESOLVED]


async def test_a_port_that_goes_down_raises_no_alarm_of_its_own(tmp_path: Path, fibre: Fibre) -> None:
    async with at_work(tmp_path, Time()) as office:
        await fibre.day_by_day(office, 20)
        fibre.down[NORTH].add(PORT)
        fibre.down[SOUTH].add(PORT)
        await fibre.day_by_day(office, 20, north_db_a_week=3.0)
        assert await office.told() == []
        assert all('reason="port_down"' in line for line in office.shown("netmon_fibre_verdict_info"))
        assert not office.shown("netmon_optics_rx_power_dbm")
        assert [line.split()[-1] for line in office.shown("netmon_optics_rx_light")] == ["0", "0"]


async def test_a_router_that_is_no_longer_surveyed_raises_nothing_and_its_series_end(
    tmp_path: Path, fibre: Fibre
) -> None:
    async with at_work(tmp_path, Time()) as office:
        await fibre.day_by_day(office, 16)
        for _ in range(10):
            office.watch.failed(NORTH, asked=True)
            await fibre.surveyed(office, SOUTH)
            office.time.now += DAY_NS
        assert await office.told() == []
        assert [line.split("{")[1][:40] for line in office.shown("netmon_optics_rx_power_dbm")] == [
            'site="sulteng",router="pelayanan",interface="ether1"'[:40]
        ]


# --- by hand: what is rarer ---------------------------------------------------------------------


async def a_router(profiles: Profiles, name: str) -> Discovered:
    """With ports xe0 and xe1."""
    box = ScriptedAgent()
    box.tree[mib.SYS_NAME] = name.encode()
    for index, port in enumerate(("xe0", "xe1"), 1):
        box.add(index, port)
    return await discover(box, Agent("192.0.2.1"), profiles, None)


@dataclass
class Hand:
    """Surveys as the test wants them."""

    office: Office
    profiles: Profiles

    async def survey(
        self,
        router: str,
        *,
        rx: Mapping[str, float] | None = None,
        health: tuple[HealthReading, ...] = (),
        links: tuple[Link, ...] = (),
        lane: int | None = None,
    ) -> None:
        powers = rx or {}
        found = Inspection(
            router=router,
            discovered=await a_router(self.profiles, router),
            optics=tuple(_reading(port, power, lane) for port, power in powers.items()),
            health=health,
            links=links,
            statuses=dict.fromkeys(powers, PortStatus(True, True)),
        )
        await self.office.watch.judge(Survey(found, self.office.time.now, 0.01))

    async def days(self, count: int, **rx: float) -> None:
        """Of both routers' first ports, steady."""
        for _ in range(count):
            for router in (NORTH, SOUTH):
                other = SOUTH if router == NORTH else NORTH
                await self.survey(router, rx={"xe0": rx.get(router, -8.0)}, links=(_hears("xe0", other, "xe0"),))
            self.office.time.now += DAY_NS


def _reading(port: str, power: float, lane: int | None) -> OpticsReading:
    thresholds = {Quantity.RX_POWER: Limits(-14.4, -13.4, -0.5, 0.5)}
    return OpticsReading(port, lane, power, -2.0, None, None, None, Light.LIGHT, Light.LIGHT, thresholds)


def _hears(port: str, system: str, remote: str | None) -> Link:
    return Link(port, system, remote, None, "lldp")


@pytest.fixture
async def hand(tmp_path: Path, profiles: Profiles) -> AsyncIterator[Hand]:
    async with at_work(tmp_path, Time()) as office:
        yield Hand(office, profiles)


async def test_an_alert_moves_with_the_link_when_the_fibre_is_patched_elsewhere(hand: Hand) -> None:
    await hand.days(9)
    await hand.days(3, **{NORTH: -12.0})
    [first] = await hand.office.told()
    assert first.key == "fibre/gubernuran/xe0--pelayanan/xe0"
    await hand.survey(NORTH, rx={"xe0": -12.0}, links=(_hears("xe0", "a switch of somebody else", "1"),))
    told = await hand.office.told()
    assert {(alert.key, alert.state) for alert in told[1:]} == {
        ("fibre/gubernuran/xe0--pelayanan/xe0", AlertState.RESOLVED),
        ("fibre/gubernuran/xe0", AlertState.FIRING),
    }
    assert {alert.reason for alert in told[1:]} == {"not_watched", FibreReason.ONE_END_SEEN}
    state = await hand.office.ledger.write(FibreBook.fibre)
    assert [verdict.ends for verdict in state.verdicts] == [("gubernuran/xe0",), ("pelayanan/xe0",)]


async def test_a_pair_stands_while_its_neighbours_are_silent(hand: Hand) -> None:
    await hand.days(2)
    for _ in range(3):
        await hand.survey(NORTH, rx={"xe0": -8.0})
    state = await hand.office.ledger.write(FibreBook.fibre)
    assert [verdict.ends for verdict in state.verdicts] == [("gubernuran/xe0", "pelayanan/xe0")]


async def test_lanes_are_paired_with_lanes_of_the_same_number(hand: Hand) -> None:
    await hand.survey(NORTH, rx={"xe0": -8.0}, lane=2, links=(_hears("xe0", SOUTH, "xe0"),))
    await hand.survey(SOUTH, rx={"xe0": -8.0}, lane=2, links=(_hears("xe0", NORTH, "xe0"),))
    await hand.survey(SOUTH, rx={"xe0": -8.0}, lane=3)
    state = await hand.office.ledger.write(FibreBook.fibre)
    assert [verdict.ends for verdict in state.verdicts] == [
        ("gubernuran/xe0/2", "pelayanan/xe0/2"),
        ("pelayanan/xe0/3",),
    ]


async def test_an_end_that_has_been_dark_for_ninety_days_is_forgotten(hand: Hand) -> None:
    await hand.days(8)
    await hand.days(3, **{NORTH: -12.0})
    hand.office.time.now += FORGOTTEN_NS + DAY_NS
    await hand.survey(NORTH)
    state = await hand.office.ledger.write(FibreBook.fibre)
    assert [end.id for end in state.ends] == ["pelayanan/xe0"]
    assert [(alert.state, alert.reason) for alert in await hand.office.told()][-1] == (
        AlertState.RESOLVED,
        "not_watched",
    )


async def test_nothing_is_judged_by_a_clock_that_is_not_trusted(hand: Hand) -> None:
    hand.office.standing.trust = Trust("no time service keeps the host's clock synchronised")
    await hand.days(2)
    assert (await hand.office.ledger.write(FibreBook.fibre)).ends == ()


async def test_what_the_ledger_did_not_take_is_not_believed(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    await hand.days(9)

    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "record_fibre", full)
        broken.setattr(FibreBook, "record_fibre", full)
        for _ in range(4):
            with pytest.raises(StoreError):
                await hand.survey(NORTH, rx={"xe0": -12.0})
            hand.office.time.now += DAY_NS
    assert await hand.office.told() == []
    await hand.days(3, **{NORTH: -12.0})
    assert len(await hand.office.told()) == 1


async def test_routers_that_are_no_longer_configured_are_forgotten_and_their_alerts_end(
    tmp_path: Path, profiles: Profiles
) -> None:
    time = Time()
    psu = HealthReading("PSU 1", HealthKind.POWER_SUPPLY, None, None, Status.CRITICAL)
    async with at_work(tmp_path, time) as office:
        hand = Hand(office, profiles)
        await hand.days(8)
        await hand.days(3, **{NORTH: -12.0})
        await hand.survey(NORTH, health=(psu,))
        assert len(await office.told()) == 2
    async with at_work(tmp_path, time, {SOUTH: "127.77.0.2"}) as office:
        state = await office.ledger.write(FibreBook.fibre)
        assert ([end.id for end in state.ends], state.verdicts) == (["pelayanan/xe0"], ())
        assert [(a.key, a.state) for a in (await office.told())[2:]] == [
            ("fibre/gubernuran/xe0--pelayanan/xe0", AlertState.RESOLVED),
            ("health/gubernuran", AlertState.RESOLVED),
        ]


async def test_what_a_device_calls_critical_is_told_once_and_ends_when_two_surveys_say_so(hand: Hand) -> None:
    def psu(status: Status) -> tuple[HealthReading, ...]:
        return (
            HealthReading("PSU 1", HealthKind.POWER_SUPPLY, None, None, status),
            HealthReading("inlet", HealthKind.TEMPERATURE, 31.0, "celsius", Status.OK),
        )

    story = [Status.OK, Status.CRITICAL, Status.OK, Status.CRITICAL, Status.WARNING, None, Status.OK]
    for status in story:
        await hand.survey(NORTH, health=psu(status) if status is not None else ())
        hand.office.time.now += 300 * NANOSECONDS
    told = await hand.office.told()
    assert [(a.kind, a.key, a.state, a.severity) for a in told] == [
        (AlertKind.HEALTH, "health/gubernuran", AlertState.FIRING, Severity.CRITICAL),
        (AlertKind.HEALTH, "health/gubernuran", AlertState.RESOLVED, Severity.CRITICAL),
    ]
    assert told[0].summary == "Router gubernuran says of itself: power supply PSU 1 critical."


async def test_the_newest_survey_of_each_router_waits_to_be_judged(hand: Hand) -> None:
    office = hand.office
    found = Inspection(
        NORTH, await a_router(hand.profiles, NORTH), (_reading("xe0", -8.0, None),), (), (),
        {"xe0": PortStatus(True, True)},
    )  # fmt: skip
    for second in range(5):
        office.watch.take(Survey(replace(found), START + second * NANOSECONDS, 0.5))
    assert len(office.watch._waiting) == 1
    assert office.shown("netmon_router_survey_duration_seconds") == [
        'netmon_router_survey_duration_seconds{site="sulteng",router="gubernuran"} 0.5'
    ]


async def test_what_waits_is_judged_once_the_ledger_can_be_read(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    await hand.days(2)
    office = hand.office
    watch = DeviceWatch(ADDRESSES, office.ledger, office.standing, office.metrics, office.time, lambda: None)

    def broken(_: object) -> None:
        raise StoreError("the ledger holds a fibre link that this netmon cannot read")

    with monkeypatch.context() as unreadable:
        unreadable.setattr(FibreBook, "fibre", broken)
        with pytest.raises(StoreError):
            await watch.run()
    assert watch.ports(NORTH) == set()
    async with running_tasks(watch.run):
        await eventually(lambda: watch.ports(NORTH) == {"xe0"}, "what is remembered")

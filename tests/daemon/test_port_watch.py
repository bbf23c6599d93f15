"""Ports that much rests on: what polls show of them, what the ledger has of it, and what capacity follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from daemon.world import START_NS, FaultyLedger, Hands, a_poll, at_work, faulty_ledger
from support.processes import eventually

from netmon.bundled import folder
from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.capacity import CapacityReason
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.measurement import Column, Poll
from netmon.core.model import NANOSECONDS, Circuit, Faces, Role
from netmon.core.port_state import PortStatus
from netmon.core.supply import Backhaul, Pool, Rates, TrafficClass, Uplink
from netmon.daemon import port_watch
from netmon.daemon.clock import Trust
from netmon.daemon.pollers import PollLoop, RouterHealth
from netmon.daemon.port_watch import PortWatch, Watched
from netmon.daemon.standing import Standing
from netmon.outputs.prometheus import Metrics
from netmon.routers.polling import RouterPoller
from netmon.routers.profiles import load_profiles
from netmon.simulator.province import COMMUNITY, build_province
from netmon.simulator.snmp_agent import serve_snmp
from netmon.snmp.client import Agent, Client
from netmon.store.errors import StoreError
from netmon.store.ports import PortBook

MBPS = 10**6
UP, DOWN, DORMANT = 1, 2, 5
NAMES = ("ether1", "ether2", "ether3")


def rates(mbps: int) -> Rates:
    return Rates(mbps * MBPS, mbps * MBPS)


POOL = Pool(
    "internet",
    TrafficClass.INTERNET,
    rates(100),
    (
        Uplink("isp-a", "internet", "palu", "ether1", rates(60)),
        Uplink("isp-b", "internet", "palu", "ether2", rates(40)),
    ),
)
RIDGE = Backhaul("ridge", "palu", "ether3", rates(50))
MAIN = Circuit("rsud-fo", "rsud", "gowa", "ether1", Faces.AGENCY)
BACKUP = Circuit("rsud-radio", "rsud", "gowa", "ether2", Faces.AGENCY, Role.BACKUP)
ALONE = Circuit("arsip-fo", "arsip", "gowa", "ether3", Faces.AGENCY)
WATCHED = Watched(
    (POOL,), (RIDGE,), (MAIN, BACKUP, ALONE), 300 * NANOSECONDS, {"palu": NANOSECONDS, "gowa": NANOSECONDS}
)


def shown(router: str, second: float, *oper: int | None, octets: int = 0) -> Poll:
    """A successful poll that shows the ports so."""
    poll = a_poll(router, second, *(octets for _ in oper), names=NAMES)
    statuses = {Column.ADMIN_STATUS: (UP,) * len(oper), Column.OPER_STATUS: oper}
    return replace(poll, columns={**poll.columns, **statuses})


@dataclass
class Office:
    """A watch over its ledger."""

    hands: Hands
    ledger: FaultyLedger
    standing: Standing
    metrics: Metrics
    watch: PortWatch

    def polls(self, router: str, second: float, *oper: int | None, octets: int = 0) -> None:
        self.hands.wall_ns = START_NS + int(second * NANOSECONDS)
        self.watch.take(shown(router, second, *oper, octets=octets))

    async def settled(self) -> None:
        await eventually(lambda: not self.watch._waiting, "what was concluded to be recorded")

    def mbps(self, name: str) -> int | None:
        bps = self.watch.capacities(self.standing.directives, self.hands.wall_ns)[name].download_bps
        return None if bps is None else bps // MBPS

    async def told(self) -> list[Alert]:
        return [entry.alert for entry in await self.ledger.unsent(1000)]

    def sample(self, name: str) -> list[str]:
        text = b"".join(self.metrics.render()).decode()
        return [line for line in text.splitlines() if line.startswith(name + "{")]


@asynccontextmanager
async def at_office(directory: Path, watched: Watched = WATCHED) -> AsyncIterator[Office]:
    hands = Hands()
    async with faulty_ledger(directory, lambda: hands.wall_ns) as ledger:
        standing, metrics = await Standing.restored(ledger), Metrics("sulteng")
        watch = PortWatch(watched, ledger, standing, metrics, lambda: hands.wall_ns, lambda: None)
        await watch.restore()
        async with at_work(watch.run):
            yield Office(hands, ledger, standing, metrics, watch)


async def test_two_polls_that_show_an_uplink_down_take_it_from_the_pool_and_one_does_not(tmp_path: Path) -> None:
    async with at_office(tmp_path) as office:
        office.polls("palu", 0, UP, UP, UP)
        office.polls("palu", 30, DOWN, UP, UP)
        await office.settled()
        assert office.mbps("internet") == 100
        office.polls("palu", 60, DOWN, UP, UP)
        await office.settled()
        assert office.mbps("internet") == 40
        found = office.watch.capacities((), office.hands.wall_ns)["internet"]
        assert [(cause.reason, cause.subject) for cause in found.causes] == [(CapacityReason.DOWN, "isp-a")]
        [alert] = await office.told()
        assert (alert.key, alert.kind, alert.severity) == ("uplink/isp-a", AlertKind.CAPACITY, Severity.CRITICAL)
        assert "of pool internet there is 40 Mb/s of 100 Mb/s download" in alert.summary


async def test_an_uplink_counts_again_after_the_hold_down_and_a_flapping_one_does_not_flap_the_pool(
    tmp_path: Path,
) -> None:
    async with at_office(tmp_path) as office:
        for second, oper in (
            (0, UP),
            (30, DOWN),
            (60, DOWN),
            (90, UP),
            (300, UP),
            (330, DOWN),
            (360, UP),
            (600, DORMANT),
        ):
            office.polls("palu", second, oper, UP, UP)
            await office.settled()
            assert office.mbps("internet") == (100 if second < 60 else 40)
        office.polls("palu", 660, UP, UP, UP)
        await office.settled()
        assert office.mbps("internet") == 100
        assert [alert.state for alert in await office.told()] == [AlertState.FIRING, AlertState.RESOLVED]


@pytest.mark.parametrize("missing", [None, 3, 4])
async def test_a_value_that_is_missing_or_says_nothing_changes_nothing(tmp_path: Path, missing: int | None) -> None:
    async with at_office(tmp_path) as office:
        office.polls("palu", 0, UP, UP, UP)
        for second in range(30, 3600, 30):
            office.polls("palu", second, missing, missing, missing)
        office.watch.take(a_poll("palu", 3600, 1, names=NAMES))  # no statuses, and the other ports absent
        await office.settled()
        assert (office.mbps("internet"), office.mbps("ridge")) == (100, 50)
        assert await office.told() == []


async def test_a_port_by_which_octets_come_in_is_up_whatever_its_status_says(tmp_path: Path) -> None:
    async with at_office(tmp_path) as office:
        for number in range(20):
            office.polls("palu", 30 * number, DOWN, UP, UP, octets=1000 * number)
        await office.settled()
        assert office.mbps("internet") == 100


async def test_what_is_known_survives_a_restart_and_an_absence_is_no_evidence_either(tmp_path: Path) -> None:
    async with at_office(tmp_path) as office:
        for second in (0, 30, 60):
            office.polls("palu", second, DOWN, UP, DOWN)
        await office.settled()
        assert (office.mbps("internet"), office.mbps("ridge")) == (40, None)
    async with at_office(tmp_path) as office:
        assert (office.mbps("internet"), office.mbps("ridge")) == (40, None)
        assert office.sample("netmon_uplink_up")[0].endswith('uplink="isp-a",router="palu",interface="ether1"} 0')
        office.polls("palu", 7200, UP, UP, UP)
        await office.settled()
        assert office.mbps("internet") == 40, "the hold-down begins with the first poll"
        office.polls("palu", 7500, UP, UP, UP)
        await office.settled()
        assert (office.mbps("internet"), office.mbps("ridge")) == (100, 50)
        assert sorted(alert.key for alert in await office.told()) == ["backhaul/ridge"] * 2 + ["uplink/isp-a"] * 2
        spans = await office.ledger.write(PortBook.port_spans, {("palu", "ether1")}, 0, 2 * START_NS)
        known = [(one.status, (one.from_ns - START_NS) // NANOSECONDS) for one in spans[("palu", "ether1")]]
        assert known == [(PortStatus.DOWN, 0), (PortStatus.UP, 7200)]


async def test_a_restart_within_the_hold_down_is_no_other_alert_and_begins_it_anew(tmp_path: Path) -> None:
    async with at_office(tmp_path) as office:
        for second, oper in ((0, DOWN), (30, DOWN), (1000, UP), (1030, UP)):
            office.polls("palu", second, oper, UP, UP)
            await office.settled()
    async with at_office(tmp_path) as office:
        for second in (1060, 1359):
            office.polls("palu", second, UP, UP, UP)
            await office.settled()
            assert office.mbps("internet") == 40
        assert [alert.state for alert in await office.told()] == [AlertState.FIRING]
        office.polls("palu", 1360, UP, UP, UP)
        await office.settled()
        assert office.mbps("internet") == 100


async def test_what_the_ledger_cannot_take_does_not_count_yet(tmp_path: Path) -> None:
    hands = Hands()
    async with faulty_ledger(tmp_path, lambda: hands.wall_ns) as ledger:
        standing = await Standing.restored(ledger)
        watch = PortWatch(WATCHED, ledger, standing, Metrics("s"), lambda: hands.wall_ns, lambda: None)
        await watch.restore()
        ledger.faults.failing.add("record_ports")
        for second in (0, 30):
            watch.take(shown("palu", second, DOWN, UP, UP))
        with pytest.raises(StoreError):
            await watch.run()
        assert watch.capacities((), START_NS)["internet"].download_bps == 100 * MBPS
        ledger.faults.failing.clear()
        async with at_work(watch.run):
            await eventually(
                lambda: watch.capacities((), START_NS)["internet"].download_bps == 40 * MBPS, "the ledger to take it"
            )


async def test_while_the_ledger_is_away_what_waits_is_bounded_and_nothing_is_lost_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_watch, "WAITING_AT_MOST", 2)
    async with faulty_ledger(tmp_path) as ledger:
        standing = await Standing.restored(ledger)
        watch = PortWatch(WATCHED, ledger, standing, Metrics("s"), lambda: START_NS, lambda: None)
        await watch.restore()
        for second in (0, 30, 60, 90):
            watch.take(shown("palu", second, DOWN, DOWN, DOWN))
        assert len(watch._waiting) == 2
        async with at_work(watch.run):
            await eventually(lambda: not watch._waiting, "the ledger to take them")
            for second in (120, 150, 180):
                watch.take(shown("palu", second, DOWN, DOWN, DOWN))
            await eventually(
                lambda: watch.capacities((), START_NS)["ridge"].download_bps is None, "the third port, too"
            )


async def test_nothing_is_concluded_while_the_clock_is_not_trusted(tmp_path: Path) -> None:
    async with at_office(tmp_path) as office:
        office.standing.trust = Trust("it is not synchronised")
        for second in range(0, 300, 30):
            office.polls("palu", second, DOWN, DOWN, DOWN)
        assert office.mbps("internet") == 100
        office.standing.trust = Trust(None)
        for second in (300, 330):
            office.polls("palu", second, DOWN, DOWN, DOWN)
        await office.settled()
        assert office.mbps("internet") is None


async def test_circuits_of_agencies_with_a_backup_are_known_to_be_down_and_others_are_not_watched(
    tmp_path: Path,
) -> None:
    async with at_office(tmp_path) as office:
        office.polls("gowa", 0, UP, UP, DOWN)
        office.polls("gowa", 30, DOWN, UP, DOWN)
        await office.settled()
        assert office.watch.down_circuits() == frozenset()
        office.polls("gowa", 60, DOWN, UP, DOWN)
        await office.settled()
        assert office.watch.down_circuits() == {"rsud-fo"}
        assert await office.told() == []


async def test_a_degradation_lowers_what_there_is_and_what_prometheus_is_told(tmp_path: Path) -> None:
    async with at_office(tmp_path) as office:
        given = Directive("d1", DirectiveKind.DEGRADATION, "isp-b", "cut", "ani", 0, START_NS + NANOSECONDS, rates(8))
        office.standing.directives = (given,)
        office.watch.show()
        assert office.mbps("internet") == 68
        assert office.sample("netmon_pool_capacity_bytes_per_second")[0].endswith(" 8500000")
        office.hands.pass_s(1)
        assert office.mbps("internet") == 100


async def test_an_alert_about_an_uplink_that_is_no_longer_configured_ends(tmp_path: Path) -> None:
    async with at_office(tmp_path) as office:
        for second in (0, 30):
            office.polls("palu", second, DOWN, UP, UP)
        await office.settled()
    without = replace(WATCHED, pools=(replace(POOL, uplinks=POOL.uplinks[1:]),))
    async with at_office(tmp_path, without) as office:
        assert [alert.state for alert in await office.told()] == [AlertState.FIRING, AlertState.RESOLVED]
        assert (await office.told())[-1].reason == "not_watched"


async def test_uplinks_that_do_not_change_are_confirmed_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_watch, "CONFIRMED_EVERY_S", 0.01)
    async with at_office(tmp_path) as office:
        office.polls("palu", 0, UP, UP, UP)
        office.polls("palu", 30, UP, UP, UP)

        async def confirmed() -> bool:
            newest = await office.ledger.write(PortBook.newest_port_spans)
            return ("palu", "ether1") in newest and newest["palu", "ether1"].upto_ns == START_NS + 30 * NANOSECONDS

        await eventually(confirmed, "the ledger to know that the uplink is still up")


# --- over SNMP, from a simulated router -----------------------------------------------------------


async def test_over_snmp_two_visits_take_an_uplink_down_and_a_router_that_does_not_answer_changes_nothing(
    tmp_path: Path,
) -> None:
    unit = build_province().unit("gubernuran")
    router, wan = unit.router, unit.uplink.name
    pool = replace(POOL, uplinks=(Uplink("isp", "internet", router.name, wan, rates(100)),))
    watched = Watched((pool,), (), (), 115 * NANOSECONDS, {router.name: 30 * NANOSECONDS})
    async with await Client.open() as client, at_office(tmp_path, watched) as office:
        served, port = await serve_snmp(router, COMMUNITY)
        agent = Agent(router.address, port, COMMUNITY.encode(), timeout_ns=100_000_000, retries=1)
        profiles = load_profiles((folder("collectors"),))
        poller = RouterPoller(router.name, agent, client, profiles, (wan,), lambda: office.hands.wall_ns)
        health = RouterHealth(router.name, START_NS)
        loop = PollLoop(
            router.name, poller, 30, 5, health, lambda: office.hands.wall_ns, office.watch.take, lambda *_: None
        )

        async def visited(*, answered: bool = True) -> int | None:
            office.hands.pass_s(30)
            await loop.visit()
            assert (health.problem is None) == answered
            await office.settled()
            return office.mbps("internet")

        assert await visited() == 100
        router.down.add(wan)
        assert await visited() == 100
        served.close()
        for _ in range(3):
            assert await visited(answered=False) == 100
        served, _ = await serve_snmp(router, COMMUNITY, port)
        assert await visited() is None
        router.down.clear()
        served.close()
        for _ in range(3):
            assert await visited(answered=False) is None
        served, _ = await serve_snmp(router, COMMUNITY, port)
        for _ in range(4):
            assert await visited() is None
        assert await visited() == 100
        served.close()

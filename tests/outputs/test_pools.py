"""Purchased capacity as Prometheus sees it."""

from __future__ import annotations

from netmon.core.capacity import capacities
from netmon.core.port_state import PortKey, PortStatus
from netmon.core.supply import Pool, Rates, TrafficClass, Uplink
from netmon.outputs.exposition import Block, plain
from netmon.outputs.pools import PoolMetrics

A = Uplink("a", "internet", "r1", "wan1", Rates(600, 60))
B = Uplink("b", "internet", "r1", "wan2", Rates(404, 40), standby=True)
POOL = Pool("internet", TrafficClass.INTERNET, Rates(600, 60), (A, B))


def told(pools: tuple[Pool, ...], statuses: dict[PortKey, PortStatus]) -> set[str]:
    metrics = PoolMetrics("s")
    down = [port for port, status in statuses.items() if status is PortStatus.DOWN]
    metrics.show((POOL,), capacities((POOL,), (), (), (), 0), {})
    metrics.show(pools, capacities(pools, (), down, (), 0), statuses)
    text = b"".join(plain(metrics.families, Block(lambda: b""))).decode()
    return {line.replace('site="s",', "") for line in text.splitlines() if not line.startswith("#")}


def test_a_pool_tells_what_was_purchased_what_there_is_and_which_uplinks_are_up() -> None:
    statuses = {("r1", "wan1"): PortStatus.DOWN, ("r1", "wan2"): PortStatus.UP}
    assert told((POOL,), statuses) == {
        'netmon_pool_purchased_bytes_per_second{pool="internet",direction="download"} 75',
        'netmon_pool_purchased_bytes_per_second{pool="internet",direction="upload"} 7.5',
        'netmon_pool_capacity_bytes_per_second{pool="internet",direction="download"} 50.5',
        'netmon_pool_capacity_bytes_per_second{pool="internet",direction="upload"} 5',
        'netmon_uplink_info{pool="internet",uplink="a",router="r1",interface="wan1",standby="false"} 1',
        'netmon_uplink_info{pool="internet",uplink="b",router="r1",interface="wan2",standby="true"} 1',
        'netmon_uplink_up{pool="internet",uplink="a",router="r1",interface="wan1"} 0',
        'netmon_uplink_up{pool="internet",uplink="b",router="r1",interface="wan2"} 1',
    }


def test_an_uplink_of_which_nothing_is_known_has_no_state_and_a_pool_without_anything_left_has_zero() -> None:
    shown = told((POOL,), {("r1", "wan1"): PortStatus.UNKNOWN})
    assert not [line for line in shown if line.startswith("netmon_uplink_up")]
    gone = told((POOL,), dict.fromkeys((("r1", "wan1"), ("r1", "wan2")), PortStatus.DOWN))
    assert 'netmon_pool_capacity_bytes_per_second{pool="internet",direction="download"} 0' in gone


def test_without_pools_nothing_is_told() -> None:
    assert told((), {}) == set()

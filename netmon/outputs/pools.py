"""What was purchased, what of it is there now, and whether the uplinks are up, for Prometheus.

Volumes of the uplinks are netmon_uplink_bytes_total; netmon_uplink_info says to which pool a port belongs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from netmon.core.capacity import InForce
from netmon.core.model import Direction
from netmon.core.port_state import PortKey, PortStatus
from netmon.core.supply import Pool, Uplink
from netmon.outputs.exposition import Family, Value, labels, lines

Series = Sequence[tuple[str, Value]]
"""Labels and value."""


class PoolMetrics:
    """Families that `show` replaces as a whole: pools are few."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._purchased = Family(
            "netmon_pool_purchased_bytes_per_second", "gauge", "What the contract of a pool promises."
        )
        self._in_force = Family(
            "netmon_pool_capacity_bytes_per_second", "gauge", "What there is of a pool now; 0: nothing is left."
        )
        self._info = Family("netmon_uplink_info", "gauge", "The port on which a pool's capacity arrives; always 1.")
        self._up = Family(
            "netmon_uplink_up", "gauge", "1 if an uplink's port is up, 0 if it is shown down; absent until polls tell."
        )

    @property
    def families(self) -> tuple[Family, ...]:
        return self._purchased, self._in_force, self._info, self._up

    def show(
        self, pools: Sequence[Pool], capacities: Mapping[str, InForce], statuses: Mapping[PortKey, PortStatus]
    ) -> None:
        """All pools, what there is of each, and what their uplinks' ports are known to be."""
        rates = [(pool, direction) for pool in pools for direction in Direction]
        self._purchased.table(
            [(self._pool(pool, way), _octets(pool.purchased.of(way))) for pool, way in rates],
            partial(_told, self._purchased),
        )
        self._in_force.table(
            [(self._pool(pool, way), _octets(capacities[pool.id].of(way) or 0)) for pool, way in rates],
            partial(_told, self._in_force),
        )
        uplinks = [uplink for pool in pools for uplink in pool.uplinks]
        self._info.table(
            [(f'{self._uplink(uplink)},standby="{str(uplink.standby).lower()}"', 1) for uplink in uplinks],
            partial(_told, self._info),
        )
        known = [(uplink, statuses.get((uplink.router, uplink.interface))) for uplink in uplinks]
        self._up.table(
            [
                (self._uplink(uplink), int(status is PortStatus.UP))
                for uplink, status in known
                if status in (PortStatus.UP, PortStatus.DOWN)
            ],
            partial(_told, self._up),
        )

    def _pool(self, pool: Pool, direction: Direction) -> str:
        return labels({"site": self._site, "pool": pool.id, "direction": direction})

    def _uplink(self, uplink: Uplink) -> str:
        return labels(
            {
                "site": self._site,
                "pool": uplink.pool,
                "uplink": uplink.id,
                "router": uplink.router,
                "interface": uplink.interface,
            }
        )


def _told(family: Family, rows: Series) -> bytes:
    return lines(family.name, [said for said, _ in rows], [value for _, value in rows])


def _octets(bps: int) -> Value:
    """Per second; whole where it is whole."""
    return bps // 8 if bps % 8 == 0 else bps / 8

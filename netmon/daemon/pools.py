"""What was purchased against what was delivered: pools, their uplinks, and what agencies used of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netmon.config.load import Configuration
from netmon.core.capacity import InForce, capacities
from netmon.core.closing import Figures, Port
from netmon.core.delivery import Delivered, delivered
from netmon.core.measurement import Usage
from netmon.core.model import NANOSECONDS, Circuit, Direction, Faces
from netmon.core.periods import Period, add_usage, grid_cells, period_containing
from netmon.core.port_state import (
    Availability,
    PortKey,
    PortSpan,
    PortState,
    PortStatus,
    availability,
    resumed,
)
from netmon.core.supply import Pool, Uplink
from netmon.daemon.figures import Reckoning, Wanted
from netmon.daemon.queries import MONTH, QueryError, labelled, rfc3339, whole_seconds
from netmon.store.reader import LedgerReader

MEGABIT = 10**6


Demands = Mapping[tuple[str, Direction], Figures]
"""By the id of a pool, whose uplinks are then summed before ranking, or of an uplink."""


def pool_rows(
    configuration: Configuration, reader: LedgerReader, name: str | None, label: str | None, now_ns: int
) -> list[dict[str, Any]]:
    """The `data` of `netmon/pools/1`: one pool, or all, over a period, by default the running calendar month.

    Raises QueryError for a pool or period that is none, StoreError.
    """
    zone = configuration.settings.site.timezone
    period = period_containing(MONTH, now_ns, zone) if label is None else labelled(label, MONTH, zone)
    chosen = _chosen(configuration, name)
    sheet = _Sheet(configuration, reader, period, now_ns)
    demand = sheet.demand(chosen)
    return [_pool_row(sheet, pool, demand) for pool in chosen]


def _chosen(configuration: Configuration, name: str | None) -> Sequence[Pool]:
    if name is None:
        return tuple(configuration.pools.values())
    if name not in configuration.pools:
        for pool in configuration.pools.values():
            if name in {uplink.id for uplink in pool.uplinks}:
                raise QueryError(f"{name} is an uplink; netmon pool show {pool.id} tells of it")
        raise QueryError(f"there is no pool {name}; netmon pool show lists them")
    return (configuration.pools[name],)


class _Sheet:
    """What the ledger says, each question asked once."""

    def __init__(self, configuration: Configuration, reader: LedgerReader, period: Period, now_ns: int) -> None:
        self.configuration, self.period, self.now_ns = configuration, period, now_ns
        self.zone = configuration.settings.site.timezone
        self.until_ns = max(period.start_ns, min(period.end_ns, now_ns))
        self._reader = reader
        ports = {_port(uplink) for pool in configuration.pools.values() for uplink in pool.uplinks}
        self.newest: Mapping[PortKey, PortSpan] = reader.newest_port_spans()
        self.spans = reader.port_spans(ports, period.start_ns, self.until_ns)
        down = [port for port, span in self.newest.items() if span.status is PortStatus.DOWN]
        pools, backhauls = configuration.pools.values(), configuration.backhauls.values()
        self.in_force = capacities(pools, backhauls, down, reader.directives(now_ns), now_ns)
        self._volumes = Reckoning(reader, now_ns)
        self._volumes.prepare(
            (*configuration.circuits, *(_measured(uplink) for pool in pools for uplink in pool.uplinks)), period
        )

    def demand(self, pools: Sequence[Pool]) -> Demands:
        """Volume, 95th percentile and peak of the uplinks; one pass over the visits of a router."""
        parts: list[tuple[str, tuple[Circuit, ...]]] = []
        for pool in pools:
            measured = tuple(_measured(uplink) for uplink in pool.uplinks)
            parts += [(pool.id, measured), *((one.id, (one,)) for one in measured)]
        wanted = [
            Wanted("", name, circuits, direction, self.period, billed=False)
            for name, circuits in parts
            for direction in Direction
        ]
        found = Reckoning(self._reader, self.now_ns).figures(wanted)
        return {(one.circuit or "", one.direction): one for one in found}

    def volume(self, circuits: Iterable[Circuit], direction: Direction) -> Usage:
        """What passed all these ports, each counted once."""
        ports = {(one.router, one.interface): one for one in circuits}.values()
        return add_usage([self._volumes.usage(_counted(one, direction), self.period) for one in ports])


@dataclass(frozen=True, slots=True)
class _Account:
    """Pools whose agencies' bytes cannot be told apart: circuits that draw on several of them share one counter."""

    pools: tuple[Pool, ...]
    circuits: tuple[Circuit, ...]

    @classmethod
    def of(cls, pool: Pool, configuration: Configuration) -> _Account:
        names, circuits = {pool.id}, [one for one in configuration.circuits if one.pools]
        while True:
            drawing = [one for one in circuits if names & set(one.pools)]
            more = names.union(*(one.pools for one in drawing))
            if more == names:
                together = (one for one in configuration.pools.values() if one.id in names)
                return cls(tuple(together), tuple(drawing))
            names = more


def _pool_row(sheet: _Sheet, pool: Pool, demand: Demands) -> dict[str, Any]:
    there = delivered(pool, sheet.spans, sheet.period.start_ns, sheet.until_ns)
    account = _Account.of(pool, sheet.configuration)
    used_bps = max((demand[pool.id, way].p95_bps or 0 for way in Direction), default=0)
    bought_bps = max(pool.purchased.of(way) for way in Direction)
    price = pool.price
    return {
        "pool": pool.id,
        "class": pool.traffic_class.value,
        "provider": pool.provider,
        "contract": pool.contract,
        "from": _moment(pool.from_ns, sheet.zone),
        "until": _moment(pool.until_ns, sheet.zone),
        "price": None if price is None else {"amount": price.amount, "currency": price.currency, "per": "month"},
        "price_per_purchased_mbps": None if price is None else _per_megabit(price.amount, bought_bps),
        "price_per_used_mbps": None if price is None or not used_bps else _per_megabit(price.amount, used_bps),
        "period_start": rfc3339(sheet.period.start_ns, sheet.zone),
        "period_end": rfc3339(sheet.period.end_ns, sheet.zone),
        "directions": [
            _direction_row(sheet, pool, way, demand[pool.id, way], there)
            | {"reconciliation": _reconciled(sheet, account, way)}
            for way in Direction
        ],
        "uplinks": [_uplink_row(sheet, uplink, demand) for uplink in pool.uplinks],
    }


def _direction_row(sheet: _Sheet, pool: Pool, way: Direction, figures: Figures, there: Delivered) -> dict[str, Any]:
    now: InForce = sheet.in_force[pool.id]
    share = there.ratio(way, pool.purchased)
    return {
        "direction": way.value,
        "purchased_bps": pool.purchased.of(way),
        "in_force_bps": now.of(way),
        "causes": [
            {
                "reason": cause.reason.value,
                "subject": cause.subject,
                "bps": cause.rates.of(way),
                "directive": cause.directive,
            }
            for cause in now.causes
        ],
        "delivered_ratio": None if share is None else round(share, 6),
        "delivered_known_seconds": there.known_ns // NANOSECONDS,
        **_demand_row(sheet, figures),
    }


def _demand_row(sheet: _Sheet, figures: Figures) -> dict[str, Any]:
    cells = grid_cells(sheet.period.start_ns, sheet.until_ns)
    return {
        "bytes": figures.proven_bytes + figures.estimated_bytes if figures.ports else None,
        "bytes_unknown_seconds": whole_seconds(figures.unknown_ns),
        "p95_bps": figures.p95_bps,
        "p95_samples": figures.p95_samples,
        "p95_definition": figures.p95_definition,
        "p95_coverage_ratio": round(figures.p95_samples / cells, 6) if cells else None,
        "peak_bps": figures.peak_bps,
        "peak_at": _moment(figures.peak_at_ns, sheet.zone),
    }


def _reconciled(sheet: _Sheet, account: _Account, way: Direction) -> dict[str, Any]:
    """What passed the uplinks against what was counted at the agencies."""
    arrived = sheet.volume((_measured(uplink) for pool in account.pools for uplink in pool.uplinks), way)
    used = sheet.volume(account.circuits, way)
    whole = account.circuits and all(pool.uplinks for pool in account.pools)
    arrived_bytes, used_bytes = (one.proven_bytes + one.estimated_bytes for one in (arrived, used))
    residual = arrived_bytes - used_bytes if whole else None
    return {
        "pools": [pool.id for pool in account.pools],
        "circuits": len(account.circuits),
        "uplink_bytes": arrived_bytes if whole else None,
        "uplink_unknown_seconds": whole_seconds(arrived.unknown_ns) if whole else None,
        "agency_bytes": used_bytes if account.circuits else None,
        "agency_unknown_seconds": whole_seconds(used.unknown_ns) if account.circuits else None,
        "residual_bytes": residual,
        "residual_ratio": round(residual / arrived_bytes, 6) if residual is not None and arrived_bytes else None,
    }


def _uplink_row(sheet: _Sheet, uplink: Uplink, demand: Demands) -> dict[str, Any]:
    port = _port(uplink)
    newest = sheet.newest.get(port)
    state = PortState() if newest is None else resumed(newest)
    was: Availability = availability(sheet.spans[port], sheet.period.start_ns, sheet.until_ns)
    return {
        "uplink": uplink.id,
        "router": uplink.router,
        "interface": uplink.interface,
        "standby": uplink.standby,
        "download_bps": uplink.capacity.download_bps,
        "upload_bps": uplink.capacity.upload_bps,
        "state": state.status.value,
        "reason": state.reason.value,
        "since": _moment(state.since_ns, sheet.zone),
        "seen": _moment(state.seen_ns, sheet.zone),
        "availability_ratio": None if was.ratio is None else round(was.ratio, 6),
        "up_seconds": was.up_ns // NANOSECONDS,
        "down_seconds": was.down_ns // NANOSECONDS,
        "unknown_seconds": whole_seconds(was.unknown_ns),
        "outages": was.outages,
        "directions": [{"direction": way.value, **_demand_row(sheet, demand[uplink.id, way])} for way in Direction],
    }


def _measured(uplink: Uplink) -> Circuit:
    """An uplink as something that is counted: it faces the province, so that what enters by it is download."""
    return Circuit(uplink.id, "", uplink.router, uplink.interface, Faces.PROVINCE)


def _counted(circuit: Circuit, direction: Direction) -> Port:
    return Port(circuit.id, circuit.router, circuit.interface, circuit.way(direction))


def _port(uplink: Uplink) -> PortKey:
    return uplink.router, uplink.interface


def _moment(at_ns: int | None, zone: str) -> str | None:
    return None if at_ns is None else rfc3339(at_ns, zone)


def _per_megabit(amount: int, bps: int) -> float:
    return round(amount * MEGABIT / bps, 2)

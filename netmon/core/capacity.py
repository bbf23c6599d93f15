"""What there is now of what was bought and built: every pool, uplink and backhaul, per direction.

Capacity falls on positive evidence alone: a port shown down (core/port_state), or a degradation that a person gave.
A pool has what its uplinks carry, at most what was purchased; a standby uplink counts only for as much as others of
its pool have lost.

Where nothing is left there is no number. A capacity of None is none to share by: what is shared then stays as it
last was, because tightening every agency to its least does nobody good while the internet is away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from netmon.core.directives import Directive, DirectiveKind, in_force
from netmon.core.model import Direction
from netmon.core.port_state import PortKey
from netmon.core.supply import Backhaul, Pool, Rates, Uplink


class CapacityReason(StrEnum):
    """Why a capacity is what it is; without any it is as configured."""

    UPLINKS_NARROWER = "uplinks_narrower"
    """Its uplinks carry less than was purchased even when all of them are up."""
    DOWN = "down"
    """The port is shown down; `rates`: what is lost with it."""
    DEGRADED = "degraded"
    """Somebody said so; `rates`: what is left."""
    STANDBY = "standby"
    """A standby uplink stands in; `rates`: what it adds."""
    NOTHING_LEFT = "nothing_left"
    """In some direction nothing of it is left."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason of a capacity."""

    reason: CapacityReason
    subject: str
    """The pool, uplink or backhaul it is about."""
    rates: Rates
    directive: str | None = None
    """Of DEGRADED: the directive's id."""


@dataclass(frozen=True, slots=True)
class InForce:
    """One capacity as it is now."""

    id: str
    configured: Rates
    """Of a pool: purchased."""
    download_bps: int | None
    """None: nothing is left of it."""
    upload_bps: int | None
    causes: tuple[Cause, ...] = ()

    def of(self, direction: Direction) -> int | None:
        return self.download_bps if direction is Direction.DOWNLOAD else self.upload_bps


def capacities(
    pools: Iterable[Pool],
    backhauls: Iterable[Backhaul],
    down: Collection[PortKey],
    directives: Iterable[Directive],
    now_ns: int,
) -> dict[str, InForce]:
    """All of them by id. `down`: ports positively down; of the directives those that are in force now count."""
    degraded = _degraded(directives, now_ns)
    found: dict[str, InForce] = {}
    for backhaul in backhauls:
        port = None if backhaul.interface is None else (backhaul.router, backhaul.interface)
        found[backhaul.id] = _link(backhaul.id, backhaul.capacity, port in down, degraded)
    for pool in pools:
        links = {
            uplink.id: _link(uplink.id, uplink.capacity, (uplink.router, uplink.interface) in down, degraded)
            for uplink in pool.uplinks
        }
        found |= links
        found[pool.id] = _pool(pool, links, degraded)
    return found


def _degraded(directives: Iterable[Directive], now_ns: int) -> Mapping[str, Sequence[tuple[Directive, Rates]]]:
    found: dict[str, list[tuple[Directive, Rates]]] = {}
    for directive in in_force(directives, now_ns):
        if directive.kind is DirectiveKind.DEGRADATION and directive.rates is not None:
            found.setdefault(directive.subject, []).append((directive, directive.rates))
    return found


def _link(
    name: str, capacity: Rates, is_down: bool, degraded: Mapping[str, Sequence[tuple[Directive, Rates]]]
) -> InForce:
    if is_down:
        causes = (Cause(CapacityReason.DOWN, name, capacity), _nothing(name))
        return InForce(name, capacity, None, None, causes)
    return _stated(name, capacity, capacity, (), degraded)


def _stated(
    name: str,
    configured: Rates,
    left: Rates,
    causes: tuple[Cause, ...],
    degraded: Mapping[str, Sequence[tuple[Directive, Rates]]],
) -> InForce:
    """What of `left` the degradations leave, and None for nothing."""
    for directive, rates in degraded.get(name, ()):
        left = Rates(min(left.download_bps, rates.download_bps), min(left.upload_bps, rates.upload_bps))
        causes = (*causes, Cause(CapacityReason.DEGRADED, name, rates, directive.id))
    if 0 in (left.download_bps, left.upload_bps):
        causes = (*causes, _nothing(name))
    return InForce(name, configured, left.download_bps or None, left.upload_bps or None, causes)


def _nothing(name: str) -> Cause:
    return Cause(CapacityReason.NOTHING_LEFT, name, Rates(0, 0))


def _pool(
    pool: Pool, links: Mapping[str, InForce], degraded: Mapping[str, Sequence[tuple[Directive, Rates]]]
) -> InForce:
    if not pool.uplinks:
        return _stated(pool.id, pool.purchased, pool.purchased, (), degraded)
    # Where all are on standby, none stands by for another.
    serving = [uplink for uplink in pool.uplinks if not uplink.standby] or list(pool.uplinks)
    standby = [uplink for uplink in pool.uplinks if uplink not in serving]
    causes = [
        cause
        for uplink in pool.uplinks
        for cause in links[uplink.id].causes
        if cause.reason is not CapacityReason.NOTHING_LEFT
    ]
    built, carried = _sum(serving), _left(serving, links)
    if not _covers(built, pool.purchased):
        causes.insert(0, Cause(CapacityReason.UPLINKS_NARROWER, pool.id, built))
    lost = _less(built, carried)
    for uplink in standby:
        left = _left([uplink], links)
        adds = Rates(min(left.download_bps, lost.download_bps), min(left.upload_bps, lost.upload_bps))
        if adds != Rates(0, 0):
            causes.append(Cause(CapacityReason.STANDBY, uplink.id, adds))
            carried, lost = _plus(carried, adds), _less(lost, adds)
    left = Rates(
        min(pool.purchased.download_bps, carried.download_bps), min(pool.purchased.upload_bps, carried.upload_bps)
    )
    return _stated(pool.id, pool.purchased, left, tuple(causes), degraded)


def _sum(uplinks: Iterable[Uplink]) -> Rates:
    total = Rates(0, 0)
    for uplink in uplinks:
        total = _plus(total, uplink.capacity)
    return total


def _left(uplinks: Iterable[Uplink], links: Mapping[str, InForce]) -> Rates:
    total = Rates(0, 0)
    for uplink in uplinks:
        link = links[uplink.id]
        total = _plus(total, Rates(link.download_bps or 0, link.upload_bps or 0))
    return total


def _plus(one: Rates, other: Rates) -> Rates:
    return Rates(one.download_bps + other.download_bps, one.upload_bps + other.upload_bps)


def _less(one: Rates, other: Rates) -> Rates:
    return Rates(one.download_bps - other.download_bps, one.upload_bps - other.upload_bps)


def _covers(one: Rates, other: Rates) -> bool:
    return one.download_bps >= other.download_bps and one.upload_bps >= other.upload_bps

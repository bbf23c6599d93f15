"""What is said when a port goes down on which purchased capacity arrives, or that many circuits cross."""

from __future__ import annotations

from enum import StrEnum

from netmon.core.alerting import Condition
from netmon.core.alerts import AlertKind, Severity
from netmon.core.capacity import CapacityReason, InForce
from netmon.core.model import Direction
from netmon.core.port_state import PortReason, PortState, PortStatus
from netmon.core.supply import Backhaul, Uplink
from netmon.core.units import format_rate


class Sentence(StrEnum):
    """Every summary; fields are named, so that a translation may reorder them."""

    UPLINK_DOWN = "Uplink {link} ({router} {interface}) is down: of pool {pool} there is {left}.{standby}"
    POOL_GONE = "Uplink {link} ({router} {interface}) is down: nothing is left of pool {pool}; limits stay as they are."
    UPLINK_UP = "Uplink {link} ({router} {interface}) is up: of pool {pool} there is {left}."
    BACKHAUL_DOWN = "Backhaul {link} ({router} {interface}) is down."
    BACKHAUL_UP = "Backhaul {link} ({router} {interface}) is up."


def uplink_condition(uplink: Uplink, state: PortState, pool: InForce) -> Condition:
    """Fires while the uplink is positively down, and names what is left of its pool."""
    down = state.status is PortStatus.DOWN
    gone = pool.download_bps is None and pool.upload_bps is None
    sentence = Sentence.UPLINK_UP if not down else Sentence.POOL_GONE if gone else Sentence.UPLINK_DOWN
    standby = [cause.subject for cause in pool.causes if cause.reason is CapacityReason.STANDBY]
    summary = sentence.format(
        link=uplink.id,
        router=uplink.router,
        interface=uplink.interface,
        pool=pool.id,
        left=_left(pool),
        standby=f" {' and '.join(standby)} stands in." if standby else "",
    )
    return _condition(f"uplink/{uplink.id}", uplink.router, state, summary)


def backhaul_condition(backhaul: Backhaul, state: PortState) -> Condition:
    """Fires while the backhaul's port is positively down."""
    sentence = Sentence.BACKHAUL_DOWN if state.status is PortStatus.DOWN else Sentence.BACKHAUL_UP
    summary = sentence.format(link=backhaul.id, router=backhaul.router, interface=backhaul.interface)
    return _condition(f"backhaul/{backhaul.id}", backhaul.router, state, summary)


def _condition(key: str, router: str, state: PortState, summary: str) -> Condition:
    down = state.status is PortStatus.DOWN
    return Condition(
        key=key,
        kind=AlertKind.CAPACITY,
        severity=Severity.CRITICAL,
        firing=down,
        summary=summary,
        # Not the state's: an outage that begins to recover, or does so in vain, is no other alert.
        reason=PortReason.SHOWN_DOWN_TWICE if down else PortReason.SHOWN_UP,
        epoch=f"{state.since_ns}",
        router=router,
    )


def _left(pool: InForce) -> str:
    """`500 Mb/s of 1 Gb/s download and none of 100 Mb/s upload`."""
    parts = []
    for direction in Direction:
        bps, bought = pool.of(direction), format_rate(pool.configured.of(direction))
        parts.append(f"{'nothing' if bps is None else format_rate(bps)} of {bought} {direction}")
    return " and ".join(parts)

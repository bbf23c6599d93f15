"""What was bought, what is crossed on the way, and who may have what of it: pools, uplinks, backhauls, entitlements."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netmon.core.model import Direction, TrafficClass

__all__ = ["Backhaul", "Entitlement", "Pool", "Price", "Rates", "Sharing", "TrafficClass", "Uplink"]


@dataclass(frozen=True, slots=True)
class Rates:
    """bit/s each way, as the agencies see it."""

    download_bps: int
    upload_bps: int

    def of(self, direction: Direction) -> int:
        return self.download_bps if direction is Direction.DOWNLOAD else self.upload_bps


class Sharing(StrEnum):
    """When the circuits that draw on a pool are limited to their shares of it."""

    NEVER = "never"
    SCARCE = "scarce"
    """While more is wanted than there is."""
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Uplink:
    """A port on which a pool's capacity arrives."""

    id: str
    """Unique among pools, uplinks and backhauls."""
    pool: str
    router: str
    interface: str
    """ifName on `router`."""
    capacity: Rates
    standby: bool = False
    """Not summed: it counts only for as much as others of its pool that are down."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of a pool, for one month."""

    amount: int
    """In whole units of `currency`."""
    currency: str
    """ISO 4217."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Capacity as purchased."""

    id: str
    traffic_class: TrafficClass
    purchased: Rates
    uplinks: tuple[Uplink, ...] = ()
    """None: not known where it arrives, so that nothing of it is ever seen to fail."""
    provider: str | None = None
    contract: str | None = None
    price: Price | None = None
    from_ns: int | None = None
    until_ns: int | None = None
    """The contract's term, half-open; None: without end."""
    sharing: Sharing = Sharing.NEVER


@dataclass(frozen=True, slots=True)
class Backhaul:
    """A link of our own that several circuits cross, and that is narrower than what they may have."""

    id: str
    """Unique among pools, uplinks and backhauls."""
    router: str
    interface: str | None
    """ifName on `router`; None: it is not watched."""
    capacity: Rates


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one agency may have of one pool for a time: all its circuits together, and those of its descendants."""

    agency: str
    pool: str
    position: int
    """Among the agency's entitlements as they are written, from 0."""
    floor: Rates = Rates(0, 0)
    """Guaranteed as far as it is wanted."""
    ceiling: Rates | None = None
    weight: int = 1
    """Against its siblings in the tree of agencies."""
    priority: int | None = None
    """Lower classes are served first; None: its parent's, else sharing_tree.ORDINARY."""
    from_ns: int | None = None
    until_ns: int | None = None
    """Half-open; None: without end."""
    legal_basis: str | None = None

    def in_force(self, now_ns: int) -> bool:
        return (self.from_ns is None or self.from_ns <= now_ns) and (self.until_ns is None or now_ns < self.until_ns)

"""The simulated routers of the contract suite: an uplink, the port of one circuit, and the management port."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from netmon.core.model import Direction, Faces
from netmon.routers.port import Target
from netmon.routers.readbacks import Owner
from netmon.simulator.device import Platform, Port, PortRole, Router

CIRCUIT: Final = "dinkes-1"
_AGENCY: Final = "dinkes"
"""The port's alias."""
_MACS: Final = tuple(bytes.fromhex(f"024e4d00010{index}") for index in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Site:
    """What a platform calls its three ports."""

    uplink: str
    port: str
    management: str
    unguarded: bool = False
    """Whether the platform takes Target.allow_unguarded."""

    def router(self, platform: Platform, name: str = "r1") -> Router:
        ports = (
            Port(1, self.uplink, "uplink", _MACS[0], PortRole.UPLINK),
            Port(2, self.port, _AGENCY, _MACS[1], PortRole.AGENCY),
            Port(3, self.management, "management", _MACS[2], PortRole.MANAGEMENT),
        )
        return Router(name, platform, "127.0.0.1", "SIM1", ports, time.monotonic_ns)

    def target(self, direction: Direction, faces: Faces) -> Target:
        """The same port whatever the direction."""
        return Target(
            CIRCUIT,
            self.port,
            faces,
            _AGENCY,
            _MACS[1].hex(":"),
            (self.uplink,),
            allow_unguarded=self.unguarded,
            owner=Owner("ledger-1", 7),
            known_revision=7,
        )

"""A simulated Huawei router: VRP5, where a command acts at once, and VRP8 with candidates and configurations on trial.

Written from Huawei's command references (AR V200R010; NetEngine 8000 and CloudEngine: commit, abort trial,
configuration exclusive). What a login types is in netmon.simulator.vrp_seat.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from netmon.simulator.device import PortRole, Router
from netmon.simulator.faults import Rejecting
from netmon.simulator.vrp_configuration import Configuration
from netmon.simulator.vrp_seat import VrpSeat


@dataclass(slots=True)
class Trial:
    before: Configuration
    persist: str | None
    seat: VrpSeat
    timer: asyncio.TimerHandle
    ends: float


class Vrp(Rejecting):
    """A Huawei router; implements netmon.simulator.console.System."""

    banner = (
        "\nInfo: The max number of VTY users is 21, and the number of current VTY users on line is 1."
        "\n      The current login time is 2024-05-14 09:12:00.\n"
    )

    def __init__(self, router: Router, release: int, second_s: float = 1.0) -> None:
        """`release`: 5 or 8. `second_s`: how long a second of the router's timers takes."""
        self.router = router
        self.release = release
        self.second_s = second_s
        self.disk_full = False
        self.talks_to_machines = True
        """Whether this release has a machine-to-machine mode."""
        self.nags = False
        """A login is asked to change its password."""
        self.running = Configuration(release, frozenset(port.name for port in router.ports))
        self.running.lines["sysname"] = f"sysname {router.name}"
        for port in router.ports:
            view = self.running.views.setdefault(f"interface {port.name}", {})
            if port.alias:
                view["description"] = f"description {port.alias}"
            if port.parent:
                words = "dot1q termination vid" if release == 5 else "vlan-type dot1q"
                view[words] = f"{words} {port.vlan}"
        self.startup = self.running.copy()
        self.commits: list[str] = []
        self.lock: VrpSeat | None = None
        self.trial: Trial | None = None
        self.seats: list[VrpSeat | None] = []

    def seat(self, username: str, peer: str) -> VrpSeat:
        seat = VrpSeat(self, username, peer)
        self.seats.append(seat)
        return seat

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return self.running.limit_bps(interface, "outbound" if outward else "inbound")

    def reboot(self) -> None:
        self._end_trial()
        self.lock = None
        self.settle()
        self.running = self.startup.copy()

    def settle(self) -> None:
        self.router.settle()

    @property
    def management(self) -> str:
        found = [port.name for port in self.router.ports if port.role is PortRole.MANAGEMENT]
        return found[0] if found else self.router.ports[0].name

    # --- VRP8 --------------------------------------------------------------------------------------

    def begin_trial(self, seat: VrpSeat, wanted: Configuration, seconds: int, persist: str | None) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds * self.second_s, self.roll_back)
        self.trial = Trial(self.running, persist, seat, timer, loop.time() + seconds * self.second_s)
        self.settle()
        self.running = wanted

    def roll_back(self) -> None:
        if self.trial is not None:
            self.settle()
            self.running = self.trial.before
            self._end_trial()

    def confirm_trial(self) -> None:
        self._end_trial()

    def _end_trial(self) -> None:
        if self.trial is not None:
            self.trial.timer.cancel()
            self.trial = None

    def left(self, seat: VrpSeat) -> None:
        """A login ended: its lock goes, and a trial that it did not make persistent is rolled back."""
        if self.lock is seat:
            self.lock = None
        if self.trial is not None and self.trial.seat is seat and self.trial.persist is None:
            self.roll_back()
        if seat in self.seats:
            self.seats[self.seats.index(seat)] = None

"""The command line of a simulated IOS router: running and startup configuration, revert timer, applets, locks.

Written from Cisco's documents (Configuration Replace and Rollback, Exclusive Configuration Change Access, Modular QoS,
Embedded Event Manager); a line that is not understood is rejected in the router's words.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from netmon.simulator.cisco_grammar import RefusedError
from netmon.simulator.console import Logout
from netmon.simulator.device import PortRole, Router
from netmon.simulator.faults import Rejecting
from netmon.simulator.indented import Block, parsed
from netmon.simulator.ios_config import limit_of
from netmon.simulator.ios_seat import IosSeat
from netmon.simulator.ios_show import Login, long_name

_SOON: Final = (
    "Rollback Confirmed Change: Rollback will begin in one minute.\n"
    'Enter "configure confirm" if you wish to keep what you\'ve configured\n'
)
_FULL: Final = "startup-config file open failed (Not enough space)"


class Ios(Rejecting):
    """One router. The attributes below are faults a test may put in."""

    def __init__(self, router: Router, second_s: float = 1.0) -> None:
        """`second_s`: real seconds for each second of the router's timers."""
        self.router = router
        self._second_s = second_s
        self.disk_full = False
        self.has_events = True
        """Whether the image has the Embedded Event Manager."""
        self.refuses_output: str | None = None
        """The router's words where its hardware cannot limit what leaves a port."""
        self.enable_secret: str | None = None
        """Logins begin without privileges; None: with all."""
        self.saved_by_another_image = False
        """The router asks before it overwrites what is saved; an empty line says yes."""
        self.chatty = False
        """Log messages come between the answers."""
        self.banner = "\n** Authorised use only **\n\n"
        self.locked_by: Login | None = None
        self.logins: list[Login] = []
        self.running = parsed(_factory(router))
        self.startup = self.running.copy()
        self._backup: Block | None = None
        self._timer: asyncio.Task[None] | None = None
        self._timed = (0, "", 0.0)
        """Minutes, who set it, when it fires by the loop's clock."""
        self._applets: dict[str, tuple[str, datetime, asyncio.Task[None]]] = {}
        """Name -> text as registered, when, and its countdown."""

    # --- what the rest of the simulation sees ------------------------------------------------

    def seat(self, username: str, peer: str) -> IosSeat:
        used = {login.line for login in self.logins}
        login = Login(next(line for line in range(1, 1000) if line not in used), username, peer)
        self.logins.append(login)
        return IosSeat(self, login)

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return limit_of(self.running, long_name(interface), outward)

    def reboot(self) -> None:
        self.router.settle()
        self._stop_timer()
        self.running = self.startup.copy()
        self.locked_by = None
        for _, _, countdown in self._applets.values():
            countdown.cancel()
        self._applets.clear()
        self.register_applets()

    # --- faults ------------------------------------------------------------------------------

    def operator_enters(self) -> IosSeat:
        """Someone else holds the configuration lock and has altered something without saving it."""
        seat = self.seat("operator", "10.99.0.7")
        port = next(port for port in self.router.ports if port.role is PortRole.UPLINK)
        for line in ("configure terminal lock", f"interface {port.name}", "description being rewired"):
            seat.type(line)
        return seat

    # --- the revert timer --------------------------------------------------------------------

    def arm(self, minutes: int, username: str) -> str:
        """Raises RefusedError."""
        archive = self.running.find("archive")
        if archive is None or archive.value("path") is None:
            raise RefusedError("%Turn config archive on before using Rollback Confirmed Change")
        if self._backup is not None:
            raise RefusedError("%Rollback Confirmed Change is already pending")
        self._backup = self.running.copy()
        self.retime(minutes, username)
        path = archive.value("path")
        now = datetime.now(UTC)
        said = f"Rollback Confirmed Change: Backing up current running config to {path}-{now:%b-%d-%H-%M-%S}-0\n\n"
        return said + (_SOON if minutes == 1 else "")

    def retime(self, minutes: int, username: str) -> None:
        if self._backup is None:
            raise RefusedError("%No Rollback Confirmed Change pending")
        if self._timer is not None:
            self._timer.cancel()
        seconds = 60 * minutes * self._second_s
        self._timed = (minutes, username, asyncio.get_running_loop().time() + seconds)

        async def fire() -> None:
            await asyncio.sleep(seconds)
            self._timer = None
            self.roll_back()

        self._timer = asyncio.create_task(fire())

    def confirm(self) -> None:
        if self._backup is None:
            raise RefusedError("%No Rollback Confirmed Change pending")
        self._stop_timer()

    def roll_back(self) -> str:
        if self._backup is None:
            raise RefusedError("%No Rollback Confirmed Change pending")
        self.router.settle()
        self.running = self._backup
        self._stop_timer()
        self.register_applets()
        return "Rollback Confirmed Change: Rolling to: flash:archive\n\nTotal number of passes: 1\nRollback Done\n\n"

    def timer(self) -> str:
        if self._backup is None:
            return "%No Rollback Confirmed Change pending\n"
        minutes, username, fires = self._timed
        left = max(0.0, fires - asyncio.get_running_loop().time()) / (60 * self._second_s)
        return (
            f"Time configured(or reconfigured): {datetime.now(UTC):%H:%M:%S UTC %a %b %d %Y}\n"
            f"Timer type: absolute timer\nTimer value: {minutes} min\nTimeleft: {int(left)} min\nUser: {username}\n"
        )

    def _stop_timer(self) -> None:
        self._backup = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- applets -----------------------------------------------------------------------------

    def register_applets(self) -> None:
        """What is configured and not registered like that starts to count; what is gone ends."""
        there = {b.line.split()[-1]: b for b in self.running.starting("event manager applet")}
        for name in [name for name, (text, _, _) in self._applets.items() if _text(there.get(name)) != text]:
            self._applets.pop(name)[2].cancel()
        for name, applet in there.items():
            seconds = applet.value("event timer countdown time")
            if name not in self._applets and seconds is not None:
                countdown = asyncio.create_task(self._count_down(applet.copy(), int(seconds) * self._second_s))
                self._applets[name] = (_text(applet), datetime.now(UTC), countdown)

    def registered(self) -> list[tuple[Block, datetime]]:
        found = ((self.running.find(f"event manager applet {name}"), seen[1]) for name, seen in self._applets.items())
        return [(applet, when) for applet, when in found if applet is not None]

    async def _count_down(self, applet: Block, seconds: float) -> None:
        await asyncio.sleep(seconds)
        actions = [b.line.split(maxsplit=4) for b in applet.starting("action")]
        lines = [words[4].strip('"') for words in sorted(actions) if words[2] == "cli"]
        self.act_upon(lines)

    def act_upon(self, lines: list[str]) -> None:
        """An applet types its lines; it is not ended by taking itself off."""
        seat = IosSeat(self, Login(0, "EEM", "applet"))
        for line in lines:
            try:
                seat.type(line)
            except (Logout, RefusedError):
                continue
        seat.leave_configuration()

    def save(self) -> str:
        if self.disk_full:
            raise RefusedError(_FULL)
        self.startup = self.running.copy()
        self.saved_by_another_image = False
        return "Building configuration...\n[OK]\n"


def _text(applet: Block | None) -> str:
    return "" if applet is None else "\n".join(applet.lines())


def _factory(router: Router) -> str:
    lines = ["version 15.7", f"hostname {router.name}", "configuration mode exclusive manual"]
    lines += ["archive", " path flash:archive", " maximum 5"]
    for port in router.ports:
        lines.append(f"interface {long_name(port.name)}")
        lines += [f" description {port.alias}"] if port.alias else []
        lines += [f" encapsulation dot1Q {port.vlan}"] if port.parent else []
        if port.role is PortRole.MANAGEMENT:
            lines.append(f" ip address {router.address} 255.0.0.0")
        elif port.role is PortRole.UPLINK:
            lines.append(f" ip address 10.255.{port.index}.2 255.255.255.252")
        else:
            lines.append(f" ip address 10.{port.mac[-2]}.{port.index}.1 255.255.255.0")
    lines += [
        f"ip route 0.0.0.0 0.0.0.0 10.255.{port.index}.1" for port in router.ports if port.role is PortRole.UPLINK
    ]
    return "\n".join([*lines, "line vty 0 4", " transport input ssh"])

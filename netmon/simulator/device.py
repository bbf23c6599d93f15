"""A simulated router: its ports, its boots, and the octets its ports have counted since the last one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol

from netmon.core.model import NANOSECONDS
from netmon.simulator.traffic import Traffic


class Platform(StrEnum):
    """Folders of policies/enforcement."""

    ROUTEROS = "routeros"
    LINUX = "linux"
    IOS = "ios"
    IOSXR = "iosxr"
    JUNOS = "junos"
    VRP5 = "vrp5"
    VRP8 = "vrp8"
    VYOS = "vyos"
    EDGEOS = "edgeos"


class PortType(IntEnum):
    """IANAifType-MIB."""

    ETHERNET = 6
    LOOPBACK = 24


class PortRole(StrEnum):
    LOOPBACK = "loopback"
    MANAGEMENT = "management"
    UPLINK = "uplink"
    AGENCY = "agency"
    VIRTUAL = "virtual"
    """Made by a command, such as an ifb; its own counters stay at zero."""


@dataclass(frozen=True, slots=True)
class Port:
    index: int
    """ifIndex."""
    name: str
    alias: str
    mac: bytes
    role: PortRole
    speed_bps: int = 1_000_000_000
    parent: str | None = None
    """The port that it is a VLAN of."""
    vlan: int = 0

    @property
    def type(self) -> PortType:
        return PortType.LOOPBACK if self.role is PortRole.LOOPBACK else PortType.ETHERNET

    @property
    def mac_text(self) -> str:
        return ":".join(f"{octet:02x}" for octet in self.mac)


@dataclass(slots=True)
class Transceiver:
    """What an optical module measures; set anew by whoever lets it age."""

    rx_power_dbm: float | None = -6.2
    """None: no light."""
    tx_power_dbm: float = -5.8
    bias_ma: int = 18
    temperature_celsius: int = 41
    voltage_millivolts: int = 3_291


class Configuration(Protocol):
    """A router's running and startup configuration, as its command line alters it."""

    def limit_bps(self, interface: str, outward: bool) -> int | None: ...

    def reboot(self) -> None:
        """Forgets what was not saved, and every job that was waiting."""
        ...


class Router:
    """One simulated router. `traffic` is set once the province is put together."""

    def __init__(
        self,
        name: str,
        platform: Platform,
        address: str,
        serial: str,
        ports: Sequence[Port],
        clock: Callable[[], int],
    ) -> None:
        """`address` is its management address on loopback; `clock` gives monotonic nanoseconds."""
        self.name = name
        self.platform = platform
        self.address = address
        self.serial = serial
        self.ports = tuple(ports)
        self.boots = 1
        self.transceivers: dict[str, Transceiver] = {}
        """By the port's name; put in by `plug`."""
        self.neighbours: dict[str, str] = {}
        """Port's name -> what the router heard there calls itself."""
        self.down: set[str] = set()
        """Names of the ports whose link is down: nothing passes them."""
        self._stopped: dict[str, tuple[int, int]] = {}
        """What those ports counted when they were first read like that."""
        self._clock = clock
        # It has been up for hours, as routers have: nothing in its uptime hints at the simulation's start.
        self._booted_ns = clock() - (20_000 + 1_000 * len(name)) * NANOSECONDS
        self._at_boot: dict[str, tuple[int, int]] = {}
        self._traffic: Traffic | None = None
        self._configuration: Configuration | None = None

    def install(self, traffic: Traffic, configuration: Configuration) -> None:
        """Connects the router to the province's traffic and gives it its configuration."""
        self._traffic = traffic
        self._configuration = configuration

    @property
    def traffic(self) -> Traffic:
        assert self._traffic is not None, f"router {self.name} is not installed"
        return self._traffic

    def port(self, name: str) -> Port | None:
        return next((port for port in self.ports if port.name == name), None)

    def add_port(self, name: str, alias: str, mac: bytes) -> Port:
        """A virtual port with the next free ifIndex; it shows in the interface table at once."""
        index = max(port.index for port in self.ports) + 1
        port = Port(index, name, alias, mac, PortRole.VIRTUAL, speed_bps=0)
        self.ports = (*self.ports, port)
        return port

    def remove_port(self, name: str) -> None:
        self.ports = tuple(port for port in self.ports if port.name != name)

    def plug(self, name: str, transceiver: Transceiver, neighbour: str | None = None) -> None:
        """Puts an optical module into a port; `neighbour` is what the router at the other end calls itself."""
        self.transceivers[name] = transceiver
        if neighbour is not None:
            self.neighbours[name] = neighbour
        self.ports = (*self.ports,)  # another tuple: agents then make their tables anew

    def settle(self) -> None:
        """Counts the traffic of the past under the limits of the past: called before anything is altered."""
        if self._traffic is not None:
            self._traffic.advance()

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        """The limit the running configuration puts on one direction of a port."""
        return None if self._configuration is None else self._configuration.limit_bps(interface, outward)

    def uptime_ticks(self) -> int:
        """Hundredths of a second since the last boot, modulo 2^32 (sysUpTime)."""
        return (self._clock() - self._booted_ns) // (NANOSECONDS // 100) % 2**32

    def octets(self, port: Port) -> tuple[int, int]:
        """(into, out of) a port since the last boot."""
        into, out = self._since_the_beginning(port)
        if port.name in self.down:
            into, out = self._stopped.setdefault(port.name, (into, out))
        elif (stopped := self._stopped.pop(port.name, None)) is not None:
            before = self._at_boot.get(port.name, (0, 0))
            self._at_boot[port.name] = (before[0] + into - stopped[0], before[1] + out - stopped[1])
        into_then, out_then = self._at_boot.get(port.name, (0, 0))
        return into - into_then, out - out_then

    def reboot(self) -> None:
        """Power fails and returns: counters and uptime start at zero, what was not saved is gone."""
        self._at_boot = {port.name: self._since_the_beginning(port) for port in self.ports}
        self._stopped.clear()
        self._booted_ns = self._clock()
        self.boots += 1
        if self._configuration is not None:
            self._configuration.reboot()

    def _since_the_beginning(self, port: Port) -> tuple[int, int]:
        """Nothing while it is in no province."""
        match port.role:
            case PortRole.AGENCY if self._traffic is not None:
                return self._traffic.port_octets(self.name, port.name)
            case PortRole.UPLINK if self._traffic is not None:
                return self._traffic.router_octets(self.name)
            case _:
                return 0, 0

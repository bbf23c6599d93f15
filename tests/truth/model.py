"""A router that knows the truth: every byte that ever passed its ports, whatever its counters say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from netmon.core.continuity import TICK_NS, UPTIME_WRAP
from netmon.core.measurement import Interface

SECOND_NS = 1_000_000_000

Bytes = tuple[int, int]
"""ifIn, ifOut."""


@dataclass(slots=True)
class Port:
    """One port. `counted` restarts where a counter does; `passed` never does."""

    name: str
    index: int
    passed: list[int]
    counted: list[int]
    cleared_ticks: int = 0
    """ifCounterDiscontinuityTime."""
    epoch: int = 0
    """Grows whenever `counted` restarts."""
    present: bool = True
    shown: str = ""
    """The name it carries now, if another one."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the agent says of one port at one instant, and the truth of that instant."""

    octets: Bytes
    discontinuity: int | None
    passed: Bytes
    epoch: int
    wraps: Bytes
    """How often each counter has wrapped in its epoch."""


@dataclass(slots=True)
class ModelRouter:
    """Counters of 32 or 64 bits, refreshed at once or every `refresh_ns`; time passes when it is told to."""

    bits: int = 64
    refresh_ns: int = 0
    shows_host_uptime: bool = True
    shows_discontinuity: bool = True
    now_ns: int = 0
    uptime_at_start_ticks: int = 50_000_000
    serial: int = 1
    ports: list[Port] = field(default_factory=list)
    _agent_since_ns: int = field(init=False)
    _host_since_ns: int = field(init=False)
    _indices: count[int] = field(default_factory=lambda: count(1))
    _cache: dict[str, Served] = field(default_factory=dict)
    _cached_ns: int = 0

    def __post_init__(self) -> None:
        self._agent_since_ns = self._host_since_ns = self.now_ns - self.uptime_at_start_ticks * TICK_NS

    def add_port(self, name: str, first: Bytes = (0, 0)) -> Port:
        port = Port(name, next(self._indices), [0, 0], list(first))
        self.ports.append(port)
        return port

    # --- what happens to it ----------------------------------------------------------------------

    def carry(self, port: Port, into: int, out: int) -> None:
        for way, octets in enumerate((into, out)):
            port.passed[way] += octets
            port.counted[way] += octets

    def reboot(self) -> None:
        self._agent_since_ns = self._host_since_ns = self.now_ns
        self._restart_counters((0, 0))

    def restart_agent(self) -> None:
        """sysUpTime restarts; counters and hrSystemUptime go on, and discontinuities are forgotten (RFC 2863)."""
        self._agent_since_ns = self.now_ns
        for port in self.ports:
            port.cleared_ticks = 0
        self._cache.clear()

    def clear(self, port: Port) -> None:
        port.counted, port.cleared_ticks = [0, 0], self.uptime_ticks
        port.epoch += 1
        self._cache.pop(port.name, None)

    def replace(self, first: Bytes) -> None:
        """Another device in the same place, with counters of its own."""
        self.serial += 1
        self._agent_since_ns = self._host_since_ns = self.now_ns - 77_000 * SECOND_NS
        self._restart_counters(first)

    def renumber(self) -> None:
        for port in self.ports:
            port.index = next(self._indices)

    def _restart_counters(self, first: Bytes) -> None:
        for port in self.ports:
            port.counted, port.cleared_ticks = list(first), 0
            port.epoch += 1
        self._cache.clear()

    # --- what its agent says ---------------------------------------------------------------------

    @property
    def device(self) -> str:
        return f"serial-{self.serial}"

    @property
    def uptime_ticks(self) -> int:
        return (self.now_ns - self._agent_since_ns) // TICK_NS % UPTIME_WRAP

    @property
    def host_uptime_ticks(self) -> int | None:
        return (self.now_ns - self._host_since_ns) // TICK_NS % UPTIME_WRAP if self.shows_host_uptime else None

    @property
    def identity(self) -> tuple[Interface, ...]:
        """The ports that can be told apart: a name that occurs twice is refused."""
        return tuple(Interface(port.index, port.name) for port in self.told_apart())

    def told_apart(self) -> list[Port]:
        names = [port.shown or port.name for port in self.ports if port.present]
        return [port for port in self.ports if port.present and names.count(port.shown or port.name) == 1]

    def served(self, port: Port) -> Served:
        """The port as the agent shows it now: as old as its cache is."""
        if not self.refresh_ns:
            return self._fresh(port)
        if self.now_ns - self._cached_ns >= self.refresh_ns:
            self._cache.clear()
            self._cached_ns = self.now_ns
        if port.name not in self._cache:
            # One cache for all ports, filled together.
            self._cache = {one.name: self._fresh(one) for one in self.ports}
            self._cached_ns = self.now_ns
        return self._cache[port.name]

    def _fresh(self, port: Port) -> Served:
        width = 1 << self.bits
        return Served(
            octets=(port.counted[0] % width, port.counted[1] % width),
            discontinuity=port.cleared_ticks if self.shows_discontinuity else 0,
            passed=(port.passed[0], port.passed[1]),
            epoch=port.epoch,
            wraps=(port.counted[0] // width, port.counted[1] // width),
        )

"""The traffic of a simulated province: what agencies ask for, what the pool and the routers let through.

Rates are constant within a slice of `SLICE_NS`; in each slice every line asks for its demand with a smooth
deterministic variation, is held to its port's speed and to whatever limit its router has in its running
configuration at that moment, and shares the pool by max-min fairness weighted by demand (progressive
filling: D. Bertsekas and R. Gallager, Data Networks, 2nd edition, section 6.5.2). Octets are exact
integers: the fraction of an octet that a slice leaves over is carried into the next one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netmon.core.model import NANOSECONDS, Direction, Faces, leaves

SLICE_NS = NANOSECONDS // 4
_BIT_NS_PER_OCTET = 8 * NANOSECONDS
DIRECTIONS = (Direction.DOWNLOAD, Direction.UPLOAD)


class Shaping(Protocol):
    """The part of a router that slows traffic."""

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        """The limit in force on one direction of a port, bit/s; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One agency's connection to one port of one router."""

    circuit: str
    router: str
    interface: str
    faces: Faces
    download_bps: int
    """What is asked for on average."""
    upload_bps: int
    port_bps: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is purchased, bit/s each way."""

    download_bps: int
    upload_bps: int


@dataclass(frozen=True, slots=True)
class _Waves:
    """Two sines whose amplitudes add up to a tenth: a demand stays within 10 % of its mean."""

    periods_ns: tuple[int, int]
    phases: tuple[float, float]

    def factor(self, at_ns: int) -> float:
        swing = 0.0
        for amplitude, period, phase in zip((0.06, 0.04), self.periods_ns, self.phases, strict=True):
            swing += amplitude * math.sin(2 * math.pi * (at_ns % period) / period + phase)
        return 1 + swing


def share(capacity_bps: int, wants: Sequence[tuple[int, int]]) -> list[int]:
    """Divides a capacity among (most wanted bit/s, weight > 0) by weighted max-min; the sum never exceeds it."""
    order = sorted(range(len(wants)), key=lambda i: wants[i][0] / wants[i][1])
    given = [0] * len(wants)
    left, weight_left = capacity_bps, sum(weight for _, weight in wants)
    for i in order:
        most, weight = wants[i]
        given[i] = min(most, left * weight // weight_left)
        left -= given[i]
        weight_left -= weight
    return given


class Traffic:
    """Counts what has passed on every line. Counters advance when they are read or on `advance`."""

    def __init__(
        self,
        lines: Sequence[Line],
        capacity: Capacity,
        shaping: Mapping[str, Shaping],
        seed: int,
        clock: Callable[[], int],
    ) -> None:
        """`shaping` is by router name; `clock` gives monotonic nanoseconds."""
        self._lines = tuple(lines)
        self._capacity = {Direction.DOWNLOAD: capacity.download_bps, Direction.UPLOAD: capacity.upload_bps}
        self._shaping = shaping
        self._clock = clock
        self._began_ns = self._now_ns = clock()
        self._position = {(line.router, line.interface): i for i, line in enumerate(self._lines)}
        chance = random.Random(seed)  # noqa: S311 - a reproducible demand, not a secret
        self._waves = {
            direction: [
                _Waves(
                    (chance.randint(17, 41) * NANOSECONDS, chance.randint(43, 97) * NANOSECONDS),
                    (chance.random() * 2 * math.pi, chance.random() * 2 * math.pi),
                )
                for _ in self._lines
            ]
            for direction in DIRECTIONS
        }
        self._octets = {direction: [0] * len(self._lines) for direction in DIRECTIONS}
        self._fractions = {direction: [0] * len(self._lines) for direction in DIRECTIONS}

    def advance(self) -> None:
        """Counts what passed until now under the limits in force; call before a limit changes."""
        now = self._clock()
        while self._now_ns < now:
            elapsed = self._now_ns - self._began_ns
            until = min(now, self._began_ns + (elapsed // SLICE_NS + 1) * SLICE_NS)
            for direction in DIRECTIONS:
                self._carry(direction, until - self._now_ns)
            self._now_ns = until

    def port_octets(self, router: str, interface: str) -> tuple[int, int]:
        """(into, out of) a port, octets since the province began. Raises KeyError."""
        self.advance()
        i = self._position[router, interface]
        down, up = self._octets[Direction.DOWNLOAD][i], self._octets[Direction.UPLOAD][i]
        return (up, down) if self._lines[i].faces is Faces.AGENCY else (down, up)

    def router_octets(self, router: str) -> tuple[int, int]:
        """(download, upload) of all lines of a router together: what its uplink carried."""
        self.advance()
        mine = [i for i, line in enumerate(self._lines) if line.router == router]
        return (
            sum(self._octets[Direction.DOWNLOAD][i] for i in mine),
            sum(self._octets[Direction.UPLOAD][i] for i in mine),
        )

    def rates(self, direction: Direction) -> list[int]:
        """What every line carries in the present slice, bit/s, in the order of the lines."""
        at = (self._now_ns - self._began_ns) // SLICE_NS * SLICE_NS
        wants = []
        for line, waves in zip(self._lines, self._waves[direction], strict=True):
            mean = line.download_bps if direction is Direction.DOWNLOAD else line.upload_bps
            outward = leaves(direction, line.faces)
            limit = self._shaping[line.router].limit_bps(line.interface, outward)
            asked = min(int(mean * waves.factor(at)), line.port_bps)
            # A limited line still competes with all it asks for, as its many flows do, and stops at its limit.
            wants.append((asked if limit is None else min(asked, limit), max(asked, 1)))
        return share(self._capacity[direction], wants)

    def _carry(self, direction: Direction, span_ns: int) -> None:
        octets, fractions = self._octets[direction], self._fractions[direction]
        for i, bps in enumerate(self.rates(direction)):
            whole, fractions[i] = divmod(bps * span_ns + fractions[i], _BIT_NS_PER_OCTET)
            octets[i] += whole

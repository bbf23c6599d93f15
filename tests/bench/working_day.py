"""A working day of a province that bought 1,000 Mb/s and wants 4,000. `make working-day`, with a picture of it
`make working-day ARGS='--picture day.svg'`.

64 agencies in three classes, some with two circuits, their own hours, idle spells and bursts; from 06:00 to 18:00 the
loop turns every 30 s, as the daemon turns it: rates are measured, what is wanted is estimated, shared and damped, and
limits are in force from the next turn on. Traffic doubles in 30 s at most, falls at once, passes no limit and, all
together, no more than the pool, where it is cut in proportion. At 13:00 an uplink of 400 Mb/s fails for half an hour.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from support.fairness import jain_index

from netmon.core.capacity import InForce
from netmon.core.damping import Damping
from netmon.core.demand_estimate import Wants
from netmon.core.distribution import Distribution, Limit, Measure, Question, distribute
from netmon.core.entitled import Inventory
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Faces, Mode, Place, Role
from netmon.core.scarcity import Scarcity
from netmon.core.supply import Entitlement, Pool, Rates, Sharing, TrafficClass

MBPS = 1_000_000
POOL_BPS, FAILED_BPS, PEAK_BPS = 1000 * MBPS, 600 * MBPS, 4000 * MBPS
STEP_S = 30
OPENS_S, CLOSES_S = 6 * 3600, 18 * 3600
FAILS_S, REPAIRED_S = 13 * 3600, 13 * 3600 + 1800
BUSY_S = (9 * 3600, 15 * 3600)
MIDNIGHT_NS = 1_790_035_200 * NANOSECONDS
DOWN = Direction.DOWNLOAD
UNDAMPED = Damping(deadband_permille=0, hold_ns=0, step=1 << 40, changes=1 << 40, routers=1 << 40)


@dataclass(frozen=True, slots=True)
class Kind:
    """Agencies that are entitled alike."""

    name: str
    agencies: int
    priority: int
    weight: int
    floor_bps: int
    part: int
    """Of what all want at the peak, in hundredths."""


KINDS = (
    Kind("hospitals, registry", 8, 0, 4, 15 * MBPS, 10),
    Kind("agencies", 36, 5, 2, 5 * MBPS, 60),
    Kind("schools, archives", 20, 5, 1, 0, 30),
)


@dataclass(slots=True)
class Office:
    """One agency and what it would use if nothing held it back."""

    agency: str
    kind: Kind
    circuits: Sequence[str]
    peak_bps: int
    lunch: float
    burst: float = 1.0
    idle_until_s: int = 0

    def offers(self, rng: random.Random, second: int) -> list[int]:
        """bit/s by circuit: a day's curve, times what wanders, less spells of nothing at all."""
        self.burst = min(2.0, max(0.4, self.burst * 0.97 + 0.03 + rng.gauss(0, 0.06)))
        if second >= self.idle_until_s and rng.random() < 0.0008:
            self.idle_until_s = second + rng.randint(300, 2400)
        hour = second / 3600
        curve = math.exp(-(((hour - 10.5) / 2.2) ** 2)) + 0.9 * math.exp(-(((hour - 14.2) / 1.8) ** 2))
        curve *= 1 - self.lunch * math.exp(-(((hour - 12.5) / 0.4) ** 2))
        whole = 0 if second < self.idle_until_s else int(self.peak_bps * curve * self.burst)
        return [whole] if len(self.circuits) == 1 else [whole * 3 // 5, whole * 2 // 5]


@dataclass(frozen=True, slots=True)
class Instant:
    """One turn; bit/s."""

    second: int
    """Of the day."""
    there_bps: int
    wanted_bps: int
    carried_bps: int
    altered: int
    """Limits, at its end."""
    floor_permille: int | None
    """The least that any agency's limits came to, of the floor it was owed; None: nobody was limited."""


@dataclass(slots=True)
class Tally:
    """What is told in the end."""

    instants: list[Instant] = field(default_factory=list)
    carried: int = 0
    could: int = 0
    """What there was, or was wanted if that is less."""
    violations: int = 0
    by_agency: dict[str, int] = field(default_factory=dict)
    held_back: dict[str, int] = field(default_factory=dict)
    """Turns in which an agency could have used more."""
    busy: int = 0

    @property
    def changes(self) -> list[int]:
        """Limits altered, turn by turn."""
        return [one.altered for one in self.instants]


class Province:
    """Its inventory, its traffic and its limits."""

    def __init__(self, seed: int, damping: Damping) -> None:
        self._damping = damping
        self._rng = random.Random(seed)
        self.offices = [office for kind in KINDS for office in self._offices(kind)]
        self.inventory, self.entitlements = self._inventory()
        self._circuits = [circuit.id for circuit in self.inventory.circuits]
        self._wants = Wants(len(self._circuits))
        self._rate = dict.fromkeys(self._circuits, 0)
        self.limits: dict[Place, Limit] = {}
        self._scarcity: Mapping[Measure, Scarcity] = {}

    def _offices(self, kind: Kind) -> list[Office]:
        sizes = [self._rng.uniform(0.6, 1.6) for _ in range(kind.agencies)]
        whole = PEAK_BPS * kind.part // 100
        found = []
        for number, size in enumerate(sizes):
            agency = f"{kind.name.split()[0].rstrip(',')}-{number:02}"
            circuits = [f"{agency}-{tail}" for tail in (("a", "b") if number % 4 == 0 else ("a",))]
            found.append(Office(agency, kind, circuits, int(whole * size / sum(sizes)), self._rng.uniform(0.2, 0.6)))
        return found

    def _inventory(self) -> tuple[Inventory, tuple[Entitlement, ...]]:
        pool = Pool("internet", TrafficClass.INTERNET, Rates(POOL_BPS, POOL_BPS), sharing=Sharing.SCARCE)
        agencies = tuple(Agency(office.agency, office.agency, "Asia/Makassar") for office in self.offices)
        circuits = tuple(
            Circuit(
                id=circuit,
                agency=office.agency,
                router=f"r-{office.agency}",
                interface=circuit,
                faces=Faces.AGENCY,
                role=Role.PARALLEL,
                mode=Mode.ENFORCE,
                pools=("internet",),
            )
            for office in self.offices
            for circuit in office.circuits
        )
        entitlements = tuple(
            Entitlement(
                office.agency,
                "internet",
                0,
                Rates(office.kind.floor_bps, 0),
                weight=office.kind.weight,
                priority=office.kind.priority,
            )
            for office in self.offices
        )
        return Inventory(agencies, circuits, (pool,)), entitlements

    def turn(self, second: int, tally: Tally) -> None:
        """Traffic flows for one step, is measured, and limits follow."""
        there = FAILED_BPS if FAILS_S <= second < REPAIRED_S else POOL_BPS
        offered = {
            circuit: bps
            for office in self.offices
            for circuit, bps in zip(office.circuits, office.offers(self._rng, second), strict=True)
        }
        self._flow(offered, there)
        now_ns = MIDNIGHT_NS + second * NANOSECONDS
        for at, circuit in enumerate(self._circuits):
            self._wants.measured(at, self._rate[circuit], self._limit(circuit), now_ns)
        answer = self._decide(now_ns, there)
        self._tell(tally, second, offered, there, answer)
        for place, bps in answer.alter.items():
            before = self.limits.get(place, Limit(None)).bps
            rose = bps is None or (before is not None and bps > before)
            self.limits[place] = Limit(bps, now_ns, rose)

    def _limit(self, circuit: str) -> int | None:
        return self.limits.get((circuit, DOWN), Limit(None)).bps

    def _flow(self, offered: Mapping[str, int], there: int) -> None:
        for circuit, bps in offered.items():
            passes = min(bps, max(2 * self._rate[circuit], MBPS))
            limit = self._limit(circuit)
            self._rate[circuit] = passes if limit is None else min(passes, limit)
        if (whole := sum(self._rate.values())) > there:
            self._rate = {circuit: bps * there // whole for circuit, bps in self._rate.items()}

    def _decide(self, now_ns: int, there: int) -> Distribution:
        bought = Rates(POOL_BPS, POOL_BPS)
        answer = distribute(
            Question(
                now_ns=now_ns,
                inventory=self.inventory,
                entitlements=self.entitlements,
                capacities={"internet": InForce("internet", bought, there, there)},
                verdicts={},
                directives=(),
                wanted={DOWN: {circuit: self._wants[at] for at, circuit in enumerate(self._circuits)}},
                limits=self.limits,
                scarcity=self._scarcity,
                damping=self._damping,
            )
        )
        self._scarcity = answer.scarcity
        return answer

    def _tell(self, tally: Tally, second: int, offered: Mapping[str, int], there: int, answer: Distribution) -> None:
        wanted, carried = sum(offered.values()), sum(self._rate.values())
        floors = [floor for office in self.offices if (floor := self._floor_permille(office, offered)) is not None]
        tally.instants.append(Instant(second, there, wanted, carried, len(answer.alter), min(floors, default=None)))
        tally.violations += sum(floor < 1000 for floor in floors)
        if not BUSY_S[0] <= second < BUSY_S[1]:
            return
        tally.busy += 1
        tally.carried += carried
        tally.could += min(there, wanted)
        for office in self.offices:
            carried = sum(self._rate[circuit] for circuit in office.circuits)
            if sum(offered[circuit] for circuit in office.circuits) > carried * 11 // 10:
                tally.held_back[office.agency] = tally.held_back.get(office.agency, 0) + 1
                tally.by_agency[office.agency] = tally.by_agency.get(office.agency, 0) + carried

    def _floor_permille(self, office: Office, offered: Mapping[str, int]) -> int | None:
        """Its limits, of what it is owed; None where a circuit has none, or nothing is owed."""
        limits = [bps for circuit in office.circuits if (bps := self._limit(circuit)) is not None]
        owed = min(office.kind.floor_bps, sum(offered[circuit] for circuit in office.circuits))
        return sum(limits) * 1000 // owed if owed and len(limits) == len(office.circuits) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="the damped day, as .svg or .png")
    given = parser.parse_args()
    if given.picture is not None and given.picture.suffix not in (".svg", ".png"):
        parser.error(f"{given.picture}: a picture ends in .svg or .png")
    days = [day(given.seed, damping) for damping in (Damping(), UNDAMPED)]
    print(f"{'':48}{'damped':>10}{'undamped':>10}")
    for row in zip(*(figures(province, tally) for province, tally in days), strict=True):
        print(f"{row[0][0]:48}" + "".join(f"{figure:>10}" for _, figure in row))
    if given.picture is not None:
        from bench.day_picture import draw  # needs matplotlib, the extra `pictures`

        draw(days[0][1], given.picture)
    return 1 if any(tally.violations for _, tally in days) else 0


def day(seed: int, damping: Damping, opens_s: int = OPENS_S, closes_s: int = CLOSES_S) -> tuple[Province, Tally]:
    province, tally = Province(seed, damping), Tally()
    for second in range(opens_s, closes_s, STEP_S):
        province.turn(second, tally)
    return province, tally


def figures(province: Province, tally: Tally) -> Iterator[tuple[str, str]]:
    """What is told of one day, and how much of it."""
    yield (
        f"wanted at the peak of {POOL_BPS // MBPS:,}, Mb/s",
        f"{max(one.wanted_bps for one in tally.instants) // MBPS:,}",
    )
    yield "utilisation from 9 to 15 h, %", f"{tally.carried * 100 / tally.could:.1f}"
    for kind in KINDS:
        held_back = [office for office in province.offices if office.kind is kind and much_held_back(office, tally)]
        yield (
            f"Jain's index, {kind.name} held back",
            f"{float(fairness(held_back, tally)):.3f}" if held_back else "none",
        )
    yield "agencies x turns with less than a floor", f"{tally.violations}"
    yield "limits altered an hour", f"{sum(tally.changes) * 3600 // (len(tally.instants) * STEP_S):,}"
    yield "limits altered at once, at most", f"{max(tally.changes)}"


def much_held_back(office: Office, tally: Tally) -> bool:
    """Whether it could have used more in a quarter of the busy turns."""
    return tally.held_back.get(office.agency, 0) * 4 >= tally.busy


def fairness(offices: Sequence[Office], tally: Tally) -> Fraction:
    """Of what they had on average while they could have used more."""
    means = [tally.by_agency[office.agency] // tally.held_back[office.agency] for office in offices]
    return jain_index(means, [1] * len(means))


if __name__ == "__main__":
    sys.exit(main())

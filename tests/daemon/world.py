"""What the daemon's tests share: polls, a ledger that fails on demand, a clock with hands, a configuration."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from netmon.config.load import Configuration, load
from netmon.core.measurement import Cells, Column, Interface, PduStamp, Poll
from netmon.core.model import NANOSECONDS
from netmon.daemon.clock import Clock
from netmon.daemon.ledger import LedgerService
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.settings import LedgerSettings

P = ParamSpec("P")
T = TypeVar("T")

START_NS = 1_795_000_000 * NANOSECONDS
"""400 s into a quarter of an hour."""
UPTIME_TICKS = 50_000_000


def a_poll(
    router: str,
    second: float,
    *octets: int | None,
    names: Sequence[str] = ("ether1", "ether2", "ether3"),
    booted: float | None = None,
    device: str | None = None,
    outward: int | None = None,
) -> Poll:
    """One visit, so many seconds after START_NS: `octets` came in per port, and went out, twice as many unless given.

    `booted`: the second at which the router last booted; None: long ago.
    """
    uptime = UPTIME_TICKS + int(100 * second) if booted is None else int(100 * (second - booted))
    ports = tuple(Interface(number, names[number - 1]) for number in range(1, len(octets) + 1))
    sent: Cells = tuple(None if one is None else 2 * one if outward is None else outward for one in octets)
    return Poll(
        router=router,
        identity=ports,
        pdus=(PduStamp(uptime, START_NS + int(second * NANOSECONDS)),),
        pdu_of=(0,) * len(octets),
        columns={
            Column.IN_OCTETS: octets,
            Column.OUT_OCTETS: sent,
            Column.DISCONTINUITY: (0,) * len(octets),
        },
        device=device,
    )


@dataclass
class Hands:
    """Wall and monotonic time as the test sets them."""

    wall_ns: int = START_NS
    monotonic_ns: int = 7_000 * NANOSECONDS
    synchronised: bool = True

    def pass_s(self, seconds: float) -> None:
        self.wall_ns += int(seconds * NANOSECONDS)
        self.monotonic_ns += int(seconds * NANOSECONDS)

    def clock(self, require_synchronised: bool = False) -> Clock:
        return Clock(require_synchronised, lambda: self.wall_ns, lambda: self.monotonic_ns, lambda: self.synchronised)


@dataclass
class Faults:
    """What the ledger refuses now: names of Ledger's methods."""

    failing: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)


class FaultyLedger(LedgerService):
    """The real ledger on a disk that can be full."""

    faults: Faults

    async def write(self, call: Callable[Concatenate[Ledger, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.faults.calls.append(call.__name__)
        if call.__name__ in self.faults.failing:
            raise StoreError("the disk is full; free space on that file system")
        return await super().write(call, *args, **kwargs)


@asynccontextmanager
async def faulty_ledger(directory: Path, now_ns: Callable[[], int] = lambda: START_NS) -> AsyncIterator[FaultyLedger]:
    settings = LedgerSettings.model_validate({"path": directory / "ledger.db", "busy_timeout": "500ms"})
    service = FaultyLedger.open(settings, now_ns)
    assert isinstance(service, FaultyLedger)
    service.faults = Faults()
    try:
        yield service
    finally:
        await service.close()


@asynccontextmanager
async def at_work(*tasks: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs the loops until the block ends; what one of them raised, the block raises."""
    running = [asyncio.ensure_future(task()) for task in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        for task in running:
            with suppress(asyncio.CancelledError):
                await task


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> set[int]:
    """Process ids of a process's children, whichever of its threads started them."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile
            found.update(map(int, (task / "children").read_text().split()))
    return found


QUOTAS = """\
quotas:
  standard:
    direction: download
    period: 15m
    volume: 1 MB
    ladder:
      - {at: 80%, notify: true}
      - {at: 100%, slow_to: 4 Mbps}
      - {at: 120%, slow_to: 1 Mbps}
"""
"""Steps at 800,000, 1,000,000 and 1,200,000 bytes of a quarter of an hour."""


def a_configuration(directory: Path, **sections: object) -> Configuration:
    """Two routers of which limits may be set, three agencies under the quota `standard`."""
    (directory / "policies" / "quotas").mkdir(parents=True, exist_ok=True)
    (directory / "policies" / "quotas" / "standard.yaml").write_text(QUOTAS)

    def a_router(address: str, **circuits: tuple[str, str]) -> dict[str, object]:
        return {
            "address": address,
            "platform": "linux",
            "ssh": "limiter",
            "mode": "enforce",
            "override_observation": "a test",
            "uplinks": ["wan"],
            "circuits": {
                name.replace("_", "-"): {"agency": agency, "interface": interface, "faces": "agency"}
                for name, (agency, interface) in circuits.items()
            },
        }

    written: dict[str, object] = {
        "site": {"name": "sulteng", "timezone": "Asia/Makassar"},
        "ledger": {"path": "ledger.db"},
        "snmp": {"credentials": {"default": {"version": "2c", "community": {"env": "NETMON_TEST_COMMUNITY"}}}},
        "ssh": {
            "known_hosts": "known_hosts",
            "credentials": {"limiter": {"username": "netmon", "private_key": "id_ed25519"}},
        },
        "agencies": {
            "dinkes": {"name": "Dinas Kesehatan", "quotas": ["standard"]},
            "arsip": {"name": "Dinas Arsip", "quotas": ["standard"]},
            "dishub": {"name": "Dinas Perhubungan", "quotas": ["standard"]},
        },
        "routers": {
            "palu": a_router("192.0.2.1", dinkes_fo=("dinkes", "ether1"), arsip_fo=("arsip", "ether2")),
            "gowa": a_router("192.0.2.2", dishub_fo=("dishub", "ether1")),
        },
        "control": {"socket": "control.sock", "require_synchronised_clock": False},
    }
    (directory / "netmon.yaml").write_text(json.dumps(written | sections))
    return load(directory / "netmon.yaml")

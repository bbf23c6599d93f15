"""Copies committed visits to InfluxDB (API v2) by a durable cursor. Nothing is kept here: the ledger is the spool.

The durable cursor stays a minute behind what was acknowledged, because a server killed soon after its 204
can lose the points it acknowledged. After any failure that may mean a dead server, reading resumes at the
cursor; a point written twice is the same point.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import ssl
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

from netmon.core.measurement import Identity
from netmon.core.model import NANOSECONDS, Circuit, Direction
from netmon.outputs.settings import InfluxSettings
from netmon.outputs.topology import by_router, placed
from netmon.settings import SecretUnavailableError

if TYPE_CHECKING:
    from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

log = logging.getLogger(__name__)

MEASUREMENT: Final = "netmon_circuit"
REPLAY_S: Final = 60.0
"""Acknowledged visits younger than this are written again after an outage."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0
MAX_SPLITS: Final = 64
"""Requests spent on finding the bad points of one batch; then what is left of it is given up."""
BODY_BYTES: Final = 512 * 1024
"""Of one request: little enough for the event loop and for servers' usual limits."""
_UNACCEPTABLE: Final = frozenset({400, 413, 422})
_BUSY: Final = 429
_MISCONFIGURED: Final = frozenset({401, 403, 404})

_TAG_ESCAPES: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ ", "\t": r"\ "})


class CommittedVisit(Protocol):
    """A committed visit as a sink sees it; cell i of both totals belongs to series[i]."""

    @property
    def position(self) -> int: ...
    @property
    def router(self) -> str: ...
    @property
    def at_ns(self) -> int: ...
    @property
    def series(self) -> Identity: ...
    @property
    def in_total(self) -> Sequence[int]: ...
    @property
    def out_total(self) -> Sequence[int]: ...
    @property
    def lagging(self) -> Collection[int]:
        """Series that this visit did not read."""


class VisitFeed(Protocol):
    """Committed visits in the order of their commits."""

    async def visits_after(self, position: int, limit: int) -> Sequence[CommittedVisit]: ...
    async def cursor(self, name: str) -> int: ...
    async def set_cursor(self, name: str, position: int) -> None: ...


class InfluxWatch(Protocol):
    """Counts what happens."""

    def influx_points(self, written: int, quarantined: int) -> None: ...
    def influx_failed(self) -> None: ...


class _Answer(Enum):
    WRITTEN = auto()
    UNACCEPTABLE = auto()


class ServerBusyError(Exception):
    """The server is alive and asks for patience (429)."""

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerAwayError(Exception):
    """No acknowledgement, and the server may have lost earlier ones."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """A router's points up to their values, and where these stand, as long as its series stay the same."""

    series: Identity
    points: tuple[tuple[str, int, bool], ...]
    """Prefix, position, and whether the out counter is meant."""


class InfluxWriter:
    """Runs for ever; `topology` may be told anew at any time."""

    def __init__(self, settings: InfluxSettings, site: str, feed: VisitFeed, watch: InfluxWatch) -> None:
        self._settings = settings
        self._site = site
        self._feed = feed
        self._watch = watch
        self._name = f"influx {settings.url} {settings.bucket}"
        self._by_router: Mapping[str, tuple[Circuit, ...]] = {}
        self._cells: dict[str, _Cells] = {}
        self._acknowledged: deque[tuple[float, int]] = deque()
        self._trouble: str | None = None
        self._quarantining = False

    def topology(self, circuits: Sequence[Circuit]) -> None:
        """Which circuits there are, at start and after each reload."""
        self._by_router = by_router(circuits)
        self._cells.clear()

    async def run(self) -> None:
        """Never returns; what it cannot explain is raised, for the supervisor."""
        # Half a second of imports that only a site with InfluxDB pays, and not in the event loop.
        await asyncio.to_thread(importlib.import_module, "influxdb_client.client.influxdb_client_async")
        position = await self._feed.cursor(self._name)
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with await self._client() as client:
                    while True:
                        position = await self._write_next(client, position)
                        self._recovered()
                        pause = FIRST_PAUSE_S
            except ServerBusyError as error:
                self._failed(error)
                wait_s = max(pause, error.retry_after_s or 0.0)
            except (ServerAwayError, SecretUnavailableError) as error:
                self._failed(error)
                wait_s = pause
                self._acknowledged.clear()
                position = await self._feed.cursor(self._name)
            await asyncio.sleep(min(wait_s, LONGEST_PAUSE_S))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def points(self, visits: Iterable[CommittedVisit]) -> Iterator[str]:
        """The visits' readings of circuits in line protocol, timestamps in nanoseconds."""
        for visit in visits:
            for prefix, position, leaves in self._cells_of(visit).points:
                if position not in visit.lagging:
                    total = (visit.out_total if leaves else visit.in_total)[position]
                    yield f"{prefix}{total}i {visit.at_ns}"

    async def _write_next(self, client: InfluxDBClientAsync, position: int) -> int:
        """Writes the visits after `position`, or waits when there are none; returns the new position."""
        visits = await self._feed.visits_after(position, self._settings.batch)
        if not visits:
            await self._settle()
            await asyncio.sleep(self._settings.interval / NANOSECONDS)
            return position
        for body in bodies(self.points(visits)):
            await self._write(client, body)
        position = visits[-1].position
        self._acknowledged.append((asyncio.get_running_loop().time(), position))
        await self._settle()
        return position

    async def _settle(self) -> None:
        """Moves the durable cursor to what was acknowledged a minute ago."""
        before = asyncio.get_running_loop().time() - REPLAY_S
        settled = None
        while self._acknowledged and self._acknowledged[0][0] <= before:
            settled = self._acknowledged.popleft()[1]
        if settled is not None:
            await self._feed.set_cursor(self._name, settled)

    async def _write(self, client: InfluxDBClientAsync, lines: list[str]) -> None:
        """Writes all points but those the server will never accept."""
        pending, written, quarantined, requests = [lines], 0, 0, 0
        while pending:
            part = pending.pop()
            requests += 1
            if await self._request(client, part) is _Answer.WRITTEN:
                written += len(part)
            elif len(part) > 1 and requests < MAX_SPLITS:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
            else:
                quarantined += len(part)
                self._refused(part[0])
        self._quarantining = self._quarantining and quarantined > 0
        self._watch.influx_points(written, quarantined)

    async def _request(self, client: InfluxDBClientAsync, lines: list[str]) -> _Answer:
        """Raises ServerBusyError and ServerAwayError."""
        # The client lets its transport's errors through, so they are part of its interface.
        from aiohttp import ClientError
        from influxdb_client.rest import ApiException

        try:
            # The client's default precision is the nanosecond.
            accepted = await client.write_api().write(self._settings.bucket, record="\n".join(lines))
        except ApiException as error:
            if error.status in _UNACCEPTABLE:
                return _Answer.UNACCEPTABLE
            reason = f"status {error.status} {error.reason}"
            if error.status == _BUSY:
                raise ServerBusyError(reason, _seconds(error.retry_after)) from error
            remedy = "; check outputs.influx: token, org and bucket" if error.status in _MISCONFIGURED else ""
            raise ServerAwayError(reason + remedy) from error
        except (ClientError, OSError, TimeoutError) as error:
            raise ServerAwayError(f"{type(error).__name__} {error}".strip()) from error
        if not accepted:
            raise ServerAwayError("an answer other than 204")
        return _Answer.WRITTEN

    async def _client(self) -> InfluxDBClientAsync:
        """Raises SecretUnavailableError."""
        from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

        token = self._settings.token
        return InfluxDBClientAsync(
            url=self._settings.url,
            token=token.reveal() if token is not None else "",
            org=self._settings.org,
            timeout=self._settings.timeout // 1_000_000,
            ssl_context=await asyncio.to_thread(ssl.create_default_context),
        )

    def _cells_of(self, visit: CommittedVisit) -> _Cells:
        known = self._cells.get(visit.router)
        if known is None or (known.series is not visit.series and known.series != visit.series):
            known = self._cells[visit.router] = _Cells(
                visit.series,
                tuple(
                    (self._prefix(circuit, direction), position, circuit.way(direction) == "out")
                    for position, circuit in placed(visit.series, self._by_router.get(visit.router, ()))
                    for direction in Direction
                ),
            )
        return known

    def _prefix(self, circuit: Circuit, direction: Direction) -> str:
        """Up to the value; tags in lexical order, which the server need not sort then."""
        tags = {
            "agency": circuit.agency,
            "circuit": circuit.id,
            "direction": direction,
            "interface": circuit.interface,
            "router": circuit.router,
            "site": self._site,
        }
        written = ",".join(f"{key}={_tag(value)}" for key, value in tags.items())
        return f"{MEASUREMENT},{written} bytes_total="

    def _failed(self, error: Exception) -> None:
        self._watch.influx_failed()
        if str(error) != self._trouble:
            self._trouble = str(error)
            log.warning(
                "InfluxDB at %s takes no points: %s. Nothing is lost: they stay in the ledger",
                self._settings.url,
                error,
            )

    def _recovered(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            log.info("InfluxDB at %s takes points again", self._settings.url)

    def _refused(self, line: str) -> None:
        if not self._quarantining:
            self._quarantining = True
            log.error(
                "InfluxDB at %s will not accept some points and they are left out, for example: %s",
                self._settings.url,
                line,
            )


def bodies(lines: Iterable[str], size: int = BODY_BYTES) -> Iterator[list[str]]:
    """The lines in order, cut into requests of at most about `size` bytes; none is empty."""
    body: list[str] = []
    held = 0
    for line in lines:
        if body and held + len(line) > size:
            yield body
            body, held = [], 0
        body.append(line)
        held += len(line) + 1
    if body:
        yield body


def _tag(value: str) -> str:
    """Line protocol: a backslash at the end would escape the delimiter that follows."""
    return value.translate(_TAG_ESCAPES).rstrip("\\")


def _seconds(retry_after: str | None) -> float | None:
    """RFC 9110, 10.2.3, where it is a number of seconds."""
    return float(retry_after) if retry_after is not None and retry_after.isdigit() else None

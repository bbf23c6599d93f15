"""The writer against a real VictoriaMetrics, and against scripted answers where a real server gives none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from support.processes import PATIENCE_S, eventually, free_port, listens, running
from support.traffic import circuit, identity

from netmon.core.measurement import Identity
from netmon.core.model import NANOSECONDS, Faces
from netmon.outputs import influx
from netmon.outputs.influx import InfluxWriter, bodies
from netmon.outputs.process import ProcessMetrics
from netmon.outputs.settings import InfluxSettings
from netmon.settings import SecretRef

PORTS = identity("ge1", "ge2", "wan")
CIRCUITS = (circuit("dinkes-1", "dinkes", "ge1"), circuit("rsud-1", "rsud", "ge2", Faces.PROVINCE))


@dataclass(frozen=True)
class Visited:
    position: int
    at_ns: int
    in_total: Sequence[int]
    out_total: Sequence[int]
    router: str = "r1"
    series: Identity = PORTS
    lagging: Collection[int] = ()


@dataclass
class MemoryFeed:
    """Behaves as the ledger does."""

    visits: list[Visited] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)

    def grow(self, count: int, start_ns: int) -> None:
        for _ in range(count):
            n = len(self.visits) + 1
            self.visits.append(Visited(n, start_ns + n * 1_000_000_000, (n, 10 * n, 0), (100 * n, 1000 * n, 0)))

    async def visits_after(self, position: int, limit: int) -> Sequence[Visited]:
        return self.visits[position : position + limit]

    async def cursor(self, name: str) -> int:
        return self.cursors.get(name, 0)

    async def set_cursor(self, name: str, position: int) -> None:
        self.cursors[name] = position


@dataclass
class Seen:
    written: int = 0
    quarantined: int = 0
    failures: int = 0

    def influx_points(self, written: int, quarantined: int) -> None:
        self.written += written
        self.quarantined += quarantined

    def influx_failed(self) -> None:
        self.failures += 1


def configured(port: int, **changes: object) -> InfluxSettings:
    basis = {"url": f"http://127.0.0.1:{port}", "interval": "100ms", "batch": 50, "timeout": "5s"}
    return InfluxSettings.model_validate(basis | changes)


@asynccontextmanager
async def writing(writer: InfluxWriter) -> AsyncIterator[None]:
    writer.topology(CIRCUITS)
    task = asyncio.create_task(writer.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


# --- a real server -----------------------------------------------------------------------------


@contextmanager
def victoria(data: Path, port: int) -> Iterator[int]:
    """VictoriaMetrics on `port`; yields its process id."""
    command: list[str | Path] = [
        "victoria-metrics",
        f"-storageDataPath={data}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-search.latencyOffset=1ms",
        "-dedup.minScrapeInterval=1ms",
        "-retentionPeriod=1",
        "-memory.allowedPercent=10",
    ]
    with running(command, lambda: listens(port), data.with_suffix(".log")) as process:
        yield process.pid


async def stored(port: int) -> dict[tuple[str, str], dict[int, float]]:
    """(circuit, direction) -> {Unix milliseconds: value}, as the server exports it."""

    def fetch() -> str:
        base = f"http://127.0.0.1:{port}"
        with urlopen(f"{base}/internal/force_flush", timeout=PATIENCE_S):
            pass
        with urlopen(
            f"{base}/api/v1/export?{urlencode({'match[]': 'netmon_circuit_bytes_total'})}", timeout=PATIENCE_S
        ) as reply:
            text: str = reply.read().decode()
            return text

    found: dict[tuple[str, str], dict[int, float]] = {}
    for line in (await asyncio.to_thread(fetch)).splitlines():
        row = json.loads(line)
        key = row["metric"]["circuit"], row["metric"]["direction"]
        found.setdefault(key, {}).update(zip(row["timestamps"], row["values"], strict=True))
    return found


def expected(feed: MemoryFeed) -> dict[tuple[str, str], dict[int, float]]:
    def series(total: Callable[[Visited], int]) -> dict[int, float]:
        return {visit.at_ns // 1_000_000: total(visit) for visit in feed.visits}

    return {
        ("dinkes-1", "download"): series(lambda v: v.out_total[0]),
        ("dinkes-1", "upload"): series(lambda v: v.in_total[0]),
        ("rsud-1", "download"): series(lambda v: v.in_total[1]),
        ("rsud-1", "upload"): series(lambda v: v.out_total[1]),
    }


@pytest.fixture
def start_ns() -> int:
    """Half an hour ago, whole seconds: inside the server's retention."""
    return (time.time_ns() // NANOSECONDS - 1800) * NANOSECONDS


async def test_every_committed_visit_arrives_with_its_own_time(tmp_path: Path, start_ns: int) -> None:
    port, feed, seen = free_port(), MemoryFeed(), Seen()
    feed.grow(120, start_ns)
    with victoria(tmp_path / "data", port):
        async with writing(InfluxWriter(configured(port), "sulteng", feed, seen)):
            await eventually(lambda: seen.written >= 480, "all points to be written")

            async def complete() -> bool:
                return await stored(port) == expected(feed)

            await eventually(complete, "every visit to be found again")
    assert (seen.quarantined, seen.failures) == (0, 0)


async def test_a_server_killed_right_after_acknowledging_misses_nothing_in_the_end(
    tmp_path: Path, start_ns: int, caplog: pytest.LogCaptureFixture
) -> None:
    port, feed, seen = free_port(), MemoryFeed(), Seen()
    feed.grow(100, start_ns)
    caplog.set_level(logging.INFO, "netmon")
    async with writing(InfluxWriter(configured(port), "sulteng", feed, seen)):
        with victoria(tmp_path / "data", port) as pid:
            await eventually(lambda: seen.written >= 400, "the first points to be acknowledged")
            os.kill(pid, signal.SIGKILL)
            feed.grow(50, start_ns)
            await eventually(lambda: seen.failures > 0, "the outage to be noticed")
        with victoria(tmp_path / "data", port):

            async def complete() -> bool:
                return await stored(port) == expected(feed)

            await eventually(complete, "every visit to be on the server")
    assert caplog.text.count("takes no points") <= 3
    assert "takes points again" in caplog.text


# --- scripted answers --------------------------------------------------------------------------


@dataclass
class Server:
    """Answers /api/v2/write as `answer` says for the lines received; keeps what it accepted."""

    answer: Callable[[list[str]], int]
    accepted: list[str] = field(default_factory=list)
    requests: int = 0
    queries: list[dict[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    port: int = 0

    async def write(self, request: web.Request) -> web.Response:
        lines = (await request.text()).split("\n")
        self.requests += 1
        self.queries.append(dict(request.query))
        self.tokens.add(request.headers.get("Authorization", ""))
        status = self.answer(lines)
        if status == 204:
            self.accepted += lines
        return web.Response(status=status, headers={"Retry-After": "0"} if status == 429 else {})

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        application = web.Application()
        application.router.add_post("/api/v2/write", self.write)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()


def times(lines: Sequence[str]) -> list[int]:
    """The visits' numbers of the download points of dinkes, in order of arrival."""
    return [int(line.rpartition(" ")[2]) for line in lines if "dinkes-1,direction=download" in line]


async def test_points_are_line_protocol_with_integers_and_nanoseconds() -> None:
    server, feed = Server(lambda _: 204), MemoryFeed([Visited(1, 1_795_000_000_123_456_789, (2**62, 2, 3), (4, 5, 6))])
    async with server.up():
        changes = {"org": "kominfo", "bucket": "netmon", "token": SecretRef.model_validate("t0ken")}
        async with writing(InfluxWriter(configured(server.port, **changes), "sulteng", feed, Seen())):
            await eventually(lambda: server.accepted, "the points")
    assert server.accepted[1] == (
        "netmon_circuit,agency=dinkes,circuit=dinkes-1,direction=upload,interface=ge1,router=r1,site=sulteng"
        " bytes_total=4611686018427387904i 1795000000123456789"
    )
    assert len(server.accepted) == 4
    assert server.queries[0] == {"org": "kominfo", "bucket": "netmon", "precision": "ns"}
    assert server.tokens == {"Token t0ken"}


async def test_a_series_that_a_visit_did_not_read_has_no_point() -> None:
    server = Server(lambda _: 204)
    feed = MemoryFeed([Visited(1, 1, (1, 2, 3), (4, 5, 6), lagging={0})])
    async with server.up(), writing(InfluxWriter(configured(server.port), "sulteng", feed, Seen())):
        await eventually(lambda: server.accepted, "the points")
    assert {line.split(",")[2] for line in server.accepted} == {"circuit=rsud-1"}


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_point_the_server_will_never_take_is_left_out_alone_and_said_once(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(lambda lines: status if any(line.endswith((" 7", " 9")) for line in lines) else 204)
    feed, seen = MemoryFeed(), Seen()
    feed.visits = [Visited(n, n, (n, n, n), (n, n, n)) for n in range(1, 21)]
    async with server.up(), writing(InfluxWriter(configured(server.port), "sulteng", feed, seen)):
        await eventually(lambda: seen.written == 72, "the good points")
    assert seen.quarantined == 8
    assert times(server.accepted) == [n for n in range(1, 21) if n not in {7, 9}]
    assert caplog.text.count("will not accept some points") == 1


async def test_a_server_that_takes_nothing_costs_a_bounded_number_of_requests() -> None:
    server, feed, seen = Server(lambda _: 400), MemoryFeed(), Seen()
    feed.visits = [Visited(n, n, (n, n, n), (n, n, n)) for n in range(1, 51)]
    async with server.up(), writing(InfluxWriter(configured(server.port), "sulteng", feed, seen)):
        await eventually(lambda: seen.quarantined == 200, "the batch to be given up")
    assert server.requests <= 2 * influx.MAX_SPLITS


async def test_a_busy_server_is_waited_for_and_nothing_is_written_again() -> None:
    answers = iter([204, 429, 429])
    server, feed, seen = Server(lambda _: next(answers, 204)), MemoryFeed(), Seen()
    feed.visits = [Visited(n, n, (n, n, n), (n, n, n)) for n in range(1, 101)]
    async with server.up(), writing(InfluxWriter(configured(server.port), "sulteng", feed, seen)):
        await eventually(lambda: seen.written == 400, "all points")
    assert times(server.accepted) == list(range(1, 101))
    assert seen.failures == 2


async def test_after_an_outage_the_last_minute_is_written_again() -> None:
    answers = iter([204, 503])
    server, feed, seen = Server(lambda _: next(answers, 204)), MemoryFeed(), Seen()
    feed.visits = [Visited(n, n, (n, n, n), (n, n, n)) for n in range(1, 101)]
    async with server.up(), writing(InfluxWriter(configured(server.port), "sulteng", feed, seen)):
        await eventually(lambda: seen.written == 600, "all points, the first fifty visits' twice")
    assert times(server.accepted) == [*range(1, 51), *range(1, 101)]


async def test_the_durable_cursor_follows_a_minute_behind_and_a_restart_resumes_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, feed, seen = Server(lambda _: 204), MemoryFeed(), Seen()
    feed.visits = [Visited(n, n, (n, n, n), (n, n, n)) for n in range(1, 101)]
    async with server.up():
        writer = InfluxWriter(configured(server.port), "sulteng", feed, seen)
        async with writing(writer):
            await eventually(lambda: seen.written == 400, "all points")
            assert feed.cursors == {}
            monkeypatch.setattr(influx, "REPLAY_S", 0.1)
            await eventually(lambda: list(feed.cursors.values()) == [100], "the cursor to follow")
        feed.visits.append(Visited(101, 101, (1, 1, 1), (1, 1, 1)))
        server.accepted.clear()
        async with writing(InfluxWriter(configured(server.port), "sulteng", feed, seen)):
            await eventually(lambda: times(server.accepted) == [101], "only the new visit")


async def test_a_refused_token_is_said_with_the_remedy_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    server, feed, seen = Server(lambda _: 401), MemoryFeed([Visited(1, 1, (1, 1, 1), (1, 1, 1))]), Seen()
    async with server.up():
        settings_ = configured(server.port, token=SecretRef.model_validate("t0ken"))
        async with writing(InfluxWriter(settings_, "sulteng", feed, seen)):
            await eventually(lambda: seen.failures == 2, "two refusals")
    assert caplog.text.count("check outputs.influx: token, org and bucket") == 1
    assert "t0ken" not in caplog.text


async def test_a_new_topology_names_other_circuits() -> None:
    writer = InfluxWriter(configured(1), "sulteng", MemoryFeed(), ProcessMetrics("sulteng", "0"))
    visit = Visited(1, 1, (1, 2, 3), (4, 5, 6))
    writer.topology(CIRCUITS)
    assert len(list(writer.points([visit]))) == 4
    writer.topology([circuit("x,y z=", "a\\", "wan")])
    assert next(writer.points([visit])) == (
        r"netmon_circuit,agency=a,circuit=x\,y\ z\=,direction=download,interface=wan,router=r1,site=sulteng"
        " bytes_total=6i 1"
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=30), max_size=40), st.integers(1, 100))
def test_bodies_hold_every_line_once_in_order_and_stay_small(lines: list[str], size: int) -> None:
    cut = list(bodies(lines, size))
    assert [line for body in cut for line in body] == lines
    assert all(body and (len(body) == 1 or len("\n".join(body)) <= size) for body in cut)

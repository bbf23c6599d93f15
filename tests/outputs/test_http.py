from __future__ import annotations

import asyncio
import gzip
import ssl
import subprocess
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from support.processes import free_port
from support.processor import uncollected
from support.traffic import agency, circuit, head, identity

from netmon.outputs.exposition import Block, Family, gzipped, labels, lines, plain
from netmon.outputs.http import HttpServer, HttpServerError
from netmon.outputs.prometheus import Metrics
from netmon.outputs.settings import HttpSettings
from netmon.settings import SecretRef


class Many:
    """As many series as a nation has."""

    def __init__(self, routers: int, ports: int) -> None:
        self._family = Family("netmon_circuit_bytes_total", "counter", "Bytes.")
        for router in range(routers):
            series = [labels({"router": f"r{router}", "interface": f"ge{i}"}) for i in range(ports)]
            values = [2**63 + i for i in range(ports)]
            self._family.put(f"r{router}", partial(lines, self._family.name, series, values))

    def render(self, packed: bool = False) -> Iterator[bytes]:
        return (gzipped if packed else plain)([self._family], Block(lambda: b""))


def site_metrics() -> Metrics:
    metrics = Metrics("sulteng")
    metrics.topology([circuit("dinkes-1", "dinkes", "ge1")], [agency("dinkes")], {}, ["r1"])
    metrics.visit(head(identity("ge1"), [2**63 + 1], [7]), None)
    return metrics


@asynccontextmanager
async def served(
    settings: HttpSettings, reason: str | None = None, metrics: Metrics | Many | None = None
) -> AsyncIterator[str]:
    server = HttpServer(settings, metrics or site_metrics(), lambda: reason)
    port = await server.start()
    try:
        yield f"{'https' if settings.certificate else 'http'}://127.0.0.1:{port}"
    finally:
        await server.stop()


@asynccontextmanager
async def fetched(url: str, **how: object) -> AsyncIterator[aiohttp.ClientResponse]:
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(url, **how) as response:  # type: ignore[arg-type]
        yield response


ANY_PORT = HttpSettings(port=0)


def basic(login: str) -> str:
    return "Basic " + b64encode(login.encode()).decode()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=netmon"
    names: list[str | Path] = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(["openssl", *request.split(), *names], check=True, capture_output=True)
    return certificate, key


async def test_metrics_are_served_as_the_text_format() -> None:
    async with served(ANY_PORT) as base, fetched(f"{base}/metrics", headers={"Accept-Encoding": "identity"}) as reply:
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in reply.headers
        assert " 9223372036854775809\n" in await reply.text()


@pytest.mark.parametrize(
    ("offer", "packed"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.00", False), ("br", False)],
)
async def test_metrics_are_packed_when_the_client_accepts_gzip(offer: str, packed: bool) -> None:
    async with served(ANY_PORT) as base, fetched(f"{base}/metrics", headers={"Accept-Encoding": offer}) as reply:
        body = await reply.read()
        assert (reply.headers.get("Content-Encoding") == "gzip") is packed
        assert b"netmon_circuit_bytes_total{" in (gzip.decompress(body) if packed else body)


async def test_alive_even_when_not_ready_and_readiness_tells_the_reason() -> None:
    async with served(ANY_PORT, "no visit was committed for 310 s") as base:
        async with fetched(f"{base}/healthz") as reply:
            assert reply.status == 200
        async with fetched(f"{base}/readyz") as reply:
            assert (reply.status, await reply.text()) == (503, "no visit was committed for 310 s\n")
    async with served(ANY_PORT) as base, fetched(f"{base}/readyz") as reply:
        assert reply.status == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (basic("prometheus:s3cret"), 200),
        (basic("prometheus:wrong"), 401),
        (basic("other:s3cret"), 401),
        ("Basic ***", 401),
        ("Bearer s3cret", 401),
        ("", 401),
    ],
)
async def test_metrics_need_the_login_that_is_configured(header: str, status: int) -> None:
    settings = HttpSettings(port=0, username="prometheus", password=SecretRef.model_validate("s3cret"))
    async with served(settings) as base:
        async with fetched(f"{base}/metrics", headers={"Authorization": header} if header else {}) as reply:
            assert reply.status == status
            assert ("WWW-Authenticate" in reply.headers) is (status == 401)
        async with fetched(f"{base}/healthz") as reply:
            assert reply.status == 200


async def test_metrics_are_served_over_tls(certificate: tuple[Path, Path]) -> None:
    trusted = ssl.create_default_context(cafile=certificate[0])
    async with (
        served(HttpSettings(port=0, certificate=certificate[0], private_key=certificate[1])) as base,
        fetched(f"{base}/metrics", ssl=trusted) as reply,
    ):
        assert reply.status == 200


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"certificate": "/nowhere/c.pem", "private_key": "/nowhere/k.pem"}, "cannot be used"),
        ({"certificate": "/nowhere/c.pem"}, "certificate and private_key go together"),
        ({"username": "prometheus"}, "username and password go together"),
    ],
)
async def test_settings_that_cannot_work_are_refused_in_one_sentence(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(HttpServerError, match=sentence):
        await HttpServer(HttpSettings.model_validate(settings | {"port": 0}), site_metrics(), lambda: None).start()


async def test_a_port_in_use_is_named_with_the_remedy() -> None:
    port = free_port()
    async with served(HttpSettings(port=port)):
        with pytest.raises(HttpServerError, match=rf"port {port}.*choose another http\.host or http\.port"):
            await HttpServer(HttpSettings(port=port), site_metrics(), lambda: None).start()


async def test_a_packed_scrape_is_understood_by_other_clients_than_pythons() -> None:
    async with served(ANY_PORT) as base:
        command = ["curl", "--fail", "--silent", "--show-error", "--compressed", f"{base}/metrics"]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        text, _ = await process.communicate()
    assert process.returncode == 0
    assert b" 9223372036854775809\n" in text


async def test_a_scrape_of_a_hundred_thousand_series_does_not_hold_up_the_event_loop() -> None:
    metrics = Many(500, 200)
    held: list[float] = []

    async def measure() -> None:
        while True:
            # The thread's own processor time: the machine is shared, and that is not the server's doing.
            before = time.thread_time()
            await asyncio.sleep(0)
            held.append(time.thread_time() - before)

    async with served(ANY_PORT, metrics=metrics) as base:
        watch = asyncio.create_task(measure())
        with uncollected():
            async with fetched(f"{base}/metrics", headers={"Accept-Encoding": "gzip"}) as reply:
                body = await reply.read()
        watch.cancel()
    assert gzip.decompress(body).count(b"\n") == 100_002
    assert max(held) < 0.02


async def test_a_client_that_goes_away_in_the_middle_harms_nothing() -> None:
    async with served(ANY_PORT, metrics=Many(200, 200)) as base:
        async with fetched(f"{base}/metrics", headers={"Accept-Encoding": "identity"}) as reply:
            await reply.content.read(100)
            reply.close()
        async with fetched(f"{base}/healthz") as reply:
            assert reply.status == 200

"""The one HTTP application: /metrics for Prometheus, /healthz and /readyz for whoever restarts things."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from aiohttp import web

from netmon.outputs.exposition import CONTENT_TYPE
from netmon.outputs.settings import HttpSettings

_SCRAPES_AT_ONCE: Final = 4
_SCRAPE_SECONDS: Final = 30
_STOP_SECONDS: Final = 2


class HttpServerError(RuntimeError):
    """The server cannot be started; the message names the setting and the remedy."""


class Exposition(Protocol):
    def render(self, packed: bool = False) -> Iterator[bytes]:
        """The metrics' text in short chunks; packed: as a gzip stream."""


class HttpServer:
    """Serves until `stop`. `ready` returns None, or the reason why the service is not ready."""

    def __init__(self, settings: HttpSettings, metrics: Exposition, ready: Callable[[], str | None]) -> None:
        self._settings = settings
        self._metrics = metrics
        self._ready = ready
        self._scrapes = asyncio.Semaphore(_SCRAPES_AT_ONCE)
        self._expected: bytes | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listens, and returns the port. Raises HttpServerError and SecretUnavailableError."""
        tls = _tls_context(self._settings)
        self._expected = _expected_login(self._settings)
        application = web.Application()
        application.router.add_get("/metrics", self._serve_metrics, allow_head=False)
        application.router.add_get("/healthz", self._serve_health)
        application.router.add_get("/readyz", self._serve_readiness)
        runner = web.AppRunner(application, shutdown_timeout=_STOP_SECONDS, access_log=None)
        await runner.setup()
        host, port = self._settings.host, self._settings.port
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            await runner.cleanup()
            raise HttpServerError(
                f"http: cannot listen on {host} port {port}: {error.strerror}; choose another http.host or http.port"
            ) from error
        self._runner = runner
        bound: int = runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stops listening; a scrape under way has two seconds to end."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve_health(self, request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _serve_readiness(self, request: web.Request) -> web.Response:
        reason = self._ready()
        return web.Response(text="ready\n") if reason is None else web.Response(status=503, text=f"{reason}\n")

    async def _serve_metrics(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request.headers.get("Authorization", "")):
            return web.Response(
                status=401, text="a login is needed\n", headers={"WWW-Authenticate": 'Basic realm="netmon"'}
            )
        if self._scrapes.locked():
            return web.Response(status=503, text=f"{_SCRAPES_AT_ONCE} scrapes are under way; try again\n")
        async with self._scrapes, asyncio.timeout(_SCRAPE_SECONDS):
            return await self._stream(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"})
        packed = _accepts_gzip(request)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        for chunk in self._metrics.render(packed):
            await response.write(chunk)
            # write() gives way only when the socket is full; polling must not wait for a large scrape.
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    def _admits(self, authorization: str) -> bool:
        if self._expected is None:
            return True
        scheme, _, encoded = authorization.partition(" ")
        try:
            login = b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
        except Base64Error:
            login = b""
        # Digests are of one length, so the comparison tells nothing of the secret's.
        return hmac.compare_digest(hashlib.sha256(login).digest(), self._expected)


def _accepts_gzip(request: web.Request) -> bool:
    """RFC 9110, 12.5.3: gzip is named, and not with q=0."""
    for offer in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = (part.strip() for part in offer.partition(";"))
        if coding == "gzip":
            return weight.replace(" ", "").rstrip("0") not in {"q=", "q=0."}
    return False


def _expected_login(settings: HttpSettings) -> bytes | None:
    if (settings.username is None) != (settings.password is None):
        raise HttpServerError("http: username and password go together; give both or neither")
    if settings.username is None or settings.password is None:
        return None
    return hashlib.sha256(f"{settings.username}:{settings.password.reveal()}".encode()).digest()


def _tls_context(settings: HttpSettings) -> ssl.SSLContext | None:
    if (settings.certificate is None) != (settings.private_key is None):
        raise HttpServerError("http: certificate and private_key go together; give both or neither")
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(settings.certificate, settings.private_key, password="")
    except OSError as error:
        raise HttpServerError(
            f"http: {settings.certificate} with {settings.private_key} cannot be used: {error};"
            " give a PEM certificate and its own private key, readable by netmon"
        ) from error
    return context

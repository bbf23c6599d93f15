"""One simulated router's command line, served over SSH on loopback by a thread of its own."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from netmon.routers.session import Login
from netmon.simulator.console import Seat, System
from netmon.simulator.device import Router
from netmon.simulator.faults import NO_FAULTS, Faults, FaultSwitch
from netmon.simulator.ssh_server import Account, serve_ssh
from support.processes import PATIENCE_S

USERNAME = "netmon"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServedLogin(Login):
    """A login on a simulated router, with a hold on its server."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop, repr=False, compare=False)
    switch: FaultSwitch = field(default_factory=FaultSwitch, repr=False, compare=False)

    def do(self, what: Callable[[], T]) -> T:
        """Calls `what` in the server's loop, the only thread that may touch the router's system."""

        async def call() -> T:
            return what()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(PATIENCE_S)

    def inflict(self, faults: Faults) -> None:
        """Other faults from now on, in open sessions too."""
        self.do(lambda: self.switch.turn(faults))


@contextmanager
def console_router(
    system: System, router: Router, faults: Faults = NO_FAULTS, command_timeout_s: float = 2.0
) -> Iterator[ServedLogin]:
    """The router listening on `router.address` (127.0.0.1, a free port) until the end of the block.

    Timers of the system run in the thread's loop: touch the system from a test through `ServedLogin.do`.
    """
    loop, switch = asyncio.new_event_loop(), FaultSwitch(faults)
    thread = threading.Thread(target=_run, args=(loop,), name=f"console of {router.name}", daemon=True)
    thread.start()
    account = Account(USERNAME, secrets.token_urlsafe(16))
    key = asyncssh.generate_private_key("ssh-ed25519")
    connections: set[asyncssh.SSHServerConnection] = set()
    serving = serve_ssh(router, system, account, key, 0, connections, switch)
    server = asyncio.run_coroutine_threadsafe(serving, loop).result(PATIENCE_S)
    try:
        with tempfile.TemporaryDirectory(prefix="netmon-console-") as folder:
            known_hosts = Path(folder) / "known_hosts"
            kind, data = key.export_public_key().decode().split()[:2]
            known_hosts.write_text(f"[{router.address}]:{server.get_port()} {kind} {data}\n")
            yield ServedLogin(
                router=router.name,
                address=router.address,
                port=server.get_port(),
                platform=router.platform.value,
                username=account.username,
                known_hosts=known_hosts,
                password=account.password,
                connect_timeout_ns=5_000_000_000,
                command_timeout_ns=int(command_timeout_s * 1e9),
                loop=loop,
                switch=switch,
            )
    finally:
        asyncio.run_coroutine_threadsafe(_end(server, connections), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()


def at_once(running: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing, such as a seat's `run` of a plain command."""
    try:
        running.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    running.close()
    raise AssertionError("the command waits for something; type it over SSH")


def typed(seat: Seat, *lines: str) -> str:
    """What a Cisco prints for lines that it does not refuse."""
    said = "".join(at_once(seat.run(line)) for line in lines)
    assert "% " not in said, said
    return said


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


async def _end(server: asyncssh.SSHAcceptor, connections: set[asyncssh.SSHServerConnection]) -> None:
    """Hangs up and ends whatever timers and sessions are left."""
    server.close()
    await server.wait_closed()
    for connection in tuple(connections):
        connection.abort()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)

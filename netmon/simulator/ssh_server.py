"""SSH servers with the command lines of the simulated routers, on loopback."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncssh

from netmon.simulator.console import Executing, Logout, System
from netmon.simulator.device import Router
from netmon.simulator.faults import FaultSwitch, Stage
from netmon.simulator.terminal import DroppedError, Process, break_at, converse, on_terminal


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in on a simulated router."""

    username: str
    password: str = field(repr=False)
    public_keys: Sequence[str] = ()
    """OpenSSH authorized_keys lines."""


class _Gate(asyncssh.SSHServer):
    """Lets one account in, by password or key. RouterOS takes login options after a plus sign."""

    def __init__(
        self, account: Account, open_connections: set[asyncssh.SSHServerConnection], faults: FaultSwitch
    ) -> None:
        self._account = account
        self._faults = faults
        self._open = open_connections
        self._connection: asyncssh.SSHServerConnection | None = None
        self._keys = [asyncssh.import_public_key(key) for key in account.public_keys]

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._open.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._open.discard(self._connection)

    async def begin_auth(self, username: str) -> bool:
        conn = self._connection
        assert conn is not None
        try:
            await break_at(Stage.AUTHENTICATION, self._faults, conn.wait_closed)
        except DroppedError:
            conn.abort()
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._known(username) and hmac.compare_digest(password.encode(), self._account.password.encode())

    def public_key_auth_supported(self) -> bool:
        return bool(self._keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._known(username) and any(key.public_data == known.public_data for known in self._keys)

    def _known(self, username: str) -> bool:
        return _plain(username) == self._account.username


def _plain(username: str) -> str:
    """`admin+ct511w4098h` -> `admin`."""
    return username.partition("+")[0]


async def serve_ssh(
    router: Router,
    system: System,
    account: Account,
    host_key: asyncssh.SSHKey,
    port: int,
    open_connections: set[asyncssh.SSHServerConnection],
    faults: FaultSwitch | None = None,
) -> asyncssh.SSHAcceptor:
    """Starts the router's SSH server on its address; `get_port()` tells the port.

    Its connections are in `open_connections` as long as they last: closing the server does not end them.
    """
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    switch = FaultSwitch() if faults is None else faults

    async def session(process: Process) -> None:
        try:
            process.exit(await _session(process, system, switch))
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged, asyncssh.SignalReceived):
            process.exit(130)
        except DroppedError:
            process.channel.get_connection().abort()
        except (BrokenPipeError, ConnectionError, TimeoutError):
            process.close()

    return await asyncssh.create_server(
        lambda: _Gate(account, open_connections, switch),
        router.address,
        port,
        server_host_keys=[host_key],
        process_factory=session,
        line_editor=False,
        login_timeout=20,
        keepalive_interval=30,
        # Compression and agent forwarding are of no use to a command line.
        compression_algs=None,
        agent_forwarding=False,
        allow_pty=True,
    )


async def _session(process: Process, system: System, faults: FaultSwitch) -> int:
    """One shell or single command; its exit status. Raises DroppedError."""
    peer = process.get_extra_info("peername")[0]
    username = _plain(process.get_extra_info("username"))
    if process.command is not None and isinstance(system, Executing):
        out, err, status = await system.execute(username, peer, process.command)
        process.stdout.write(out)
        process.stderr.write(err)
        return status
    seat = system.seat(username, peer)
    try:
        if process.command is None:
            return await converse(process, seat, system.banner, faults)
        process.stdout.write(on_terminal(await seat.run(process.command)))
    except Logout as left:
        process.stdout.write(on_terminal(left.said))
    finally:
        seat.close()
    return 0

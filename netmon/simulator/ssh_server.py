"""SSH servers with the command lines of the simulated routers, on loopback."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import asyncssh

from netmon.simulator.device import Router
from netmon.simulator.linux_cli import Linux
from netmon.simulator.linux_host import Stream, Streams, Terminal
from netmon.simulator.routeros_cli import RouterOs
from netmon.simulator.shell import ExitShell
from netmon.simulator.shell_syntax import IncompleteError

log = logging.getLogger(__name__)

LONGEST_LINE = 16_384
_IDLE_S = 600.0
_INTERRUPT, _END, _ERASE_LINE = "\x03", "\x04", "\x15"


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in on a simulated router."""

    username: str
    password: str = field(repr=False)
    public_keys: Sequence[str] = ()
    """OpenSSH authorized_keys lines."""


class _Gate(asyncssh.SSHServer):
    """Lets one account in, by password or key. RouterOS takes login options after a plus sign."""

    def __init__(self, account: Account, open_connections: set[asyncssh.SSHServerConnection]) -> None:
        self._account = account
        self._open = open_connections
        self._connection: asyncssh.SSHServerConnection | None = None
        self._keys = [asyncssh.import_public_key(key) for key in account.public_keys]

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._open.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._open.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
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


Process = asyncssh.SSHServerProcess[str]


async def serve_ssh(
    router: Router,
    system: Linux | RouterOs,
    account: Account,
    host_key: asyncssh.SSHKey,
    port: int,
    open_connections: set[asyncssh.SSHServerConnection],
) -> asyncssh.SSHAcceptor:
    """Starts the router's SSH server on its address; `get_port()` tells the port.

    Its connections are in `open_connections` as long as they last: closing the server does not end them.
    """
    logging.getLogger("asyncssh").setLevel(logging.WARNING)

    async def session(process: Process) -> None:
        peer, peer_port = process.get_extra_info("peername")[:2]
        username = _plain(process.get_extra_info("username"))
        try:
            if isinstance(system, Linux):
                status = await _linux(process, router, system, username, peer, peer_port)
            else:
                status = await _routeros(process, router, system, username, peer)
            process.exit(status)
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged, asyncssh.SignalReceived):
            process.exit(130)
        except (BrokenPipeError, ConnectionError, TimeoutError):
            process.close()

    return await asyncssh.create_server(
        lambda: _Gate(account, open_connections),
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


async def _linux(process: Process, router: Router, system: Linux, username: str, peer: str, peer_port: int) -> int:
    terminal = Terminal()
    shell = system.shell(username, peer, peer_port, terminal if process.command is None else None)
    if process.command is not None:
        out, err = Stream(), Stream()
        status = await shell.run_to_end(process.command, Streams("", out, err))
        process.stdout.write(out.text)
        process.stderr.write(err.text)
        return status
    prompt = f"{username}@{router.name}:~# "
    pending = ""
    process.stdout.write(prompt)
    async for line in _lines(process, terminal):
        out = Stream()
        pending += line
        try:
            await shell.run(pending, Streams("", out, out))
        except IncompleteError:
            pending += "\n"
            process.stdout.write("> ")
            continue
        except ExitShell as end:
            process.stdout.write(_on_terminal(out.text) + "logout\r\n")
            return end.status
        pending = ""
        process.stdout.write(_on_terminal(out.text) + prompt)
    return 0


async def _routeros(process: Process, router: Router, system: RouterOs, username: str, peer: str) -> int:
    if process.command is not None:
        process.stdout.write(_on_terminal(await system.run(process.command)))
        return 0
    prompt = f"[{username}@{router.name}] > "
    log_out = system.log_in(username, peer)
    try:
        process.stdout.write(
            "\r\n\r\n  MikroTik RouterOS 7.16 (c) 1999-2024       https://www.mikrotik.com/\r\n\r\n" + prompt
        )
        async for line in _lines(process, Terminal()):
            if line.strip() in ("quit", "/quit"):
                process.stdout.write("interrupted\r\n")
                break
            process.stdout.write(_on_terminal(await system.run(line)) + prompt)
    finally:
        log_out()
    return 0


def _on_terminal(text: str) -> str:
    """Newlines as a terminal needs them; the answer ends its line."""
    if text and not text.endswith("\n"):
        text += "\n"
    return text.replace("\n", "\r\n")


async def _lines(process: Process, terminal: Terminal) -> AsyncIterator[str]:
    """The lines typed, echoed as they are consumed: what arrives while a command runs is echoed after it.

    A line that is too long is answered with a bell and counts as empty.
    """
    line, echo = "", ""
    too_long = ended_by_return = False
    while chunk := await asyncio.wait_for(process.stdin.read(1024), _IDLE_S):
        for character in chunk:
            if character == "\n" and ended_by_return:
                ended_by_return = False
                continue
            ended_by_return = character == "\r"
            if character in "\r\n":
                _echo(process, terminal, echo + "\r\n" + "\a" * too_long)
                yield "" if too_long else line
                line, echo, too_long = "", "", False
            elif character == _END and not line:
                return
            elif character in (_INTERRUPT, _ERASE_LINE):
                line, echo, too_long = "", echo + "\r\n", False
            elif character in "\x7f\b":
                line, echo = line[:-1], echo + "\b \b" * bool(line)
            elif character.isprintable():
                too_long = too_long or len(line) >= LONGEST_LINE
                line += "" if too_long else character
                echo += "" if too_long else character
        _echo(process, terminal, echo)
        echo = ""


def _echo(process: Process, terminal: Terminal, text: str) -> None:
    if terminal.echo and text:
        process.stdout.write(text)

"""Command sessions over SSH; the only module that imports netmiko.

Facts behind the shape of this, found by trying Netmiko 4.8: a host-key mismatch arrives disguised as
a timeout; a missing known_hosts file is ignored; a login that hangs after authentication keeps its
session for an hour; a dropped link waits out the whole read timeout; a failed command looks like any
other; `disconnect` takes ten seconds on a Linux login that is not called root. So the socket is
netmon's own, a watchdog closes it, and every command ends with a marker that tells success; only
consoles that are read and never altered may do without the marker.
"""

from __future__ import annotations

import codecs
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from netmon.core.model import NANOSECONDS
from netmon.routers.dialects import Dialect
from netmon.routers.session import (
    CommandRejectedError,
    HostKeyMismatchError,
    Login,
    LoginRefusedError,
    SessionError,
    SessionLostError,
    UnknownHostKeyError,
    UnreachableError,
)
from netmon.routers.terminal import Terminal

if TYPE_CHECKING:
    import paramiko  # type: ignore[import-untyped]

Connect = Callable[[str, int, float], socket.socket]
"""address, port, timeout in seconds -> a connected socket; raises OSError."""

LONGEST_ANSWER = 4_000_000
"""Characters; a router that says more is not answering the question."""
QUIET_S = 1.0
"""A prompt with nothing after it for so long means that the command is over, marker or not."""
_LONGEST_LINE = 4_096
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][0-9A-Za-z]|[=>78DEHMZ])")


def _connect(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout_s)


def open_session(login: Login, dialect: Dialect, connect: Connect = _connect) -> NetmikoSession:
    """A session that can alter the router: every command's success is told. See open_terminal."""
    return open_terminal(login, dialect.settings, connect)


def open_terminal(login: Login, terminal: Terminal, connect: Connect = _connect) -> NetmikoSession:
    """A session ready for commands.

    Raises UnreachableError, LoginRefusedError, UnknownHostKeyError, HostKeyMismatchError,
    SessionLostError and CommandRejectedError; nothing stays open then. `connect` reaches routers that
    are not in this network namespace.
    """
    if not login.known_hosts.is_file():
        raise UnknownHostKeyError(
            f"{login.router}: {login.known_hosts} does not exist; create it with ssh-keyscan and check the keys"
        )
    if login.key_file is not None and not login.key_file.is_file():
        raise LoginRefusedError(f"{login.router}: key file {login.key_file} does not exist; correct private_key")
    timeout_s = login.connect_timeout_ns / NANOSECONDS
    where = f"{login.router} ({login.address}:{login.port})"
    try:
        sock = connect(login.address, login.port, timeout_s)
    except OSError as error:
        raise UnreachableError(f"{where}: no SSH connection: {error}") from error
    # Netmiko and paramiko have waits of their own, up to an hour: closing the socket ends them all.
    watchdog = threading.Timer(2 * timeout_s, _shut, (sock,))
    watchdog.daemon = True
    watchdog.start()
    try:
        connection = _log_in(login, terminal, sock, where)
        session = NetmikoSession(connection, sock, login, terminal)
        try:
            session.prepare()
        except SessionError:
            session.close()
            raise
    except SessionError:
        _close(sock)
        raise
    finally:
        watchdog.cancel()
    return session


class NetmikoSession:
    """One interactive shell; implements `netmon.routers.session.Session`. Used by one thread."""

    def __init__(self, connection: Any, sock: socket.socket, login: Login, settings: Terminal) -> None:
        self._connection = connection
        self._channel: paramiko.Channel = connection.remote_conn
        self._sock = sock
        self._where = login.router
        self._username = login.username
        self._timeout_s = login.command_timeout_ns / NANOSECONDS
        self._settings = settings
        self._prompt = re.compile(rf"(?:^|[\r\n]){settings.prompt}")
        self._errors = tuple(re.compile(pattern, re.MULTILINE) for pattern in settings.errors)
        self._number = 0
        self._closed = False

    @property
    def username(self) -> str:
        return self._username

    def prepare(self) -> None:
        """Sends the terminal's first commands, past whatever the login printed.

        Without a marker the login's prompt is waited for, as what is typed before it may be echoed before it.
        The commands then only set the terminal up (no paging, a wide screen), in the words of several releases
        of the platform: the ones a release does not know are passed over.
        """
        if self._settings.completed is None:
            self._exchange(None, (), None)
        for command in self._settings.prepare:
            with contextlib.suppress(*(() if self._settings.completed else (CommandRejectedError,))):
                self.run(command)

    def run(self, command: str) -> str:
        """What the router printed for one command, without the marker and the prompt.

        Raises CommandRejectedError with the router's words, the session staying good; SessionLostError
        when the link drops or no answer comes in time, the session being closed and the effect unknown.
        """
        if self._closed:
            raise SessionLostError(f"{self._where}: the session is closed")
        self._number += 1
        body = self._marked(command) if self._settings.completed else self._unmarked(command)
        return "\n".join(line for line in body.split("\n") if line)

    def _marked(self, command: str) -> str:
        """The answer before the marker of success; the command may not be echoed."""
        completed = re.compile((self._settings.completed or "").replace("{n}", str(self._number)), re.MULTILINE)
        completion = (self._settings.completion or "").replace("{n}", str(self._number))
        lines = self._exchange(f"{command}{completion}", (completed, *self._errors), None).replace("\r", "\n")
        done = next(reversed(list(completed.finditer(lines))), None)
        body = lines[: done.start()] if done else lines
        self._check(command, body)
        if done is None or done[1] != "0":
            said = " ".join(body.split())[-200:]
            raise CommandRejectedError(f"{self._where} did not complete {_shown(command)}: {said}")
        return body

    def _unmarked(self, command: str) -> str:
        """The answer between the command's echo and the prompt."""
        received = self._exchange(command, self._errors, command)
        body = (_after_echo(received, command) or "").replace("\r", "\n")
        prompt = next(reversed(list(self._prompt.finditer(body))), None)
        body = body[: prompt.start()] if prompt else body
        self._check(command, body)
        return body

    def _check(self, command: str, body: str) -> None:
        for pattern in self._errors:
            if refusal := pattern.search(body):
                said = body[refusal.start() :].strip().split("\n", 1)[0].strip()
                raise CommandRejectedError(f"{self._where} refused {_shown(command)}: {said}")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        _discard(self._connection)
        _close(self._sock)

    def _exchange(self, text: str | None, ends: Sequence[re.Pattern[str]], echo: str | None) -> str:
        """Everything the router sent from the command to its next prompt; None sends nothing and listens.

        A prompt that comes with one of `ends` before it ends the answer at once; any other only once
        nothing follows it for QUIET_S and, where `echo` is given, not before the router has echoed that.
        """
        deadline = time.monotonic() + self._timeout_s
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        received, over = "", False
        try:
            self._channel.settimeout(self._timeout_s)
            if text is not None:
                self._channel.sendall(f"{text}{self._connection.RETURN}".encode("ascii"))
            while not over:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                prompted = self._prompted(received, echo) is not None
                self._channel.settimeout(min(left, QUIET_S) if prompted else left)
                try:
                    data = self._channel.recv(65_536)
                except TimeoutError:
                    over = prompted  # the marker will not come: the command was refused
                    continue
                if not data:
                    raise SessionLostError(f"{self._where}: the link dropped while a command ran")
                received = _ANSI.sub("", received + decoder.decode(data))
                if len(received) > LONGEST_ANSWER:
                    raise SessionLostError(f"{self._where}: an answer of over {LONGEST_ANSWER} characters")
                over = self._is_over(received, ends, echo)
        except TimeoutError as error:
            self.close()
            raise SessionLostError(f"{self._where}: no answer within {self._timeout_s:g} s") from error
        except (OSError, EOFError) as error:
            self.close()
            raise SessionLostError(f"{self._where}: the link dropped: {error}") from error
        except SessionLostError:
            self.close()
            raise
        return received

    def _prompted(self, received: str, echo: str | None) -> str | None:
        """What stands before the prompt at the very end, after the echo; None: there is no such prompt yet."""
        answer = received if echo is None else _after_echo(received, echo)
        if answer is None or not (prompt := self._prompt.search(answer)):
            return None
        return answer[: prompt.start()]

    def _is_over(self, received: str, ends: Sequence[re.Pattern[str]], echo: str | None) -> bool:
        """The prompt stands at the very end, after the marker or after words of refusal."""
        if not self._prompt.search(received) or (answer := self._prompted(received, echo)) is None:
            return False
        return any(pattern.search(answer.replace("\r", "\n")) for pattern in ends)


def _after_echo(received: str, command: str) -> str | None:
    """What follows the line that ends the command's echo; None before it was seen.

    A console wraps or repaints a long line, so white space is left out of the comparison; a prompt stands
    before the command, and a login's banner before that.
    """
    wanted, seen, at = "".join(command.split()), "", 0
    while (end := received.find("\n", at)) >= 0:
        seen = (seen + "".join(received[at:end].replace("\b", "").split()))[-2 * len(wanted) - _LONGEST_LINE :]
        at = end + 1
        if wanted in seen:
            return "\n" + received[at:]
    return None


def _log_in(login: Login, settings: Terminal, sock: socket.socket, where: str) -> Any:
    """A netmiko connection with an open shell, its own session preparation left out."""
    from netmiko import ConnectHandler
    from netmiko.exceptions import NetmikoAuthenticationException, NetmikoBaseException
    from paramiko.ssh_exception import BadHostKeyException, SSHException  # type: ignore[import-untyped]

    timeout_s = login.connect_timeout_ns / NANOSECONDS
    try:
        connection = ConnectHandler(
            device_type=settings.device_type,
            host=login.address,
            port=login.port,
            username=login.username,
            password=login.password,
            key_file=None if login.key_file is None else str(login.key_file),
            ssh_strict=True,
            alt_host_keys=True,
            alt_key_file=str(login.known_hosts),
            conn_timeout=timeout_s,
            auth_timeout=timeout_s,
            banner_timeout=timeout_s,
            sock=sock,
            auto_connect=False,
        )
    except ValueError as error:
        raise UnreachableError(
            f"{where}: {settings.device_type} is not known to netmiko; correct device_type"
        ) from error
    try:
        # `_open` would also guess the prompt, from a pattern that is not anchored.
        connection._modify_connection_params()  # noqa: SLF001 - adds RouterOS' terminal options; pinned by a test
        connection.establish_connection()
    except (NetmikoBaseException, SSHException, OSError, EOFError, ValueError) as error:
        causes = (error, error.__context__, error.__cause__)
        _discard(connection)
        if any(isinstance(cause, BadHostKeyException) for cause in causes):
            raise HostKeyMismatchError(
                f"{where} shows another host key than {login.known_hosts} holds: it was replaced, or someone is"
                " between; do not log in before the key is confirmed on the router's console"
            ) from error
        if isinstance(error, NetmikoAuthenticationException):
            raise LoginRefusedError(
                f"{where}: the login of {login.username} was refused; check password and key"
            ) from error
        if any("not found in known_hosts" in str(cause) for cause in causes):
            raise UnknownHostKeyError(
                f"{where}: its host key is not in {login.known_hosts}; check it on the console, then add it"
            ) from error
        said = " ".join(str(error.__context__ or error).split())[:200]
        raise UnreachableError(f"{where}: no SSH session: {said or type(error).__name__}") from error
    return connection


def _discard(connection: Any) -> None:
    """Closes without ceremony: `disconnect` alone would talk to the router first."""
    with contextlib.suppress(AttributeError, OSError, EOFError):
        connection.paramiko_cleanup()
    connection.disconnect()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _close(sock: socket.socket) -> None:
    _shut(sock)
    sock.close()


def _shown(command: str) -> str:
    return repr(command if len(command) <= 120 else f"{command[:117]}...")

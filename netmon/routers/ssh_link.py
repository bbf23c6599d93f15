"""The way to a router's SSH server: directly or through a jump host, over a socket of netmon's own; uses paramiko.

Paramiko has waits of its own, up to an hour: closing the socket underneath ends them all, also those of a
session that goes through another host.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from netmon.core.model import NANOSECONDS
from netmon.routers.algorithms import SIGNATURES, disabled
from netmon.routers.host_keys import recorded_keys, revoked_keys, with_keys
from netmon.routers.session import (
    HostKeyMismatchError,
    Jump,
    Login,
    LoginRefusedError,
    SessionError,
    UnknownHostKeyError,
    UnreachableError,
    WeakAlgorithmsError,
)

Connect = Callable[[str, int, float], socket.socket]
"""address, port, timeout in seconds -> a connected socket; raises OSError."""


def connect_directly(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout_s)


class Link:
    """What carries one SSH session; closing it ends whatever waits on it."""

    def __init__(self, tcp: socket.socket) -> None:
        self._tcp = tcp
        self._jump: Any = None
        self.sock: Any = tcp
        """The socket the router's SSH server is spoken to over; through a jump host, a paramiko.Channel."""

    def through(self, jump: Any, channel: Any) -> None:
        self._jump, self.sock = jump, channel

    def shut(self) -> None:
        """Ends every wait on it, from any thread."""
        with contextlib.suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.shut()
        if self._jump is not None:
            self._jump.close()
        self._tcp.close()


@contextmanager
def watched(link: Link, seconds: float) -> Iterator[None]:
    """Shuts the link if the block takes longer than so."""
    watchdog = threading.Timer(seconds, link.shut)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def open_link(login: Login, connect: Connect = connect_directly) -> Link:
    """Connected to the router's SSH server, through the jump host where there is one; closed if that fails.

    Raises UnreachableError, and of the jump host also LoginRefusedError, UnknownHostKeyError, HostKeyMismatchError
    and WeakAlgorithmsError.
    """
    timeout_s, jump = login.connect_timeout_ns / NANOSECONDS, login.jump
    where = f"{login.router} ({login.address}:{login.port})"
    first = (login.address, login.port) if jump is None else (jump.address, jump.port)
    try:
        link = Link(connect(*first, timeout_s))
    except OSError as error:
        at = where if jump is None else f"{where}: jump host {jump.name} ({jump.address}:{jump.port})"
        raise UnreachableError(f"{at}: no SSH connection: {error}") from error
    if jump is not None:
        try:
            with watched(link, 2 * timeout_s):
                _jump(link, jump, login, timeout_s)
        except SessionError:
            link.close()
            raise
    return link


@contextmanager
def known_keys(known_hosts: Path, address: str, port: int, where: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A file with one server's recorded keys alone, while the block lasts, and their types; all known types if none.

    Paramiko compares every line of a known_hosts file with every other at each login: 2 s of CPU with 5,000 routers.
    Raises UnknownHostKeyError where the file cannot be read, HostKeyMismatchError where all keys are revoked.
    """
    try:
        text = known_hosts.read_text("utf-8", "replace")
    except OSError as error:
        raise UnknownHostKeyError(
            f"{where}: {known_hosts} cannot be read ({error.strerror}); record host keys with netmon ssh-trust"
        ) from error
    recorded, revoked = recorded_keys(text, address, port), revoked_keys(text)
    good = tuple(key for key in recorded if key not in revoked)
    if recorded and not good:
        raise HostKeyMismatchError(f"{where}: every host key recorded for it in {known_hosts} is marked @revoked")
    with NamedTemporaryFile("w", prefix="netmon-", encoding="utf-8") as file:
        file.write(with_keys("", address, port, good, repeat(b"")))
        file.flush()
        yield Path(file.name), tuple(key.type for key in good) or tuple(SIGNATURES)


def _jump(link: Link, jump: Jump, login: Login, timeout_s: float) -> None:
    import paramiko  # type: ignore[import-untyped]
    from paramiko.ssh_exception import SSHException  # type: ignore[import-untyped]

    where = f"{login.router}: jump host {jump.name} ({jump.address}:{jump.port})"
    check_key_file(where, jump.key_file)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    with known_keys(login.known_hosts, jump.address, jump.port, where) as (keys, types):
        client.load_host_keys(str(keys))
    try:
        client.connect(
            jump.address,
            jump.port,
            jump.username,
            jump.password,
            key_filename=None if jump.key_file is None else str(jump.key_file),
            sock=link.sock,
            allow_agent=False,
            look_for_keys=False,
            timeout=timeout_s,
            banner_timeout=timeout_s,
            auth_timeout=timeout_s,
            disabled_algorithms=disabled((), types),
        )
        to = (login.address, login.port)
        channel = client.get_transport().open_channel("direct-tcpip", to, ("127.0.0.1", 0), timeout=timeout_s)
    except (SSHException, OSError, EOFError, ValueError) as error:
        client.close()
        raise why_not(error, where, jump.username, login.known_hosts) from error
    channel.settimeout(timeout_s)
    link.through(client, channel)


def check_key_file(where: str, key_file: Path | None) -> None:
    if key_file is not None and not key_file.is_file():
        raise LoginRefusedError(f"{where}: key file {key_file} does not exist; correct private_key")


def why_not(error: BaseException, where: str, username: str, known_hosts: Path) -> SessionError:
    """What kept an SSH session from being opened, of what paramiko and Netmiko say, which hide it in one another."""
    from paramiko.ssh_exception import (
        AuthenticationException,
        BadHostKeyException,
        ChannelException,
        IncompatiblePeer,
    )

    causes = tuple(cause for cause in (error, error.__context__, error.__cause__) if cause is not None)
    said = " ".join(str(error.__context__ or error).split())[:200] or type(error).__name__

    def among(kind: type[BaseException], words: str = "") -> bool:
        return any(isinstance(cause, kind) and words in str(cause) for cause in causes)

    confirm = "do not log in before the key is confirmed on the router's console"
    reasons: tuple[tuple[bool, type[SessionError], str], ...] = (
        (
            among(BadHostKeyException),
            HostKeyMismatchError,
            f" shows another host key than {known_hosts} holds: it was replaced, or someone is between; {confirm}",
        ),
        (
            among(IncompatiblePeer, "host key"),
            HostKeyMismatchError,
            f" shows no host key of a type {known_hosts} has, or signs with SHA-1 alone: netmon ssh-trust; {confirm}",
        ),
        (
            among(IncompatiblePeer),
            WeakAlgorithmsError,
            f" offers no algorithm accepted for it ({said}); netmon ssh-trust tells the ssh_legacy_algorithms it needs",
        ),
        (
            among(AuthenticationException),
            LoginRefusedError,
            f": the login of {username} was refused; check password and key",
        ),
        (
            among(BaseException, "not found in known_hosts"),
            UnknownHostKeyError,
            f": its host key is not in {known_hosts}; check it on the console, then record it with netmon ssh-trust",
        ),
        (among(ChannelException), UnreachableError, f" does not reach the router: {said}"),
    )
    for applies, kind, sentence in reasons:
        if applies:
            return kind(f"{where}{sentence}")
    return UnreachableError(f"{where}: no SSH session: {said}")

"""Whose host keys netmon trusts: asked of the routers, compared with known_hosts, recorded when somebody says so."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from netmon.config.errors import ConfigError
from netmon.config.load import Configuration
from netmon.config.places import locator_of
from netmon.daemon.enforcer import jump_of
from netmon.routers.algorithms import LegacyAlgorithm
from netmon.routers.host_keys import (
    SALT_LENGTH,
    Compared,
    KeyState,
    compared,
    recorded_keys,
    revoked_keys,
    with_keys,
    without_host,
)
from netmon.routers.session import Failure, Jump, Login, SessionError
from netmon.routers.settings import SshSettings
from netmon.routers.ssh_probe import Shown, probe

_NEW_MODE = 0o644


class TrustError(ValueError):
    """The file of host keys cannot be used as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """An SSH server: a router's, or a jump host's."""

    name: str
    is_jump_host: bool
    address: str
    port: int
    jump: Jump | None
    accepted: tuple[LegacyAlgorithm, ...]
    """Weak algorithms the configuration accepts of it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a place showed, against what is recorded of it."""

    place: Place
    keys: tuple[Compared, ...] = ()
    needed: tuple[LegacyAlgorithm, ...] = ()
    failure: Failure | None = None
    detail: str = ""

    def has(self, state: KeyState) -> bool:
        return any(one.state is state for one in self.keys)


def known_hosts_of(configuration: Configuration) -> Path:
    """Where host keys are recorded. Raises ConfigError where the configuration names no file."""
    path = configuration.settings.ssh.known_hosts
    if path is None:
        message = "missing; name a file for the routers' host keys, which need not be there yet"
        raise ConfigError((locator_of(configuration).problem(("ssh", "known_hosts"), message),))
    return path


def places_of(configuration: Configuration, names: Collection[str]) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """Jump hosts, to be looked at first, and routers: those named, or all with an SSH login where none is.

    The jump hosts of the routers are among them. Raises SecretUnavailableError, and KeyError for an unknown name.
    """
    ssh, routers = configuration.settings.ssh, configuration.settings.routers
    wanted = tuple(dict.fromkeys(names)) or tuple(name for name, router in routers.items() if router.ssh is not None)
    ours = [name for name in wanted if name not in ssh.jump_hosts or name in routers]
    jumps = [name for name in wanted if name in ssh.jump_hosts and name not in routers]
    jumps += [routers[name].ssh_jump or "" for name in ours if routers[name].ssh_jump is not None]
    return (
        tuple(_jump_host(name, ssh) for name in dict.fromkeys(jumps)),
        tuple(
            Place(
                name,
                False,
                routers[name].address,
                routers[name].ssh_port,
                jump_of(routers[name], ssh),
                routers[name].ssh_legacy_algorithms,
            )
            for name in ours
        ),
    )


def look(places: Sequence[Place], known_hosts: Path, ssh: SshSettings) -> list[Look]:
    """Asks them for their keys, several at a time; a place that does not answer is told as one."""
    text = read(known_hosts)

    def one(place: Place) -> Look:
        try:
            shown = probe(_nobody(place, known_hosts, ssh))
        except SessionError as error:
            return Look(place, failure=error.reason, detail=str(error))
        return _compared(place, shown, text)

    with ThreadPoolExecutor(ssh.threads, thread_name_prefix="host keys") as pool:
        return list(pool.map(one, places))


def record(looks: Iterable[Look], replaced: Collection[str], known_hosts: Path) -> int:
    """Writes down the new keys of these places, of those replaced all that they show; the number of keys written.

    The file appears whole or stays as it was, and keeps its mode, its owner and everybody else's lines. Raises
    TrustError where somebody else altered it meanwhile, and OSError.
    """
    before = text = read(known_hosts)
    written = 0
    for one in looks:
        place, is_replaced = one.place, one.place.name in replaced
        if one.has(KeyState.CHANGED) and not is_replaced:
            continue  # its other keys are doubtful as well
        states = {KeyState.NEW, *((KeyState.CHANGED, KeyState.SAME) if is_replaced else ())}
        keys = [compared.key for compared in one.keys if compared.state in states]
        if is_replaced and keys:
            text = without_host(text, place.address, place.port)
        salts = [os.urandom(SALT_LENGTH) for _ in keys]
        text = with_keys(text, place.address, place.port, keys, salts)
        written += len(keys)
    if text != before:
        if read(known_hosts) != before:
            raise TrustError(f"{known_hosts} was altered meanwhile; nothing was recorded, look again")
        _replace(known_hosts, text)
    return written


def read(known_hosts: Path) -> str:
    """The file's text; none where it is not there yet. Raises OSError, and TrustError for what is no text."""
    try:
        return known_hosts.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise TrustError(f"{known_hosts} is no text; it must be an OpenSSH known_hosts file") from error


def _jump_host(name: str, ssh: SshSettings) -> Place:
    host = ssh.jump_hosts[name]
    return Place(name, True, host.address, host.port, None, ())


def _nobody(place: Place, known_hosts: Path, ssh: SshSettings) -> Login:
    return Login(
        router=place.name,
        address=place.address,
        port=place.port,
        platform="",
        username="",
        known_hosts=known_hosts,
        jump=place.jump,
        connect_timeout_ns=ssh.connect_timeout,
    )


def _compared(place: Place, shown: Shown, text: str) -> Look:
    recorded = recorded_keys(text, place.address, place.port)
    return Look(place, compared(shown.keys, recorded, revoked_keys(text)), shown.needed)


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays one
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            mode = _NEW_MODE
            if target.exists():
                old, new = target.stat(), os.fstat(file.fileno())
                mode = old.st_mode & 0o7777
                if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

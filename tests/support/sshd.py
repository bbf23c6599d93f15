"""A real sshd on loopback, whose every login runs a command of the test's choice."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from netmon.routers.session import Login
from support.processes import free_port, listens, running

MS = 1_000_000


def keygen(path: Path, key_type: str = "ed25519") -> str:
    """A key pair; the public half."""
    bits = ("-b", "2048") if key_type == "rsa" else ()
    subprocess.run(["ssh-keygen", "-q", "-t", key_type, *bits, "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def fingerprint(public: Path) -> str:
    """As ssh-keygen prints it."""
    done = subprocess.run(["ssh-keygen", "-lf", str(public)], check=True, capture_output=True, text=True)
    return done.stdout.split()[1]


@contextmanager
def sshd(
    directory: Path, shell: str = "false", key_types: Sequence[str] = ("ed25519",), options: Sequence[str] = ()
) -> Iterator[Login]:
    """A server whose every login runs `shell`; its host keys are in `directory`/host, host_<type> for further ones."""
    if os.geteuid() != 0:
        pytest.skip("needs root: an ordinary user's sshd may not hand out terminals")
    directory.mkdir()
    (directory / "authorized_keys").write_text(keygen(directory / "id") + "\n")
    keys = [directory / ("host" if number == 0 else f"host_{kind}") for number, kind in enumerate(key_types)]
    publics = [keygen(key, kind) for key, kind in zip(keys, key_types, strict=True)]
    port = free_port()
    (directory / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\n"
        + "".join(f"HostKey {key}\n" for key in keys)
        + f"AuthorizedKeysFile {directory}/authorized_keys\nPermitRootLogin yes\nPasswordAuthentication no\n"
        f"KbdInteractiveAuthentication no\nForceCommand {shell}\n" + "".join(f"{line}\n" for line in options)
    )
    (directory / "known_hosts").write_text("".join(f"[127.0.0.1]:{port} {public}\n" for public in publics))
    command: list[str | Path] = ["/usr/sbin/sshd", "-D", "-e", "-f", directory / "config"]
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with running(command, lambda: listens(port), directory / "log"):
        yield Login(
            router="r1",
            address="127.0.0.1",
            port=port,
            platform="linux",
            username=getpass.getuser(),
            known_hosts=directory / "known_hosts",
            key_file=directory / "id",
            connect_timeout_ns=60_000 * MS,
            command_timeout_ns=60_000 * MS,
        )

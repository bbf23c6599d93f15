"""The way to a real sshd: through a jump host, with weak algorithms only where they are accepted."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.processes import free_port, wait_until
from support.sshd import MS, fingerprint, keygen, sshd

from netmon.routers.algorithms import LegacyAlgorithm
from netmon.routers.dialects import load_dialect
from netmon.routers.host_keys import HostKey, with_keys
from netmon.routers.session import (
    HostKeyMismatchError,
    Jump,
    Login,
    LoginRefusedError,
    SessionLostError,
    UnknownHostKeyError,
    UnreachableError,
    WeakAlgorithmsError,
)
from netmon.routers.ssh import open_session
from netmon.routers.ssh_link import known_keys
from netmon.routers.ssh_probe import probe

LINUX = load_dialect("linux", [Path(__file__).parents[2] / "policies" / "enforcement"])
SHELL = "env PS1='router# ' bash --norc -i"
WEAK_KEX = ("KexAlgorithms diffie-hellman-group14-sha1",)


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    with sshd(tmp_path_factory.mktemp("router") / "d", SHELL, ("ed25519", "rsa", "ecdsa")) as login:
        yield login


@pytest.fixture(scope="module")
def jump(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    with sshd(tmp_path_factory.mktemp("jump") / "d", options=("AllowTcpForwarding yes",)) as login:
        yield login


@pytest.fixture
def through(router: Login, jump: Login, tmp_path: Path) -> Login:
    """The router's login by way of the jump host, both of whose keys are known."""
    known = tmp_path / "known_hosts"
    known.write_text(router.known_hosts.read_text() + jump.known_hosts.read_text())
    by = Jump("bastion", jump.address, jump.port, getpass.getuser(), key_file=jump.key_file)
    return replace(router, jump=by, known_hosts=known)


def test_a_login_is_given_the_keys_of_its_own_server_alone_and_only_while_it_begins(tmp_path: Path) -> None:
    known, ours = tmp_path / "known_hosts", HostKey("ssh-ed25519", b"ours")
    text = with_keys("# of the province\n", "192.0.2.1", 2222, [ours, HostKey("ssh-rsa", b"revoked")], [b"", b""])
    revoked = with_keys("", "192.0.2.7", 22, [HostKey("ssh-rsa", b"revoked")], [b""])
    known.write_text(with_keys(text, "192.0.2.2", 2222, [HostKey("ssh-rsa", b"theirs")], [b""]) + f"@revoked {revoked}")
    with known_keys(known, "192.0.2.1", 2222, "r1") as (file, types):
        assert types == ("ssh-ed25519",)
        assert file.read_text() == "[192.0.2.1]:2222 ssh-ed25519 b3Vycw==\n"
    assert not file.exists()


def test_a_session_goes_through_a_jump_host_and_leaves_nothing_behind(through: Login) -> None:
    session = open_session(through, LINUX)
    assert session.run("echo ${SSH_CONNECTION%% *}") == "127.0.0.1"
    assert "through bastion" in session.transcript()
    session.close()
    wait_until(lambda: not [t for t in threading.enumerate() if "Transport" in t.name], "transports to end")


def test_a_jump_host_whose_key_is_unknown_or_changed_is_not_gone_through(through: Login, router: Login) -> None:
    assert through.jump is not None
    known = router.known_hosts.read_text()
    through.known_hosts.write_text(known)
    with pytest.raises(UnknownHostKeyError, match=r"r1: jump host bastion .*: its host key is not in"):
        open_session(through, LINUX)
    through.known_hosts.write_text(
        f"{known}[127.0.0.1]:{through.jump.port} {keygen(through.known_hosts.parent / 'x')}\n"
    )
    with pytest.raises(HostKeyMismatchError, match=r"jump host bastion .* shows another host key"):
        open_session(through, LINUX)


def test_a_router_behind_a_jump_host_must_show_its_own_key(through: Login, jump: Login) -> None:
    through.known_hosts.write_text(jump.known_hosts.read_text())
    with pytest.raises(UnknownHostKeyError, match=r"r1 \(127\.0\.0\.1:\d+\): its host key is not in"):
        open_session(through, LINUX)


def test_what_fails_at_the_jump_host_is_said_to_fail_there(through: Login, tmp_path: Path) -> None:
    assert through.jump is not None
    keygen(tmp_path / "stranger")
    for jump, kind, sentence in (
        (replace(through.jump, key_file=tmp_path / "stranger"), LoginRefusedError, "jump host bastion .* was refused"),
        (
            replace(through.jump, key_file=tmp_path / "nowhere"),
            LoginRefusedError,
            "jump host bastion .* does not exist",
        ),
        (replace(through.jump, port=free_port()), UnreachableError, "jump host bastion .* no SSH connection"),
    ):
        with pytest.raises(kind, match=sentence):
            open_session(replace(through, jump=jump), LINUX)
    known = through.known_hosts.read_text()
    gone = replace(through, port=free_port())
    through.known_hosts.write_text(known)
    with pytest.raises(UnreachableError, match=r"jump host bastion .* does not reach the router"):
        open_session(gone, LINUX)


def test_a_router_that_hangs_behind_a_jump_host_is_let_go(jump: Login, tmp_path: Path) -> None:
    with sshd(tmp_path / "d", "sleep 600") as login:
        (tmp_path / "known").write_text(login.known_hosts.read_text() + jump.known_hosts.read_text())
        by = Jump("bastion", jump.address, jump.port, getpass.getuser(), key_file=jump.key_file)
        hung = replace(login, jump=by, known_hosts=tmp_path / "known", command_timeout_ns=1500 * MS)
        with pytest.raises(SessionLostError, match="no answer"):
            open_session(hung, LINUX)


def test_weak_algorithms_are_refused_unless_the_router_is_known_to_need_them(tmp_path: Path) -> None:
    with sshd(tmp_path / "d", SHELL, options=WEAK_KEX) as login:
        with pytest.raises(WeakAlgorithmsError, match="netmon ssh-trust tells the ssh_legacy_algorithms it needs"):
            open_session(login, LINUX)
        accepting = replace(login, legacy_algorithms=(LegacyAlgorithm.GROUP14,))
        session = open_session(accepting, LINUX)
        assert "weak algorithms are accepted: diffie-hellman-group14-sha1" in session.transcript()
        session.close()
        assert probe(login).needed == (LegacyAlgorithm.GROUP14,)


def test_host_keys_signed_with_sha1_alone_are_refused(tmp_path: Path) -> None:
    weak = ("HostKeyAlgorithms ssh-rsa",)
    with sshd(tmp_path / "d", SHELL, ("rsa",), weak) as login:
        with pytest.raises(HostKeyMismatchError, match="signs with SHA-1 alone"):
            open_session(login, LINUX)
        session = open_session(replace(login, legacy_algorithms=(LegacyAlgorithm.RSA,)), LINUX)
        session.close()
        assert probe(login).needed == (LegacyAlgorithm.RSA,)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
def test_one_recorded_key_of_several_suffices_whichever_it_is(router: Login, tmp_path: Path, kind: str) -> None:
    lines = router.known_hosts.read_text().splitlines(keepends=True)
    (tmp_path / "known").write_text("".join(line for line in lines if f" {kind} " in line))
    session = open_session(replace(router, known_hosts=tmp_path / "known"), LINUX)
    assert f"host key {'rsa-sha2-512' if kind == 'ssh-rsa' else kind}," in session.transcript()
    session.close()


def test_a_revoked_key_is_never_accepted(router: Login, tmp_path: Path) -> None:
    lines = router.known_hosts.read_text().splitlines(keepends=True)
    revoked = "".join(f"@revoked * {line.split(' ', 1)[1]}" for line in lines)
    (tmp_path / "known").write_text("".join(lines) + revoked)
    with pytest.raises(HostKeyMismatchError, match="is marked @revoked"):
        open_session(replace(router, known_hosts=tmp_path / "known"), LINUX)


def test_all_host_keys_of_a_server_are_shown_with_the_fingerprints_of_ssh_keygen(router: Login, through: Login) -> None:
    folder = router.known_hosts.parent
    expected = {fingerprint(folder / f"{name}.pub") for name in ("host", "host_rsa", "host_ecdsa")}
    for login in (router, through):
        shown = probe(login)
        assert {key.fingerprint for key in shown.keys} == expected
        assert shown.needed == ()


def test_what_is_no_ssh_server_is_told_so(tmp_path: Path) -> None:
    import socket

    for said in (
        b"HTTP/1.1 400 Bad Request\r\n" * 60,
        b"SSH-2.0-x\r\n\0\0\0\x01\x00\x00",
        b"SSH-2.0-x\r\n",
        b"x" * 5000,
    ):
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()

            def answer(server: socket.socket = server, said: bytes = said) -> None:
                peer, _ = server.accept()
                with peer:
                    peer.sendall(said)
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(100)

            thread = threading.Thread(target=answer)
            thread.start()
            login = Login(
                "r1", "127.0.0.1", server.getsockname()[1], "", "", tmp_path / "known", connect_timeout_ns=5000 * MS
            )
            with pytest.raises(UnreachableError, match=r"r1 .*no SSH server"):
                probe(login)
            thread.join()

"""SNMPv3 against Net-SNMP's agent: every combination of protocols it has, and every way to be refused by it."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from snmp.scripted import counted
from support.processes import free_port, running

from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Tag
from netmon.snmp.errors import SnmpError, SnmpTimeoutError
from netmon.snmp.oid import Oid
from netmon.snmp.security_errors import (
    SnmpAccessError,
    SnmpSecurityLevelError,
    SnmpUnknownUserError,
    SnmpWrongKeyError,
)
from netmon.snmp.template import IF_NAME, GetTemplate, build_templates
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
IF_X: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
SNMPD = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin:/bin")
AUTH_NAMES = {
    AuthProtocol.MD5: "MD5",
    AuthProtocol.SHA: "SHA",
    AuthProtocol.SHA224: "SHA-224",
    AuthProtocol.SHA256: "SHA-256",
    AuthProtocol.SHA384: "SHA-384",
    AuthProtocol.SHA512: "SHA-512",
}
PRIV_NAMES = {
    PrivProtocol.DES: "DES",
    PrivProtocol.AES128: "AES",
    PrivProtocol.AES192: "AES-192",
    PrivProtocol.AES256: "AES-256",
}
AUTH_PASSWORD, PRIV_PASSWORD = b"authentication", b"and privacy"

pytestmark = pytest.mark.skipif(SNMPD is None, reason="needs snmpd installed")


def user(auth: AuthProtocol, priv: PrivProtocol | None) -> User:
    name = f"{auth.value}-{priv.value if priv else 'none'}"
    return User(name.encode(), auth, AUTH_PASSWORD, priv, PRIV_PASSWORD if priv else b"")


USERS = [user(auth, priv) for auth, priv in product(AuthProtocol, [None, *PRIV_NAMES])]


def created(one: User) -> str:
    """The line of snmpd's persistent state that makes a user of one."""
    assert one.auth
    priv = f' {PRIV_NAMES[one.priv]} "{one.priv_password.decode()}"' if one.priv else ""
    return f'createUser {one} {AUTH_NAMES[one.auth]} "{one.auth_password.decode()}"{priv}\n'


class Snmpd:
    """One agent, whose state outlives its process."""

    def __init__(self, directory: Path, engine: str = "80001f8804617f") -> None:
        self.port = free_port(socket.SOCK_DGRAM)
        self._directory = directory
        self._state = directory / "state"
        self._state.mkdir()
        self.forget()
        self.engine(engine)

    def forget(self) -> None:
        """Back to its first start; not while it runs."""
        (self._state / "snmpd.conf").write_text("".join(map(created, USERS)) + "createUser open\n", encoding="ascii")

    def engine(self, engine: str) -> None:
        rights = "".join(f"rouser {one} {'authpriv' if one.priv else 'auth'}\n" for one in USERS)
        (self._directory / "snmpd.conf").write_text(
            f"rocommunity secret 127.0.0.1\nrouser open noauth\n{rights}exactEngineID 0x{engine}\nsysName edge\n",
            encoding="ascii",
        )

    def command(self) -> list[str | Path]:
        # Without -C, which would leave the persistent state unread, and with it users and snmpEngineBoots.
        return [str(SNMPD), "-f", "-Lo", "-p", self._directory / "pid", f"udp:127.0.0.1:{self.port}"]

    def environment(self) -> dict[str, str]:
        return {"SNMP_PERSISTENT_DIR": str(self._state), "SNMPCONFPATH": f"{self._directory}:{self._state}", "MIBS": ""}

    def answers(self) -> bool:
        command = ["snmpget", "-v2c", "-csecret", "-r0", "-t0.2", f"127.0.0.1:{self.port}", "1.3.6.1.2.1.1.5.0"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def agent(self, one: User) -> Agent:
        return Agent("127.0.0.1", self.port, b"", 10_000_000_000, 1, one)


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    directory = tmp_path_factory.mktemp("snmpd3")
    one = Snmpd(directory)
    with running(one.command(), one.answers, directory / "log", one.environment()):
        yield one


@pytest.mark.parametrize("one", [*USERS, User(b"open")], ids=str)
async def test_every_combination_is_let_in_and_reads(snmpd: Snmpd, one: User) -> None:
    async with await Client.open() as client:
        found = await client.get(snmpd.agent(one), [(*SYSTEM, 5, 0), (*SYSTEM, 3, 0)])
        assert (found[0].value, found[1].tag) == (b"edge", Tag.TIME_TICKS)
        stats = client.stats()
        assert (stats.requests, stats.replies, stats.refused, stats.timeouts) == (2, 2, 0, 0)


FULL = user(AuthProtocol.SHA, PrivProtocol.AES128)


async def test_a_walk_and_a_template_read_what_v2c_reads(snmpd: Snmpd, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [IF_NAME, (*IF_X, 15)]
    plain = replace(snmpd.agent(FULL), user=None, community=b"secret")
    identity = [(index, name.encode()) for index, name in socket.if_nameindex()][:5]
    templates = [build_templates(identity, columns[1:]) for _ in range(2)]
    async with await Client.open() as client:
        found = await client.walk(snmpd.agent(FULL), columns, max_repetitions=3)
        assert found == await client.walk(plain, columns)
        decoded = counted(monkeypatch, GetTemplate, "read")
        for _ in range(4):
            (reply,) = await client.fetch(snmpd.agent(FULL), templates[0])
            (other,) = await client.fetch(plain, templates[1])
            assert (reply.names_match, reply.cells) == (True, other.cells)
    # Once each, and once more if sysUpTime has just outgrown its octets.
    assert 2 <= len(decoded) <= 4


PADDED = replace(user(AuthProtocol.SHA, PrivProtocol.DES), priv_password=b"mistyped")


@pytest.mark.parametrize(
    ("one", "error", "what"),
    [
        (replace(FULL, name=b"stranger"), SnmpUnknownUserError, "no SNMPv3 user 'stranger'; create it"),
        (replace(FULL, auth_password=b"mistyped"), SnmpWrongKeyError, "the authentication key of user 'sha-aes128'"),
        (replace(FULL, auth=AuthProtocol.MD5), SnmpWrongKeyError, "the authentication key"),
        (replace(FULL, auth=AuthProtocol.SHA512), SnmpWrongKeyError, "the authentication key"),
        (replace(user(AuthProtocol.SHA, None), priv=PrivProtocol.DES, priv_password=PRIV_PASSWORD),
         SnmpSecurityLevelError, "does not serve user 'sha-none' at level authPriv"),
        (replace(FULL, priv=None), SnmpAccessError, "gives user 'sha-aes128' no access at level authNoPriv"),
        (User(b"sha-aes128"), SnmpAccessError, "no access at level noAuthNoPriv; use the level"),
        # What it cannot make sense of after decryption, snmpd drops without a word.
        (replace(FULL, priv_password=b"mistyped"), SnmpTimeoutError, "that the privacy protocol and password"),
        (replace(FULL, priv=PrivProtocol.DES), SnmpTimeoutError, "that the privacy protocol and password"),
        (PADDED, SnmpTimeoutError, "that the privacy protocol and password"),
    ],
)  # fmt: skip
async def test_a_user_who_is_not_let_in_is_told_why(snmpd: Snmpd, one: User, error: type[SnmpError], what: str) -> None:
    agent = snmpd.agent(one)
    if error is SnmpTimeoutError:
        agent = replace(agent, timeout_ns=1_000_000_000, retries=0)
    async with await Client.open() as client:
        with pytest.raises(error, match=what) as caught:
            await client.get(agent, [(*SYSTEM, 5, 0)])
    assert "mistyped" not in str(caught.value)


async def test_an_unknown_context_which_snmpd_meets_with_silence_is_named(snmpd: Snmpd) -> None:
    agent = replace(snmpd.agent(FULL), timeout_ns=1_000_000_000, retries=0, context=b"vrf-9")
    async with await Client.open() as client:
        with pytest.raises(SnmpTimeoutError, match="that it has the context 'vrf-9'"):
            await client.get(agent, [(*SYSTEM, 5, 0)])


async def test_an_agent_that_restarts_is_met_again_at_once_and_one_that_is_replaced_by_the_next_attempt(
    tmp_path: Path,
) -> None:
    snmpd = Snmpd(tmp_path)
    agent, name = snmpd.agent(FULL), [(*SYSTEM, 5, 0)]
    async with await Client.open() as client:
        with running(snmpd.command(), snmpd.answers, tmp_path / "log", snmpd.environment()):
            await client.get(agent, name)
            assert client.stats().requests == 2
        with running(snmpd.command(), snmpd.answers, tmp_path / "log", snmpd.environment()):
            assert (await client.get(agent, name))[0].value == b"edge"
            assert client.stats().requests == 4  # the second told its new time
            await client.get(agent, name)
            assert client.stats().requests == 5
        snmpd.forget()
        snmpd.engine("80001f88046f74686572")
        with running(snmpd.command(), snmpd.answers, tmp_path / "log", snmpd.environment()):
            stats = client.stats()
            assert (stats.timeouts, stats.refused, stats.retries) == (0, 0, 0)
            impatient = replace(agent, timeout_ns=1_000_000_000, retries=3)
            assert (await client.get(impatient, name))[0].value == b"edge"
            assert client.stats().requests == 7  # the sixth told its new engine id, twice
            assert client.stats().timeouts == 0
            await client.get(agent, name)
            assert client.stats().requests == 8

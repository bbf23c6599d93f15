"""Traps and informs as Debian's own clients send them; floods; what is refused and counted."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from support.processes import eventually, free_port

from netmon.snmp.codec import (
    Message,
    Pdu,
    PduKind,
    Tag,
    VarBind,
    encode_community_message,
    encode_message,
    encode_tlv,
)
from netmon.snmp.notification_events import Drop, Notification, NotificationKind
from netmon.snmp.notifications import NotificationError, Notifications
from netmon.snmp.settings import NotificationSettings
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

PUBLIC = b"of-the-traps"
WATCHER = User(b"watcher", AuthProtocol.SHA256, b"authentication", PrivProtocol.AES128, b"and privacy")
AUTH_ONLY = User(b"half", AuthProtocol.SHA, b"authentication")
OPEN = User(b"open")
LONG = User(b"long", AuthProtocol.SHA, b"authentication", PrivProtocol.AES256C, b"and privacy")
EVERYONE: tuple[bytes | User, ...] = (PUBLIC, WATCHER, AUTH_ONLY, OPEN, LONG)
LINK_DOWN, LINK_UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
IF_INDEX, IF_DESCR, IF_NAME = "1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1"


@dataclass
class Ear:
    """A listening task and what it told."""

    events: list[Notification] = field(default_factory=list)
    drops: Counter[Drop] = field(default_factory=Counter)
    task: Notifications | None = None

    def port(self, host: str = "127.0.0.1") -> int:
        assert self.task is not None
        return dict(self.task.listening)[host]

    def dropped(self, why: Drop, count: int) -> None:
        self.drops[why] += count

    async def has(self, events: int) -> list[Notification]:
        await eventually(lambda: len(self.events) >= events, f"{events} events; dropped: {self.drops}")
        return self.events


@asynccontextmanager
async def listening(
    *credentials: bytes | User,
    address: str = "127.0.0.1",
    routers: Sequence[tuple[str, str, tuple[bytes | User, ...]]] | None = None,
    **written: object,
) -> AsyncIterator[Ear]:
    ear = Ear()
    settings = NotificationSettings.model_validate({"listen": ["127.0.0.1"], "port": 0} | written)
    ear.task = Notifications(
        settings,
        "sulteng",
        routers or [("palu", address, credentials or EVERYONE)],
        time.time_ns,
        ear.events.append,
        ear.dropped,
    )
    running = asyncio.create_task(ear.task.run())
    try:
        await eventually(lambda: running.done() or (ear.task and ear.task.listening), "the task to listen")
        assert not running.done(), running.exception()
        yield ear
    finally:
        running.cancel()
        await asyncio.wait([running])


async def client(tool: str, *arguments: str, timeout_s: float = 10) -> tuple[int, str]:
    """Debian's snmptrap or snmpinform, which tries twice; its exit code and complaint."""
    for _ in range(3):
        code, complaint = await _run(tool, *arguments, timeout_s=timeout_s)
        # One snmpinform (5.9.3) in four hundred reads no engine id at all, whoever tells it; the next one does.
        if "buffer too small to read octet string" not in complaint:
            break
    return code, complaint


async def _run(tool: str, *arguments: str, timeout_s: float) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        tool,
        "-r",
        "1",
        "-t",
        str(timeout_s),
        *arguments,
        stderr=asyncio.subprocess.PIPE,
        env={"MIBS": "", "HOME": "/nonexistent"},
    )
    _, complaint = await process.communicate()
    return process.returncode or 0, complaint.decode()


def as_user(user: User) -> list[str]:
    level = ("noAuthNoPriv", "authNoPriv", "", "authPriv")[user.level]
    found = ["-v3", "-u", user.name.decode(), "-l", level]
    if user.auth is not None:
        found += ["-a", {"sha": "SHA", "sha256": "SHA-256"}[user.auth.value], "-A", user.auth_password.decode()]
    if user.priv is not None:
        found += ["-x", {"aes128": "AES", "aes256c": "AES-256-C"}[user.priv.value], "-X", user.priv_password.decode()]
    return found


def v2c(kind: PduKind, *varbinds: VarBind, community: bytes = PUBLIC) -> bytes:
    trap_oid = VarBind((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0), Tag.OID, (1, 3, 6, 1, 6, 3, 1, 1, 5, 3))
    uptime = VarBind((1, 3, 6, 1, 2, 1, 1, 3, 0), Tag.TIME_TICKS, 4)
    return encode_message(Message(1, community, Pdu(kind, 7, 0, 0, (uptime, trap_oid, *varbinds))))


def send(port: int, *datagrams: bytes, host: str = "127.0.0.1", source: str = "127.0.0.1") -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        for datagram in datagrams:
            sender.sendto(datagram, (host, port))


# --- what real clients send ------------------------------------------------------------------


async def test_a_link_down_of_version_2c_becomes_an_event_with_its_interface() -> None:
    before = time.time_ns()
    async with listening() as ear:
        where = f"127.0.0.1:{ear.port()}"
        row = [f"{IF_INDEX}.3", "i", "3", f"{IF_DESCR}.3", "s", "GigabitEthernet0/3", f"{IF_NAME}.3", "s", "Gi0/3"]
        code, complaint = await client("snmptrap", "-v2c", "-c", PUBLIC.decode(), where, "", LINK_DOWN, *row)
        assert code == 0, complaint
        (event,) = await ear.has(1)
    assert (event.router, event.kind) == ("palu", NotificationKind.LINK_DOWN)
    assert (event.interface_index, event.interface_name) == (3, "Gi0/3")
    assert event.oid == (1, 3, 6, 1, 6, 3, 1, 1, 5, 3)
    assert before <= event.at_ns <= time.time_ns()
    assert VarBind((1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 3), Tag.INTEGER, 3) in event.varbinds
    assert not ear.drops


@pytest.mark.parametrize(
    ("generic", "specific", "kind", "oid"),
    [
        ("0", "0", NotificationKind.COLD_START, (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)),
        ("1", "0", NotificationKind.WARM_START, (1, 3, 6, 1, 6, 3, 1, 1, 5, 2)),
        ("2", "0", NotificationKind.LINK_DOWN, (1, 3, 6, 1, 6, 3, 1, 1, 5, 3)),
        ("3", "0", NotificationKind.LINK_UP, (1, 3, 6, 1, 6, 3, 1, 1, 5, 4)),
        ("4", "0", NotificationKind.AUTHENTICATION_FAILURE, (1, 3, 6, 1, 6, 3, 1, 1, 5, 5)),
        ("6", "17", NotificationKind.OTHER, (1, 3, 6, 1, 4, 1, 14988, 0, 17)),
    ],
)
async def test_traps_of_version_1_are_events_and_give_no_community_away(
    generic: str, specific: str, kind: NotificationKind, oid: tuple[int, ...]
) -> None:
    async with listening() as ear:
        head = ["1.3.6.1.4.1.14988", "10.9.9.9", generic, specific, "42"]
        row = [f"{IF_INDEX}.2", "i", "2"]
        code, complaint = await client("snmptrap", "-v1", "-c", PUBLIC.decode(), f"127.0.0.1:{ear.port()}", *head, *row)
        assert code == 0, complaint
        (event,) = await ear.has(1)
    assert (event.kind, event.oid, event.interface_index) == (kind, oid, 2)
    assert PUBLIC not in [varbind.value for varbind in event.varbinds]
    assert PUBLIC.decode() not in repr(event)


@pytest.mark.parametrize("user", [WATCHER, AUTH_ONLY, OPEN, LONG], ids=str)
async def test_traps_of_version_3_are_events_whatever_the_engine_they_come_from(user: User) -> None:
    async with listening() as ear:
        for number, engine_id in enumerate(("0x8000000001020304", "0x80001f8880e9630000d61ff449"), 1):
            code, complaint = await client(
                "snmptrap", *as_user(user), "-e", engine_id, f"127.0.0.1:{ear.port()}", "", LINK_UP
            )
            assert code == 0, complaint
            events = await ear.has(number)
    assert [event.kind for event in events] == [NotificationKind.LINK_UP] * 2
    assert not ear.drops


@pytest.mark.parametrize(
    "arguments", [["-v2c", "-c", PUBLIC.decode()], *map(as_user, (WATCHER, AUTH_ONLY, OPEN, LONG))]
)
async def test_informs_are_acknowledged(arguments: list[str]) -> None:
    async with listening() as ear:
        for _ in range(2):
            code, complaint = await client("snmpinform", *arguments, f"127.0.0.1:{ear.port()}", "", LINK_DOWN)
            assert code == 0, complaint
        await ear.has(2)
    assert not ear.drops


async def test_informs_are_acknowledged_although_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as ear:
        before = time.time
        for hours in (0, 1):
            monkeypatch.setattr(time, "time", lambda hours=hours: before() - 3600 * hours)
            where = f"127.0.0.1:{ear.port()}"
            code, complaint = await client("snmpinform", *as_user(WATCHER), where, "", LINK_DOWN, timeout_s=5)
            assert code == 0, complaint
        await ear.has(2)
    assert not ear.drops


async def test_both_address_families_are_listened_to() -> None:
    port = free_port(socket.SOCK_DGRAM)
    routers = [("palu", "127.0.0.1", (PUBLIC,)), ("gowa", "::1", (PUBLIC, WATCHER))]
    async with listening(routers=routers, listen=["127.0.0.1", "::1"], port=port) as ear:
        for where in (f"127.0.0.1:{port}", f"udp6:[::1]:{port}"):
            code, complaint = await client("snmpinform", "-v2c", "-c", PUBLIC.decode(), where, "", LINK_DOWN)
            assert code == 0, complaint
        code, complaint = await client("snmpinform", *as_user(WATCHER), f"udp6:[::1]:{port}", "", LINK_DOWN)
        assert code == 0, complaint
        events = await ear.has(3)
    assert [event.router for event in events] == ["palu", "gowa", "gowa"]


async def test_a_router_known_by_its_name_is_heard_too() -> None:
    routers = [("palu", "localhost", (PUBLIC,)), ("gowa", "no-such-host.invalid", (PUBLIC,))]
    async with listening(routers=routers, listen=["127.0.0.1", "::1"], port=free_port(socket.SOCK_DGRAM)) as ear:
        found = await asyncio.get_running_loop().getaddrinfo("localhost", 161, type=socket.SOCK_DGRAM)
        host = found[0][4][0]

        def is_heard() -> bool:
            with socket.socket(found[0][0], socket.SOCK_DGRAM) as sender:
                sender.sendto(v2c(PduKind.TRAP), (host, ear.port(str(host))))
            return bool(ear.events)

        await eventually(is_heard, "the event")
    assert ear.events[0].router == "palu"


# --- what is refused -------------------------------------------------------------------------


async def test_an_unknown_source_is_refused_and_counted() -> None:
    async with listening(address="127.0.0.9") as ear:
        where = f"127.0.0.1:{ear.port()}"
        code, _ = await client("snmpinform", "-v2c", "-c", PUBLIC.decode(), where, "", LINK_DOWN, timeout_s=0.2)
        assert code == 1
        await eventually(lambda: ear.drops[Drop.UNKNOWN_SOURCE] == 2, "both tries to be counted")
        send(ear.port(), v2c(PduKind.TRAP), source="127.0.0.9")
        await ear.has(1)
    assert set(ear.drops) == {Drop.UNKNOWN_SOURCE}


WRONG: list[tuple[str, list[str], Drop]] = [
    ("community", ["-v2c", "-c", "guessed"], Drop.UNKNOWN_CREDENTIAL),
    ("empty community", ["-v2c", "-c", ""], Drop.UNKNOWN_CREDENTIAL),
    ("user", as_user(User(b"nobody")), Drop.UNKNOWN_CREDENTIAL),
    ("password", as_user(User(b"half", AuthProtocol.SHA, b"guessed it")), Drop.AUTHENTICATION),
    (
        "privacy",
        as_user(User(b"long", AuthProtocol.SHA, b"authentication", LONG.priv, b"guessed it")),
        Drop.UNDECODABLE,
    ),
    ("level", as_user(User(b"watcher")), Drop.LEVEL),
    ("level, halfway", as_user(User(b"watcher", WATCHER.auth, WATCHER.auth_password)), Drop.LEVEL),
]


@pytest.mark.parametrize(("arguments", "why"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
async def test_whoever_may_not_speak_is_refused_and_counted(arguments: list[str], why: Drop) -> None:
    async with listening() as ear:
        engine = ["-e", "0x8000000001020304"] if "-v3" in arguments else []
        where = f"127.0.0.1:{ear.port()}"
        await client("snmptrap", *arguments, *engine, where, "", LINK_DOWN)
        await eventually(lambda: ear.drops[why] == 1, f"{why} to be counted; there are {ear.drops}")
        assert (await client("snmpinform", *arguments, where, "", LINK_DOWN, timeout_s=0.2))[0] == 1
        assert not ear.events


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\x30\x82\xff\xff\x02\x01\x01", v2c(PduKind.TRAP)[:-1], v2c(PduKind.GET), v2c(PduKind.RESPONSE)],
)
async def test_what_is_no_notification_is_refused_and_counted(data: bytes) -> None:
    async with listening() as ear:
        send(ear.port(), data)
        await eventually(lambda: ear.drops[Drop.MALFORMED] == 1, "the datagram to be counted")
    assert not ear.events


async def test_routers_that_share_address_and_community_are_not_told_apart() -> None:
    routers = [("palu", "127.0.0.1", (PUBLIC, b"palus")), ("gowa", "127.0.0.1", (PUBLIC, b"gowas"))]
    async with listening(routers=routers) as ear:
        send(ear.port(), v2c(PduKind.TRAP), v2c(PduKind.TRAP, community=b"gowas"))
        (event,) = await ear.has(1)
    assert event.router == "gowa"
    assert ear.drops == {Drop.AMBIGUOUS: 1}


async def test_a_replayed_trap_from_an_earlier_boot_is_refused() -> None:
    async with listening() as ear:
        where = f"127.0.0.1:{ear.port()}"
        for number, boots in enumerate(("7,100", "8,5"), 1):
            await client("snmptrap", *as_user(WATCHER), "-e", "0x8000000001020304", "-Z", boots, where, "", LINK_UP)
            await ear.has(number)
        await client("snmptrap", *as_user(WATCHER), "-e", "0x8000000001020304", "-Z", "7,100", where, "", LINK_UP)
        await eventually(lambda: ear.drops[Drop.TIME_WINDOW] == 1, f"the replay to be counted; {ear.drops}")
    assert len(ear.events) == 2


async def test_what_an_event_holds_is_bounded() -> None:
    many = [VarBind((1, 3, 6, 1, 4, 1, 9, number), Tag.OCTET_STRING, b"x" * 500) for number in range(12)]
    none = [VarBind((1, 3, 6, 1, 4, 1, 9, number), Tag.NULL, None) for number in range(50)]
    async with listening() as ear:
        send(ear.port(), v2c(PduKind.TRAP, *many, *none, *none))
        await eventually(lambda: ear.drops[Drop.TOO_LARGE] == 1, "more variables to be counted")
        send(ear.port(), v2c(PduKind.TRAP, *many, *none))
        (event,) = await ear.has(1)
    assert len(event.varbinds) == 63
    assert {len(varbind.value) for varbind in event.varbinds if isinstance(varbind.value, bytes)} == {256}


async def test_an_endless_object_identifier_is_neither_logged_nor_an_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "netmon.snmp.notifications")
    named = bytes.fromhex("060a2b060106030101040100")
    async with listening() as ear:
        for arcs in (b"\x01" * 6000, b"\x90\x80\x80\x80\x00"):
            binding = encode_tlv(0x30, named + encode_tlv(Tag.OID, b"\x2b" + arcs))
            pdu = encode_tlv(PduKind.INFORM, b"\x02\x01\x07\x02\x01\0\x02\x01\0" + encode_tlv(0x30, binding))
            assert not await answered(ear, encode_community_message(1, PUBLIC, pdu), Drop.UNDECODABLE)
    assert not ear.events
    assert "says" not in caplog.text


async def answered(ear: Ear, data: bytes, why: Drop) -> bool:
    """Whether a datagram has an answer, once it was counted as dropped."""
    before = ear.drops[why]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(data, ("127.0.0.1", ear.port()))
        await eventually(lambda: ear.drops[why] > before, f"{why} to be counted; there are {ear.drops}")
        return bool(select.select([sender], [], [], 0)[0])


@pytest.mark.parametrize(
    "varbinds",
    [
        (),
        (VarBind((1, 3, 6, 1, 2, 1, 1, 3, 0), Tag.TIME_TICKS, 4),),
        (VarBind((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0), Tag.OCTET_STRING, b"linkDown"),),
    ],
    ids=["no variable", "no snmpTrapOID", "snmpTrapOID is a string"],
)
async def test_what_does_not_say_what_it_is_is_counted_and_acknowledged_if_it_is_an_inform(
    varbinds: tuple[VarBind, ...],
) -> None:
    async with listening() as ear:
        for kind, is_acknowledged in ((PduKind.TRAP, False), (PduKind.INFORM, True)):
            data = encode_message(Message(1, PUBLIC, Pdu(kind, 7, 0, 0, varbinds)))
            assert await answered(ear, data, Drop.UNDECODABLE) is is_acknowledged
    assert ear.drops == {Drop.UNDECODABLE: 2}
    assert not ear.events


async def test_an_event_is_logged_once_per_transition(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "netmon.snmp.notifications")
    async with listening() as ear:
        where = f"127.0.0.1:{ear.port()}"
        name = [f"{IF_NAME}.3", "s", "ether3\nFAKE LINE"]
        for number, what in enumerate((LINK_DOWN, LINK_DOWN, LINK_UP, LINK_UP, LINK_DOWN), 1):
            await client("snmptrap", "-v2c", "-c", PUBLIC.decode(), where, "", what, *name)
            await ear.has(number)
    said = [record.getMessage() for record in caplog.records if "says" in record.getMessage()]
    assert said == [f"palu says: link {state}, interface ether3?FAKE LINE" for state in ("down", "up", "down")]


async def test_a_port_in_use_is_named_with_the_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        task = Notifications(
            NotificationSettings(listen=("127.0.0.1",), port=port), "s", [], time.time_ns, print, lambda *_: None
        )
        with pytest.raises(NotificationError, match=f"cannot listen for traps at 127.0.0.1 port {port}"):
            await task.run()


async def test_a_link_local_address_is_listened_at_on_its_interface() -> None:
    # It is none of the loopback interface's, which is said only where the interface is given to the kernel.
    settings = NotificationSettings(listen=("fe80::1%lo",), port=0)
    with pytest.raises(NotificationError, match=r"fe80::1%lo port 0: .* Cannot assign requested address"):
        await Notifications(settings, "s", [], time.time_ns, print, lambda *_: None).run()


async def test_an_interface_that_this_host_lacks_is_named() -> None:
    settings = NotificationSettings(listen=("fe80::1%nowhere",), port=0)
    task = Notifications(settings, "s", [], time.time_ns, print, lambda *_: None)
    with pytest.raises(NotificationError, match="port 0: 'fe80::1%nowhere': this host has no interface nowhere"):
        await task.run()


def test_the_settings_refuse_what_cannot_be_listened_at() -> None:
    with pytest.raises(ValueError, match="'router-1' is not an IP address of this host"):
        NotificationSettings.model_validate({"listen": ["router-1"]})
    assert NotificationSettings.model_validate({}).port == 162

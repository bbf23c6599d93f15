"""Traps and informs as Debian's own clients send them; floods; what is refused and counted."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from daemon.boxes import COMMUNITY, Box, served
from support.processes import eventually, free_port
from support.processor import uncollected

from netmon.bundled import folder
from netmon.routers.polling import RouterPoller
from netmon.routers.profiles import load_profiles
from netmon.snmp.client import Agent, Client
from netmon.snmp.codec import Message, Pdu, PduKind, Tag, VarBind, encode_message
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


async def client(tool: str, *arguments: str, timeout_s: float = 30) -> tuple[int, str]:
    """Debian's snmptrap or snmpinform, which tries twice; its exit code and complaint."""
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
    many = [VarBind((1, 3, 6, 1, 4, 1, 9, number), Tag.OCTET_STRING, b"x" * 500) for number in range(100)]
    async with listening() as ear:
        send(ear.port(), v2c(PduKind.TRAP, *many))
        (event,) = await ear.has(1)
    assert len(event.varbinds) == 64
    assert {len(varbind.value) for varbind in event.varbinds if isinstance(varbind.value, bytes)} == {256}


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


# --- floods ----------------------------------------------------------------------------------

FLOOD = """
import select, socket, sys, time
port, data = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while not select.select([sys.stdin], [], [], 0.002)[0]:
    while sent < 2000 * (time.monotonic() - began):
        sender.sendto(data, ("127.0.0.1", port))
        sent += 1
print(sent)
"""


@pytest.fixture
def box() -> Iterator[Box]:
    with served(["palu"]) as boxes:
        yield boxes["palu"]


@asynccontextmanager
async def flood(port: int, data: bytes) -> AsyncIterator[list[int]]:
    """2000 datagrams a second from another process; how many there were, after the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FLOOD, str(port), data.hex()), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    sent: list[int] = []
    try:
        yield sent
    finally:
        said, _ = await process.communicate(b"enough")
        sent.append(int(said))


async def polled(port: int, times: int) -> list[float]:
    """Visits one router so often; how much processor time this thread spent in each, in seconds."""
    took: list[float] = []
    async with await Client.open() as manager:
        agent = Agent("127.0.0.1", port, COMMUNITY.encode(), 10_000_000_000, 1)
        profiles = load_profiles([folder("collectors")])
        poller = RouterPoller("palu", agent, manager, profiles, None, time.time_ns)
        await poller.poll()
        for _ in range(times):
            began = time.thread_time()
            await poller.poll()
            took.append(time.thread_time() - began)
            await asyncio.sleep(0.02)
    return took


@pytest.mark.parametrize("community", [PUBLIC, b"guessed"])
async def test_a_flood_delays_no_poll_and_what_exceeds_the_bucket_is_counted(box: Box, community: bytes) -> None:
    data, began = v2c(PduKind.TRAP, community=community), time.monotonic()
    async with listening(source_rate=50, source_burst=100) as ear:
        async with flood(ear.port(), data) as sent:
            await eventually(lambda: len(ear.events) + ear.drops.total() > 1000, "the flood to rise")
            with uncollected():
                took = await polled(box.port, 50)

        async def all_accounted_for() -> bool:
            # What the kernel had no room for last is told with another datagram.
            send(ear.port(), data)
            sent.append(1)
            await asyncio.sleep(0.05)
            return len(ear.events) + ear.drops.total() == sum(sent)

        await eventually(all_accounted_for, f"all {sent} to be accounted for")
    assert max(took) < 0.05, "the traps are read a few at a time, between the polls' own datagrams"
    if community == PUBLIC:
        assert 100 <= len(ear.events) <= 100 + 50 * (time.monotonic() - began)
        lost = sum(sent) - len(ear.events)
        assert ear.drops[Drop.SOURCE_RATE] + ear.drops[Drop.RATE] + ear.drops[Drop.BUFFER] == lost
    else:
        assert not ear.events
        assert ear.drops[Drop.UNKNOWN_CREDENTIAL] + ear.drops[Drop.BUFFER] == sum(sent)


async def test_one_router_that_floods_does_not_silence_another() -> None:
    routers = [("palu", "127.0.0.1", (PUBLIC,)), ("gowa", "127.0.0.2", (PUBLIC,))]
    async with listening(routers=routers) as ear:
        send(ear.port(), *[v2c(PduKind.TRAP)] * 150)
        await eventually(lambda: ear.drops[Drop.SOURCE_RATE] > 50, "the flood to be cut")
        send(ear.port(), v2c(PduKind.TRAP), source="127.0.0.2")
        await eventually(lambda: "gowa" in {event.router for event in ear.events}, "the other router's event")


async def test_the_queue_is_bounded_and_what_it_cannot_hold_is_counted() -> None:
    async with listening(queue=4, burst=1000, source_burst=1000) as ear:
        send(ear.port(), *[v2c(PduKind.TRAP)] * 200)
        await eventually(lambda: len(ear.events) + ear.drops.total() == 200, "all to be accounted for")
    assert ear.drops[Drop.QUEUE] > 100


async def test_what_was_lost_in_the_kernel_is_counted_with_the_next_datagram() -> None:
    async with listening(burst=5000, source_burst=5000) as ear:
        big = v2c(PduKind.TRAP, VarBind((1, 3, 6, 1, 4, 1, 9, 1), Tag.OCTET_STRING, b"x" * 8000))
        # In one turn of the loop, so that nothing is read meanwhile.
        send(ear.port(), *[big] * 2000)
        sent = 2000

        async def all_accounted_for() -> bool:
            nonlocal sent
            send(ear.port(), big)
            sent += 1
            await asyncio.sleep(0.05)
            return len(ear.events) + ear.drops.total() == sent

        await eventually(all_accounted_for, f"every one: {ear.drops}")
    assert ear.drops[Drop.BUFFER] > 0


async def test_no_turn_of_the_loop_takes_long_while_traps_are_decoded() -> None:
    async with listening(rate=500, burst=300, source_rate=500, source_burst=300) as ear:
        send(ear.port(), v2c(PduKind.TRAP))
        await ear.has(1)
        send(ear.port(), *[v2c(PduKind.TRAP)] * 250)
        turns = []
        with uncollected():
            while len(ear.events) < 200:
                # The thread's own processor time: the machine is shared, and that is not the decoder's doing.
                began = time.thread_time()
                await asyncio.sleep(0)
                turns.append(time.thread_time() - began)
    assert max(turns) < 0.02


def test_the_settings_refuse_what_cannot_be_listened_at() -> None:
    with pytest.raises(ValueError, match="'router-1' is not an IP address of this host"):
        NotificationSettings.model_validate({"listen": ["router-1"]})
    assert NotificationSettings.model_validate({}).port == 162

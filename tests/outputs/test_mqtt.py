"""The publisher against a real mosquitto, with passwords and access control."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import pytest
from support.processes import eventually, free_port, listens, running
from support.traffic import alert

from netmon.core.alerts import Alert, AlertKind, AlertState
from netmon.outputs.mqtt import MqttPublisher
from netmon.outputs.process import ProcessMetrics
from netmon.outputs.settings import MqttSettings
from netmon.settings import SecretRef

PASSWORD = "palu-1978"


@dataclass(frozen=True)
class Entry:
    position: int
    alert: Alert


@dataclass
class MemoryOutbox:
    """Behaves as the ledger's does."""

    recorded: list[Alert] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def add(self, *alerts: Alert) -> None:
        self.recorded += alerts

    async def unsent(self, limit: int) -> Sequence[Entry]:
        return [Entry(i, a) for i, a in enumerate(self.recorded) if i not in self.sent][:limit]

    async def mark_sent(self, positions: Sequence[int]) -> None:
        self.sent += positions

    async def alerts(self) -> Mapping[str, Alert]:
        return {alert.key: alert for alert in self.recorded}


@dataclass
class Seen:
    outcomes: Counter[str] = field(default_factory=Counter)
    up: bool = False
    downs: int = 0

    def mqtt_connected(self, up: bool) -> None:
        self.up = up
        self.downs += not up

    def mqtt_published(self, outcome: str) -> None:
        self.outcomes[outcome] += 1


@dataclass(frozen=True)
class Broker:
    """A mosquitto with users netmon and wall; what netmon may write is `acl`'s."""

    directory: Path
    port: int

    @contextmanager
    def up(self, acl: Sequence[str] = ("netmon/v1/#",)) -> Iterator[subprocess.Popen[bytes]]:
        rules = "user netmon\n" + "".join(f"topic write {topic}\n" for topic in acl) + "user wall\ntopic read #\n"
        configuration = (
            f"listener {self.port} 127.0.0.1\npassword_file {self.directory}/passwords\n"
            f"acl_file {self.directory}/acl\nallow_anonymous false\nuser root\n"
        )
        (self.directory / "acl").write_text(rules)
        (self.directory / "mosquitto.conf").write_text(configuration)
        for name in ("acl", "passwords"):
            (self.directory / name).chmod(0o600)
        command: list[str | Path] = ["mosquitto", "-c", self.directory / "mosquitto.conf"]
        with running(command, lambda: listens(self.port), self.directory / "mosquitto.log") as process:
            yield process

    def settings(self, **changes: object) -> MqttSettings:
        password = SecretRef.model_validate(PASSWORD)
        basis = {"host": "127.0.0.1", "port": self.port, "username": "netmon", "password": password}
        return MqttSettings.model_validate(basis | changes)

    @asynccontextmanager
    async def subscribed(self, topic: str = "netmon/#") -> AsyncIterator[list[aiomqtt.Message]]:
        messages: list[aiomqtt.Message] = []
        async with aiomqtt.Client("127.0.0.1", self.port, username="wall", password=PASSWORD) as client:
            await client.subscribe(topic, qos=1)

            async def collect() -> None:
                with contextlib.suppress(aiomqtt.MqttError):
                    async for message in client.messages:
                        messages.append(message)  # noqa: PERF401  seen while it grows

            task = asyncio.create_task(collect())
            try:
                yield messages
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hashing is slow by design, so it is done once."""
    path = tmp_path_factory.mktemp("mosquitto") / "passwords"
    path.touch()
    for user in ("netmon", "wall"):
        subprocess.run(["mosquitto_passwd", "-b", path, user, PASSWORD], check=True, capture_output=True)
    return path


@pytest.fixture
def broker(tmp_path: Path, passwords: Path) -> Broker:
    (tmp_path / "passwords").write_bytes(passwords.read_bytes())
    return Broker(tmp_path, free_port())


@asynccontextmanager
async def publishing(publisher: MqttPublisher) -> AsyncIterator[None]:
    task = asyncio.create_task(publisher.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def events(messages: Sequence[aiomqtt.Message]) -> list[str]:
    return [json.loads(payload(m))["id"] for m in messages if "/event/" in str(m.topic)]


def payload(message: aiomqtt.Message) -> bytes:
    assert isinstance(message.payload, bytes)
    return message.payload


def last(messages: Sequence[aiomqtt.Message], topic: str) -> bytes | None:
    return next((payload(m) for m in reversed(messages) if str(m.topic) == topic), None)


async def test_alerts_are_published_in_order_once_each_and_leave_the_outbox(broker: Broker) -> None:
    outbox, seen = MemoryOutbox([alert(i) for i in range(120)]), Seen()
    publisher = MqttPublisher(broker.settings(), "sulteng", outbox, seen)
    with broker.up():
        async with broker.subscribed() as messages, publishing(publisher):
            await eventually(lambda: len(outbox.sent) == 120, "the outbox to empty")
            outbox.add(alert(120))
            publisher.wake()
            await eventually(lambda: len(events(messages)) == 121, "the alert that woke the publisher")
    assert events(messages) == [f"alert-{i:04}" for i in range(121)]
    assert set(seen.outcomes) == {"acknowledged"}


async def test_the_retained_state_follows_and_is_cleared_when_all_is_resolved(broker: Broker) -> None:
    outbox = MemoryOutbox([alert(1), alert(2, key="quota/dinkes/upload")])
    publisher = MqttPublisher(broker.settings(), "sulteng", outbox, Seen())
    topic = "netmon/v1/sulteng/state/quota/dinkes"
    with broker.up():
        async with publishing(publisher):
            await eventually(lambda: len(outbox.sent) == 2, "both alerts to be sent")
            async with broker.subscribed() as late:
                await eventually(lambda: last(late, topic), "the retained state")
            assert [entry["id"] for entry in json.loads(last(late, topic) or b"")["alerts"]] == [
                "alert-0001",
                "alert-0002",
            ]
            outbox.add(alert(3, AlertState.RESOLVED), alert(4, AlertState.RESOLVED, key="quota/dinkes/upload"))
            publisher.wake()
            await eventually(lambda: len(outbox.sent) == 4, "the resolutions to be sent")
            async with broker.subscribed() as later:
                await eventually(lambda: last(later, "netmon/v1/sulteng/status"), "what is retained")
            assert last(later, topic) is None


async def test_a_broker_that_lost_what_it_retained_is_told_again(broker: Broker) -> None:
    outbox = MemoryOutbox([alert(1)], sent=[0])
    with broker.up():
        async with (
            publishing(MqttPublisher(broker.settings(), "sulteng", outbox, Seen())),
            broker.subscribed() as messages,
        ):
            await eventually(lambda: last(messages, "netmon/v1/sulteng/state/quota/dinkes"), "the state")
    assert events(messages) == []


async def test_the_status_is_online_then_offline_when_netmon_stops_or_dies(broker: Broker) -> None:
    status = "netmon/v1/sulteng/status"
    publisher = MqttPublisher(broker.settings(), "sulteng", MemoryOutbox(), Seen())
    with broker.up():
        async with broker.subscribed() as messages:
            async with publishing(publisher):
                await eventually(lambda: last(messages, status) == b"online", "the birth message")
            await eventually(lambda: last(messages, status) == b"offline", "the farewell")

            async with publishing(publisher):
                await eventually(lambda: last(messages, status) == b"online", "the second birth message")
                # Another session under the same client id: the broker closes netmon's, as it does a dead one's.
                usurper = aiomqtt.Client(
                    "127.0.0.1", broker.port, identifier="netmon", username="wall", password=PASSWORD
                )
                async with usurper:
                    await eventually(lambda: last(messages, status) == b"offline", "the last will")


async def test_an_alert_refused_by_access_control_is_not_counted_as_sent_and_holds_up_no_other_topic(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, seen = MemoryOutbox(), Seen()
    outbox.add(
        alert(1, key="router/r1", kind=AlertKind.ROUTER, agency=None, router="r1"),
        alert(2),
        alert(3, AlertState.RESOLVED, key="router/r1", kind=AlertKind.ROUTER, agency=None, router="r1"),
    )
    publisher = MqttPublisher(broker.settings(), "sulteng", outbox, seen)
    allowed = ("netmon/v1/sulteng/status", "netmon/v1/sulteng/state/#", "netmon/v1/sulteng/event/quota/#")
    with caplog.at_level(logging.INFO):
        with broker.up(allowed):
            async with publishing(publisher):
                await eventually(lambda: outbox.sent == [1], "the permitted alert")
                await eventually(lambda: seen.outcomes["refused"] >= 2, "another try")
        refusals = [r.message for r in caplog.records if r.levelno == logging.ERROR]
        assert len(refusals) == 1
        assert (
            "refuses netmon/v1/sulteng/event/router/r1 (Not authorized); allow user netmon to write it" in refusals[0]
        )
        with broker.up():
            async with broker.subscribed() as messages, publishing(publisher):
                await eventually(lambda: sorted(outbox.sent) == [0, 1, 2], "the alerts that were refused")
                await eventually(lambda: events(messages) == ["alert-0001", "alert-0003"], "them in order")
    assert "accepts netmon/v1/sulteng/event/router/r1 again" in caplog.text


async def test_alerts_wait_for_a_broker_that_is_away_and_its_absence_is_logged_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, seen = MemoryOutbox([alert(1)]), Seen()
    async with publishing(MqttPublisher(broker.settings(), "sulteng", outbox, seen)):
        await eventually(lambda: "not reachable" in caplog.text, "the first failure")
        await asyncio.sleep(0.8)
        assert caplog.text.count("not reachable") == 1
        assert outbox.sent == []
        with broker.up():
            await eventually(lambda: outbox.sent == [0], "the alert")


async def test_a_broker_killed_in_the_middle_costs_no_alert(broker: Broker) -> None:
    outbox = MemoryOutbox([alert(i) for i in range(400)])
    publisher = MqttPublisher(broker.settings(), "sulteng", outbox, Seen())
    received: list[str] = []
    async with publishing(publisher):
        with broker.up() as process:
            async with broker.subscribed() as messages:
                await eventually(lambda: len(events(messages)) > 60, "the first alerts")
                process.kill()
                await eventually(lambda: process.poll() is not None, "the broker's end")
                received += events(messages)
        with broker.up():
            async with broker.subscribed() as messages:
                await eventually(lambda: len(outbox.sent) == 400, "the rest")
                await eventually(lambda: events(messages)[-1:] == ["alert-0399"], "the last alert")
                received += events(messages)
    # What the broker acknowledged and had not forwarded when it was killed is the broker's to lose.
    assert set(received) | {f"alert-{p:04}" for p in outbox.sent} == {f"alert-{i:04}" for i in range(400)}
    assert sorted(outbox.sent) == list(range(400))


async def test_a_broker_that_no_longer_answers_is_left_after_the_timeout(broker: Broker) -> None:
    outbox, seen = MemoryOutbox(), Seen()
    publisher = MqttPublisher(broker.settings(timeout="2s"), "sulteng", outbox, seen)
    with broker.up() as process:
        async with publishing(publisher):
            await eventually(lambda: seen.outcomes["acknowledged"] == 1, "the birth message")
            downs = seen.downs
            process.send_signal(signal.SIGSTOP)
            try:
                outbox.add(alert(1))
                publisher.wake()
                await eventually(lambda: seen.downs > downs, "the connection to be given up")
                assert outbox.sent == []
            finally:
                process.send_signal(signal.SIGCONT)
            await eventually(lambda: outbox.sent == [0], "the alert after all")
    assert seen.outcomes["lost"] >= 1


async def test_a_wrong_password_is_said_without_being_shown(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    settings = broker.settings(password=SecretRef.model_validate("hunter2-wrong"))
    with broker.up():
        async with publishing(MqttPublisher(settings, "sulteng", MemoryOutbox(), Seen())):
            await eventually(lambda: "not reachable" in caplog.text, "the refusal")
    assert "Not authorized" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_broker_that_knows_only_mqtt_3_1_1_is_served_as_such(tmp_path: Path) -> None:
    port = free_port()
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    (tmp_path / "amqtt.yaml").write_text(json.dumps({"listeners": listeners, "plugins": plugins}))
    command: list[str | Path] = [Path(sys.executable).with_name("amqtt"), "-c", tmp_path / "amqtt.yaml"]
    outbox = MemoryOutbox([alert(1)])
    with running(command, lambda: listens(port), tmp_path / "amqtt.log"):
        settings = MqttSettings.model_validate({"host": "127.0.0.1", "port": port, "timeout": "30s"})
        async with publishing(MqttPublisher(settings, "sulteng", outbox, Seen())):
            await eventually(lambda: outbox.sent == [0], "the alert")


async def test_a_broker_that_never_answers_a_connect_is_left_without_a_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gone = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal gone
        while await reader.read(1000):
            pass
        gone += 1
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = MqttSettings.model_validate({"host": "127.0.0.1", "port": port, "timeout": "200ms"})
        async with publishing(MqttPublisher(settings, "sulteng", MemoryOutbox(), Seen())):
            await eventually(lambda: gone >= 2, "two connections to be closed again")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_the_daemons_own_metrics_can_watch_a_publisher() -> None:
    MqttPublisher(MqttSettings(host="127.0.0.1"), "sulteng", MemoryOutbox(), ProcessMetrics("sulteng", "0"))

"""Publishes alerts over MQTT from the ledger's outbox: each transition once acknowledged, in order.

A transition leaves the outbox only when the broker has answered its PUBLISH (QoS 1) with a PUBACK whose
reason code is a success (MQTT 5.0, 3.4.2.1). MQTT 3.1.1 has no reason codes: there a PUBACK is all there
is, and a broker's access control can discard unnoticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from netmon.core.alerts import Alert, AlertKind
from netmon.core.model import NANOSECONDS
from netmon.outputs.events import (
    EVENT_CONTENT_TYPE,
    alert_event,
    event_topic,
    state_document,
    state_topic,
    status_topic,
    subject_of,
    subjects,
)
from netmon.outputs.settings import MqttSettings
from netmon.settings import SecretUnavailableError

log = logging.getLogger(__name__)

BATCH: Final = 50
LOOK_AGAIN_S: Final = 30.0
"""How often the outbox is looked at without being woken, and refused alerts are tried again."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
_FAREWELL_S: Final = 2.0
_KEEPALIVE_S: Final = 20
_UNSUPPORTED_PROTOCOL: Final = 0x84


class Unsent(Protocol):
    """An alert waiting in the outbox."""

    @property
    def position(self) -> int: ...
    @property
    def alert(self) -> Alert: ...


class Outbox(Protocol):
    """Where transitions wait, in the order of their recording."""

    async def unsent(self, limit: int) -> Sequence[Unsent]:
        """The oldest, at most `limit`."""

    async def mark_sent(self, positions: Sequence[int]) -> None:
        """The broker has acknowledged them."""

    async def alerts(self) -> Mapping[str, Alert]:
        """The last transition of every alert, by its key; resolved ones too."""


class MqttWatch(Protocol):
    """Counts what happens."""

    def mqtt_connected(self, up: bool) -> None: ...
    def mqtt_published(self, outcome: str) -> None:
        """`acknowledged`, `refused` (a reason code of failure) or `lost` (no answer)."""


class _Client(aiomqtt.Client):
    """Keeps the reason code of the latest PUBACK, which aiomqtt drops. A test pins what is overridden."""

    refusal: ReasonCode | None = None

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        self.refusal = reason_code if reason_code.is_failure else None
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        # After a CONNECT that timed out there is nobody left to tell, and aiomqtt would raise in the event loop.
        if not self._connected.cancelled():
            super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def clear_away(self, entered: bool) -> None:
        """After the context: closes a connection never completed, whose socket aiomqtt would leave open."""
        if not entered:
            self._client.disconnect()
        if self._disconnected.done() and not self._disconnected.cancelled():
            # Looked at, lest asyncio report an exception that nobody saw.
            self._disconnected.exception()


class MqttPublisher:
    """Runs for ever: connects, publishes what waits, and connects again when the broker was lost."""

    def __init__(self, settings: MqttSettings, site: str, outbox: Outbox, watch: MqttWatch) -> None:
        self._settings = settings
        self._site = site
        self._outbox = outbox
        self._watch = watch
        self._broker = f"MQTT broker {settings.host}:{settings.port}"
        self._timeout_s = settings.timeout / NANOSECONDS
        self._woken = asyncio.Event()
        self._trouble: str | None = None
        self._refused: set[str] = set()

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken.set()

    async def run(self) -> None:
        """Never returns; what it cannot explain is raised, for the supervisor."""
        pause = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._serve(await self._newest_protocol())
            except (aiomqtt.MqttError, SecretUnavailableError, OSError) as error:
                self._lost(error)
            if loop.time() - began > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _newest_protocol(self) -> aiomqtt.ProtocolVersion:
        """MQTT 5.0, or 3.1.1 if the broker refuses it.

        Asked for without a will: a parser of 3.1.1 can take an MQTT 5.0 will for an unfinished packet and
        never answer, where it refuses one without.
        """
        try:
            async with self._connected(aiomqtt.ProtocolVersion.V5, will=None):
                return aiomqtt.ProtocolVersion.V5
        except aiomqtt.MqttCodeError as error:
            if isinstance(error.rc, ReasonCode) and error.rc.value == _UNSUPPORTED_PROTOCOL:
                return aiomqtt.ProtocolVersion.V311
            raise

    async def _serve(self, protocol: aiomqtt.ProtocolVersion) -> None:
        """One connection, from birth to loss. Raises aiomqtt.MqttError when it is lost."""
        will = aiomqtt.Will(status_topic(self._site), b"offline", qos=1, retain=True)
        async with self._connected(protocol, will) as client:
            self._found(protocol)
            lost: Exception | None = None
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_until_lost(client))
                    group.create_task(self._tell(client, protocol))
            except* aiomqtt.MqttError as errors:
                lost = errors.exceptions[0]
            finally:
                self._watch.mqtt_connected(False)
                # A clean DISCONNECT discards the will, so its words are said here.
                with contextlib.suppress(aiomqtt.MqttError):
                    await client.publish(status_topic(self._site), b"offline", qos=1, retain=True, timeout=_FAREWELL_S)
            if lost is not None:
                raise lost

    @contextlib.asynccontextmanager
    async def _connected(self, protocol: aiomqtt.ProtocolVersion, will: aiomqtt.Will | None) -> AsyncIterator[_Client]:
        settings = self._settings
        tls = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_file) if settings.tls else None
        client = _Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password.reveal() if settings.password is not None else None,
            identifier=settings.client_id,
            protocol=protocol,
            will=will,
            timeout=self._timeout_s,
            keepalive=_KEEPALIVE_S,
            tls_context=tls,
        )
        entered = False
        try:
            async with client:
                entered = True
                yield client
        finally:
            client.clear_away(entered)

    async def _tell(self, client: _Client, protocol: aiomqtt.ProtocolVersion) -> None:
        await self._publish(client, status_topic(self._site), b"online", retain=True)
        # The broker may have lost what it retained, and a state may have ended while netmon was away.
        standing = await self._outbox.alerts()
        for kind, subject in sorted(subjects(standing)):
            await self._publish_state(client, kind, subject, standing.values())
        while True:
            self._woken.clear()
            if not await self._publish_some(client, protocol):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await self._woken.wait()

    async def _publish_some(self, client: _Client, protocol: aiomqtt.ProtocolVersion) -> bool:
        """The oldest waiting alerts; whether any was acknowledged.

        An alert whose topic is refused stays in the outbox and holds up only alerts of its own topic.
        """
        waiting = await self._outbox.unsent(BATCH)
        if not waiting:
            return False
        standing = (await self._outbox.alerts()).values()
        properties = _event_properties() if protocol is aiomqtt.ProtocolVersion.V5 else None
        acknowledged: list[int] = []
        refused: set[str] = set()
        try:
            for entry in waiting:
                topic = event_topic(self._site, entry.alert)
                if topic in refused:
                    continue
                # The state goes first: it may be repeated at will, the event should not be.
                await self._publish_state(client, entry.alert.kind, subject_of(entry.alert), standing)
                if await self._publish(client, topic, _json(alert_event(entry.alert, self._site)), properties):
                    acknowledged.append(entry.position)
                else:
                    refused.add(topic)
        finally:
            if acknowledged:
                await self._outbox.mark_sent(acknowledged)
        return bool(acknowledged)

    async def _publish_state(self, client: _Client, kind: AlertKind, subject: str, standing: Iterable[Alert]) -> None:
        document = state_document(self._site, kind, subject, standing)
        payload = b"" if document is None else _json(document)
        await self._publish(client, state_topic(self._site, kind, subject), payload, retain=True)

    async def _publish(
        self,
        client: _Client,
        topic: str,
        payload: bytes,
        properties: Properties | None = None,
        retain: bool = False,
    ) -> bool:
        """True once acknowledged, False if refused. Raises aiomqtt.MqttError when no answer came in time.

        One publish at a time keeps the order, and makes the latest reason code this one's.
        """
        outcome = "lost"
        try:
            await client.publish(topic, payload, qos=1, retain=retain, properties=properties)
            outcome = "acknowledged" if client.refusal is None else "refused"
        finally:
            self._watch.mqtt_published(outcome)
        if client.refusal is not None and topic not in self._refused:
            self._refused.add(topic)
            log.error(
                "%s refuses %s (%s); allow user %s to write it. Its alerts wait in the outbox",
                self._broker, topic, client.refusal, self._settings.username,
            )  # fmt: skip
        elif client.refusal is None and topic in self._refused:
            self._refused.remove(topic)
            log.info("%s accepts %s again", self._broker, topic)
        return client.refusal is None

    def _found(self, protocol: aiomqtt.ProtocolVersion) -> None:
        log.info("connected to %s (MQTT %s)", self._broker, "5.0" if protocol == 5 else "3.1.1")
        self._trouble = None
        self._watch.mqtt_connected(True)

    def _lost(self, error: Exception) -> None:
        trouble = f"{type(error).__name__}: {error}"
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("%s is not reachable: %s. Alerts wait in the outbox", self._broker, error)


async def _until_lost(client: aiomqtt.Client) -> None:
    """Raises aiomqtt.MqttError as soon as the connection ends; nothing is subscribed to."""
    async for _ in client.messages:
        pass


def _event_properties() -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = EVENT_CONTENT_TYPE
    return properties


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

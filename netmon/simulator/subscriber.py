"""Somebody in the province who listens to netmon's alerts: an MQTT subscriber inside the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from amqtt.client import MQTTClient  # type: ignore[import-untyped]

from netmon.simulator.broker import HOST

KEPT = 1000
"""Events remembered, the newest."""


@dataclass(slots=True)
class Heard:
    """The alert events received so far: topic and CloudEvent."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@asynccontextmanager
async def listening(port: int, topics: str = "netmon/v1/+/event/#") -> AsyncIterator[Heard]:
    """Subscribed with QoS 1 from here to the end of the block."""
    client = MQTTClient(client_id="somebody", config={"auto_reconnect": False, "reconnect_retries": 0})
    await client.connect(f"mqtt://{HOST}:{port}/")
    await client.subscribe([(topics, 1)])
    heard = Heard()
    task = asyncio.create_task(_listen(client, heard))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.disconnect()


async def _listen(client: MQTTClient, heard: Heard) -> None:
    while True:
        message = await client.deliver_message()
        heard.events.append((message.topic, json.loads(message.data)))
        del heard.events[:-KEPT]

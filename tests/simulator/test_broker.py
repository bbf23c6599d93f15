from __future__ import annotations

import asyncio

import aiomqtt
from support.processes import PATIENCE_S

from netmon.simulator.broker import running_broker


async def test_the_embedded_broker_delivers_and_retains() -> None:
    async with running_broker() as port, aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish("netmon/v1/x/state", "kept", qos=1, retain=True)
        await client.subscribe("netmon/#", qos=1)
        message = await asyncio.wait_for(anext(aiter(client.messages)), PATIENCE_S)
        assert (str(message.topic), message.payload) == ("netmon/v1/x/state", b"kept")

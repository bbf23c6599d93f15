from __future__ import annotations

import aiomqtt
from support.processes import eventually

from netmon.simulator.broker import running_broker
from netmon.simulator.subscriber import listening


async def test_the_subscriber_hears_events_and_nothing_else() -> None:
    async with running_broker() as port, listening(port) as heard, aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish("netmon/v1/x/state/quota/dinkes", "{}", qos=1)
        await client.publish("netmon/v1/x/event/quota/dinkes", '{"id": "1"}', qos=1)
        await eventually(lambda: heard.events, "the event")
        assert heard.events == [("netmon/v1/x/event/quota/dinkes", {"id": "1"})]

"""An MQTT 3.1.1 broker inside the process, for the demo only: loopback, anonymous, nothing kept on disk."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amqtt.broker import Broker  # type: ignore[import-untyped]
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType  # type: ignore[import-untyped]

HOST = "127.0.0.1"


@asynccontextmanager
async def running_broker(port: int = 0) -> AsyncIterator[int]:
    """A broker on loopback from here to the end of the block; gives its port."""
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if port == 0:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
    listener = ListenerConfig(type=ListenerType.TCP, bind=f"{HOST}:{port}", max_connections=50)
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker(BrokerConfig(listeners={"default": listener}, plugins=plugins))
    await broker.start()
    try:
        yield port
    finally:
        await broker.shutdown()

"""Requests to one agent that one caller waits for, and each of them on its way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Admit, Ask, Reply, Terms
from netmon.snmp.errors import SnmpError


class Request:
    """One request in flight."""

    __slots__ = (
        "ask",
        "attempt",
        "batch",
        "deadline_ns",
        "has_slot",
        "payload",
        "position",
        "refusal",
        "request_id",
        "socket",
    )

    def __init__(self, request_id: int, ask: Ask, sender: socket.socket, batch: Batch, position: int) -> None:
        self.request_id = request_id
        self.ask = ask
        self.payload = ask.build(request_id)
        self.socket = sender
        self.batch = batch
        self.position = position
        """Among the batch's asks."""
        self.has_slot = True
        self.refusal: SnmpError | None = None
        """Why the last datagram for it was refused."""
        self.attempt = 1
        self.deadline_ns = 0
        """Of the attempt under way; monotonic."""


class Batch:
    """Requests to one agent that one caller waits for: a few at a time, until all are answered or one has failed."""

    __slots__ = (
        "asks",
        "done",
        "held",
        "key",
        "made",
        "outcomes",
        "peer",
        "requests",
        "started",
        "target",
        "terms",
        "tick",
        "unjudged",
    )

    def __init__(self, target: Target, asks: Sequence[Ask], terms: Terms) -> None:
        self.target = target
        self.peer = (target.host, target.port)
        """As the kernel names an IPv4 source."""
        self.asks = asks
        self.terms = terms
        self.outcomes: list[Reply | SnmpError | None] = [None] * len(asks)
        self.started = 0
        self.held = 1
        """Slots."""
        self.made: list[Request] = []
        """Those not yet sent, the next one last."""
        self.requests: dict[int, Request] = {}
        """Those in flight."""
        self.unjudged: list[tuple[Request, bytes, int, Admit]] = []
        """Those among them that a v3 datagram has come for, that datagram, when, and what judges it."""
        self.key = self.tick = 0
        """On the wheel, at or before the first deadline of its requests; 0: it is not there."""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

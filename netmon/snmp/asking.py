"""What is asked of an agent, on what terms, and what a reply must pass to be one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target
from netmon.snmp.budget import Budget
from netmon.snmp.codec import PduHead, PduKind, open_envelope, open_pdu
from netmon.snmp.errors import SnmpResponseError

BACK_OFF_PERCENT: Final = 150
"""Each attempt waits this share of the one before: 1 s and three retries end after 8.1 s."""

Admit = Callable[[bytes, int], None]
"""Judges a v3 datagram for its request, and when it was read; raises SnmpError to refuse it."""

Check = Callable[[bytes, PduHead], None]
"""Reads the variable-bindings of what could be the reply, given the octets that its head points into.

SnmpDecodeError, into which the caller puts the agent, and SnmpResponseError: it is malformed, or not what was asked
for; it is dropped, and its request goes on waiting. What is wrong with the agent itself is kept, and told to whoever
asked.
"""


@dataclass(frozen=True, slots=True)
class Community:
    """What a reply to a v1 or v2c request must bear."""

    version: int
    octets: bytes = field(repr=False)

    def admit(self, target: Target, data: bytes, request_id: int) -> PduHead:
        """The head of the response in a datagram; SnmpDecodeError or SnmpResponseError if it is no such answer."""
        version, community, at = open_envelope(data)
        head = open_pdu(data, at)
        if version != self.version or community != self.octets:
            raise SnmpResponseError(f"{target}: the reply has another version or community than the request")
        if head.kind is not PduKind.RESPONSE:
            raise SnmpResponseError(f"{target}: a {head.kind.name} instead of a response")
        if head.request_id != request_id:
            raise SnmpResponseError(f"{target}: the reply has another request-id than the request")
        return head


class Terms(NamedTuple):
    """How an agent is asked."""

    timeout_ns: int
    """For the first attempt, from its sending; each later one waits half as long again."""
    retries: int
    budget: Budget | None = None
    """Shared by all requests to the agent; attempts count."""


class Reply(NamedTuple):
    data: bytes
    received_ns: int
    """time.monotonic_ns() when the datagram was read."""
    head: PduHead | None
    """Of a v1 or v2c message that was read the long way."""
    numbers: Sequence[int] | None = None
    """What `Ask.recognise` read."""


class Ask(NamedTuple):
    """One request to an agent."""

    build: Callable[[int], bytes]
    """The datagram, given its request-id; the msgID of v3 is the same."""
    gate: Community | Admit
    """What a reply must pass: a community, or the admission of v3."""
    recognise: Callable[[bytes, int], Sequence[int] | None] | None = None
    """Reads what could only be a reply past the gate, given the request-id; None: judge it the long way."""
    check: Check | None = None
    """Judges the rest of what passed a community's gate the long way, unless it names an error."""


def backed_off(timeout_ns: int, times: int) -> int:
    """How long the attempt after `times` others waits."""
    for _ in range(times):
        timeout_ns = timeout_ns * BACK_OFF_PERCENT // 100
    return timeout_ns

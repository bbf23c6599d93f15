"""Asking for prebuilt templates: what came of each, under a community or as an SNMPv3 user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Ask, Community, Reply, Terms
from netmon.snmp.codec import PduHead, VarBind, encode_community_message
from netmon.snmp.dialogue import Scope
from netmon.snmp.errors import SnmpError
from netmon.snmp.manager import Manager, Opened
from netmon.snmp.questions import read_varbinds
from netmon.snmp.request_ids import FIRST
from netmon.snmp.template import GetTemplate, KnownReply, TemplateReply
from netmon.snmp.transport import Transport
from netmon.snmp.users import User

WINDOW: Final = 4
"""PDUs one router is asked at once: a burst overflows the receive buffer of a small agent."""


class Answer(NamedTuple):
    """A reply that may be believed, its variable-bindings not yet read."""

    target: Target
    data: bytes
    head: PduHead
    received_ns: int
    """time.monotonic_ns() when the datagram was read."""


Outcome = TemplateReply | Answer | SnmpError | None
"""Of one template: its reply; an answer that names an error; None: nothing yet, because another one failed."""


async def ask_community(
    transport: Transport, target: Target, gate: Community, templates: Sequence[GetTemplate], terms: Terms, window: int
) -> list[Outcome]:
    """What came of each template, asked under a community, `window` at once; SnmpTransportError if that cannot be."""
    known = [template.known(gate) for template in templates]
    readings = [_Reading(template, target) for template in templates]
    asks = [_ask_for(reading, one, gate) for reading, one in zip(readings, known, strict=True)]
    replies = await transport.exchange_all(target, asks, terms, window)
    outcomes: list[Outcome] = []
    for reading, one, reply in zip(readings, known, replies, strict=True):
        if not isinstance(reply, Reply):
            outcomes.append(reply)
        elif one is not None and reply.numbers is not None:
            outcomes.append(one.assemble(reply.numbers, reply.received_ns))
        else:
            assert reply.head is not None, "without numbers it was judged by its head"
            answer = Answer(target, reply.data, reply.head, reply.received_ns)
            request = community_message(gate, reading.template.pdu)(FIRST)
            outcomes.append(_read(reading, gate, request, answer))
    return outcomes


async def ask_user(
    manager: Manager,
    target: Target,
    user: User,
    context: bytes,
    templates: Sequence[GetTemplate],
    terms: Terms,
    window: int,
) -> list[Outcome]:
    """The same as an SNMPv3 user; SnmpSecurityError and others if its engine cannot be met."""
    readings = [_Reading(template, target) for template in templates]
    checks = [reading.check for reading in readings]
    found = await manager.ask_all(target, user, context, templates, terms, window, checks)
    outcomes: list[Outcome] = []
    for reading, reply in zip(readings, found, strict=True):
        if isinstance(reply, Opened):
            request = reply.scope.wrap(reading.template.pdu(FIRST))
            answer = Answer(target, reply.data, reply.head, reply.received_ns)
            outcomes.append(_read(reading, reply.scope, request, answer))
        else:
            outcomes.append(reply)
    return outcomes


@lru_cache(maxsize=256)
def community_gate(version: int, community: bytes) -> Community:
    """One object for all agents of a community, so that comparing them costs nothing."""
    return Community(version, community)


def community_message(gate: Community, build: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """What makes the datagram of the PDU that `build` makes of a request-id."""
    version, community = gate.version, gate.octets
    return lambda request_id: encode_community_message(version, community, build(request_id))


class _Reading:
    """The variable-bindings of a reply to a template, where they are not read by the known form."""

    __slots__ = ("_target", "template", "varbinds")

    def __init__(self, template: GetTemplate, target: Target) -> None:
        self.template = template
        self._target = target
        self.varbinds: Sequence[VarBind] = ()

    def check(self, data: bytes, head: PduHead) -> None:
        self.varbinds = read_varbinds(self._target, data, head, self.template.oids())


def _ask_for(reading: _Reading, known: KnownReply | None, gate: Community) -> Ask:
    if known is not None:
        return Ask(known.request, gate, known.form.read, reading.check)
    return Ask(community_message(gate, reading.template.pdu), gate, None, reading.check)


def _read(reading: _Reading, gate: Community | Scope, request: bytes, answer: Answer) -> Outcome:
    """The reply in an answer of new form, which is learnt."""
    template = reading.template
    if answer.head.error_status:
        return answer
    try:
        reply = template.read(reading.varbinds, str(answer.target), answer.received_ns)
    except SnmpError as error:
        return error
    template.learn(gate, request, answer.data, answer.head, reply)
    return reply

"""The asking side of SNMPv3: whom it speaks to, and how engines are met.

Engines are known by the address they answer at, not by their id alone: cloned routers share ids, and must not share
a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Ask, Reply, Terms
from netmon.snmp.codec import Pdu, PduHead, PduKind, encode_pdu, open_pdu
from netmon.snmp.dialogue import Scope
from netmon.snmp.engine import EngineTime
from netmon.snmp.errors import SnmpError, SnmpTimeoutError
from netmon.snmp.keys import KeyRing
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import SnmpEngineError
from netmon.snmp.template import FRAME, GetTemplate, TemplateReply
from netmon.snmp.transport import Transport
from netmon.snmp.trial import Engine, Peer, Trial, text_of
from netmon.snmp.users import User
from netmon.snmp.usm import UNKNOWN_ENGINE_IDS, beyond_frame
from netmon.snmp.v3 import (
    MAX_ENGINE_ID,
    Level,
    SecureMessage,
    decode_secure,
    encode_scoped,
    encode_secure,
    open_scoped,
)

PEERS: Final = 100_000
"""Agents remembered; beyond it the oldest is forgotten, and discovered again when it is asked."""
_NO_ENGINE: Final = "check that the agent runs, admits this host and speaks SNMPv3"


class Opened(NamedTuple):
    """An answer that may be believed, its variable-bindings not yet read."""

    data: bytes
    """The octets of its ScopedPDU, in the clear; `head` points into them."""
    head: PduHead
    received_ns: int
    scope: Scope
    """What it is about."""


class Manager:
    """Asks agents as SNMPv3 users; one for everything in one event loop."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ring = KeyRing()
        self._salts = Salts()
        self._peers: dict[tuple[Target, User], Peer] = {}

    async def ask(
        self, target: Target, user: User, context: bytes, build: Callable[[int], bytes], terms: Terms
    ) -> Opened:
        """Sends the PDU that `build` makes of a request-id; discovers the engine and its time where need be.

        An agent that restarted, or whose engine id changed, is asked once more. Raises SnmpTransportError,
        SnmpTimeoutError, SnmpSecurityError (its subclasses say what does not fit), or what the last refused
        message was refused for.
        """
        peer = self._peer(target, user)
        renewed: set[Oid] = set()
        while True:
            engine = peer.engine or await self._discovered(peer, terms)
            trial = Trial(peer, engine, context, build, self._salts)
            try:
                reply = await self._transport.exchange(target, trial.build, trial.admit, terms)
            except SnmpTimeoutError as error:
                raise SnmpTimeoutError(str(target), error.attempts, _silence(user.level, context)) from None
            if trial.failure is not None:
                raise trial.failure
            if trial.opened is not None:
                return Opened(*trial.opened, reply.received_ns, trial.scope)
            if trial.renewal in renewed:
                raise SnmpEngineError(
                    f"{target}: the agent keeps reporting another engine id or time than it has just given;"
                    " check whether several agents answer at this address"
                )
            renewed.add(trial.renewal)
            if trial.renewal == UNKNOWN_ENGINE_IDS:
                self._meet(peer, decode_secure(reply.data), reply.received_ns)

    async def ask_all(
        self,
        target: Target,
        user: User,
        context: bytes,
        templates: Sequence[GetTemplate],
        terms: Terms,
        window: int,
    ) -> list[TemplateReply | Opened | SnmpError | None]:
        """What came of each template, `window` of which are in flight at once; the rest is given up at a failure.

        None: nothing yet, because another one failed, or the agent wants to be asked anew: ask for it again.
        """
        peer = self._peer(target, user)
        found: list[TemplateReply | Opened | SnmpError | None] = [None] * len(templates)
        if peer.engine is None:
            found[0] = await self._asked(target, user, context, templates[0].pdu, terms)
            return found
        engine = peer.engine
        scope = engine.scope(context)
        known = [template.known(scope) for template in templates]
        trials = [
            Trial(peer, engine, context, template.pdu, self._salts, one)
            for template, one in zip(templates, known, strict=True)
        ]
        outcomes = await self._transport.exchange_all(
            target, [Ask(trial.build, trial.admit) for trial in trials], terms, window
        )
        anew: int | None = None
        for position, (trial, one, outcome) in enumerate(zip(trials, known, outcomes, strict=True)):
            if isinstance(outcome, SnmpTimeoutError):
                found[position] = SnmpTimeoutError(str(target), outcome.attempts, _silence(user.level, context))
            elif not isinstance(outcome, Reply):
                found[position] = outcome
            elif one is not None and trial.numbers is not None:
                found[position] = one.assemble(trial.numbers, outcome.received_ns)
            elif trial.opened is not None:
                found[position] = Opened(*trial.opened, outcome.received_ns, scope)
            elif trial.failure is not None:
                found[position] = trial.failure
            else:
                anew = position
        if anew is not None:
            found[anew] = await self._asked(target, user, context, templates[anew].pdu, terms)
        return found

    def most_octets(self, target: Target | None, user: User, context: bytes) -> int:
        """Of variables in a reply that is not fragmented; an engine not yet met is taken to have the longest id."""
        peer = None if target is None else self._peers.get((target, user))
        engine = None if peer is None else peer.engine
        return FRAME - beyond_frame(user, MAX_ENGINE_ID if engine is None else len(engine.engine_id), context)

    async def _asked(
        self, target: Target, user: User, context: bytes, build: Callable[[int], bytes], terms: Terms
    ) -> Opened | SnmpError:
        try:
            return await self.ask(target, user, context, build, terms)
        except SnmpError as error:
            return error

    def _peer(self, target: Target, user: User) -> Peer:
        key = (target, user)
        peer = self._peers.get(key)
        if peer is None:
            if len(self._peers) >= PEERS:
                del self._peers[next(iter(self._peers))]
            peer = self._peers[key] = Peer(target, user)
        return peer

    async def _discovered(self, peer: Peer, terms: Terms) -> Engine:
        """The engine that answers at the peer's address (RFC 3414 section 4); asked for once, however many wait."""
        async with peer.lock:
            if peer.engine is None:
                try:
                    reply = await self._transport.exchange(peer.target, _discovery, _admit_engine, terms)
                except SnmpTimeoutError as error:
                    raise SnmpTimeoutError(str(peer.target), error.attempts, _NO_ENGINE) from None
                return self._meet(peer, decode_secure(reply.data), reply.received_ns)
            return peer.engine

    def _meet(self, peer: Peer, report: SecureMessage, now_ns: int) -> Engine:
        """Takes an engine's id, and the time it claims, from its report; nothing in it is authentic."""
        peer.engine = Engine(report.engine_id, self._ring.local(peer.user, report.engine_id))
        peer.clock = EngineTime(report.boots, report.time, now_ns, authentic=False)
        return peer.engine


def _discovery(message_id: int) -> bytes:
    """A request for nothing, of nobody, that every agent answers with a report of its engine id."""
    scoped = encode_scoped(b"", b"", encode_pdu(Pdu(PduKind.GET, message_id, 0, 0, ())))
    return encode_secure(message_id, Level.NO_AUTH_NO_PRIV, True, b"", 0, 0, b"", 0, b"", scoped)[0]


def _admit_engine(data: bytes, _: int) -> None:
    message = decode_secure(data)
    if message.level or not message.engine_id:
        raise SnmpEngineError("an answer to a discovery that names no engine")
    scoped = open_scoped(message.raw, message.data_at, padded=False)
    if open_pdu(scoped.data, scoped.pdu_at).kind is not PduKind.REPORT:
        raise SnmpEngineError("an answer to a discovery that is no report")


def _silence(level: Level, context: bytes) -> str:
    """What to check when an agent whose engine is known gives no answer: many drop in silence what they do not like."""
    causes = ["that the agent still runs"]
    if context:
        causes.append(f"that it has the context {text_of(context)!r}")
    if level is Level.AUTH_PRIV:
        causes.append("that the privacy protocol and password are the same here and there")
    return f"check {', '.join(causes)}"

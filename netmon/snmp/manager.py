"""The asking side of SNMPv3: whom it speaks to, and how engines are met.

Engines are known by the address they answer at, not by their id alone: cloned routers share ids, and must not share
a clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Ask, Check, Reply, Terms
from netmon.snmp.codec import Pdu, PduHead, PduKind, encode_pdu, open_pdu
from netmon.snmp.dialogue import Scope
from netmon.snmp.engine import EngineTime
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpTimeoutError
from netmon.snmp.keys import KeyRing
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import SnmpEngineError, SnmpTimeWindowError
from netmon.snmp.template import FRAME, GetTemplate, TemplateReply
from netmon.snmp.transport import Transport
from netmon.snmp.trial import Engine, Peer, Trial, text_of
from netmon.snmp.users import User
from netmon.snmp.usm import beyond_frame
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
RENEWALS: Final = 3
"""How often one request is made anew, by the time or the engine id that the agent reported."""
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
        self,
        target: Target,
        user: User,
        context: bytes,
        build: Callable[[int], bytes],
        terms: Terms,
        check: Check | None = None,
    ) -> Opened:
        """Sends the PDU that `build` makes of a request-id; discovers the engine and its time where need be.

        An agent that restarted, or whose engine id changed, is asked again. Raises SnmpTransportError,
        SnmpTimeoutError, SnmpSecurityError (its subclasses say what does not fit), or what the last refused
        message was refused for.
        """
        peer = self._peer(target, user)
        was_out_of_time = False
        for _ in range(1 + RENEWALS):
            engine = peer.engine or await self._discovered(peer, terms)
            trial = Trial(peer, engine, context, build, self._salts, terms.timeout_ns, None, check)
            try:
                reply = await self._transport.exchange(target, trial.build, trial.admit, terms)
            except SnmpError as error:
                if trial.elsewhere is None:
                    raise self._given_up(peer, engine, context, error) from None
            else:
                if trial.opened is not None:
                    return Opened(*trial.opened, reply.received_ns, trial.scope)
                is_out_of_time = isinstance(trial.failure, SnmpTimeWindowError)
                if trial.failure is not None and (was_out_of_time or not is_out_of_time):
                    raise self._given_up(peer, engine, context, trial.failure)
                was_out_of_time = is_out_of_time
            self._follow(peer, engine, trial)
        raise SnmpEngineError(
            f"{target}: the agent keeps reporting another engine id or time than it has just given;"
            " check whether several agents answer at this address"
        )

    async def ask_all(
        self,
        target: Target,
        user: User,
        context: bytes,
        templates: Sequence[GetTemplate],
        terms: Terms,
        window: int,
        checks: Sequence[Check | None],
    ) -> list[TemplateReply | Opened | SnmpError | None]:
        """What came of each template, `window` of which are in flight at once; the rest is given up at a failure.

        Each has its check, as `ask` has one. None: nothing yet, because another one failed, or the agent wants to be
        asked anew: ask for it again.
        """
        peer = self._peer(target, user)
        found: list[TemplateReply | Opened | SnmpError | None] = [None] * len(templates)
        if peer.engine is None:
            found[0] = await self._asked(target, user, context, templates[0].pdu, terms, checks[0])
            return found
        engine = peer.engine
        scope = engine.scope(context)
        known = [template.known(scope) for template in templates]
        trials = [
            Trial(peer, engine, context, template.pdu, self._salts, terms.timeout_ns, one, check)
            for template, one, check in zip(templates, known, checks, strict=True)
        ]
        outcomes = await self._transport.exchange_all(
            target, [Ask(trial.build, trial.admit) for trial in trials], terms, window
        )
        anew: int | None = None
        for position, (trial, one, outcome) in enumerate(zip(trials, known, outcomes, strict=True)):
            if outcome is None:
                continue
            if not isinstance(outcome, Reply):
                if trial.elsewhere is not None:
                    anew = position
                else:
                    found[position] = self._given_up(peer, engine, context, outcome)
            elif one is not None and trial.numbers is not None:
                found[position] = one.assemble(trial.numbers, outcome.received_ns)
            elif trial.opened is not None:
                found[position] = Opened(*trial.opened, outcome.received_ns, scope)
            elif trial.failure is not None and not isinstance(trial.failure, SnmpTimeWindowError):
                found[position] = trial.failure
            else:
                anew = position
        if anew is not None:
            self._follow(peer, engine, trials[anew])
            found[anew] = await self._asked(target, user, context, templates[anew].pdu, terms, checks[anew])
        return found

    def most_octets(self, target: Target | None, user: User, context: bytes) -> int:
        """Of variables in a reply that is not fragmented; an engine not yet met is taken to have the longest id."""
        peer = None if target is None else self._peers.get((target, user))
        engine = None if peer is None else peer.engine
        return FRAME - beyond_frame(user, MAX_ENGINE_ID if engine is None else len(engine.engine_id), context)

    async def _asked(
        self,
        target: Target,
        user: User,
        context: bytes,
        build: Callable[[int], bytes],
        terms: Terms,
        check: Check | None,
    ) -> Opened | SnmpError:
        try:
            return await self.ask(target, user, context, build, terms, check)
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
        """The engine that answers at the peer's address (RFC 3414 section 4).

        It is asked for once, however many wait; if in vain, it was so for all of them.
        """
        while peer.engine is None:
            if peer.discovery is None:
                return await self._discover(peer, terms)
            failure = await asyncio.shield(peer.discovery)
            if failure is not None:
                raise failure.with_traceback(None)
        return peer.engine

    async def _discover(self, peer: Peer, terms: Terms) -> Engine:
        discovery = peer.discovery = asyncio.get_running_loop().create_future()
        failure: SnmpError | None = None
        try:
            admit = partial(_admit_engine, peer.target)
            reply = await self._transport.exchange(peer.target, _discovery, admit, terms)
            return self._meet(peer, decode_secure(reply.data), reply.received_ns)
        except SnmpTimeoutError as error:
            failure = SnmpTimeoutError(str(peer.target), error.attempts, _NO_ENGINE)
            raise failure from None
        except SnmpError as error:
            failure = error
            raise
        finally:
            # Nobody is told of a cancellation but the one it is for: the next who waits discovers.
            peer.discovery = None
            discovery.set_result(failure)

    def _follow(self, peer: Peer, engine: Engine, trial: Trial) -> None:
        """Takes the engine that reported itself in place of the one that was asked, unless the peer has another yet."""
        if trial.elsewhere is not None and peer.engine is engine:
            self._meet(peer, *trial.elsewhere)

    def _given_up(self, peer: Peer, engine: Engine, context: bytes, error: SnmpError) -> SnmpError:
        """What a request ends with that no answer came to; an engine whose time cannot be agreed on is forgotten."""
        if isinstance(error, SnmpTimeoutError):
            return SnmpTimeoutError(str(peer.target), error.attempts, _silence(peer.user.level, context))
        if isinstance(error, SnmpTimeWindowError) and peer.engine is engine:
            peer.engine = None
        return error

    def _meet(self, peer: Peer, report: SecureMessage, now_ns: int) -> Engine:
        """Takes an engine's id, and the time it claims, from its report; nothing in it is authentic."""
        clock = EngineTime(report.boots, report.time, now_ns, authentic=False)
        peer.engine = Engine(report.engine_id, self._ring.local(peer.user, report.engine_id), clock)
        return peer.engine


def _discovery(message_id: int) -> bytes:
    """A request for nothing, of nobody, that every agent answers with a report of its engine id."""
    scoped = encode_scoped(b"", b"", encode_pdu(Pdu(PduKind.GET, message_id, 0, 0, ())))
    return encode_secure(message_id, Level.NO_AUTH_NO_PRIV, True, b"", 0, 0, b"", 0, b"", scoped)[0]


def _admit_engine(where: object, data: bytes, _: int) -> None:
    try:
        message = decode_secure(data)
        if message.level or not message.engine_id:
            raise SnmpEngineError(f"{where}: an answer to a discovery that names no engine")
        scoped = open_scoped(message.raw, message.data_at, padded=False)
        if open_pdu(scoped.data, scoped.pdu_at).kind is not PduKind.REPORT:
            raise SnmpEngineError(f"{where}: an answer to a discovery that is no report")
    except SnmpDecodeError as error:
        raise error.of(where) from None


def _silence(level: Level, context: bytes) -> str:
    """What to check when an agent whose engine is known gives no answer: many drop in silence what they do not like."""
    causes = ["that the agent still runs"]
    if context:
        causes.append(f"that it has the context {text_of(context)!r}")
    if level is Level.AUTH_PRIV:
        causes.append("that the privacy protocol and password are the same here and there")
    return f"check {', '.join(causes)}"

"""The SNMP manager's verbs: get, walk, and fetch of a prebuilt template.

Every reply is held against the variables asked for; whether it is the reply is the transport's and the manager's
business. How an agent is spoken to, by its security, stands in `_ask` alone.

An agent that leaves much unanswered and little not is asked for less: where all attempts but one at a request of
more than FEW variables fail, the last one is a question so small that every living agent answers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final

from netmon.snmp.addresses import Addresses
from netmon.snmp.asking import Terms, backed_off
from netmon.snmp.budget import Budget
from netmon.snmp.codec import (
    V1,
    V2C,
    PduHead,
    Tag,
    VarBind,
    encode_oid,
)
from netmon.snmp.errors import (
    SnmpError,
    SnmpStatusError,
    SnmpTimeoutError,
)
from netmon.snmp.fetching import WINDOW, Answer, Outcome, ask_community, ask_user, community_gate, community_message
from netmon.snmp.limits import UNLIMITED, Limits
from netmon.snmp.manager import Manager
from netmon.snmp.oid import Oid, format_oid
from netmon.snmp.questions import Bulk, Get, Question
from netmon.snmp.template import FRAME, SYS_UP_TIME, GetTemplate, TemplateReply
from netmon.snmp.transport import Transport, TransportStats
from netmon.snmp.users import User
from netmon.snmp.walk import Walk

DEFAULT_TIMEOUT_NS: Final = 1_000_000_000
MAX_VARBINDS: Final = 60
"""In one request, and asked for in one reply: about one unfragmented Ethernet frame."""
FEW: Final = 8
"""Variables; so many may be asked of any agent, and its silence then says nothing of how many."""
BUDGETS: Final = 100_000
"""Agents whose budgets are remembered; beyond it the oldest is forgotten."""
MAX_NAME_OCTETS: Final = 1200
"""Of encoded names in one request."""
TOO_BIG: Final = 1
NO_SUCH_NAME: Final = 2
GEN_ERR: Final = 5


@dataclass(frozen=True, slots=True)
class Agent:
    """Where an agent is and how to be let in: by its community (SNMPv1, SNMPv2c), or as a user (SNMPv3)."""

    address: str
    """IP address or host name."""
    port: int = 161
    community: bytes = field(default=b"public", repr=False)
    timeout_ns: int = DEFAULT_TIMEOUT_NS
    """For the first attempt; each later one waits half as long again."""
    retries: int = 3
    user: User | None = None
    """If there is one, SNMPv3 is spoken, and neither community nor version used."""
    context: bytes = b""
    """SNMPv3 contextName."""
    version: int = V2C
    """V1 or V2C."""
    requests_per_second: int | None = None
    """What the agent may be sent at most, attempts counted; None: no bound."""

    @property
    def place(self) -> tuple[str, int]:
        """What tells agents apart."""
        return self.address, self.port

    @property
    def is_v1(self) -> bool:
        """Without GETBULK, Counter64 and exceptions (RFC 1157)."""
        return self.user is None and self.version == V1


class Client:
    """Asks agents; shared by everything in one event loop. Use `open`, then `close` or `async with`.

    Every verb raises SnmpTransportError (cannot be sent), SnmpTimeoutError, SnmpDecodeError (malformed reply),
    SnmpResponseError (not an answer to the question), SnmpStatusError (the agent refuses) or SnmpSecurityError (v3).
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._addresses = Addresses()
        self._manager = Manager(transport)
        self._gets = Limits()
        self._bulks = Limits()
        """Variables per reply, by agent."""
        self._unanswered: set[tuple[str, int]] = set()
        """Agents whose last templates have not been answered, or not yet."""
        self._budgets: dict[tuple[str, int], Budget] = {}

    @classmethod
    async def open(cls, in_flight: int = 1000, source: str | None = None) -> Client:
        """A client of which at most `in_flight` requests wait for replies at once; others wait their turn.

        `source` is the address its requests come from, for agents of that family. SnmpTransportError if this host
        does not have it.
        """
        return cls(Transport.open(in_flight, source))

    async def close(self) -> None:
        """Ends what is in flight with SnmpTransportError."""
        self._transport.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def stats(self) -> TransportStats:
        """Counters since `open`."""
        return self._transport.stats()

    def most_varbinds(self, agent: Agent) -> int:
        """How many variables a template for this agent should have at most, as far as is known."""
        return self._gets.of(agent.place)

    def most_octets(self, agent: Agent) -> int:
        """How many octets of variables its reply should have at most, lest it be fragmented."""
        if agent.user is None:
            return FRAME
        return self._manager.most_octets(self._addresses.known(*agent.place), agent.user, agent.context)

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        """One varbind per OID, in order; noSuchObject and noSuchInstance are varbinds, not errors.

        Asks in as many PDUs as need be, and in halves where so much is too big for the agent.
        """
        found: list[VarBind] = []
        for part in _portions(oids, min(MAX_VARBINDS, self._gets.of(agent.place))):
            found += await self._get(agent, part)
        return tuple(found)

    async def _get(self, agent: Agent, oids: Sequence[Oid]) -> Sequence[VarBind]:
        found = await self._about(agent, oids)
        if found is None:
            half = len(oids) // 2
            return [*await self._get(agent, oids[:half]), *await self._get(agent, oids[half:])]
        return found[1]

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> list[TemplateReply]:
        """A poll: the reply to each template, of which at most WINDOW are in flight at once.

        If one is too much for the agent, this is an SnmpStatusError or SnmpTimeoutError, and `most_varbinds` says
        less than before: one reply cannot be put together of several, as each has a sysUpTime of its own.
        """
        replies: list[TemplateReply | None] = [None] * len(templates)
        rest = list(range(len(templates)))
        while rest:
            outcomes = await self._ask_templates(agent, [templates[at] for at in rest])
            wanting: list[tuple[int, Answer | SnmpError]] = []
            for at, outcome in zip(rest, outcomes, strict=True):
                if isinstance(outcome, TemplateReply):
                    replies[at] = outcome
                elif outcome is not None:
                    wanting.append((at, outcome))
            if self._gets.of(agent.place) != UNLIMITED:
                for at in rest:
                    if replies[at] is not None:
                        self._gets.answered(agent.place, templates[at].size)
            for at, outcome in wanting:
                replies[at] = await self._insist(agent, templates[at], outcome)
            rest = [at for at in rest if replies[at] is None]
        return [reply for reply in replies if reply is not None]

    async def _ask_templates(self, agent: Agent, templates: Sequence[GetTemplate]) -> list[Outcome]:
        """What came of each. One of several attempts is kept back, to tell a dead agent from an overburdened one.

        An agent that left the last ones unanswered is asked one after the other: dead ones must not take the slots of
        those that live.
        """
        target = await self._addresses.resolve(agent.address, agent.port)
        spared = 1 if agent.retries and max(template.size for template in templates) > FEW else 0
        terms = Terms(agent.timeout_ns, agent.retries - spared, self._budget(agent))
        window = 1 if agent.place in self._unanswered else WINDOW
        if len(self._unanswered) < BUDGETS:
            self._unanswered.add(agent.place)
        if agent.user is None:
            gate = community_gate(agent.version, agent.community)
            outcomes = await ask_community(self._transport, target, gate, templates, terms, window)
        else:
            outcomes = await ask_user(self._manager, target, agent.user, agent.context, templates, terms, window)
        if any(isinstance(outcome, (TemplateReply, Answer)) for outcome in outcomes):
            self._unanswered.discard(agent.place)
        return outcomes

    async def _insist(self, agent: Agent, template: GetTemplate, outcome: Answer | SnmpError) -> TemplateReply:
        """The reply after all, where the first outcome leaves hope."""
        answer, oids = outcome, template.oids()
        question = Get(oids, template.pdu)
        if isinstance(outcome, SnmpTimeoutError) and agent.retries and template.size > FEW:
            await self._prove_alive(agent, outcome.attempts)
            try:
                answer = await self._ask(agent, question, _last_patience(agent), 1)
            except SnmpTimeoutError as error:
                self._gets.exceeded(agent.place, template.size)
                remedy = f"it answers a smaller one, so next time it is asked for less than {template.size} variables"
                raise error.after(outcome.attempts, remedy) from None
        if isinstance(answer, SnmpError):
            raise answer
        if _blames(agent, answer.head, len(oids)):
            found = await self._about(agent, oids)
            if found is None:
                raise SnmpStatusError(str(answer.target), TOO_BIG, 0, None)
            answer, varbinds = found
        else:
            if answer.head.error_status == TOO_BIG:
                self._gets.exceeded(agent.place, template.size)
            if answer.head.error_status:
                raise _refusal(answer, oids)
            varbinds = question.varbinds
        return template.read(varbinds, str(answer.target), answer.received_ns)

    async def _about(self, agent: Agent, oids: Sequence[Oid]) -> tuple[Answer, Sequence[VarBind]] | None:
        """The answer to a GET, with noSuchObject for each variable that had to be left out; None: ask for less.

        A v1 agent refuses a whole request for one variable it lacks (RFC 1157 section 4.1.2): that one is left out,
        and the rest asked for again.
        """
        names = list(oids)
        while True:
            question = Get(tuple(names))
            answer = await self._ask_sized(agent, self._gets, len(names), question)
            if answer is None:
                return None
            if answer.head.error_status == TOO_BIG and len(names) > 1:
                self._gets.exceeded(agent.place, len(names))
                return None
            refused = await self._refused(agent, answer.head, names)
            if answer.head.error_status and not refused:
                raise _refusal(answer, names)
            names = [name for name in names if name not in refused]
            if not refused or not names:
                found = {varbind.oid: varbind for varbind in question.varbinds}
                return answer, [found.get(oid) or VarBind(oid, Tag.NO_SUCH_OBJECT, None) for oid in oids]

    async def _refused(self, agent: Agent, head: PduHead, names: Sequence[Oid]) -> Sequence[Oid]:
        """For which of the variables asked for the agent has refused them all; none: not for any of them.

        Some agents do not say for which: then they are found by asking for halves.
        """
        if not _blames(agent, head, len(names)):
            return ()
        culprit = _culprit(agent, head, len(names))
        if culprit:
            return names[culprit - 1 : culprit]
        found: list[Oid] = []
        middle = len(names) // 2
        for half in (names[:middle], names[middle:]):
            answer = await self._ask(agent, Get(half), agent.timeout_ns, agent.retries)
            found += await self._refused(agent, answer.head, half)
        return found

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25, max_rows: int = 50_000
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]:
        """Column -> index suffix -> varbind, in the agent's order; GETBULK over all columns at once (RFC 3416 4.2.3),
        or GETNEXT where the agent speaks v1.

        Columns may have holes or be absent. `max_repetitions` is reduced to what one Ethernet frame carries, and
        halved at tooBig. SnmpNonIncreasingError if the agent goes in circles, SnmpTooManyRowsError if a column has
        more than `max_rows` instances.
        """
        walk = Walk(columns, max_rows)
        most = len(columns) * max(1, max_repetitions)
        while not walk.is_over:
            most = min(most, MAX_VARBINDS, self._bulks.of(agent.place))
            asked = walk.first(most)
            wanted = 1 if agent.is_v1 else min(max(1, max_repetitions), most // len(asked))
            question = Bulk(walk, asked, wanted, next_only=agent.is_v1)
            answer = await self._ask_sized(agent, self._bulks, question.size, question)
            if answer is None:
                continue
            if answer.head.error_status or _is_empty(answer):
                most = self._less(agent, walk, question, answer)
            elif question.failure is not None:
                raise question.failure
        return walk.found()

    def _less(self, agent: Agent, walk: Walk, question: Bulk, answer: Answer) -> int:
        """How many variables to ask for next, what it blames left out; SnmpStatusError if that is no way out."""
        status, asked, size = answer.head.error_status, question.asked, question.size
        culprit = _culprit(agent, answer.head, len(asked))
        if culprit and status == NO_SUCH_NAME:
            # The end of what a v1 agent has after that name.
            walk.end(asked[culprit - 1])
            return size
        if status == NO_SUCH_NAME and agent.is_v1:
            # It does not say of which column: of one it need not.
            return len(asked) // 2
        if status == GEN_ERR and size > len(asked):
            # In which row shows where they are asked for one by one.
            return len(asked)
        if culprit and walk.pass_over(asked[culprit - 1]):
            return size
        if size > 1 and (status == TOO_BIG or not status):
            self._bulks.exceeded(agent.place, size)
            return size // 2
        raise _refusal(answer, [column.cursor for column in asked])

    async def _ask_sized(self, agent: Agent, limits: Limits, size: int, question: Question) -> Answer | None:
        """The answer about `size` variables. None: that is too much for a living agent; `limits` knows it now."""
        timeout_ns, retries = agent.timeout_ns, agent.retries
        if size <= FEW or not retries:
            answer = await self._ask(agent, question, timeout_ns, retries)
        else:
            try:
                answer = await self._ask(agent, question, timeout_ns, retries - 1)
            except SnmpTimeoutError as error:
                await self._prove_alive(agent, error.attempts)
                try:
                    answer = await self._ask(agent, question, timeout_ns, 0)
                except SnmpTimeoutError:
                    limits.exceeded(agent.place, size)
                    return None
        if answer.head.error_status != TOO_BIG:
            limits.answered(agent.place, size)
        return answer

    async def _prove_alive(self, agent: Agent, attempts: int) -> None:
        """Returns if the agent answers at all; SnmpTimeoutError, after `attempts` others, at the usual time if not.

        The last attempt's time is divided between two, lest one lost datagram make a living agent a dead one.
        """
        last_ns = _last_patience(agent)
        share_ns = last_ns * last_ns // (last_ns + backed_off(last_ns, 1))
        try:
            await self._ask(agent, Get([SYS_UP_TIME]), share_ns, 1)
        except SnmpTimeoutError as error:
            raise error.after(attempts) from None

    async def _ask(self, agent: Agent, question: Question, timeout_ns: int, retries: int) -> Answer:
        """Asks under the agent's security; the answer has been read by the question, unless it names an error."""
        target = await self._addresses.resolve(agent.address, agent.port)
        terms, check = Terms(timeout_ns, retries, self._budget(agent)), partial(question.check, target)
        if agent.user is not None:
            opened = await self._manager.ask(target, agent.user, agent.context, question.build, terms, check)
            return Answer(target, opened.data, opened.head, opened.received_ns)
        gate = community_gate(agent.version, agent.community)
        message = community_message(gate, question.build)
        reply = await self._transport.exchange(target, message, gate, terms, check)
        assert reply.head is not None, "only a v3 reply has none"
        return Answer(target, reply.data, reply.head, reply.received_ns)

    def _budget(self, agent: Agent) -> Budget | None:
        if agent.requests_per_second is None:
            return None
        budget = self._budgets.get(agent.place)
        if budget is None or budget.per_second != agent.requests_per_second:
            if budget is None and len(self._budgets) >= BUDGETS:
                del self._budgets[next(iter(self._budgets))]
            budget = self._budgets[agent.place] = Budget(agent.requests_per_second)
        return budget


def _refusal(answer: Answer, asked: Sequence[Oid]) -> SnmpStatusError:
    """What an error-status in answer to a request for `asked` says."""
    status, index = answer.head.error_status, answer.head.error_index
    name = format_oid(asked[index - 1]) if 1 <= index <= len(asked) else None
    return SnmpStatusError(str(answer.target), status, index, name)


def _is_empty(answer: Answer) -> bool:
    """Cut short to nothing."""
    return not answer.head.error_status and answer.head.varbinds_at == len(answer.data)


def _blames(agent: Agent, head: PduHead, asked: int) -> bool:
    """Whether the agent refuses the request for one of its variables, which v1 agents do that lack it."""
    names_one = head.error_status in {NO_SUCH_NAME, GEN_ERR} and 1 <= head.error_index <= asked
    return names_one or (agent.is_v1 and head.error_status == NO_SUCH_NAME)


def _culprit(agent: Agent, head: PduHead, asked: int) -> int:
    """1-based position of that variable; 0 if there is none, or the agent does not say."""
    if not _blames(agent, head, asked):
        return 0
    if asked == 1:
        return 1
    return head.error_index if 1 <= head.error_index <= asked else 0


def _last_patience(agent: Agent) -> int:
    """How long, in nanoseconds, the last attempt at the agent waits."""
    return backed_off(agent.timeout_ns, agent.retries)


def _portions(oids: Sequence[Oid], most: int) -> list[list[Oid]]:
    """`oids` in order, in portions that one request can carry and `most` allows."""
    portions: list[list[Oid]] = []
    room = 0
    for oid in oids:
        octets = len(encode_oid(oid))
        if not portions or len(portions[-1]) == most or octets > room:
            portions.append([])
            room = MAX_NAME_OCTETS
        portions[-1].append(oid)
        room -= octets
    return portions

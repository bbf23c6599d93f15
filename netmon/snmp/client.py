"""The SNMP manager's verbs: get, walk, and fetch of a prebuilt template.

Every reply is held against what was asked: version, community, PDU kind and variables. The request-id and the
source address are the transport's business. How an agent is spoken to, by its security, stands in `_ask` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from netmon.snmp.addresses import Addresses, Target
from netmon.snmp.codec import (
    V1,
    V2C,
    Pdu,
    PduHead,
    PduKind,
    Tag,
    VarBind,
    decode_varbinds,
    encode_community_message,
    encode_oid,
    encode_pdu,
    open_envelope,
    open_pdu,
)
from netmon.snmp.errors import (
    SnmpDecodeError,
    SnmpNonIncreasingError,
    SnmpResponseError,
    SnmpStatusError,
    SnmpTooManyRowsError,
)
from netmon.snmp.manager import Manager
from netmon.snmp.oid import Oid, format_oid
from netmon.snmp.template import GetTemplate, TemplateReply
from netmon.snmp.transport import Transport, TransportStats
from netmon.snmp.users import User

DEFAULT_TIMEOUT_NS: Final = 2_000_000_000
MAX_VARBINDS: Final = 60
"""In one request, and asked for in one reply: about one unfragmented Ethernet frame."""
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
    retries: int = 2
    user: User | None = None
    """If there is one, SNMPv3 is spoken, and neither community nor version used."""
    context: bytes = b""
    """SNMPv3 contextName."""
    version: int = V2C
    """V1 or V2C."""

    @property
    def is_v1(self) -> bool:
        """Without GETBULK, Counter64 and exceptions (RFC 1157)."""
        return self.user is None and self.version == V1


@dataclass(frozen=True, slots=True)
class _Answer:
    """A reply held against its envelope, its variable-bindings not yet read."""

    target: Target
    data: bytes
    head: PduHead
    received_ns: int


class Client:
    """Asks agents; shared by everything in one event loop. Use `open`, then `close` or `async with`.

    Every verb raises SnmpTransportError (cannot be sent), SnmpTimeoutError, SnmpDecodeError (malformed reply),
    SnmpResponseError (not an answer to the question), SnmpStatusError (the agent refuses) or SnmpSecurityError (v3).
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._addresses = Addresses()
        self._manager = Manager(transport)

    @classmethod
    async def open(cls, in_flight: int = 1000) -> Client:
        """A client of which at most `in_flight` requests wait for replies at once; others wait their turn."""
        return cls(Transport.open(in_flight))

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

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        """One varbind per OID, in order; noSuchObject and noSuchInstance are varbinds, not errors.

        Asks in as many PDUs as need be, and in halves where the agent answers tooBig.
        """
        found: list[VarBind] = []
        for part in _portions(oids):
            found += await self._get(agent, part)
        return tuple(found)

    async def _get(self, agent: Agent, oids: Sequence[Oid]) -> Sequence[VarBind]:
        answer, names = await self._about(agent, oids)
        if answer.head.error_status == TOO_BIG and len(names) > 1:
            half = len(oids) // 2
            return [*await self._get(agent, oids[:half]), *await self._get(agent, oids[half:])]
        varbinds = self._restored(answer, names, oids)
        if [varbind.oid for varbind in varbinds] != list(oids):
            raise SnmpResponseError(f"{answer.target}: the reply names other variables than were asked for")
        return varbinds

    async def fetch(self, agent: Agent, template: GetTemplate) -> TemplateReply:
        """One PDU's worth of a poll. tooBig is an SnmpStatusError here: build smaller templates."""
        answer = await self._ask(agent, template.pdu)
        if not answer.head.error_status:
            reply = template.match(answer.data, answer.head, answer.received_ns)
            if reply is not None:
                return reply
        oids = names = template.oids()
        if _culprit(agent, answer.head, len(oids)):
            answer, names = await self._about(agent, oids)
        varbinds = self._restored(answer, names, oids)
        return template.read(varbinds, str(answer.target), answer.received_ns)

    async def _about(self, agent: Agent, oids: Sequence[Oid]) -> tuple[_Answer, tuple[Oid, ...]]:
        """The answer to a GET, and which of `oids` it is about.

        A v1 agent refuses a whole request for one variable it lacks (RFC 1157 section 4.1.2): that one is left out,
        and the rest asked for again.
        """
        names = list(oids)
        while True:
            answer = await self._ask(agent, _request(PduKind.GET, names))
            culprit = _culprit(agent, answer.head, len(names))
            if not culprit:
                return answer, tuple(names)
            del names[culprit - 1]

    def _restored(self, answer: _Answer, names: Sequence[Oid], oids: Sequence[Oid]) -> Sequence[VarBind]:
        """The variable-bindings of an answer about `names`, with noSuchObject for each of `oids` left out."""
        varbinds = self._varbinds(answer, names)
        if len(names) == len(oids):
            return varbinds
        found = {varbind.oid: varbind for varbind in varbinds}
        return [found.get(oid, VarBind(oid, Tag.NO_SUCH_OBJECT, None)) for oid in oids]

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25, max_rows: int = 50_000
    ) -> dict[Oid, dict[Oid, VarBind]]:
        """Column -> index suffix -> varbind, in the agent's order; GETBULK over all columns at once (RFC 3416 4.2.3),
        or GETNEXT where the agent speaks v1.

        Columns may have holes or be absent. `max_repetitions` is reduced to what one Ethernet frame carries, and
        halved at tooBig. SnmpNonIncreasingError if the agent goes in circles, SnmpTooManyRowsError if a column has
        more than `max_rows` instances.
        """
        walk = _Walk(columns, max_rows)
        width = min(len(columns), MAX_VARBINDS)
        repetitions = max(1, max_repetitions)
        while asked := walk.open_columns()[:width]:
            wanted = 1 if agent.is_v1 else min(repetitions, max(1, MAX_VARBINDS // len(asked)))
            names = [walk.cursors[column] for column in asked]
            build = _request(PduKind.GET_NEXT, names) if agent.is_v1 else _request(PduKind.GET_BULK, names, wanted)
            answer = await self._ask(agent, build)
            if answer.head.error_status == TOO_BIG and (wanted > 1 or len(asked) > 1):
                if wanted > 1:
                    repetitions = wanted // 2
                else:
                    width = len(asked) // 2
                continue
            culprit = _culprit(agent, answer.head, len(asked))
            if culprit:
                # The end of what a v1 agent has after that name.
                del walk.cursors[asked[culprit - 1]]
                continue
            walk.advance(asked, self._varbinds(answer, names), wanted, str(answer.target))
        return walk.found

    async def _ask(self, agent: Agent, build: Callable[[int], bytes]) -> _Answer:
        """Sends the PDU that `build` makes of a request-id, under the agent's security, and opens the reply."""
        target = await self._addresses.resolve(agent.address, agent.port)
        if agent.user is not None:
            opened = await self._manager.ask(target, agent.user, agent.context, build, agent.timeout_ns, agent.retries)
            return _Answer(target, opened.data, opened.head, opened.received_ns)
        version, community = agent.version, agent.community
        reply = await self._transport.exchange(
            target,
            lambda request_id: encode_community_message(version, community, build(request_id)),
            agent.timeout_ns,
            agent.retries,
        )
        envelope = open_envelope(reply.data)
        if envelope.version != version or envelope.community != community:
            raise SnmpResponseError(f"{target}: the reply has another version or community than the request")
        head = open_pdu(reply.data, envelope.pdu_at)
        if head.kind is not PduKind.RESPONSE:
            raise SnmpResponseError(f"{target}: a {head.kind.name} instead of a response")
        return _Answer(target, reply.data, head, reply.received_ns)

    def _varbinds(self, answer: _Answer, asked: Sequence[Oid]) -> tuple[VarBind, ...]:
        """The decoded variable-bindings of an answer without error."""
        status, index = answer.head.error_status, answer.head.error_index
        if status:
            name = format_oid(asked[index - 1]) if 1 <= index <= len(asked) else None
            raise SnmpStatusError(str(answer.target), status, index, name)
        try:
            return decode_varbinds(answer.data, answer.head.varbinds_at)
        except SnmpDecodeError as error:
            self._transport.count_decode_error()
            raise SnmpDecodeError(error.reason, error.offset, str(answer.target)) from None


def _request(kind: PduKind, names: Sequence[Oid], repetitions: int = 0) -> Callable[[int], bytes]:
    asked = tuple(VarBind(name, Tag.NULL, None) for name in names)
    return lambda request_id: encode_pdu(Pdu(kind, request_id, 0, repetitions, asked))


def _culprit(agent: Agent, head: PduHead, asked: int) -> int:
    """1-based position of the variable a v1 agent refuses the request for; 0 if it does not, or is no v1 agent."""
    blames = agent.is_v1 and head.error_status in {NO_SUCH_NAME, GEN_ERR} and 1 <= head.error_index <= asked
    return head.error_index if blames else 0


def _portions(oids: Sequence[Oid]) -> list[list[Oid]]:
    """`oids` in order, in portions that one request can carry."""
    portions: list[list[Oid]] = []
    room = 0
    for oid in oids:
        octets = len(encode_oid(oid))
        if not portions or len(portions[-1]) == MAX_VARBINDS or octets > room:
            portions.append([])
            room = MAX_NAME_OCTETS
        portions[-1].append(oid)
        room -= octets
    return portions


class _Walk:
    """Where a walk of several columns stands."""

    def __init__(self, columns: Sequence[Oid], max_rows: int) -> None:
        self.found: dict[Oid, dict[Oid, VarBind]] = {column: {} for column in columns}
        self.cursors: dict[Oid, Oid] = {column: column for column in columns}
        """The last name seen of each column that has not ended."""
        self._max_rows = max_rows

    def open_columns(self) -> list[Oid]:
        return list(self.cursors)

    def advance(self, asked: Sequence[Oid], varbinds: Sequence[VarBind], repetitions: int, where: str) -> None:
        """Takes one reply in: rows of `asked` columns, which the agent may have cut short anywhere."""
        if not varbinds or len(varbinds) > len(asked) * repetitions:
            raise SnmpResponseError(f"{where}: {len(varbinds)} variables in reply to a GetBulk for at least one")
        for position, varbind in enumerate(varbinds):
            column = asked[position % len(asked)]
            last = self.cursors.get(column)
            if last is None:
                continue
            if varbind.is_exception:
                del self.cursors[column]
                continue
            oid = varbind.oid
            if oid <= last:
                raise SnmpNonIncreasingError(
                    f"{where}: after {format_oid(last)} the agent gave {format_oid(oid)}, which is not greater;"
                    " this agent cannot be walked here"
                )
            if oid[: len(column)] != column:
                del self.cursors[column]
                continue
            rows = self.found[column]
            if len(rows) >= self._max_rows:
                raise SnmpTooManyRowsError(f"{where}: {format_oid(column)} has more than {self._max_rows} rows")
            rows[oid[len(column) :]] = varbind
            self.cursors[column] = oid

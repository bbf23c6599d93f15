"""Prebuilt GETs for polling: one request, known to the octet, whose replies are recognised by their form.

A template covers one PDU: sysUpTime.0, then for each interface its name and the wanted columns, then extras. The
name is ifName, or whatever column else tells the interfaces of an agent apart. The first reply is read by the generic
decoder, and its form is kept; replies of the same form, which has the identifiers and the names as literals, are read
at once, and any other goes to the generic decoder again. Tests hold both equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from netmon.snmp.codec import NUMBER_WIDTH, PduHead, PduKind, Tag, Value, VarBind, encode_oid, encode_tlv
from netmon.snmp.errors import SnmpResponseError
from netmon.snmp.form import REQUEST_ID_OCTETS, Form, places_of
from netmon.snmp.oid import Oid, format_oid

SYS_UP_TIME: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 3, 0)
"""SNMPv2-MIB sysUpTime.0."""
IF_NAME: Final[Oid] = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
"""IF-MIB ifName."""

FRAME: Final = 1420
"""Octets of variables that one unfragmented Ethernet frame bears (1472 octets of UDP payload), the rest of a v2c
message taken off; `usm.beyond_frame` is what a v3 message has besides."""

MOST_VARBINDS: Final = 100

_SEQUENCE: Final = 0x30
_AROUND_NAME: Final = 4
"""Tag and length of a variable and of its value."""
_NUMBER: Final = 4
"""Octets of a number on average: a status has one, a counter up to eight."""
_UPTIME: Final = 18
_EXTRA: Final = 40
"""Octets of such a variable."""


class TemplateReply(NamedTuple):
    """What one PDU said."""

    uptime_ticks: int
    """sysUpTime.0 of this very PDU, hundredths of a second modulo 2^32."""
    received_ns_monotonic: int
    """time.monotonic_ns() at which the datagram was read."""
    names_match: bool
    """False: an interface was renamed, renumbered or is gone, and no column may be accounted."""
    names: tuple[bytes | None, ...]
    """As answered, by interface of the template; None: the agent has no such instance."""
    cells: tuple[int | None, ...]
    """Interface by interface the columns in order; None: noSuchObject, noSuchInstance or endOfMibView."""
    extra: tuple[Value, ...]
    """Values of the extra OIDs in order; None: as above, or NULL."""


@dataclass(frozen=True, slots=True)
class KnownReply:
    """A reply whose form is kept: what reads the next one of that form."""

    gate: object
    """What it had to pass: a community, or the scope of a user's v3 messages to one engine."""
    opening: bytes
    ending: bytes
    """The request's octets before and after its request-id."""
    form: Form
    names: tuple[bytes | None, ...]
    cells: int
    """How many there are."""
    holes: frozenset[int]
    """Positions of the cells that are no number."""
    extra: tuple[Value, ...]
    """As they were; those that are numbers are read anew."""

    def request(self, request_id: int) -> bytes:
        """The request, as it was wrapped before."""
        return self.opening + request_id.to_bytes(REQUEST_ID_OCTETS, "big") + self.ending

    def assemble(self, numbers: Sequence[int], received_ns: int) -> TemplateReply:
        """The reply that `form` has read as these numbers."""
        extras_at = 1 + self.cells - len(self.holes)
        cells: tuple[int | None, ...] = tuple(numbers[1:extras_at])
        if self.holes:
            fresh = iter(numbers[1:extras_at])
            cells = tuple(None if cell in self.holes else next(fresh) for cell in range(self.cells))
        extra = self.extra
        if extra:
            fresh = iter(numbers[extras_at:])
            extra = tuple(next(fresh) if isinstance(value, int) else value for value in extra)
        return TemplateReply(numbers[0], received_ns, True, self.names, cells, extra)


class GetTemplate:
    """One prebuilt GET and how to read its reply. Immutable, but for the form its last reply had."""

    __slots__ = ("_head", "_known", "_names", "_tail", "columns", "extra", "identity", "name_object", "size")

    def __init__(
        self,
        identity: Sequence[tuple[int, bytes]],
        columns: Sequence[Oid],
        extra: Sequence[Oid] = (),
        name_object: Oid = IF_NAME,
    ) -> None:
        """`identity`: (ifIndex, expected name) per interface; `columns`: OIDs without instance; `extra`: with it.

        `name_object` is the column that names interfaces. SnmpOidError if one is no OID; SnmpEncodeError if the
        request would not fit into a datagram.
        """
        self.identity = tuple(identity)
        self.columns = tuple(columns)
        self.extra = tuple(extra)
        self.name_object = name_object
        self.size = 1 + len(self.identity) * (1 + len(self.columns)) + len(self.extra)
        """Variables in the PDU."""
        self._names = tuple(name for _, name in self.identity)
        varbinds = b"".join(encode_tlv(_SEQUENCE, encode_oid(oid) + b"\x05\x00") for oid in self.oids())
        # After the request-id: error-status and error-index 0, then the list.
        self._tail = b"\x02\x01\x00\x02\x01\x00" + encode_tlv(_SEQUENCE, varbinds)
        whole = encode_tlv(PduKind.GET, b"\x02\x04\x00\x00\x00\x00" + self._tail)
        self._head = whole[: -len(self._tail) - 4]
        self._known: KnownReply | None = None

    def oids(self) -> tuple[Oid, ...]:
        """Every variable of the PDU, in order."""
        return (SYS_UP_TIME, *self._instances(), *self.extra)

    def _instances(self) -> Iterator[Oid]:
        for index, _ in self.identity:
            yield (*self.name_object, index)
            for column in self.columns:
                yield (*column, index)

    def pdu(self, request_id: int) -> bytes:
        """The encoded GET; `request_id` must need four octets of content, as the transport's do."""
        return self._head + request_id.to_bytes(4, "big") + self._tail

    def known(self, gate: object) -> KnownReply | None:
        """What was learnt last, if replies then had to pass the same gate: another one is not spared by it."""
        known = self._known
        if known is None or (known.gate is not gate and known.gate != gate):
            return None
        return known

    def learn(self, gate: object, request: bytes, data: bytes, head: PduHead, reply: TemplateReply) -> None:
        """Keeps the form of `data`, which passed `gate` and was read as `reply`; its PDU has that head.

        Not if its numbers could not be told for sure by their places, or its names are not the expected ones.
        `request` is any request there might have been, whole: the message, or under v3 the ScopedPDU.
        """
        self._known = None
        name = b"\x02\x04" + head.request_id.to_bytes(REQUEST_ID_OCTETS, "big", signed=True)
        at = data.rfind(name, 0, head.varbinds_at)
        places = places_of(data, head.varbinds_at) if reply.names_match and at >= 0 else None
        if places is not None:
            self._known = KnownReply(
                gate=gate,
                opening=request[: -len(self._tail) - REQUEST_ID_OCTETS],
                ending=self._tail,
                form=Form(data, at + 2, places),
                names=self._names,
                cells=len(reply.cells),
                holes=frozenset(cell for cell, value in enumerate(reply.cells) if value is None),
                extra=reply.extra,
            )

    def read(self, varbinds: Sequence[VarBind], where: str, received_ns: int) -> TemplateReply:
        """The same from decoded variable-bindings, whatever their layout; names may differ from the literals.

        SnmpResponseError if they are not the ones asked for, there is no sysUpTime, or a column is no number.
        """
        oids = self.oids()
        if tuple(varbind.oid for varbind in varbinds) != oids:
            raise SnmpResponseError(f"{where}: the reply names other variables than were asked for")
        uptime = varbinds[0]
        if uptime.tag != Tag.TIME_TICKS or not isinstance(uptime.value, int):
            raise SnmpResponseError(
                f"{where}: no sysUpTime in the reply, without which no counter can be judged; admit it to the view"
            )
        stride = 1 + len(self.columns)
        middle = varbinds[1 : len(oids) - len(self.extra)]
        names = tuple(_name(varbind, where) for varbind in middle[::stride])
        cells = tuple(_number(varbind, where) for at, varbind in enumerate(middle) if at % stride)
        extra = tuple(varbind.value for varbind in varbinds[len(oids) - len(self.extra) :])
        return TemplateReply(uptime.value, received_ns, names == self._names, names, cells, extra)


def build_templates(
    identity: Sequence[tuple[int, bytes]],
    columns: Sequence[Oid],
    max_varbinds: int = MOST_VARBINDS,
    max_octets: int = FRAME,
    extra: Sequence[Oid] = (),
    name_object: Oid = IF_NAME,
    number_octets: int | None = None,
) -> tuple[GetTemplate, ...]:
    """Templates that together read every interface once, of at most so many variables and octets if that can be.

    An interface is never divided between PDUs, so all its cells share one sysUpTime. `extra` rides in the first;
    without interfaces there is one template of sysUpTime and `extra` alone. `max_octets` is of variables in a reply:
    `number_octets` is what the numbers of one interface take together, estimated where it is not known.
    """
    each = 1 + len(columns)
    fixed = sum(len(encode_oid((*column, 0))) + _AROUND_NAME for column in (name_object, *columns))
    fixed += _NUMBER * len(columns) if number_octets is None else number_octets
    templates: list[GetTemplate] = []
    begin, varbinds, octets = 0, 1 + len(extra), _UPTIME + _EXTRA * len(extra)
    for at, (index, name) in enumerate(identity):
        index_octets = max(1, -(-index.bit_length() // 7))
        size = fixed + each * (index_octets - 1) + len(name)
        if at > begin and (varbinds + each > max_varbinds or octets + size > max_octets):
            templates.append(GetTemplate(identity[begin:at], columns, () if templates else extra, name_object))
            begin, varbinds, octets = at, 1, _UPTIME
        varbinds += each
        octets += size
    templates.append(GetTemplate(identity[begin:], columns, () if templates else extra, name_object))
    return tuple(templates)


def octets_of_numbers(reply: TemplateReply, columns: int) -> int:
    """What the numbers of an interface take in this reply at most, with room for those to grow that do."""
    sizes = [0 if cell is None else cell.bit_length() // 8 + 1 for cell in reply.cells]
    grown = [size + (size > 1) for size in sizes]
    return max((sum(grown[at : at + columns]) for at in range(0, len(grown), columns)), default=0)


def _name(varbind: VarBind, where: str) -> bytes | None:
    if varbind.is_exception or isinstance(varbind.value, bytes):
        return varbind.value if isinstance(varbind.value, bytes) else None
    raise SnmpResponseError(f"{where}: {format_oid(varbind.oid)} is not a string, and is to name an interface")


def _number(varbind: VarBind, where: str) -> int | None:
    if varbind.is_exception:
        return None
    if varbind.tag in NUMBER_WIDTH and isinstance(varbind.value, int):
        return varbind.value
    raise SnmpResponseError(f"{where}: {format_oid(varbind.oid)} is not a number (its tag is 0x{varbind.tag:02x})")

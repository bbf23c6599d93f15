"""What fuzzing feeds: everything that reads a datagram, each with what must hold of it; and a seed for each."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

from snmp.authority import LocalEngine, Question, seal

from netmon.snmp.addresses import Target as Address
from netmon.snmp.asking import Ask, Community, Reply, Terms
from netmon.snmp.batches import Batch, Request
from netmon.snmp.codec import (
    V2C,
    Message,
    Pdu,
    PduKind,
    Tag,
    VarBind,
    decode_message,
    decode_varbinds,
    encode_message,
    encode_pdu,
    encode_tlv,
    encode_varbind,
    open_envelope,
    open_pdu,
)
from netmon.snmp.engine import EngineTime
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpNonIncreasingError, SnmpResponseError
from netmon.snmp.keys import KeyRing
from netmon.snmp.manager import _admit_engine
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.template import GetTemplate
from netmon.snmp.transport import Transport
from netmon.snmp.trial import Engine, Peer, Trial
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import Level, decode_secure, encode_scoped, encode_secure, is_v3, message_id_of, open_scoped
from netmon.snmp.walk import Walk

_ENGINE = b"\x80\0\0\0\4test"
_ID = 0x4000_0000
_COLUMNS = [(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6), (1, 3, 6, 1, 2, 1, 2, 2, 1, 8)]
_SERIAL = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11, 1)
_TEMPLATE = (((1, b"ether1"), (300, b"vlan 12")), _COLUMNS, (_SERIAL,))
_UNUSED = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
_USERS = (
    User(b"open"),
    User(b"auth", AuthProtocol.SHA, b"maplesyrup"),
    User(b"des", AuthProtocol.MD5, b"maplesyrup", PrivProtocol.DES, b"maplesyrup"),
    User(b"aes", AuthProtocol.SHA256, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup"),
)
_RING, _SALTS = KeyRing(), Salts()
_LOCAL = [_RING.local(user, _ENGINE) for user in _USERS]
_MET = [Engine(_ENGINE, local, EngineTime(3, 0, 0, authentic=True)) for local in _LOCAL]
"""They remember how messages looked that were believed."""
_AGENT = LocalEngine(_ENGINE, _USERS, 3, 0)
_WHERE = Address(int(socket.AF_INET), "127.0.0.1", 161)
_PUBLIC = Community(V2C, b"public")
_GET = GetTemplate(*_TEMPLATE)
SECOND = 1_000_000_000
Target = Callable[[bytes], None]


def message(data: bytes) -> None:
    try:
        read = decode_message(data)
    except SnmpDecodeError:
        return
    assert decode_message(encode_message(read)) == read
    walk = Walk(_COLUMNS, 5)
    before = cursors(walk)
    try:
        walk.advance(walk.first(2), read.pdu.varbinds, 10, "agent")
    except (SnmpNonIncreasingError, SnmpResponseError):
        return
    after = cursors(walk)
    assert all(cursor >= before[column] for column, cursor in after.items())
    assert after != before, "a walk that stands still"


def cursors(walk: Walk) -> dict[Oid, Oid]:
    """The last name seen of each column that has not ended."""
    return {column.oid: column.cursor for column in walk.first(len(_COLUMNS))}


def secure(data: bytes) -> None:
    three = is_v3(data)
    try:
        read = decode_secure(data)
    except SnmpDecodeError:
        with contextlib.suppress(SnmpDecodeError):
            message_id_of(data)
        return
    assert three
    assert message_id_of(data) == read.message_id
    assert 0 <= read.mac_at <= read.mac_at + read.mac_octets <= len(data)
    if read.level is not Level.AUTH_PRIV:
        scoped(data[read.data_at :])


def scoped(data: bytes) -> None:
    for padded in (False, True):
        try:
            opened = open_scoped(data, 0, padded)
            decode_varbinds(opened.data, open_pdu(opened.data, opened.pdu_at).varbinds_at)
        except SnmpDecodeError:
            continue


def templated(data: bytes) -> None:
    try:
        head = open_pdu(data, open_envelope(data).pdu_at)
    except SnmpDecodeError:
        return
    known = _GET.known(_PUBLIC)
    numbers = None if known is None else known.form.read(data, _ID)
    try:
        generic = _GET.read(decode_varbinds(data, head.varbinds_at), "agent", 7)
    except (SnmpDecodeError, SnmpResponseError):
        assert numbers is None, "a form recognises what the generic decoder refuses"
        return
    if known is not None and numbers is not None:
        assert known.assemble(numbers, 7) == generic, "the form and the generic decoder disagree"
    if head.error_status == 0 and head.request_id == _ID:
        # The next input is held against the form of this one.
        _GET.learn(_PUBLIC, b"", data, head, generic)


def varbinds(data: bytes) -> None:
    pdu = b"\x02\x04\x40\0\0\0\x02\x01\x00\x02\x01\x00" + encode_tlv(0x30, data)
    templated(encode_tlv(0x30, b"\x02\x01\x01\x04\x06public" + encode_tlv(0xA2, pdu)))


def admitted(data: bytes) -> None:
    """An answer from the agent itself, its octets sealed with the right key, however odd they are."""
    if not data:
        return
    local, user = _LOCAL[data[0] % len(_USERS)], _USERS[data[0] % len(_USERS)]
    peer = Peer(_WHERE, user)
    engine = _MET[data[0] % len(_USERS)]
    peer.engine, engine.clock = engine, EngineTime(3, 0, 0, authentic=True)
    for datagram in (data[1:], seal(local, user.level, _ENGINE, (3, 1000), _ID, False, data[1:], _SALTS)):
        trial = Trial(peer, engine, b"", _asked, _SALTS, SECOND)
        trial.build(_ID)
        try:
            if (alike := trial._opened_alike(datagram, 1000 * SECOND)) is not None:
                read, opened = trial._opened_anyway(datagram, 1000 * SECOND)
                assert alike == (read._replace(raw=b"", message_id=alike[0].message_id, salt=alike[0].salt), opened)
            trial.admit(datagram, 1000 * SECOND)
        except SnmpError:
            continue
        if trial.opened is not None:
            opened, head = trial.opened
            try:
                decode_varbinds(opened, head.varbinds_at)
            except SnmpDecodeError:
                continue
        else:
            assert trial.failure is not None or trial.elsewhere is not None or user.level
    with contextlib.suppress(SnmpError):
        _admit_engine(_WHERE, data[1:], 0)


def _asked(request_id: int) -> bytes:
    return encode_pdu(Pdu(PduKind.GET, request_id, 0, 0, ()))


def asked(data: bytes) -> None:
    if not data:
        return
    local, user = _LOCAL[data[0] % len(_USERS)], _USERS[data[0] % len(_USERS)]
    _AGENT.reported.clear()
    for datagram in (data[1:], seal(local, user.level, _ENGINE, (3, 1000), _ID, True, data[1:], _SALTS)):
        try:
            question = _AGENT.ask(datagram, 1000 * SECOND)
        except SnmpError:
            continue
        if isinstance(question, Question):
            decode_secure(_AGENT.answer(question, question.pdu, 1000 * SECOND))


class Received:
    """A datagram settles the request it is for, or is dropped, and is counted once."""

    def __init__(self) -> None:
        self._transport = Transport(1)

    def __call__(self, data: bytes) -> None:
        batch = Batch(_WHERE, (Ask(lambda _: b"", _PUBLIC),), Terms(SECOND, 0))
        batch.started = 1
        request = Request(_ID, batch.asks[0], _UNUSED, batch, 0)
        self._transport._requests = {_ID: request}
        batch.requests[_ID] = request
        before = self._counted()
        self._transport._received(data, (_WHERE.host, _WHERE.port), _WHERE.family)
        assert self._counted() == before + 1
        if batch.done.done():
            read = open_envelope(data)
            assert (read.version, read.community) == (_PUBLIC.version, _PUBLIC.octets)
            (reply,) = batch.outcomes
            assert isinstance(reply, Reply)
            assert reply.head == open_pdu(data, read.pdu_at)
            assert reply.head.request_id == _ID

    def _counted(self) -> int:
        counts = self._transport._counts
        dropped = counts.dropped_unsolicited + counts.dropped_wrong_source + counts.refused + counts.decode_errors
        return counts.replies + dropped


def targets() -> list[Target]:
    """By the first octet of an input. Called within a running loop, which the transport wants."""
    return [message, secure, scoped, templated, varbinds, admitted, asked, Received()]


def seeds() -> Iterator[bytes]:
    """A well-formed input for each target."""
    cells: dict[int, tuple[int, int | bytes]] = {
        1: (Tag.OCTET_STRING, b"ether1"),
        6: (Tag.COUNTER64, 2**40 + 5),
        8: (Tag.INTEGER, 1),
    }
    oids = GetTemplate(*_TEMPLATE).oids()
    found = [VarBind(oids[0], Tag.TIME_TICKS, 400_000), *(VarBind(oid, *cells[oid[-2]]) for oid in oids[1:-1])]
    found[4] = found[4]._replace(value=b"vlan 12")
    found.append(VarBind(_SERIAL, Tag.OCTET_STRING, b"HX1"))
    every = [
        *found,
        VarBind((2, 999, 3), Tag.OID, (1, 3, 6)),
        VarBind((0, 0), Tag.IP_ADDRESS, bytes(4)),
        VarBind((1, 3), Tag.OPAQUE, b"x" * 200),
        VarBind((1, 3), Tag.END_OF_MIB_VIEW, None),
    ]
    datagram = encode_message(Message(V2C, b"public", Pdu(PduKind.RESPONSE, _ID, 0, 0, tuple(found))))
    yield b"\0" + encode_message(Message(V2C, b"public", Pdu(PduKind.RESPONSE, _ID, 0, 0, tuple(every))))
    for kind in (PduKind.RESPONSE, PduKind.REPORT, PduKind.GET):
        scoped = encode_scoped(_ENGINE, b"", encode_pdu(Pdu(kind, _ID, 0, 0, tuple(every[:2]))))
        long = encode_scoped(_ENGINE, b"", encode_pdu(Pdu(kind, _ID, 0, 0, tuple(every))))
        yield b"\2" + scoped
        for user in range(4):
            yield b"\5" + bytes((user,)) + scoped
            yield b"\5" + bytes((user,)) + long
            yield b"\6" + bytes((user,)) + scoped
        for level in Level:
            octets = 12 if level else 0
            private = bytes(8) if level is Level.AUTH_PRIV else b""
            whole, _ = encode_secure(_ID, level, True, _ENGINE, 3, 1000, b"auth", octets, private, scoped)
            yield b"\1" + whole
            yield b"\5\0" + whole
            yield b"\6\0" + whole
    for target in (3, 7):
        yield bytes((target,)) + datagram
    yield b"\4" + b"".join(map(encode_varbind, found))

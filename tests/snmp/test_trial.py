"""What a v3 message must pass to be believed, however much it is like one that was."""

from __future__ import annotations

import socket

import pytest
from snmp.authority import seal

from netmon.snmp.addresses import Target
from netmon.snmp.codec import Pdu, PduKind, Tag, VarBind, encode_pdu
from netmon.snmp.engine import SECOND, WINDOW, EngineTime
from netmon.snmp.errors import SnmpError
from netmon.snmp.keys import KeyRing
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import SnmpAuthenticationError, SnmpTimeWindowError
from netmon.snmp.trial import Engine, Peer, Trial
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.v3 import encode_scoped

ENGINE = b"\x80\0\0\0\4test"
ID = 0x4000_0000
AUTH = User(b"auth", AuthProtocol.SHA256, b"maplesyrup")
USERS = (
    AUTH,
    User(b"full", AuthProtocol.SHA, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup"),
    User(b"des", AuthProtocol.MD5, b"maplesyrup", PrivProtocol.DES, b"maplesyrup"),
)
RING, SALTS = KeyRing(), Salts()


def met(user: User) -> Peer:
    """An engine that said at instant 0 that it is 1000 s after its third boot."""
    peer = Peer(Target(int(socket.AF_INET), "192.0.2.1", 161), user)
    peer.engine = Engine(ENGINE, RING.local(user, ENGINE))
    peer.clock = EngineTime(3, 1000, 0, authentic=True)
    return peer


def answer(user: User, text: bytes) -> bytes:
    """Of the engine, 1000 s after its third boot."""
    pdu = encode_pdu(Pdu(PduKind.RESPONSE, ID, 0, 0, (VarBind((1, 3), Tag.OCTET_STRING, text),)))
    local = RING.local(user, ENGINE)
    return seal(local, user.level, ENGINE, (3, 1000), ID, False, encode_scoped(ENGINE, b"", pdu), SALTS)


def judged(peer: Peer, data: bytes, received_ns: int) -> Trial:
    assert peer.engine is not None
    trial = Trial(peer, peer.engine, b"", lambda _: b"", SALTS)
    trial.build(ID)
    trial.admit(data, received_ns)
    return trial


@pytest.mark.parametrize("user", USERS, ids=str)
def test_a_message_like_one_believed_before_is_opened_the_same(user: User) -> None:
    peer = met(user)
    for text in (b"a" * 300, b"b" * 300, b"c" * 290, b"short", b"d" * 301):
        opened = judged(peer, answer(user, text), SECOND).opened
        assert opened is not None
        assert opened[0].endswith(text)


@pytest.mark.parametrize("user", USERS, ids=str)
def test_a_message_like_one_believed_before_is_held_against_the_window_all_the_same(user: User) -> None:
    peer, data = met(user), answer(user, b"a" * 300)
    for second in (0, WINDOW):
        assert judged(peer, data, second * SECOND).opened is not None
    late = judged(peer, data, (WINDOW + 1) * SECOND)
    assert late.opened is None
    assert isinstance(late.failure, SnmpTimeWindowError)
    assert peer.engine is None


@pytest.mark.parametrize("user", USERS, ids=str)
def test_no_octet_of_a_message_like_one_believed_before_can_differ(user: User) -> None:
    peer, data = met(user), answer(user, b"a" * 300)
    judged(peer, data, 0)
    for place in range(len(data)):
        changed = data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]
        with pytest.raises(SnmpError) as refusal:
            judged(peer, changed, 0)
        if place > 100:
            assert isinstance(refusal.value, SnmpAuthenticationError)

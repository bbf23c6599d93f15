from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snmp.authority import LocalEngine, Question, seal
from support.processor import processor_time

from netmon.snmp.codec import Pdu, PduKind, Tag, VarBind, decode_varbinds, encode_pdu, open_pdu
from netmon.snmp.engine import LATCHED, SECOND
from netmon.snmp.errors import SnmpError
from netmon.snmp.keys import KeyRing
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import SnmpSecurityError
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.usm import (
    DECRYPTION_ERRORS,
    NOT_IN_TIME_WINDOWS,
    UNKNOWN_ENGINE_IDS,
    UNKNOWN_USER_NAMES,
    UNSUPPORTED_SEC_LEVELS,
    WRONG_DIGESTS,
    reveal,
    verify,
)
from netmon.snmp.v3 import Level, decode_secure, encode_scoped

ENGINE = b"\x80\x00\x00\x00\x04test"
FULL = User(b"full", AuthProtocol.SHA256, b"maplesyrup", PrivProtocol.AES128, b"maplesyrup")
AUTH = User(b"auth", AuthProtocol.MD5, b"maplesyrup")
OPEN = User(b"open")
GET = Pdu(PduKind.GET, 5, 0, 0, (VarBind((1, 3, 6, 1), Tag.NULL, None),))
NOW = 1000 * SECOND
RING = KeyRing()


def engine() -> LocalEngine:
    return LocalEngine(ENGINE, [FULL, AUTH, OPEN], boots=3, booted_ns=0)


def asked(user: User = FULL, **changes: Any) -> bytes:
    parts: dict[str, Any] = {
        "level": user.level,
        "engine_id": ENGINE,
        "clock": (3, 1000),
        "message_id": 9,
        "reportable": True,
        "scoped": encode_scoped(ENGINE, b"vrf", encode_pdu(GET)),
        "salts": Salts(),
    }
    return seal(RING.local(user, ENGINE), **(parts | changes))


@pytest.mark.parametrize("user", [FULL, AUTH, OPEN])
def test_a_request_is_let_in_and_its_answer_is_as_protected_as_it(user: User) -> None:
    agent = engine()
    question = agent.ask(asked(user), NOW)
    assert isinstance(question, Question)
    assert (question.pdu, question.context, question.level) == (GET, b"vrf", user.level)
    raw = agent.answer(question, Pdu(PduKind.RESPONSE, 5, 0, 0, ()), NOW)
    message, local = decode_secure(raw), RING.local(user, ENGINE)
    assert (message.message_id, message.level, message.reportable) == (9, user.level, False)
    assert (message.boots, message.time) == (3, 1000)
    if user.auth:
        verify(local, message, "r1")
    scoped = reveal(local, message, "r1")
    assert scoped.data[scoped.pdu_at :] == encode_pdu(Pdu(PduKind.RESPONSE, 5, 0, 0, ()))


STRANGER = User(b"stranger", AuthProtocol.SHA, b"maplesyrup")
LESS = User(b"auth", AuthProtocol.MD5, b"maplesyrup", PrivProtocol.DES, b"maplesyrup")
MISTYPED = User(b"full", AuthProtocol.SHA256, b"marplesyrup")
UNREADABLE = User(b"full", AuthProtocol.SHA256, b"maplesyrup", PrivProtocol.AES128, b"marplesyrup")


@pytest.mark.parametrize(
    ("user", "changes", "what"),
    [
        (OPEN, {"engine_id": b""}, UNKNOWN_ENGINE_IDS),
        (FULL, {"engine_id": b"\x80\x00\x00\x00\x04other"}, UNKNOWN_ENGINE_IDS),
        (STRANGER, {}, UNKNOWN_USER_NAMES),
        (LESS, {}, UNSUPPORTED_SEC_LEVELS),
        (MISTYPED, {}, WRONG_DIGESTS),
        (FULL, {"clock": (0, 0)}, NOT_IN_TIME_WINDOWS),
        (FULL, {"clock": (3, 849)}, NOT_IN_TIME_WINDOWS),
        (FULL, {"clock": (3, 1151)}, NOT_IN_TIME_WINDOWS),
        (FULL, {"clock": (4, 1000)}, NOT_IN_TIME_WINDOWS),
        (UNREADABLE, {}, DECRYPTION_ERRORS),
    ],
)
def test_a_request_that_is_not_let_in_is_reported_why(user: User, changes: dict[str, Any], what: Oid) -> None:
    agent = engine()
    raw = agent.ask(asked(user, **changes), NOW)
    assert isinstance(raw, bytes)
    message = decode_secure(raw)
    assert message.message_id == 9
    assert (message.engine_id, message.boots, message.time) == (ENGINE, 3, 1000)
    local = RING.local(FULL, ENGINE)
    if what is NOT_IN_TIME_WINDOWS:
        assert message.level is Level.AUTH_NO_PRIV
        verify(local, message, "r1")
    else:
        assert message.level is Level.NO_AUTH_NO_PRIV
    scoped = reveal(local, message, "r1")
    head = open_pdu(scoped.data, scoped.pdu_at)
    assert head.kind is PduKind.REPORT
    assert decode_varbinds(scoped.data, head.varbinds_at) == (VarBind(what, Tag.COUNTER32, 1),)
    assert agent.reported == {what: 1}
    with pytest.raises(SnmpSecurityError):
        agent.ask(asked(user, **(changes | {"reportable": False})), NOW)


def test_an_engine_that_ran_out_of_boots_lets_nobody_in() -> None:
    agent = LocalEngine(ENGINE, [FULL], boots=LATCHED, booted_ns=0)
    agent.ask(asked(clock=(LATCHED, 1000)), NOW)
    assert agent.reported == {NOT_IN_TIME_WINDOWS: 1}


@given(st.binary(max_size=200), st.integers(0, 2**12), st.binary(min_size=1, max_size=1))
@settings(max_examples=100)
@processor_time(1)
def test_whatever_arrives_only_our_errors_come_of_it(junk: bytes, at: int, octet: bytes) -> None:
    agent = engine()
    raw = asked()
    at %= len(raw)
    for data in (junk, raw[:at] + octet + raw[at + 1 :], raw[:at]):
        try:
            agent.ask(data, NOW)
        except SnmpError:
            continue

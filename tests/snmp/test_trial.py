"""What a v3 message must pass to be believed, however much it is like one that was."""

from __future__ import annotations

import socket

import pytest
from snmp.authority import seal
from snmp.scripted_v3 import AUTH, FULL, OPEN, OTHER_ID, report
from snmp.scripted_v3 import ENGINE_ID as ENGINE

from netmon.snmp.addresses import Target
from netmon.snmp.asking import Check
from netmon.snmp.codec import Pdu, PduHead, PduKind, Tag, VarBind, encode_pdu
from netmon.snmp.engine import SECOND, WINDOW, EngineTime
from netmon.snmp.errors import SnmpDecodeError, SnmpError, SnmpResponseError
from netmon.snmp.keys import KeyRing
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import (
    SnmpAuthenticationError,
    SnmpContextError,
    SnmpSecurityLevelError,
    SnmpTimeWindowError,
    SnmpUnknownUserError,
    SnmpWrongKeyError,
)
from netmon.snmp.trial import Engine, Peer, Trial
from netmon.snmp.users import AuthProtocol, PrivProtocol, User
from netmon.snmp.usm import (
    DECRYPTION_ERRORS,
    NOT_IN_TIME_WINDOWS,
    UNKNOWN_ENGINE_IDS,
    UNKNOWN_USER_NAMES,
    UNSUPPORTED_SEC_LEVELS,
    WRONG_DIGESTS,
)
from netmon.snmp.v3 import Level, encode_scoped

ID = 0x4000_0000
USERS = (AUTH, FULL, User(b"des", AuthProtocol.MD5, b"maplesyrup", PrivProtocol.DES, b"maplesyrup"))
RING, SALTS = KeyRing(), Salts()


def met(user: User) -> Peer:
    """An engine that said at instant 0 that it is 1000 s after its third boot."""
    peer = Peer(Target(int(socket.AF_INET), "192.0.2.1", 161), user)
    peer.engine = Engine(ENGINE, RING.local(user, ENGINE), EngineTime(3, 1000, 0, authentic=True))
    return peer


def answer(user: User, text: bytes, status: int = 0) -> bytes:
    """Of the engine, 1000 s after its third boot."""
    pdu = encode_pdu(Pdu(PduKind.RESPONSE, ID, status, 0, (VarBind((1, 3), Tag.OCTET_STRING, text),)))
    local = RING.local(user, ENGINE)
    return seal(local, user.level, ENGINE, (3, 1000), ID, False, encode_scoped(ENGINE, b"", pdu), SALTS)


def judged(peer: Peer, data: bytes, received_ns: int) -> Trial:
    trial = trial_of(peer)
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
    engine = peer.engine
    with pytest.raises(SnmpTimeWindowError, match="second 1000, where boot 3, second 1151 is due"):
        judged(peer, data, (WINDOW + 1) * SECOND)
    assert peer.engine is engine


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


def reported(
    what: Oid, level: Level = Level.NO_AUTH_NO_PRIV, clock: tuple[int, int] = (3, 1000), engine_id: bytes = ENGINE
) -> bytes:
    return report(ID, what, engine_id, RING.local(FULL, engine_id), level, clock)


def trial_of(peer: Peer, check: Check | None = None) -> Trial:
    assert peer.engine is not None
    trial = Trial(peer, peer.engine, b"", lambda _: b"", SALTS, SECOND, None, check)
    trial.build(ID)
    return trial


def test_a_late_reply_of_a_former_boot_disturbs_neither_the_request_nor_what_is_known_of_the_engine() -> None:
    peer = met(FULL)
    engine = peer.engine
    assert engine is not None
    engine.clock = now = EngineTime(4, 0, 0, authentic=True)
    trial = trial_of(peer)
    with pytest.raises(SnmpTimeWindowError, match="a message of boot 3"):
        trial.admit(answer(FULL, b"late"), SECOND)
    assert (trial.opened, trial.failure, peer.engine, engine.clock) == (None, None, engine, now)


def test_a_late_reply_of_a_former_engine_leaves_the_clock_of_the_new_one_alone() -> None:
    peer = met(FULL)
    trial = trial_of(peer)
    now = EngineTime(1, 5, 0, authentic=False)
    peer.engine = Engine(OTHER_ID, RING.local(FULL, OTHER_ID), now)
    trial.admit(answer(FULL, b"late"), SECOND)
    assert trial.opened is not None
    assert (peer.engine.engine_id, peer.engine.clock) == (OTHER_ID, now)


@pytest.mark.parametrize(
    ("what", "level", "settles"),
    [
        (NOT_IN_TIME_WINDOWS, Level.AUTH_NO_PRIV, True),
        (NOT_IN_TIME_WINDOWS, Level.AUTH_PRIV, False),  # it is never enciphered
        (WRONG_DIGESTS, Level.AUTH_NO_PRIV, False),
        (UNKNOWN_ENGINE_IDS, Level.AUTH_NO_PRIV, False),
    ],
)
@pytest.mark.parametrize("clock", [(2, 9999), (3, 1000 - WINDOW - 1)])
def test_of_what_comes_from_outside_the_window_only_a_report_of_the_time_settles_a_request(
    what: Oid, level: Level, settles: bool, clock: tuple[int, int]
) -> None:
    peer = met(FULL)
    trial = trial_of(peer)
    if settles:
        trial.admit(reported(what, level, clock), 0)
        assert isinstance(trial.failure, SnmpTimeWindowError)
    else:
        with pytest.raises(SnmpTimeWindowError):
            trial.admit(reported(what, level, clock), 0)
        assert trial.failure is None
    assert peer.engine is not None


REFUSALS: list[tuple[Oid, type[SnmpError], bool]] = [
    (UNKNOWN_USER_NAMES, SnmpUnknownUserError, True),
    (UNSUPPORTED_SEC_LEVELS, SnmpSecurityLevelError, True),
    (WRONG_DIGESTS, SnmpWrongKeyError, True),
    (DECRYPTION_ERRORS, SnmpWrongKeyError, True),
    ((1, 3, 6, 1, 6, 3, 12, 1, 4, 0), SnmpContextError, False),
    ((1, 3, 6, 1, 6, 3, 12, 1, 5, 0), SnmpContextError, False),
    ((1, 2, 3, 4, 0), SnmpResponseError, False),
]


@pytest.mark.parametrize(("what", "error", "is_of_user"), REFUSALS)
@pytest.mark.parametrize("user", [FULL, AUTH, OPEN], ids=str)
@pytest.mark.parametrize("is_heard", [False, True])
def test_an_anonymous_report_is_believed_of_an_engine_not_yet_heard_if_it_is_of_the_user(
    what: Oid, error: type[SnmpError], is_of_user: bool, user: User, is_heard: bool
) -> None:
    peer = met(user)
    assert peer.engine is not None
    peer.engine.clock = EngineTime(3, 1000, 0, authentic=is_heard and user is not OPEN)
    trial = trial_of(peer)
    if user is OPEN or (is_of_user and not is_heard):
        trial.admit(reported(what), 0)
        assert isinstance(trial.failure, error)
    else:
        with pytest.raises(error, match=r"^192\.0\.2\.1:161: "):
            trial.admit(reported(what), 0)
        assert trial.failure is None


@pytest.mark.parametrize(("what", "error", "_"), REFUSALS)
def test_an_authentic_report_is_believed(what: Oid, error: type[SnmpError], _: bool) -> None:
    for level in (Level.AUTH_NO_PRIV, Level.AUTH_PRIV):
        trial = trial_of(met(FULL))
        trial.admit(reported(what, level), 0)
        assert isinstance(trial.failure, error)


def test_another_engine_is_believed_to_have_replaced_one_that_was_heard_once_half_an_attempt_has_passed() -> None:
    peer = met(FULL)
    trial, another = trial_of(peer), trial_of(peer)
    other = reported(UNKNOWN_ENGINE_IDS, engine_id=OTHER_ID)
    for after_ns in (0, 1, SECOND // 2 - 1):
        with pytest.raises(SnmpAuthenticationError, match="a report of another engine id that is not authentic"):
            trial.admit(other, SECOND + after_ns)
    with pytest.raises(SnmpAuthenticationError):
        another.admit(other, 2 * SECOND)
    trial.admit(other, SECOND + SECOND // 2)
    assert trial.elsewhere is not None
    assert trial.elsewhere[0].engine_id == OTHER_ID
    another.admit(other, 2 * SECOND + 1)
    trial_of(peer).admit(other, 3 * SECOND)


def test_another_engine_is_believed_at_once_to_have_replaced_one_never_heard() -> None:
    peer = met(FULL)
    assert peer.engine is not None
    peer.engine.clock = EngineTime(3, 1000, 0, authentic=False)
    trial = trial_of(peer)
    trial.admit(reported(UNKNOWN_ENGINE_IDS, engine_id=OTHER_ID), 0)
    assert trial.elsewhere is not None


@pytest.mark.parametrize("clock", [(3, 1000), (2, 1000)])
def test_an_engine_that_tells_its_time_has_not_been_replaced(clock: tuple[int, int]) -> None:
    trial = trial_of(met(FULL))
    with pytest.raises(SnmpAuthenticationError):
        trial.admit(reported(UNKNOWN_ENGINE_IDS, engine_id=OTHER_ID), 0)
    trial.admit(reported(NOT_IN_TIME_WINDOWS, Level.AUTH_NO_PRIV, clock), 0)
    assert trial.elsewhere is None


def test_what_is_malformed_in_an_authentic_message_names_the_agent() -> None:
    broken = encode_scoped(ENGINE, b"", encode_pdu(Pdu(PduKind.RESPONSE, ID, 0, 0, ())) + b"\0")
    data = seal(RING.local(FULL, ENGINE), Level.AUTH_PRIV, ENGINE, (3, 1000), ID, False, broken, SALTS)
    with pytest.raises(SnmpDecodeError, match=r"^192\.0\.2\.1:161: malformed SNMP message at octet"):
        trial_of(met(FULL)).admit(data, 0)


def test_the_check_has_the_last_word_on_an_answer_without_error() -> None:
    seen: list[tuple[bytes, PduHead]] = []

    def check(data: bytes, head: PduHead) -> None:
        seen.append((data, head))
        if len(seen) == 1:
            raise SnmpResponseError("something else")

    trial = trial_of(met(FULL), check)
    with pytest.raises(SnmpResponseError, match="something else"):
        trial.admit(answer(FULL, b"text"), 0)
    assert trial.opened is None
    trial.admit(answer(FULL, b"text"), 0)
    assert [trial.opened] * 2 == seen
    failed = trial_of(met(FULL), check)
    failed.admit(answer(FULL, b"text", status=5), 0)
    assert failed.opened is not None
    assert len(seen) == 2

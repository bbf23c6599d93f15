"""The User-based Security Model (RFC 3414 section 3): protect a message, believe a message."""

from __future__ import annotations

import hmac
from typing import Final

from netmon.snmp.dialogue import Frame
from netmon.snmp.keys import LocalUser, mac_octets
from netmon.snmp.oid import Oid
from netmon.snmp.privacy import Salts
from netmon.snmp.security_errors import SnmpAuthenticationError, SnmpDecryptionError
from netmon.snmp.users import PrivProtocol, User
from netmon.snmp.v3 import Level, ScopedPdu, SecureMessage, open_scoped

USM_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 15, 1, 1)
"""SNMP-USER-BASED-SM-MIB usmStats; its objects say what a report reports."""
UNSUPPORTED_SEC_LEVELS: Final[Oid] = (*USM_STATS, 1, 0)
NOT_IN_TIME_WINDOWS: Final[Oid] = (*USM_STATS, 2, 0)
UNKNOWN_USER_NAMES: Final[Oid] = (*USM_STATS, 3, 0)
UNKNOWN_ENGINE_IDS: Final[Oid] = (*USM_STATS, 4, 0)
WRONG_DIGESTS: Final[Oid] = (*USM_STATS, 5, 0)
DECRYPTION_ERRORS: Final[Oid] = (*USM_STATS, 6, 0)
_AUTH_PRIV: Final = Level.AUTH_PRIV
_FIXED_OCTETS: Final = 41
"""What remains of `beyond_frame` where all strings are empty."""
_PADDING_OCTETS: Final = 7
"""Of a cipher in blocks of eight, at most."""


def beyond_frame(user: User, engine_octets: int, context: bytes) -> int:
    """How many octets fewer of variables than template.FRAME a reply of that engine to the user holds.

    Everything else in it taken as long as it can be: numbers of four octets, lengths of two.
    """
    strings = 2 * engine_octets + len(user.name) + mac_octets(user) + len(context)
    return _FIXED_OCTETS + strings + (_PADDING_OCTETS if user.priv is PrivProtocol.DES else 0)


def seal_in(
    frame: Frame, user: LocalUser, clock: tuple[int, int], message_id: int, scoped: bytes, salts: Salts
) -> bytes:
    """The datagram of a ScopedPDU in a frame made for the user, the engine and a level that does not exceed the user's.

    `clock` (boots, seconds) is the authoritative engine's. SnmpEncodeError if it is too long.
    """
    boots, time = clock
    if frame.level is _AUTH_PRIV and user.privacy is not None:
        salt = salts.next()
        data = user.privacy.encrypt(scoped, boots, time, salt)
    else:
        salt, data = b"", scoped
    start, end = frame.write(message_id, boots, time, salt, data)
    octets = frame.mac_octets
    mac = user.mac(b"".join((start, bytes(octets), end))) if octets else b""
    return b"".join((start, mac, end))


def verify(user: LocalUser, message: SecureMessage, where: object) -> None:
    """Returns if the message, whose level has authentication, is the user's; otherwise SnmpAuthenticationError."""
    if not user.level:
        raise SnmpAuthenticationError(f"{where}: an authenticated message for a user without authentication")
    at, octets = message.mac_at, message.mac_octets
    raw = message.raw
    end = at + octets
    if octets != user.mac_octets or not hmac.compare_digest(
        raw[at:end], user.mac(raw[:at] + bytes(octets) + raw[end:])
    ):
        raise SnmpAuthenticationError(f"{where}: a message whose authentication code is wrong was refused")


def reveal(user: LocalUser, message: SecureMessage, where: object) -> ScopedPdu:
    """The head of the ScopedPDU of a message already verified; SnmpDecryptionError or SnmpDecodeError."""
    opened = decipher(user, message, message.salt, message.raw[message.data_at :], where)
    return open_scoped(opened, 0, message.level is _AUTH_PRIV and user.pads)


def decipher(user: LocalUser, like: SecureMessage, salt: bytes, data: bytes, where: object) -> bytes:
    """The ScopedPDU, and its padding, of a message already verified, which was at that level and time.

    `data` is what the message ends with, enciphered or not. SnmpDecryptionError if it cannot be deciphered.
    """
    if like.level is not _AUTH_PRIV:
        return data
    if user.privacy is None:
        raise SnmpDecryptionError(f"{where}: an encrypted message for a user without privacy")
    try:
        return user.privacy.decrypt(data, like.boots, like.time, salt)
    except SnmpDecryptionError as error:
        raise SnmpDecryptionError(f"{where}: {error}") from None

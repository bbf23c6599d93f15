"""UDP sockets for SNMP, and whose request a datagram answers."""

from __future__ import annotations

import socket
from typing import Final

from netmon.snmp.addresses import Target, literal
from netmon.snmp.codec import open_envelope, open_pdu
from netmon.snmp.errors import SnmpTransportError
from netmon.snmp.form import REQUEST_ID_OCTETS
from netmon.snmp.v3 import V3, is_v3, message_id_of

RECEIVE_BUFFER: Final = 4 << 20


def source_address(address: str) -> dict[int, Target]:
    """A source address by its family."""
    try:
        target = literal(address, 0)
    except (socket.gaierror, ValueError):
        raise SnmpTransportError(f"{address!r} is no IP address and cannot be the source of requests") from None
    return {target.family: target}


def udp_socket(family: int, source: Target | None) -> socket.socket:
    """A non-blocking socket on a free port of `source`, or of every address; sending first would bind it just so.

    OSError if this host lacks the family or has too many files open; SnmpTransportError if it lacks the address.
    """
    one = socket.socket(family, socket.SOCK_DGRAM)
    try:
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if source is None:
            one.bind(("", 0))
        else:
            one.bind((source.host, 0, 0, source.scope) if family == socket.AF_INET6 else (source.host, 0))
    except OSError as error:
        one.close()
        if source is None:
            raise
        raise SnmpTransportError(
            f"{source.host} cannot be the source of requests: {error.strerror}; give an address of this host"
        ) from None
    return one


def identify(data: bytes) -> tuple[int, int]:
    """Version and request-id (in v3: msgID) of a datagram; SnmpDecodeError if it has none. The rest is unchecked."""
    try:
        at = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
        version = data[at + 2]
        if version == V3:
            # Into msgGlobalData; else over the community and into the PDU.
            at += 5
        else:
            at += 5 + data[at + 4]
            at += 2 if data[at + 1] < 0x80 else 2 + (data[at + 1] & 0x7F)
        if data[at] == 0x02 and data[at + 1] == REQUEST_ID_OCTETS:
            return version, int.from_bytes(data[at + 2 : at + 2 + REQUEST_ID_OCTETS], "big")
    except IndexError:
        pass
    if is_v3(data):
        return V3, message_id_of(data)
    envelope = open_envelope(data)
    return envelope.version, open_pdu(data, envelope.pdu_at).request_id

"""Requests one after the other: what is asked, and the reading of what could be the reply.

A reply is read before its request is over. What is malformed, or about something else than was asked for, is dropped
like anything else that nobody asked for, and the right reply may still come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from netmon.snmp.codec import PduHead, PduKind, VarBind, decode_varbinds, encode_oid, encode_request
from netmon.snmp.errors import SnmpNonIncreasingError, SnmpResponseError, SnmpTooManyRowsError
from netmon.snmp.oid import Oid
from netmon.snmp.stretch import Column
from netmon.snmp.walk import Walk


class Question(Protocol):
    """One request."""

    @property
    def build(self) -> Callable[[int], bytes]:
        """The PDU, given its request-id."""

    def check(self, target: object, data: bytes, head: PduHead) -> None:
        """Reads the response without error that `data` ends with. SnmpDecodeError, SnmpResponseError: it is none."""


class Get:
    """A GET of some variables."""

    def __init__(self, names: Sequence[Oid], build: Callable[[int], bytes] | None = None) -> None:
        """`build` where the PDU is made already."""
        self.build = build or encode_request(PduKind.GET, map(encode_oid, names))
        self._names = names
        self.varbinds: Sequence[VarBind] = ()
        """Of the reply: one for each name, in order."""

    def check(self, target: object, data: bytes, head: PduHead) -> None:
        self.varbinds = read_varbinds(target, data, head, self._names)


class Bulk:
    """The next request of a walk: a GETBULK for so many rows, or a GETNEXT."""

    def __init__(self, walk: Walk, asked: list[Column], repetitions: int, *, next_only: bool) -> None:
        """`next_only`: the agent knows no GETBULK."""
        kind = PduKind.GET_NEXT if next_only else PduKind.GET_BULK
        self.build = encode_request(kind, walk.names(asked), 0 if next_only else repetitions)
        self._walk, self._repetitions = walk, repetitions
        self.asked = asked
        self.size = len(asked) * repetitions
        """Variables that may come."""
        self.failure: SnmpResponseError | None = None
        """Why the walk cannot go on: what is wrong with the agent, not with the reply."""

    def check(self, target: object, data: bytes, head: PduHead) -> None:
        """Takes what the reply holds into the walk; an empty one is whole where less may be asked for."""
        if head.varbinds_at == len(data) and self.size > 1:
            return
        try:
            self._walk.take(self.asked, data, head.varbinds_at, self._repetitions, target)
        except (SnmpNonIncreasingError, SnmpTooManyRowsError) as error:
            self.failure = error


def read_varbinds(target: object, data: bytes, head: PduHead, asked: Sequence[Oid]) -> tuple[VarBind, ...]:
    """The variable-bindings of a response without error, which must name what was asked for, in order.

    SnmpDecodeError, which names no agent yet, SnmpResponseError.
    """
    varbinds = decode_varbinds(data, head.varbinds_at)
    if len(varbinds) != len(asked) or any(varbind.oid != oid for varbind, oid in zip(varbinds, asked, strict=True)):
        raise SnmpResponseError(f"{target}: the reply names other variables than were asked for")
    return varbinds

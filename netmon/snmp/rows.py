"""The rows of one column as a walk found them: names and values are decoded, a VarBind is made of what is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netmon.snmp.codec import Value, VarBind
from netmon.snmp.oid import Oid


class Rows(Mapping[Oid, VarBind]):
    """Index -> varbind, in the agent's order. Immutable."""

    __slots__ = ("_column", "_indexes", "_positions", "_tags", "_values")

    def __init__(self, column: Oid, indexes: Sequence[Oid], tags: Sequence[int], values: Sequence[Value]) -> None:
        """The sequences are of one length, and no index occurs twice; they are the instance's from now on."""
        self._column = column
        self._indexes = indexes
        self._tags = tags
        self._values = values
        self._positions: dict[Oid, int] | None = None

    def __len__(self) -> int:
        return len(self._indexes)

    def __iter__(self) -> Iterator[Oid]:
        return iter(self._indexes)

    def __getitem__(self, index: Oid) -> VarBind:
        if self._positions is None:
            self._positions = {each: position for position, each in enumerate(self._indexes)}
        at = self._positions[index]
        return VarBind(self._column + index, self._tags[at], self._values[at])

    def __repr__(self) -> str:
        return f"Rows({dict(self)!r})"

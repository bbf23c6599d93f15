"""Core values as canonical JSON and back: the one place that fixes how a fact is written down.

Canonical: keys sorted, no spaces, ASCII (`\\u` escapes), integers only, enumerations by value,
dataclasses as objects, tuples as arrays. The receipt chain hashes exactly these bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from netmon.core.alerts import Alert
from netmon.core.changes import Proof, Receipt
from netmon.store.errors import StoreError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LimitState:
    """What a router is believed to enforce on a circuit in one direction."""

    bps: int | None
    """bit/s; None: no limit."""
    known: bool
    """False: a change ended without a read-back, so this is a guess."""
    at_ns: int


@dataclass(frozen=True, slots=True)
class Hold:
    """An operator's word that a circuit's limit stays as it is."""

    circuit: str
    reason: str
    by: str
    at_ns: int
    until_ns: int | None
    """None: until released."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """An alert waiting to be told."""

    position: int
    alert: Alert


@dataclass(frozen=True, slots=True)
class ReceiptLink:
    """A receipt and its place in the chain."""

    receipt: Receipt
    chain: str
    sequence: int
    previous_hash: str
    hash: str
    observed: Proof | None = None
    """What traffic proved later, from the linked observation; None: nothing yet."""


def dump(value: object) -> str:
    """A value of the core as canonical JSON. Raises TypeError for what has no exact form, such as a float."""
    return canonical(_document(value))


def canonical(document: object) -> str:
    """JSON values, already plain, in the canonical form."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def load(kind: type[T], text: str) -> T:
    """The value `dump` wrote. A field added since takes its default. Raises StoreError on anything else."""
    try:
        value: T = _value(kind, json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"the ledger holds a {kind.__name__} that this netmon cannot read ({error}); install the netmon that wrote"
            " it, or restore a backup"
        ) from error
    return value


def _document(value: object) -> object:
    match value:
        case None | bool() | int():
            return value
        case StrEnum():
            return value.value
        case str():
            return value
        case Mapping():
            return {_key(key): _document(item) for key, item in value.items()}
        case tuple() | list():
            return [_document(item) for item in value]
    if is_dataclass(value):
        return {one.name: _document(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of type {type(key).__name__} has no canonical form")
    return key


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, document: Any) -> Any:
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        inner = [one for one in get_args(kind) if one is not type(None)]
        return None if document is None else _value(inner[0], document)
    if origin is tuple:
        return tuple(_value(get_args(kind)[0], item) for item in document)
    if origin is Mapping:
        return {key: _value(get_args(kind)[1], item) for key, item in document.items()}
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        given = {
            one.name: _value(hints[one.name], document[one.name])
            for one in fields(kind)
            if one.name in document or (one.default is MISSING and one.default_factory is MISSING)
        }
        return kind(**given)  # type: ignore[operator]
    if issubclass(kind, StrEnum):
        return kind(document)
    if type(document) is not kind:
        raise TypeError(f"{document!r} is not {kind.__name__}")
    return document

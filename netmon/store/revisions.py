"""The configurations that netmon took up, from the receipt chain, and what changed from each to the next."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from netmon.core.ladder import QuotaPolicy
from netmon.core.revising import Alteration, Alterations, alterations
from netmon.store import schema
from netmon.store.chain import Kind
from netmon.store.database import Database, streamed
from netmon.store.errors import StoreError
from netmon.store.values import dump, load

_link = schema.link.c
_CONFIGURATION = _link.kind == Kind.CONFIGURATION
_INSTANT = re.compile(r'\{"at_ns":(-?[0-9]+),')
"""How a link's payload begins: its keys are sorted."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A configuration as it was taken up."""

    sequence: int
    """Of its link in the chain."""
    at_ns: int
    digest: str
    """SHA-256 of the configuration, hexadecimal."""
    event: str
    """What brought it: `start`, `reload` or `command`."""
    version: str
    """netmon's."""
    changes: Alterations | None
    """From the one taken up before; None: it is the first, or that one cannot be read."""


class Revised(Database):
    """Reads them; each method raises StoreError."""

    def configurations(self, limit: int, since_ns: int | None = None) -> list[TakenUp]:
        """The newest first, at most `limit`; with `since_ns` those taken up then or later."""
        with self._transaction() as connection:
            wanted: list[int] = []
            # The clock may have been wrong at any of them, so an older one does not end the search.
            statement = select(_link.sequence, func.substr(_link.payload, 1, 40).label("beginning"))
            with closing(streamed(connection, statement.where(_CONFIGURATION).order_by(_link.sequence.desc()))) as rows:
                for row in rows:
                    if since_ns is None or _instant(row.beginning) >= since_ns:
                        wanted.append(row.sequence)
                    if len(wanted) == limit:
                        break
            return [_taken_up(connection, sequence) for sequence in wanted]

    def configuration(self, digest: str) -> TakenUp | None:
        """The newest whose digest begins so, and that was another one than the one before it."""
        return self._one(_link.subject.startswith(digest, autoescape=True), beginning=True)

    def configuration_of(self, sequence: int) -> TakenUp | None:
        """The one of that link."""
        return self._one(_link.sequence == sequence, beginning=False)

    def _one(self, wanted: ColumnElement[bool], *, beginning: bool) -> TakenUp | None:
        with self._transaction() as connection:
            found = _newest(connection, wanted)
            if found is None:
                return None
            return _taken_up(connection, _beginning(connection, found) if beginning else found)


def last(connection: Connection) -> tuple[int, str] | None:
    """Link and digest of the configuration taken up last."""
    sequence = _newest(connection)
    return None if sequence is None else (sequence, _digest(connection, sequence))


def document_of(connection: Connection, sequence: int) -> Mapping[str, Any] | None:
    """The configuration that the link tells of, though only the first link that told of it may hold it.

    None where it cannot be read: what was damaged may not keep netmon from taking up another one.
    """
    try:
        document = _payload(connection, _beginning(connection, sequence)).get("document")
    except StoreError:
        return None
    return document if isinstance(document, Mapping) else None


def altered(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Alterations | None:
    """None: there is no configuration before to compare it with."""
    return None if before is None else alterations(_filled(before), _filled(after))


def told(changes: Alterations | None) -> dict[str, Any]:
    """What a link's payload holds of them."""
    return {
        "changes": None if changes is None else [json.loads(dump(one)) for one in changes.told],
        "changes_left_out": 0 if changes is None else changes.left_out,
    }


def _newest(connection: Connection, *wanted: ColumnElement[bool]) -> int | None:
    statement = select(func.max(_link.sequence)).where(_CONFIGURATION, *wanted)
    found: int | None = connection.execute(statement).scalar_one()
    return found


def _digest(connection: Connection, sequence: int) -> str:
    statement = select(_link.subject).where(_CONFIGURATION, _link.sequence == sequence)
    subject: str = connection.execute(statement).scalar_one()
    return subject.partition("#")[0]


def _beginning(connection: Connection, sequence: int) -> int:
    """The first of the links up to this one that all tell of the same configuration."""
    same = _link.subject.startswith(f"{_digest(connection, sequence)}#", autoescape=True)
    other = _newest(connection, _link.sequence < sequence, ~same) or 0
    statement = select(func.min(_link.sequence)).where(_CONFIGURATION, _link.sequence > other)
    return int(connection.execute(statement).scalar_one())


def _payload(connection: Connection, sequence: int) -> dict[str, Any]:
    statement = select(_link.payload).where(_CONFIGURATION, _link.sequence == sequence)
    try:
        payload = json.loads(connection.execute(statement).scalar_one())
    except ValueError as error:
        raise _unreadable(sequence, error) from error
    if not isinstance(payload, dict):
        raise _unreadable(sequence, TypeError("it is no JSON object"))
    return payload


def _unreadable(sequence: int, error: Exception) -> StoreError:
    return StoreError(
        f"link {sequence} of the receipt chain is no configuration as netmon writes it ({error}); run netmon audit"
        " verify"
    )


def _taken_up(connection: Connection, sequence: int) -> TakenUp:
    payload = _payload(connection, sequence)
    try:
        at_ns, digest, event, version = (payload[key] for key in ("at_ns", "digest", "event", "version"))
        changes = _changes(connection, sequence, payload)
    except (KeyError, TypeError, AttributeError) as error:
        raise _unreadable(sequence, error) from error
    return TakenUp(sequence, at_ns, digest, event, version, changes)


def _changes(connection: Connection, sequence: int, payload: Mapping[str, Any]) -> Alterations | None:
    if "changes" in payload:
        if payload["changes"] is None:
            return None
        return Alterations(tuple(Alteration(**one) for one in payload["changes"]), payload["changes_left_out"])
    # Recorded by a netmon that did not tell them.
    if payload["document"] is None:
        return Alterations(())
    before = _newest(connection, _link.sequence < sequence)
    return altered(None if before is None else document_of(connection, before), payload["document"])


def _filled(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """With what an earlier netmon did not know of policies yet, so that an upgrade alters none of them."""
    return {**document, "policies": [_policy(policy) for policy in document.get("policies", [])]}


def _policy(policy: Any) -> Any:
    try:
        return {**policy, **json.loads(dump(load(QuotaPolicy, json.dumps(policy))))}
    except StoreError:
        return policy


def _instant(beginning: str) -> int:
    found = _INSTANT.match(beginning)
    return 0 if found is None else int(found[1])

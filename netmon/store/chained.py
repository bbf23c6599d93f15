"""Appending to the receipt chain within the transaction of what is appended."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, select

from netmon.store import chain, schema
from netmon.store.chain import Entry, Kind, Link, Signing
from netmon.store.standing import Standing
from netmon.store.values import canonical


class Chained(Standing):
    """The writer's end of the chain."""

    _signer: Signing | None = None

    def record_configuration(self, digest: str, document: str, event: str, version: str, now_ns: int) -> Link:
        """What netmon is told to do from now on. `document` is canonical JSON and joins the chain only where its
        digest is not that of the revision before; `event` says what brought it: a start or a reload.
        """
        with self._transaction() as connection:
            last = connection.execute(
                select(schema.link.c.subject)
                .where(schema.link.c.kind == Kind.CONFIGURATION)
                .order_by(schema.link.c.sequence.desc())
                .limit(1)
            ).scalar_one_or_none()
            known = last is not None and last.partition("#")[0] == digest
            payload = {
                "at_ns": now_ns,
                "digest": digest,
                "document": None if known else json.loads(document),
                "event": event,
                "version": version,
            }
            return self._append(connection, Entry(Kind.CONFIGURATION, digest, canonical(payload), repeatable=True))

    def _append(self, connection: Connection, entry: Entry) -> Link:
        return self._append_all(connection, [entry])[0]

    def _append_all(self, connection: Connection, entries: Sequence[Entry]) -> list[Link]:
        return chain.append(connection, self._signer, entries)

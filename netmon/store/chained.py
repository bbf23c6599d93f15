"""Appending to the receipt chain within the transaction of what is appended."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from netmon.core.revising import Alterations
from netmon.store import chain, revisions
from netmon.store.chain import Entry, Kind, Link, Signing
from netmon.store.revisions import TakenUp, altered
from netmon.store.standing import Standing
from netmon.store.values import canonical


class Chained(Standing):
    """The writer's end of the chain."""

    _signer: Signing | None = None

    def record_configuration(self, digest: str, document: str, event: str, version: str, now_ns: int) -> TakenUp:
        """What netmon is told to do from now on. `document` is canonical JSON and joins the chain, with what changed,
        only where its digest is not that of the revision before; `event` says what brought it: a start or a reload.
        """
        with self._transaction() as connection:
            before = revisions.last(connection)
            changes: Alterations | None = Alterations(())
            after = None
            if before is None or before[1] != digest:
                after = json.loads(document)
                changes = altered(None if before is None else revisions.document_of(connection, before[0]), after)
            payload = {
                "at_ns": now_ns,
                "digest": digest,
                "document": after,
                "event": event,
                "version": version,
                **revisions.told(changes),
            }
            link = self._append(connection, Entry(Kind.CONFIGURATION, digest, canonical(payload), repeatable=True))
        return TakenUp(link.sequence, now_ns, digest, event, version, changes)

    def _append(self, connection: Connection, entry: Entry) -> Link:
        return self._append_all(connection, [entry])[0]

    def _append_all(self, connection: Connection, entries: Sequence[Entry]) -> list[Link]:
        return chain.append(connection, self._signer, entries)

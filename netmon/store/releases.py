"""The global kill switch in the receipt chain: releases, what their sweeps did, and the words that ended them."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from netmon.core.kill_switch import Noted, Release, Sweep
from netmon.store import schema
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import Database
from netmon.store.values import dump, load

_link = schema.link.c


class Released(Database):
    """Reads them; each method raises StoreError."""

    def release(self) -> Release | None:
        """The newest that nobody has ended; None: there is none."""
        later = schema.link.alias("later")
        ended = exists().where(later.c.kind == Kind.RESUME, later.c.subject == _link.subject)
        statement = (
            select(_link.payload).where(_link.kind == Kind.RELEASE, ~ended).order_by(_link.sequence.desc()).limit(1)
        )
        with self._transaction() as connection:
            payload = connection.execute(statement).scalar_one_or_none()
        return None if payload is None else load(Release, payload)

    def sweeps(self, release: str) -> list[Sweep]:
        """Those of a release, in order."""
        statement = select(_link.payload).where(_link.kind == Kind.SWEEP).order_by(_link.sequence)
        with self._transaction() as connection:
            found = [load(Sweep, payload) for payload in connection.execute(statement).scalars()]
        return [one for one in found if one.release == release]


class Releases(Released, Chained):
    """Writes them down."""

    def record_release(self, noted: Noted) -> None:
        """Whatever of it the chain does not have yet, in its order; harmless when done again."""
        release = noted.release
        begun = dump(Release(release.id, release.at_ns, release.by, release.reason))
        with self._transaction() as connection:
            self._once(connection, Entry(Kind.RELEASE, release.id, begun))
            for sweep in noted.sweeps:
                self._once(connection, Entry(Kind.SWEEP, sweep.id, dump(sweep)))
            if release.ended is not None:
                self._once(connection, Entry(Kind.RESUME, release.id, dump(release)))

    def _once(self, connection: Connection, entry: Entry) -> None:
        known = select(_link.sequence).where(_link.kind == str(entry.kind), _link.subject == entry.subject).limit(1)
        if connection.execute(known).first() is None:
            self._append(connection, entry)

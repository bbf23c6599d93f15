"""What people decided for a time, and what agencies asked for: given, ended, approved or refused, each in the chain.

Nothing is deleted, and an end by time is written into what is given: so what held at any instant can be read, and
nobody need be up when it ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    MetaData,
    Table,
    func,
    insert,
    or_,
    select,
    update,
)

from netmon.core import requests
from netmon.core.directives import Directive
from netmon.core.requests import Objection, Request, RequestState, Word
from netmon.store import schema
from netmon.store.chain import Entry, Kind
from netmon.store.chained import Chained
from netmon.store.database import streamed
from netmon.store.errors import StoreError
from netmon.store.schema import OctetText
from netmon.store.standing import Standing
from netmon.store.values import dump, load

metadata = MetaData()
"""The tables of migration 5."""

directive = Table(
    "directive",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", OctetText, nullable=False, unique=True),
    Column("kind", OctetText, nullable=False),
    Column("subject", OctetText, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("over_ns", BigInteger),
    Column("document", OctetText, nullable=False),
    Index("directive_by_end", "over_ns"),
)
"""`over_ns`: when it ends or was ended; NULL: it is open-ended, and in force. `document` is the Directive."""

request = Table(
    "request",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", OctetText, nullable=False, unique=True),
    Column("agency", OctetText, nullable=False),
    Column("pending_ns", BigInteger),
    Column("document", OctetText, nullable=False),
    Index("request_by_end", "pending_ns"),
)
"""`pending_ns`: until when it can be decided; NULL: it was. `document` is the Request."""

_directive, _request = directive.c, request.c
PENDING_AT_MOST = 20
"""Requests of one agency that wait to be decided."""


@dataclass(frozen=True, slots=True)
class Given:
    """A directive as recorded, and the one that it replaced."""

    directive: Directive
    replaced: Directive | None


@dataclass(frozen=True, slots=True)
class Decided:
    """A request after a word on it, and what came of it."""

    request: Request
    given: Given | None
    """The boost, where this approval was the last one needed."""


@dataclass(frozen=True, slots=True)
class _Ending:
    """What the chain holds of an early end."""

    id: str
    at_ns: int
    by: str
    reason: str
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class _Told:
    """What the chain holds of a word on a request."""

    id: str
    word: Word
    directive: str | None
    """The boost that came of it."""


class Directed(Standing):
    """Reads directives and requests; the writer and readers alike."""

    def directives(self, at_ns: int) -> tuple[Directive, ...]:
        """Those in force at `at_ns`, now or earlier, in the order they were given."""
        with self._transaction() as connection:
            return _read(connection, (_directive.at_ns <= at_ns) & _lasting(at_ns))

    def current_directives(self, now_ns: int, also: Collection[str]) -> tuple[Directive, ...]:
        """Those that are not over, and those of the ids in `also`, in the order they were given."""
        with self._transaction() as connection:
            return _read(connection, _lasting(now_ns) | _directive.id.in_(sorted(also)))

    def all_directives(self, limit: int = 100) -> list[Directive]:
        """Those that are over, too, the newest first, at most `limit`."""
        statement = select(_directive.document).order_by(_directive.number.desc()).limit(limit)
        with self._transaction() as connection:
            return [load(Directive, document) for document in connection.execute(statement).scalars()]

    def requests(self, now_ns: int, limit: int = 100) -> list[Request]:
        """Those that can be decided, the oldest first, at most `limit`."""
        statement = select(_request.document).where(_request.pending_ns > now_ns).order_by(_request.number).limit(limit)
        with self._transaction() as connection:
            return [load(Request, document) for document in connection.execute(statement).scalars()]

    def all_requests(self, limit: int = 100) -> list[Request]:
        """All there ever were, the newest first, at most `limit`."""
        statement = select(_request.document).order_by(_request.number.desc()).limit(limit)
        with self._transaction() as connection:
            return [load(Request, document) for document in connection.execute(statement).scalars()]

    def request(self, request_id: str) -> Request:
        """The one of that id. Raises StoreError where there is none."""
        with self._transaction() as connection:
            return _requested(connection, request_id)


class Directions(Directed, Chained):
    """Writes them down. An id is given here: D and R, numbered as they come."""

    def give_directive(self, given: Directive) -> Given:
        """Records it from `given.at_ns` on; what it replaces ends at that instant."""
        with self._transaction() as connection:
            return self._give(connection, given)

    def end_directive(self, directive_id: str, by: str, reason: str, now_ns: int) -> Directive:
        """Ends one before its time. Raises StoreError for one that is over, or that there is not."""
        with self._transaction() as connection:
            document = connection.execute(
                select(_directive.document).where(_directive.id == directive_id)
            ).scalar_one_or_none()
            if document is None:
                raise StoreError(f"there is no directive {directive_id}; netmon directives lists those in force")
            standing = load(Directive, document)
            if standing.is_over(now_ns):
                raise StoreError(f"{directive_id} is over already; netmon directives lists those in force")
            return self._end(connection, standing, by, reason, now_ns)

    def record_request(self, asked: Request) -> Request:
        """It waits to be decided. Raises StoreError where too many of the agency do."""
        with self._transaction() as connection:
            waiting = connection.execute(
                select(func.count())
                .select_from(request)
                .where(_request.agency == asked.agency, _request.pending_ns > asked.asked.at_ns)
            ).scalar_one()
            if waiting >= PENDING_AT_MOST:
                raise StoreError(
                    f"{waiting} requests of {asked.agency} wait to be decided; approve or refuse some of them first"
                )
            number = _next(connection, _request.number)
            recorded = replace(asked, id=f"R{number}")
            document = dump(recorded)
            connection.execute(
                insert(request).values(
                    number=number,
                    id=recorded.id,
                    agency=recorded.agency,
                    pending_ns=recorded.expires_ns,
                    document=document,
                )
            )
            self._append(connection, Entry(Kind.REQUEST, recorded.id, document))
        return recorded

    def approve_request(self, request_id: str, word: Word, needed: int) -> Decided | Objection:
        """Adds the word; the last one needed makes the boost, in the same transaction. Nothing changes with an
        Objection. Raises StoreError where there is no such request.
        """
        with self._transaction() as connection:
            found = requests.approve(_requested(connection, request_id), word, needed)
            if isinstance(found, Objection):
                return found
            given = None if found.boost is None else self._give(connection, found.boost)
            after = found.request if given is None else replace(found.request, directive=given.directive.id)
            self._note(connection, after, word, Kind.APPROVAL)
            return Decided(after, given)

    def refuse_request(self, request_id: str, word: Word) -> Decided | Objection:
        """Adds the word, which ends it. Raises StoreError where there is no such request."""
        with self._transaction() as connection:
            found = requests.refuse(_requested(connection, request_id), word)
            if isinstance(found, Objection):
                return found
            self._note(connection, found, word, Kind.REFUSAL)
            return Decided(found, None)

    def _give(self, connection: Connection, given: Directive) -> Given:
        number = _next(connection, _directive.number)
        recorded = replace(given, id=f"D{number}")
        replaced = [
            self._end(connection, one, recorded.by, f"replaced by {recorded.id}", recorded.at_ns, recorded.id)
            for one in _standing(connection, recorded)
        ]
        document = dump(recorded)
        connection.execute(
            insert(directive).values(
                number=number,
                id=recorded.id,
                kind=recorded.kind.value,
                subject=recorded.subject,
                at_ns=recorded.at_ns,
                over_ns=recorded.until_ns,
                document=document,
            )
        )
        self._append(connection, Entry(Kind.DIRECTIVE, recorded.id, document))
        return Given(recorded, replaced[-1] if replaced else None)

    def _end(
        self, connection: Connection, standing: Directive, by: str, reason: str, now_ns: int, heir: str | None = None
    ) -> Directive:
        end = _Ending(standing.id, now_ns, by, reason, heir)
        ended = _ended(standing, end)
        connection.execute(
            update(directive).where(_directive.id == ended.id).values(over_ns=now_ns, document=dump(ended))
        )
        self._append(connection, Entry(Kind.ENDING, ended.id, dump(end)))
        return ended

    def _note(self, connection: Connection, after: Request, word: Word, kind: Kind) -> None:
        pending_ns = after.expires_ns if after.state(word.at_ns) is RequestState.PENDING else None
        connection.execute(
            update(request).where(_request.id == after.id).values(pending_ns=pending_ns, document=dump(after))
        )
        told = _Told(after.id, word, after.directive)
        self._append(connection, Entry(kind, after.id, dump(told), repeatable=True))


def _standing(connection: Connection, rival: Directive) -> Sequence[Directive]:
    """Those that are not over in the place that `rival` takes: one at most, unless the clock was set back."""
    alike = (_directive.kind == rival.kind.value) & (_directive.subject == rival.subject)
    return [one for one in _read(connection, alike & _lasting(rival.at_ns)) if one.place == rival.place]


def _lasting(at_ns: int) -> ColumnElement[bool]:
    return or_(_directive.over_ns.is_(None), _directive.over_ns > at_ns)


def _read(connection: Connection, which: ColumnElement[bool]) -> tuple[Directive, ...]:
    statement = select(_directive.document).where(which).order_by(_directive.number)
    return tuple(load(Directive, document) for document in connection.execute(statement).scalars())


def _ended(standing: Directive, end: _Ending) -> Directive:
    return replace(standing, ended_ns=end.at_ns, ended_by=end.by, ended_reason=end.reason, replaced_by=end.replaced_by)


def _requested(connection: Connection, request_id: str) -> Request:
    document = connection.execute(select(_request.document).where(_request.id == request_id)).scalar_one_or_none()
    if document is None:
        raise StoreError(f"there is no request {request_id}; netmon requests lists those that wait")
    return load(Request, document)


def _next(connection: Connection, number: ColumnElement[int]) -> int:
    last: int | None = connection.execute(select(func.max(number))).scalar_one()
    return (last or 0) + 1


# --- as a whole -----------------------------------------------------------------------------------


def given_between(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Directive]:
    """Directives given in from_ns <= t < to_ns, in the order they were given."""
    for row in streamed(connection, select(_directive.document).order_by(_directive.number)):
        one = load(Directive, row.document)
        if from_ns <= one.at_ns < to_ns:
            yield one


def asked_between(connection: Connection, from_ns: int, to_ns: int) -> Iterator[Request]:
    """Requests made in from_ns <= t < to_ns, in the order they were made."""
    for row in streamed(connection, select(_request.document).order_by(_request.number)):
        one = load(Request, row.document)
        if from_ns <= one.asked.at_ns < to_ns:
            yield one


def by_the_chain(connection: Connection) -> tuple[dict[str, Directive], dict[str, Request]]:
    """Directives and requests by id, from nothing but the links that tell of them: what the tables must say, too."""
    given: dict[str, Directive] = {}
    asked: dict[str, Request] = {}
    kinds = (Kind.DIRECTIVE, Kind.ENDING, Kind.REQUEST, Kind.APPROVAL, Kind.REFUSAL)
    columns = schema.link.c
    links = select(columns.kind, columns.payload).where(columns.kind.in_(kinds))
    for kind, payload in streamed(connection, links.order_by(columns.chain, columns.sequence)):
        match kind:
            case Kind.DIRECTIVE:
                one = load(Directive, payload)
                given[one.id] = one
            case Kind.ENDING:
                end = load(_Ending, payload)
                given[end.id] = _ended(given[end.id], end)
            case Kind.REQUEST:
                request = load(Request, payload)
                asked[request.id] = request
            case _:
                told = load(_Told, payload)
                before = asked[told.id]
                if kind == Kind.REFUSAL:
                    asked[told.id] = replace(before, refusal=told.word)
                else:
                    approvals = (*before.approvals, told.word)
                    asked[told.id] = replace(before, approvals=approvals, directive=told.directive)
    return given, asked

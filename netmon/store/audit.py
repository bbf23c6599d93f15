"""The receipt chain under audit: of a ledger or an exported file, against heads noted earlier and public keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from sqlalchemy import Connection, inspect, select

from netmon.core.model import NANOSECONDS
from netmon.store import backends, chain, schema
from netmon.store.chain import GENESIS, Fault, Kind, Link, Rule, Signature, follow, link_of, signature_of
from netmon.store.database import streamed
from netmon.store.errors import StoreError
from netmon.store.location import Location
from netmon.store.migrations import refuse_newer, version
from netmon.store.values import canonical

_SQLITE_MAGIC = b"SQLite format 3\0"
_LONGEST_LINE = 64 * 1024 * 1024
"""Octets of one exported link; the longest is a province's configuration, of some megabytes."""
_HEAD = re.compile(r"(?:([0-9a-f]{32}):)?([0-9]{1,18}):([0-9a-f]{64})")
BUSY_TIMEOUT_NS = 5 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain as it was at some time; whoever noted it can tell whether anything before it is gone."""

    chain: str | None
    """None: of whichever chain."""
    sequence: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """`SEQUENCE:HASH` or `CHAIN:SEQUENCE:HASH`, what follows a space aside. Raises StoreError."""
        found = _HEAD.fullmatch(text.split(maxsplit=1)[0]) if text.split() else None
        if found is None:
            raise StoreError(
                f"{text.strip()[:100]!r} is not a head; write SEQUENCE:HASH as `netmon audit head` prints it"
            )
        return cls(found[1], int(found[2]), found[3])

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}" if self.chain is None else f"{self.chain}:{self.sequence}:{self.hash}"


class PublicKey(Protocol):
    """One that links may be signed by."""

    name: str

    def verifies(self, signature: Signature, link_hash: str) -> bool: ...


@dataclass(slots=True)
class Extent:
    """One chain as far as it holds."""

    chain: str
    links: int = 0
    hash: str = GENESIS
    signed: int = 0
    """Links that carry a signature, checked or not."""
    verified: int = 0
    """Links whose signature is by one of the keys given."""
    restores: list[Link] = field(default_factory=list)

    @property
    def head(self) -> Head:
        return Head(self.chain, self.links, self.hash)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found."""

    chains: tuple[Extent, ...]
    fault: Fault | None
    """The first link that does not hold; the links after it were not looked at."""
    noted: tuple[Head, ...]
    """Heads that were asked for."""

    @property
    def ok(self) -> bool:
        return self.fault is None


def audit(links: Iterable[Link], noted: Sequence[Head] = (), keys: Sequence[PublicKey] = ()) -> Audit:
    """Follows links ordered by (chain, sequence) up to the first that does not hold.

    With keys: from the first link that one of them signed every link must be, and there must be one; what
    comes before it is covered by its hash.
    """
    extents: dict[str, Extent] = {}
    by_name = {key.name: key for key in keys}
    for link, broken in follow(links):
        extent = extents.setdefault(link.chain, Extent(link.chain))
        if broken is None and link.kind == Kind.RESTORE:
            extent.restores.append(link)
        fault = broken or _signature_fault(link, extent, by_name) or _head_fault(link, extent, noted)
        if fault is not None:
            return Audit(tuple(extents.values()), fault, tuple(noted))
        extent.links, extent.hash = link.sequence, link.hash
        extent.signed += link.signature is not None
    found = tuple(extents.values())
    return Audit(found, _removed(found, noted) or _unsigned(found, keys), tuple(noted))


def _signature_fault(link: Link, extent: Extent, keys: dict[str, PublicKey]) -> Fault | None:
    if not keys:
        return None
    named, signature = f"link {link.sequence} of chain {link.chain}", link.signature
    key = keys.get(signature.key) if signature is not None else None
    if signature is None or key is None:
        if not extent.verified:
            return None
        by = "is not signed" if signature is None else f"is signed by another key ({signature.key[:16]}...)"
        return Fault(link.chain, link.sequence, Rule.SIGNATURE, f"{named} {by}, although one before it is by yours")
    if not key.verifies(signature, link.hash):
        return Fault(link.chain, link.sequence, Rule.SIGNATURE, f"the signature of {named} is not by the key it names")
    extent.verified += 1
    return None


def _head_fault(link: Link, extent: Extent, noted: Sequence[Head]) -> Fault | None:
    for head in noted:
        if head.sequence == link.sequence and head.chain in (None, link.chain) and head.hash != link.hash:
            detail = f"link {link.sequence} of chain {link.chain} is not the one that was noted, {head.hash[:16]}..."
            return Fault(link.chain, link.sequence, Rule.NOTED_HEAD, detail + _restored(extent, head.sequence))
    return None


def _removed(extents: Sequence[Extent], noted: Sequence[Head]) -> Fault | None:
    """A noted head beyond the end: links were taken off, or the whole chain is another one."""
    for head in noted:
        if head.sequence == 0:
            continue
        among = [one for one in extents if head.chain in (None, one.chain)]
        if any(one.links >= head.sequence for one in among):
            continue
        if not among:
            name = head.chain or "any"
            detail = f"chain {name} is gone: it had {head.sequence} links when its head was noted"
            return Fault(name, 1, Rule.NOTED_HEAD, detail)
        longest = max(among, key=lambda one: one.links)
        first = longest.links + 1
        detail = (
            f"links {first} to {head.sequence} of chain {longest.chain} are gone: it ends at {longest.links}, but was"
            f" {head.sequence} long when its head was noted"
        )
        return Fault(longest.chain, first, Rule.NOTED_HEAD, detail + _restored(longest, head.sequence))
    return None


def _restored(extent: Extent, sequence: int) -> str:
    """What a restore, itself a link, says of links that are not there any more."""
    for link in extent.restores:
        try:
            payload = json.loads(link.payload)
            came_before, kept = payload["restored"]["sequence"] < sequence, payload["kept_as"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if came_before:
            return f"; link {link.sequence} tells of a restored backup, and that what it replaced was kept as {kept}"
    return ""


def _unsigned(extents: Sequence[Extent], keys: Sequence[PublicKey]) -> Fault | None:
    for one in extents if keys else ():
        if not one.verified:
            detail = f"no link of chain {one.chain} is signed by the key that was given"
            return Fault(one.chain, one.links, Rule.SIGNATURE, detail)
    return None


# --- where links are ------------------------------------------------------------------------------


def is_ledger(path: Path) -> bool:
    """Whether a file is a database, and not an exported chain. Raises StoreError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}; check its path and owner") from error


@contextmanager
def links_of(source: Location) -> Iterator[Iterator[Link]]:
    """The links of a ledger, in use or not, or of an exported file, by (chain, sequence). Raises StoreError."""
    if isinstance(source, Path) and not is_ledger(source):
        with source.open("rb") as file:
            yield exported(file, source)
        return
    # The caller may stop anywhere, and must not leave a question open on the server.
    with snapshot(source) as connection, closing(ledger_links(connection)) as links:
        yield links


@contextmanager
def snapshot(location: Location) -> Iterator[Connection]:
    """One consistent view of a ledger of this or an earlier netmon. Raises StoreError, LedgerSchemaError."""
    if isinstance(location, Path) and not location.exists():
        raise StoreError(f"there is no ledger at {location}; correct the path")
    backend = backends.reading(location, BUSY_TIMEOUT_NS, patient=True)
    try:
        with backend.transaction() as connection:
            present = version(connection)
            refuse_newer(present, location)
            if present == 0:
                raise StoreError(f"{location} is a database but not a netmon ledger; give the place of one")
            yield connection
    finally:
        backend.close()


def ledger_links(connection: Connection) -> Generator[Link, None, None]:
    """In order, with their signatures where the ledger's schema has any."""
    columns, signed = schema.link.c, schema.signature.c
    statement = select(schema.link)
    if inspect(connection).has_table(schema.signature.name):
        both = (signed.chain == columns.chain) & (signed.sequence == columns.sequence)
        statement = select(schema.link, signed.key, signed.value).outerjoin(schema.signature, both)
    for row in streamed(connection, statement.order_by(columns.chain, columns.sequence)):
        key = getattr(row, "key", None)
        yield link_of(row, None if key is None else Signature(key, row.value))


def head_of(location: Location) -> tuple[Head, Signature | None]:
    """The newest link of a ledger's own chain, to be noted elsewhere. Raises StoreError."""
    with snapshot(location) as connection:
        name, sequence, hashed = chain.head(connection)
        signs = inspect(connection).has_table(schema.signature.name)
        return Head(name, sequence, hashed), signature_of(connection, name, sequence) if signs else None


# --- JSON Lines -----------------------------------------------------------------------------------


def export(location: Location, file: BinaryIO, told: Callable[[int], None] = lambda count: None) -> Head:
    """Writes a ledger's links as JSON Lines, whole or broken as they are; returns the last one's place."""
    last = Head(None, 0, GENESIS)
    with links_of(location) as links:
        for count, link in enumerate(links, 1):
            file.write(line_of(link))
            last = Head(link.chain, link.sequence, link.hash)
            told(count)
    return last


def line_of(link: Link) -> bytes:
    """One link as a line of canonical JSON."""
    signature = link.signature
    around = {
        "chain": link.chain,
        "hash": link.hash,
        "key": None if signature is None else signature.key,
        "kind": link.kind,
    }
    after = {
        "previous_hash": link.previous_hash,
        "sequence": link.sequence,
        "signature": None if signature is None else signature.value,
        "subject": link.subject,
    }
    # The payload goes in as it is stored, so that the file shows what the ledger holds, canonical or not.
    return f'{canonical(around)[:-1]},"payload":{link.payload},{canonical(after)[1:]}\n'.encode()


def exported(file: BinaryIO, path: Path) -> Iterator[Link]:
    """The links of an exported file. Raises StoreError naming the line that is none."""
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        try:
            yield _link(line)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StoreError(
                f"{path}:{number}:1: is not a link as `netmon audit export` writes it ({_why(error)}); the file was cut"
                " off or altered: export it again"
            ) from error


def _link(line: bytes) -> Link:
    if not line.endswith(b"\n"):
        raise ValueError("the line does not end")
    text = line[:-1].decode("ascii")
    document = json.loads(text)
    if not isinstance(document, dict) or canonical(document) != text:
        raise ValueError("not canonical JSON")
    signature = None
    if document["signature"] is not None:
        signature = Signature(_text(document["key"]), _text(document["signature"]))
    if type(document["sequence"]) is not int:
        raise TypeError("sequence is not an integer")
    return Link(
        _text(document["chain"]),
        document["sequence"],
        _text(document["kind"]),
        canonical(document["payload"]),
        _text(document["previous_hash"]),
        _text(document["hash"]),
        _text(document["subject"]),
        signature,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _why(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)

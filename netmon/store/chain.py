"""The receipt chain: every link names the hash of the one before, so that none can be altered or taken out unseen.

hash = SHA-256(previous_hash + canonical JSON of {chain, kind, payload, sequence}), where previous_hash
is 64 lower-case hexadecimal digits as ASCII and the first link's is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, Row, insert, select

from netmon.store import schema
from netmon.store.values import canonical

GENESIS = "0" * 64


class Kind(StrEnum):
    """What a link holds."""

    RECEIPT = "receipt"
    """How a change went: a Receipt."""
    OBSERVATION = "observation"
    """That traffic proved what a receipt (its subject) says."""
    VERDICT = "verdict"
    """That the policies came to say something else of an agency."""
    PLAN = "plan"
    """Changes about to be carried out together."""
    PLAN_APPROVAL = "plan_approval"
    """One person's word for tightenings that waited for it; the subject is their hash."""
    HOLD = "hold"
    """An operator's word that keeps a circuit's limit as it is."""
    CONFIGURATION = "configuration"
    """What netmon was told to do, secrets left out."""
    CLOSING = "closing"
    """That a period was closed, or closed anew: who, when, why, and the digest of its figures."""
    DIRECTIVE = "directive"
    """What somebody decided for a time; that it ended at its time needs no link."""
    ENDING = "ending"
    """That somebody ended a directive (its subject) before its time, or gave another in its place."""
    REQUEST = "request"
    """What an agency asked for."""
    APPROVAL = "approval"
    """One person's word for a request (its subject), and the directive it became with the last one needed."""
    REFUSAL = "refusal"
    """One person's word against a request."""
    SHARE = "share"
    """What is due to a circuit of capacity that is shared."""
    DRIFT = "drift"
    """That a limit was found other than it was left, and what netmon does about it."""
    TAKE_OVER = "take_over"
    """That a router which bore another netmon's marker was taken over by a person's word."""
    ADOPTION = "adoption"
    """What somebody else had set on a circuit's port, before and after it was set aside, with what puts it back."""
    RESTORATION = "restoration"
    """That what had been set aside at a circuit is put back: before, and how it went."""
    ORPHANS = "orphans"
    """What of netmon's was taken off a router because no circuit configured there has it."""
    RELEASE = "release"
    """That somebody had every limit of netmon's taken off everywhere, and none set until a resumption."""
    SWEEP = "sweep"
    """What one pass over the routers found and took off, for a release."""
    RESUME = "resume"
    """The word that ended a release (its subject)."""
    RESTORE = "restore"
    """That the ledger was replaced by a backup: the links after it were made anew."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Ed25519 over a link's hash; both hexadecimal."""

    key: str
    """SHA-256 of the 32 octets of the public key."""
    value: str
    """64 octets."""


class Signing(Protocol):
    """Who signs what is appended."""

    def sign(self, link_hash: str) -> Signature: ...


_SEVERAL = (Kind.APPROVAL, Kind.REFUSAL, Kind.PLAN_APPROVAL, Kind.ADOPTION, Kind.RESTORATION)
_NAMED: Mapping[str, str] = {
    Kind.RECEIPT: "id",
    Kind.OBSERVATION: "receipt",
    Kind.DIRECTIVE: "id",
    Kind.ENDING: "id",
    Kind.REQUEST: "id",
    Kind.APPROVAL: "id",
    Kind.REFUSAL: "id",
    Kind.PLAN_APPROVAL: "hash",
    Kind.ADOPTION: "circuit",
    Kind.RESTORATION: "circuit",
    Kind.RELEASE: "id",
    Kind.SWEEP: "id",
    Kind.RESUME: "id",
}
"""By the kind of link, what its payload calls its subject; of a kind in _SEVERAL there may be more than one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be appended."""

    kind: str
    subject: str
    """What it is about; unique among its kind."""
    payload: str
    """Canonical JSON."""
    repeatable: bool = False
    """True: there may be several on one subject, so `#` and the link's sequence are added to it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of a chain; `payload` is canonical JSON."""

    chain: str
    sequence: int
    """1-based, without gaps."""
    kind: str
    payload: str
    previous_hash: str
    hash: str
    subject: str = ""
    signature: Signature | None = None


class Rule(StrEnum):
    """What a link offends against."""

    SEQUENCE = "sequence"
    PREVIOUS_HASH = "previous_hash"
    HASH = "hash"
    SUBJECT = "subject"
    SIGNATURE = "signature"
    NOTED_HEAD = "noted_head"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first link that does not hold."""

    chain: str
    sequence: int
    rule: Rule
    detail: str


def link_hash(chain: str, sequence: int, kind: str, payload: str, previous_hash: str) -> str:
    """As above. The payload counts as it is written: what is not canonical has another hash."""
    document = f'{{"chain":{canonical(chain)},"kind":{canonical(kind)},"payload":{payload},"sequence":{sequence}}}'
    return hashlib.sha256((previous_hash + document).encode("utf-8")).hexdigest()


def follow(links: Iterable[Link]) -> Iterator[tuple[Link, Fault | None]]:
    """Each of the links, ordered by (chain, sequence), with what is wrong with it; ends after the first fault."""
    chain, expected, previous = None, 1, GENESIS
    for link in links:
        if link.chain != chain:
            chain, expected, previous = link.chain, 1, GENESIS
        fault = _fault(link, expected, previous)
        yield link, fault
        if fault is not None:
            return
        expected, previous = link.sequence + 1, link.hash


def _fault(link: Link, expected: int, previous: str) -> Fault | None:
    named = f"link {link.sequence} of chain {link.chain}"
    if link.sequence != expected:
        detail = f"link {expected} of chain {link.chain} is missing"
        if link.sequence < expected:
            detail = f"{named} occurs twice or out of order"
        return Fault(link.chain, link.sequence, Rule.SEQUENCE, detail)
    if link.previous_hash != previous:
        return Fault(link.chain, link.sequence, Rule.PREVIOUS_HASH, f"{named} does not follow the one before it")
    if link_hash(link.chain, link.sequence, link.kind, link.payload, link.previous_hash) != link.hash:
        return Fault(link.chain, link.sequence, Rule.HASH, f"{named} was altered")
    if not _fits(link):
        detail = f"{named} is filed under {link.subject}, which its payload is not about"
        return Fault(link.chain, link.sequence, Rule.SUBJECT, detail)
    return None


def _fits(link: Link) -> bool:
    """Whether the subject, which the hash does not cover, is the payload's."""
    key = _NAMED.get(link.kind)
    if key is None or not link.subject:
        return True
    try:
        payload = json.loads(link.payload)
    except (ValueError, RecursionError):
        return False
    named = payload.get(key) if isinstance(payload, dict) else None
    return link.subject == (f"{named}#{link.sequence}" if link.kind in _SEVERAL else named)


def head(connection: Connection) -> tuple[str, int, str]:
    """(chain, sequence, hash) of this ledger's newest link; sequence 0 and 64 zeros before the first."""
    chain: str = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "chain_id")).scalar_one()
    last = connection.execute(
        select(schema.link.c.sequence, schema.link.c.hash)
        .where(schema.link.c.chain == chain)
        .order_by(schema.link.c.sequence.desc())
        .limit(1)
    ).one_or_none()
    return (chain, 0, GENESIS) if last is None else (chain, last.sequence, last.hash)


def link_of(row: Row[Any], signature: Signature | None) -> Link:
    """A row of the table of links, and its signature if it has one."""
    return Link(row.chain, row.sequence, row.kind, row.payload, row.previous_hash, row.hash, row.subject, signature)


def signature_of(connection: Connection, chain: str, sequence: int) -> Signature | None:
    """None: the link is not signed."""
    columns = schema.signature.c
    statement = select(columns.key, columns.value).where(columns.chain == chain, columns.sequence == sequence)
    found = connection.execute(statement).one_or_none()
    return None if found is None else Signature(found.key, found.value)


def append(connection: Connection, signer: Signing | None, entries: Sequence[Entry]) -> list[Link]:
    """The next links of this ledger's chain."""
    if not entries:
        return []
    chain, sequence, previous = head(connection)
    links: list[Link] = []
    for entry in entries:
        sequence += 1
        hashed = link_hash(chain, sequence, entry.kind, entry.payload, previous)
        subject = f"{entry.subject}#{sequence}" if entry.repeatable else entry.subject
        signature = None if signer is None else signer.sign(hashed)
        links.append(Link(chain, sequence, str(entry.kind), entry.payload, previous, hashed, subject, signature))
        previous = hashed
    columns = ("chain", "sequence", "kind", "subject", "payload", "previous_hash", "hash")
    connection.execute(insert(schema.link), [{name: getattr(link, name) for name in columns} for link in links])
    signed = [
        {"chain": link.chain, "sequence": link.sequence, "key": link.signature.key, "value": link.signature.value}
        for link in links
        if link.signature is not None
    ]
    if signed:
        connection.execute(insert(schema.signature), signed)
    return links

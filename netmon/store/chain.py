"""The receipt chain: every link names the hash of the one before, so that none can be altered or taken out unseen.

hash = SHA-256(previous_hash + canonical JSON of {chain, kind, payload, sequence}), where previous_hash
is 64 lower-case hexadecimal digits as ASCII and the first link's is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from netmon.store import schema
from netmon.store.values import canonical

GENESIS = "0" * 64


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


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """How far a ledger's chains hold."""

    ok: bool
    links: int
    """Links that were checked and are sound."""
    first_bad: int | None = None
    """Sequence of the first link that is not."""
    detail: str | None = None


def link_hash(chain: str, sequence: int, kind: str, payload: str, previous_hash: str) -> str:
    """As above. Raises ValueError if `payload` is not JSON."""
    document = canonical({"chain": chain, "sequence": sequence, "kind": kind, "payload": json.loads(payload)})
    return hashlib.sha256((previous_hash + document).encode("ascii")).hexdigest()


def check(links: Iterable[Link]) -> ChainCheck:
    """Follows links ordered by (chain, sequence) and stops at the first that does not hold."""
    sound, chain, expected, previous = 0, None, 1, GENESIS
    for link in links:
        if link.chain != chain:
            chain, expected, previous = link.chain, 1, GENESIS
        fault = _fault(link, expected, previous)
        if fault is not None:
            return ChainCheck(ok=False, links=sound, first_bad=link.sequence, detail=fault)
        sound, expected, previous = sound + 1, link.sequence + 1, link.hash
    return ChainCheck(ok=True, links=sound)


def _fault(link: Link, expected: int, previous: str) -> str | None:
    if link.sequence != expected:
        return f"link {expected} of chain {link.chain} is missing"
    if link.previous_hash != previous:
        return f"link {link.sequence} of chain {link.chain} does not follow the one before it"
    try:
        hashed = link_hash(link.chain, link.sequence, link.kind, link.payload, link.previous_hash)
    except ValueError:
        return f"link {link.sequence} of chain {link.chain} is not readable"
    return None if hashed == link.hash else f"link {link.sequence} of chain {link.chain} was altered"


def append(connection: Connection, kind: str, subject: str, payload: str) -> Link:
    """The next link of this ledger's chain; (kind, subject) is unique."""
    chain = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "chain_id")).scalar_one()
    last = connection.execute(
        select(schema.link.c.sequence, schema.link.c.hash)
        .where(schema.link.c.chain == chain)
        .order_by(schema.link.c.sequence.desc())
        .limit(1)
    ).one_or_none()
    sequence, previous = (1, GENESIS) if last is None else (last.sequence + 1, last.hash)
    link = Link(chain, sequence, kind, payload, previous, link_hash(chain, sequence, kind, payload, previous))
    connection.execute(
        insert(schema.link).values(
            chain=chain,
            sequence=sequence,
            kind=kind,
            subject=subject,
            payload=payload,
            previous_hash=previous,
            hash=link.hash,
        )
    )
    return link

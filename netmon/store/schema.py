"""The ledger's tables. Instants are UTC nanoseconds, documents canonical JSON (see values), counters big-endian u64.

Changing a table means a new migration; the bytes of migration 1 are pinned by a test.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere: SQLite's own row id is only an INTEGER."""
OctetText = Text().with_variant(Text(collation="C"), "postgresql")
"""In the order of its octets everywhere, which is SQLite's own."""


def _router(*, primary_key: bool = False) -> Column[int]:
    return Column("router_id", _Id, ForeignKey("router.id"), nullable=False, primary_key=primary_key)


meta = Table("meta", metadata, Column("key", OctetText, primary_key=True), Column("value", OctetText, nullable=False))

router = Table(
    "router",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("name", OctetText, nullable=False, unique=True),
)

series = Table(
    "series",
    metadata,
    _router(primary_key=True),
    Column("name", OctetText, primary_key=True),
    Column("position", Integer, nullable=False),
    UniqueConstraint("router_id", "position"),
)
"""Where a router's series stands in every column of its visits, for good."""

layout = Table(
    "layout",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    _router(),
    Column("digest", LargeBinary, nullable=False),
    Column("document", OctetText, nullable=False),
    UniqueConstraint("router_id", "digest"),
)
"""What seldom changes from visit to visit, stored once: identities, PDU of each series, width, device."""

visit = Table(
    "visit",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    _router(),
    Column("sequence", BigInteger, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("layout_id", _Id, ForeignKey("layout.id"), nullable=False),
    Column("host_uptime_ticks", BigInteger),
    Column("lagging", OctetText),
    Column("stamps", LargeBinary, nullable=False),
    Column("in_total", LargeBinary, nullable=False),
    Column("out_total", LargeBinary, nullable=False),
    Column("in_octets", LargeBinary, nullable=False),
    Column("out_octets", LargeBinary, nullable=False),
    UniqueConstraint("router_id", "sequence"),
    Index("visit_by_time", "router_id", "at_ns", "sequence"),
    sqlite_autoincrement=True,
)
"""One accounted poll; `id` is the global order of commits and never reused: the sinks' cursor."""

head = Table(
    "head",
    metadata,
    _router(primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)
"""The compare-and-swap: a visit commits only from here."""

gap = Table(
    "gap",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("visit_id", _Id, ForeignKey("visit.id"), nullable=False),
    _router(),
    Column("interface", OctetText, nullable=False),
    Column("direction", OctetText, nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=False),
    Column("reason", OctetText, nullable=False),
    Index("gap_by_series", "router_id", "interface", "direction", "to_ns"),
)

verdict = Table(
    "verdict",
    metadata,
    Column("agency", OctetText, primary_key=True),
    Column("direction", OctetText, primary_key=True),
    Column("document", OctetText, nullable=False),
)

verdict_log = Table(
    "verdict_log",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("agency", OctetText, nullable=False),
    Column("direction", OctetText, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("document", OctetText, nullable=False),
    Index("verdict_log_by_agency", "agency", "direction", "at_ns"),
)
"""Transitions only."""

alert = Table(
    "alert", metadata, Column("key", OctetText, primary_key=True), Column("document", OctetText, nullable=False)
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Id, Identity(), primary_key=True),
    Column("alert_id", OctetText, nullable=False, unique=True),
    Column("document", OctetText, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("sent_ns", BigInteger),
    Index("outbox_unsent", "id", sqlite_where=text("sent_ns IS NULL"), postgresql_where=text("sent_ns IS NULL")),
    sqlite_autoincrement=True,
)

intent = Table(
    "intent",
    metadata,
    Column("id", OctetText, primary_key=True),
    Column("document", OctetText, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("stepped_ns", BigInteger, nullable=False),
    Column("closed_ns", BigInteger),
    Index(
        "intent_open", "created_ns", sqlite_where=text("closed_ns IS NULL"), postgresql_where=text("closed_ns IS NULL")
    ),
)

link = Table(
    "link",
    metadata,
    Column("chain", OctetText, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", OctetText, nullable=False),
    Column("subject", OctetText, nullable=False),
    Column("payload", OctetText, nullable=False),
    Column("previous_hash", OctetText, nullable=False),
    Column("hash", OctetText, nullable=False),
    UniqueConstraint("kind", "subject"),
)
"""The receipt chain; `subject` is the receipt's id."""

limit_state = Table(
    "limit_state",
    metadata,
    Column("circuit", OctetText, primary_key=True),
    Column("direction", OctetText, primary_key=True),
    Column("bps", BigInteger),
    Column("known", Boolean, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)

hold = Table(
    "hold",
    metadata,
    Column("circuit", OctetText, primary_key=True),
    Column("reason", OctetText, nullable=False),
    Column("by", OctetText, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger),
)

cursor = Table(
    "cursor", metadata, Column("name", OctetText, primary_key=True), Column("position", BigInteger, nullable=False)
)

_signatures = MetaData()

signature = Table(
    "signature",
    _signatures,
    Column("chain", OctetText, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("key", OctetText, nullable=False),
    Column("value", OctetText, nullable=False),
    ForeignKeyConstraint(["chain", "sequence"], [link.c.chain, link.c.sequence]),
)
"""Since migration 2: of a link's hash (64 ASCII digits) by Ed25519, and SHA-256 of the public key; hexadecimal."""

periods = MetaData()
"""What migration 3 makes."""

thinning = Table(
    "thinning",
    periods,
    Column("router_id", _Id, ForeignKey(router.c.id), primary_key=True),
    Column("level", OctetText, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("spare", Boolean, nullable=False),
)
"""How far a router's visits were thinned; `spare`: that visit goes, too, once the next one is judged."""

demand = Table(
    "demand",
    periods,
    Column("start_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("end_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("circuit", OctetText, primary_key=True),
    Column("agency", OctetText, primary_key=True),
    Column("direction", OctetText, primary_key=True),
    Column("ports", OctetText, nullable=False),
    Column("upto_ns", BigInteger, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("p95_bps", BigInteger),
    Column("peak_bps", BigInteger),
    Column("peak_at_ns", BigInteger),
    Column("top", LargeBinary, nullable=False),
)
"""The highest grid cells of a period so far, by which its 95th percentile goes on; circuit "": all of the agency's."""

closing = Table(
    "closing",
    periods,
    Column("id", _Id, Identity(), primary_key=True),
    Column("agency", OctetText, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("document", OctetText, nullable=False),
    UniqueConstraint("agency", "start_ns", "end_ns", "revision"),
    Index("closing_by_period", "start_ns", "end_ns"),
)
"""A closed period's figures; never altered. `settled`: every port was read after its end: no late reading can come."""


def tables() -> tuple[Table, ...]:
    """Those of this module."""
    return tuple(table for made in (metadata, _signatures, periods) for table in made.sorted_tables)

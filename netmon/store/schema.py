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


def _router(*, primary_key: bool = False) -> Column[int]:
    return Column("router_id", _Id, ForeignKey("router.id"), nullable=False, primary_key=primary_key)


meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

router = Table(
    "router", metadata, Column("id", _Id, primary_key=True), Column("name", Text, nullable=False, unique=True)
)

series = Table(
    "series",
    metadata,
    _router(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    UniqueConstraint("router_id", "position"),
)
"""Where a router's series stands in every column of its visits, for good."""

layout = Table(
    "layout",
    metadata,
    Column("id", _Id, primary_key=True),
    _router(),
    Column("digest", LargeBinary, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("router_id", "digest"),
)
"""What seldom changes from visit to visit, stored once: identities, PDU of each series, width, device."""

visit = Table(
    "visit",
    metadata,
    Column("id", _Id, primary_key=True),
    _router(),
    Column("sequence", BigInteger, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("layout_id", _Id, ForeignKey("layout.id"), nullable=False),
    Column("host_uptime_ticks", BigInteger),
    Column("lagging", Text),
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
    Column("id", _Id, primary_key=True),
    Column("visit_id", _Id, ForeignKey("visit.id"), nullable=False),
    _router(),
    Column("interface", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("gap_by_series", "router_id", "interface", "direction", "to_ns"),
)

verdict = Table(
    "verdict",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

verdict_log = Table(
    "verdict_log",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("agency", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("verdict_log_by_agency", "agency", "direction", "at_ns"),
)
"""Transitions only."""

alert = Table("alert", metadata, Column("key", Text, primary_key=True), Column("document", Text, nullable=False))

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("alert_id", Text, nullable=False, unique=True),
    Column("document", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("sent_ns", BigInteger),
    Index("outbox_unsent", "id", sqlite_where=text("sent_ns IS NULL"), postgresql_where=text("sent_ns IS NULL")),
    sqlite_autoincrement=True,
)

intent = Table(
    "intent",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document", Text, nullable=False),
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
    Column("chain", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("kind", "subject"),
)
"""The receipt chain; `subject` is the receipt's id."""

limit_state = Table(
    "limit_state",
    metadata,
    Column("circuit", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("bps", BigInteger),
    Column("known", Boolean, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)

hold = Table(
    "hold",
    metadata,
    Column("circuit", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger),
)

cursor = Table(
    "cursor", metadata, Column("name", Text, primary_key=True), Column("position", BigInteger, nullable=False)
)

_signatures = MetaData()

signature = Table(
    "signature",
    _signatures,
    Column("chain", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    ForeignKeyConstraint(["chain", "sequence"], [link.c.chain, link.c.sequence]),
)
"""Since migration 2: of a link's hash (64 ASCII digits) by Ed25519, and SHA-256 of the public key; hexadecimal."""

periods = MetaData()
"""What migration 3 makes."""

thinning = Table(
    "thinning",
    periods,
    Column("router_id", _Id, ForeignKey(router.c.id), primary_key=True),
    Column("level", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("spare", Boolean, nullable=False),
)
"""How far a router's visits were thinned; `spare`: that visit goes, too, once the next one is judged."""

demand = Table(
    "demand",
    periods,
    Column("start_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("end_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("circuit", Text, primary_key=True),
    Column("agency", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("ports", Text, nullable=False),
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
    Column("id", _Id, primary_key=True),
    Column("agency", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("agency", "start_ns", "end_ns", "revision"),
    Index("closing_by_period", "start_ns", "end_ns"),
)
"""A closed period's figures; never altered. `settled`: every port was read after its end: no late reading can come."""

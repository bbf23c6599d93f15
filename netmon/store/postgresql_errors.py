"""What a PostgreSQL server's errors mean for a ledger, and what to do: by SQLSTATE, or by its class."""

from __future__ import annotations

_AWAY = "cannot be reached; start the server or mend the way to it, netmon goes on by itself"
_LOGIN = "refused netmon's login; correct ledger.password and the role in ledger.url, or the server's pg_hba.conf"
_ABSENT = "is not there; create the database, or correct ledger.url"
_CROWDED = "has no connection left; end other sessions, or raise max_connections, netmon goes on by itself"
_DAMAGED = "is damaged; stop netmon, and restore a dump with pg_restore"
_DISK = "could not be read or written; check the server's disks and its log"

_BY_STATE = {
    "25006": "may only be read; point ledger.url at the primary server, or end default_transaction_read_only",
    "25P03": _AWAY,
    "25P04": _AWAY,
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": _ABSENT,
    "3F000": "has no schema to write to; create one that is in its role's search_path",
    "42501": "may not be used by netmon's role; make that role the owner of the database or of its schema",
    "42P01": "misses one of its tables; point ledger.url at the ledger, or restore a dump with pg_restore",
    "53100": "is full or its server's disk is; free space there, netmon goes on by itself",
    "53300": _CROWDED,
    "55P03": "stayed locked by another session; end what has it open (psql, pg_dump), or raise ledger.busy_timeout",
    "57014": "did not answer in time; see in pg_stat_activity what the server is busy with, netmon tries again",
    "57P01": _AWAY,
    "57P02": _AWAY,
    "57P03": _AWAY,
}
_BY_CLASS = {
    "08": _AWAY,
    "40": "was changed by another session at the same time; netmon tries again",
    "53": "asks for more than its server has; give it memory or disk, netmon goes on by itself",
    "57": _AWAY,
    "58": _DISK,
    "XX": _DAMAGED,
}
_BY_WORDS = (
    ("too many ", _CROWDED),
    ("remaining connection slots", _CROWDED),
    ("no password supplied", _LOGIN),
    ("authentication failed", _LOGIN),
    ("no pg_hba.conf entry", _LOGIN),
    ("is not permitted to log in", _LOGIN),
    ('role "', _LOGIN),
    ('database "', _ABSENT),
    ("certificate", "is not trusted, or does not trust netmon; correct sslmode and sslrootcert in ledger.url"),
    ("SSL", "is not trusted, or does not trust netmon; correct sslmode and sslrootcert in ledger.url"),
    ("invalid ", "cannot be opened; correct ledger.url"),
    ("missing ", "cannot be opened; correct ledger.url"),
)
"""Of a login that failed libpq has no SQLSTATE; without English messages it is 'cannot be reached', with the words."""


def remedy(state: str | None, message: str, *, operational: bool) -> str | None:
    """What is wrong and what to do, as the rest of a sentence; None: nobody foresaw it.

    `operational`: it came from the server or the way to it, not from what was asked.
    """
    if state is not None:
        return _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    # What the server said, not the names of host and database around it.
    said = message.partition("FATAL:")[2] or message
    return next((what for words, what in _BY_WORDS if words in said), _AWAY if operational else None)

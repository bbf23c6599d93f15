"""Every error of a server that an operator can do something about has its sentence."""

from __future__ import annotations

import pytest

from netmon.store.postgresql_errors import remedy

TO = 'connection failed: connection to server at "10.0.0.9", port 5432 failed: '


@pytest.mark.parametrize(
    ("state", "message", "words"),
    [
        ("53100", "could not extend file", "is full"),
        ("53200", "out of memory", "more than its server has"),
        ("53300", "too many clients already", "no connection left"),
        ("25006", "cannot execute INSERT in a read-only transaction", "may only be read"),
        ("57P01", "terminating connection due to administrator command", "cannot be reached"),
        ("57P03", "the database system is starting up", "cannot be reached"),
        ("57014", "canceling statement due to statement timeout", "did not answer in time"),
        ("55P03", "canceling statement due to lock timeout", "stayed locked by another session"),
        ("42501", "permission denied for table visit", "may not be used by netmon's role"),
        ("42P01", 'relation "visit" does not exist', "misses one of its tables"),
        ("40001", "could not serialize access", "changed by another session"),
        ("XX001", "invalid page in block 7", "is damaged"),
        ("58030", "could not read block 7", "could not be read or written"),
        (None, TO + "Connection refused", "cannot be reached"),
        (None, TO + 'FATAL:  password authentication failed for user "netmon"', "refused netmon's login"),
        (None, TO + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "refused netmon's login"),
        (None, TO + 'FATAL:  role "netmon" does not exist', "refused netmon's login"),
        (None, TO + 'FATAL:  database "ledger" does not exist', "is not there; create the database"),
        (None, TO + "FATAL:  sorry, too many clients already", "no connection left"),
        (None, TO + 'FATAL:  too many connections for role "netmon"', "no connection left"),
        (None, TO + "FATAL:  the database system is starting up", "cannot be reached"),
        (None, TO + "SSL error: certificate verify failed", "is not trusted"),
        (None, TO + "server does not support SSL, but SSL was required", "sslmode"),
        (None, 'invalid port number: "x"', "correct ledger.url"),
        (None, "Verbindung verweigert", "cannot be reached"),
    ],
)
def test_an_error_is_told_with_what_to_do(state: str | None, message: str, words: str) -> None:
    assert words in (remedy(state, message, operational=True) or "")


def test_what_nobody_foresaw_has_none() -> None:
    assert remedy("22003", "bigint out of range", operational=False) is None
    assert remedy(None, "PostgreSQL text fields cannot contain NUL (0x00) bytes", operational=False) is None

"""Where a ledger is: in a file, or in a database on a server. What is said of it never holds a password."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from netmon.settings import SecretRef

SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL database; str() is its URL."""

    url: str
    """As libpq reads it, without a password."""
    password: SecretRef | None = None
    """None: the server asks for none, or libpq finds it elsewhere (PGPASSFILE, a certificate, peer)."""

    def __str__(self) -> str:
        return self.url


Location = Path | Server
"""A path is that of an SQLite file."""


def split_password(url: str) -> tuple[str, str | None]:
    """A PostgreSQL URL without the password that is written in it, and that password.

    Raises ValueError for what is no such URL.
    """
    if not url.startswith(SCHEMES):
        raise ValueError("a ledger's url is postgresql://HOST/DATABASE")
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    user, colon, written = login.partition(":")
    password = unquote(written) if colon else None
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in query if key != "password"]
    if len(kept) < len(query):
        password = dict(query)["password"]
    if any(key == "sslpassword" for key, _ in kept):
        raise ValueError("sslpassword cannot be given; use a client key without one, readable by netmon alone")
    if password is None:
        return url, None
    return urlunsplit(parts._replace(netloc=f"{user}{at}{hosts}", query=urlencode(kept))), password

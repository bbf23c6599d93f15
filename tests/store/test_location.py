"""Where a ledger is, and that no password is ever part of what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from netmon.settings import SecretRef
from netmon.store.location import Server, split_password
from netmon.store.settings import LedgerSettings


@pytest.mark.parametrize(
    ("url", "bare", "password"),
    [
        ("postgresql://netmon@db/ledger", "postgresql://netmon@db/ledger", None),
        ("postgres://netmon:hunter2@db/ledger", "postgres://netmon@db/ledger", "hunter2"),
        ("postgresql://netmon:h%40n%2Fter@db:5433/l", "postgresql://netmon@db:5433/l", "h@n/ter"),
        ("postgresql://n:x@a:1,b:2/l?sslmode=require", "postgresql://n@a:1,b:2/l?sslmode=require", "x"),
        ("postgresql://n@db/l?password=hunter2&sslmode=require", "postgresql://n@db/l?sslmode=require", "hunter2"),
        ("postgresql:///l?host=/run/postgresql", "postgresql:///l?host=/run/postgresql", None),
        ("postgresql://n:@db/l", "postgresql://n@db/l", ""),
    ],
)
def test_a_password_is_taken_out_of_the_url(url: str, bare: str, password: str | None) -> None:
    assert split_password(url) == (bare, password)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"url": "mysql://db/ledger"}, r"a ledger's url is postgresql://HOST/DATABASE"),
        ({"url": "postgresql://n@db/l", "path": "ledger.db"}, r"path and url name two ledgers; give one of them"),
        (
            {"url": "postgresql://n:x@db/l", "password": {"env": "P"}},
            r"the password is given twice; take it out of url",
        ),
        ({"url": "postgresql://n@db/l?sslpassword=x"}, r"sslpassword cannot be given; use a client key without one"),
        ({"path": "ledger.db", "password": {"env": "P"}}, r"a password without a url; give url: postgresql://"),
        ("mysql://db/ledger", r"is not a ledger; write sqlite:///PATH or postgresql://HOST/DATABASE"),
    ],
)
def test_what_names_no_ledger_or_two_is_a_sentence(written: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LedgerSettings.model_validate(written)


def test_a_ledger_on_a_server_is_written_as_a_url_or_as_a_mapping() -> None:
    for written in ("postgresql://netmon@db/ledger", {"url": "postgresql://netmon@db/ledger"}):
        assert LedgerSettings.model_validate(written).location == Server("postgresql://netmon@db/ledger")
    secret = {"url": "postgresql://netmon@db/ledger", "password": {"file": "/etc/netmon/password"}}
    assert LedgerSettings.model_validate(secret).location == Server(
        "postgresql://netmon@db/ledger", SecretRef(file=Path("/etc/netmon/password"))
    )
    assert LedgerSettings().location == Path("/var/lib/netmon/ledger.db")


def test_a_literal_password_shows_nowhere() -> None:
    settings = LedgerSettings.model_validate("postgresql://netmon:hunter2@db/ledger")
    place = settings.location
    assert isinstance(place, Server)
    assert place.password is not None
    assert place.password.reveal() == "hunter2"
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {place!r} {place}"
    assert "hunter2" not in shown

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.ledgers import Shared, opened
from support.postgres import PostgresServer

from netmon.store.location import Location
from netmon.store.reader import LedgerReader

BACKENDS = ["sqlite", "postgresql"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an SQLite ledger may be."""
    return tmp_path / "ledger.db"


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    """Where a ledger may be: a file, then a database."""
    if request.param == "sqlite":
        yield tmp_path / "ledger.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as database:
        yield database


@pytest.fixture(scope="module", params=BACKENDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with ExitStack() as ends:
        place: Location = tmp_path_factory.mktemp("shared") / "ledger.db"
        if request.param == "postgresql":
            server: PostgresServer = request.getfixturevalue("postgres")
            place = ends.enter_context(server.database())
        ledger = ends.enter_context(opened(place))
        reader = LedgerReader.open(place)
        ends.callback(reader.close)
        yield Shared(ledger, reader, itertools.count())

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from support.ledgers import Shared, opened

from netmon.store.reader import LedgerReader


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    path = tmp_path_factory.mktemp("shared") / "ledger.db"
    with opened(path) as ledger:
        reader = LedgerReader.open(path)
        yield Shared(ledger, reader, itertools.count())
        reader.close()

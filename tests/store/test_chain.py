"""The receipt chain."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from pathlib import Path

import pytest
from support.ledgers import a_receipt, an_intent, opened

from netmon.core.model import Outcome
from netmon.store.chain import GENESIS, ChainCheck, Link, check, link_hash
from netmon.store.reader import LedgerReader


def links(count: int, chain: str = "c1") -> list[Link]:
    made, previous = [], GENESIS
    for sequence in range(1, count + 1):
        payload = f'{{"n":{sequence}}}'
        hashed = link_hash(chain, sequence, "receipt", payload, previous)
        made.append(Link(chain, sequence, "receipt", payload, previous, hashed))
        previous = hashed
    return made


def test_the_hash_is_what_an_auditor_computes_with_other_tools() -> None:
    text = GENESIS + '{"chain":"c1","kind":"receipt","payload":{"n":1},"sequence":1}'
    assert links(1)[0].hash == hashlib.sha256(text.encode()).hexdigest()


def test_sound_chains_hold_one_after_the_other() -> None:
    assert check([*links(3, "c1"), *links(2, "c2")]) == ChainCheck(ok=True, links=5)
    assert check([]) == ChainCheck(ok=True, links=0)


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_an_altered_link_is_the_first_bad_one(bad: int) -> None:
    chain = links(3)
    old = chain[bad - 1]
    chain[bad - 1] = Link(old.chain, old.sequence, old.kind, '{"n":99}', old.previous_hash, old.hash)
    found = check(chain)
    assert (found.ok, found.links, found.first_bad) == (False, bad - 1, bad)
    assert found.detail is not None
    assert "altered" in found.detail


@pytest.mark.parametrize("missing", [1, 2])
def test_a_link_that_was_taken_out_is_missed(missing: int) -> None:
    chain = links(3)
    del chain[missing - 1]
    found = check(chain)
    assert not found.ok
    assert found.detail == f"link {missing} of chain c1 is missing"


def test_a_link_rehashed_by_a_forger_breaks_its_successor() -> None:
    chain = links(3)
    hashed = link_hash("c1", 2, "receipt", "{}", chain[0].hash)
    chain[1] = Link("c1", 2, "receipt", "{}", chain[0].hash, hashed)
    assert check(chain).first_bad == 3


def test_receipts_are_read_newest_first_and_by_id_with_their_hashes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as ledger:
        for name in ("i1", "i2", "i3"):
            ledger.record_intent(an_intent(name))
            ledger.close_intent(a_receipt(name, Outcome.CONFIRMED), 5_000_000, True, [])
        ledger.append_link("plan", "p1", '{ "changes": [] }')
        reader = LedgerReader.open(path)
        found = reader.receipts()
        assert [one.receipt.id for one in found] == ["i3", "i2", "i1"]
        assert [one.receipt.id for one in reader.receipts(limit=2)] == ["i3", "i2"]
        assert [one.sequence for one in reader.receipts(receipt_id="i2")] == [2]
        assert all(newer.previous_hash == older.hash for newer, older in itertools.pairwise(found))
        assert reader.verify_chain() == ChainCheck(ok=True, links=4)
        reader.close()


def test_tampering_in_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as ledger:
        for name in ("i1", "i2"):
            ledger.record_intent(an_intent(name))
            ledger.close_intent(a_receipt(name), None, True, [])
    forger = sqlite3.connect(path)
    forger.execute("UPDATE link SET payload = replace(payload, 'confirmed', 'failed') WHERE sequence = 1")
    forger.commit()
    forger.close()
    reader = LedgerReader.open(path)
    assert reader.verify_chain().first_bad == 1
    reader.close()


def test_an_auditor_needs_only_sqlite_and_sha_256(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as ledger:
        ledger.record_intent(an_intent("i1"))
        ledger.close_intent(a_receipt("i1"), 5_000_000, True, [])
    connection = sqlite3.connect(path)
    statement = """SELECT previous_hash || '{"chain":"' || chain || '","kind":"' || kind || '","payload":' || payload
                          || ',"sequence":' || sequence || '}', hash FROM link"""
    text, hashed = connection.execute(statement).fetchone()
    connection.close()
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == hashed

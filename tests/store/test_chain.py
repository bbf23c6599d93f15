"""The receipt chain."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from support.ledgers import a_receipt, an_intent, asked, audited, opened

from netmon.core.changes import Outcome
from netmon.store.audit import Extent, audit, links_of
from netmon.store.chain import GENESIS, Fault, Link, link_hash
from netmon.store.location import Location
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
    assert [one.links for one in sound([*links(3, "c1"), *links(2, "c2")])] == [3, 2]
    assert sound([]) == ()


def sound(chain: list[Link]) -> tuple[Extent, ...]:
    found = audit(chain)
    assert found.ok
    return found.chains


def broken(chain: list[Link]) -> Fault:
    fault = audit(chain).fault
    assert fault is not None
    return fault


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_an_altered_link_is_the_first_bad_one(bad: int) -> None:
    chain = links(3)
    old = chain[bad - 1]
    chain[bad - 1] = Link(old.chain, old.sequence, old.kind, '{"n":99}', old.previous_hash, old.hash)
    found = broken(chain)
    assert found.sequence == bad
    assert "altered" in found.detail


@pytest.mark.parametrize("missing", [1, 2])
def test_a_link_that_was_taken_out_is_missed(missing: int) -> None:
    chain = links(3)
    del chain[missing - 1]
    assert broken(chain).detail == f"link {missing} of chain c1 is missing"


def test_a_link_rehashed_by_a_forger_breaks_its_successor() -> None:
    chain = links(3)
    hashed = link_hash("c1", 2, "receipt", "{}", chain[0].hash)
    chain[1] = Link("c1", 2, "receipt", "{}", chain[0].hash, hashed)
    assert broken(chain).sequence == 3


def test_receipts_are_read_newest_first_and_by_id_with_their_hashes(place: Location) -> None:
    with opened(place) as ledger:
        for name in ("i1", "i2", "i3"):
            ledger.record_intent(an_intent(name))
            ledger.close_intent(a_receipt(name, Outcome.CONFIRMED), 5_000_000, True, [])
        ledger.append_link("plan", "p1", '{ "changes": [] }')
        reader = LedgerReader.open(place)
        found = reader.receipts()
        assert [one.receipt.id for one in found] == ["i3", "i2", "i1"]
        assert [one.receipt.id for one in reader.receipts(limit=2)] == ["i3", "i2"]
        assert [one.sequence for one in reader.receipts(receipt_id="i2")] == [2]
        assert all(newer.previous_hash == older.hash for newer, older in itertools.pairwise(found))
        assert [one.links for one in audited(place).chains] == [4]
        reader.close()


def test_tampering_in_the_file_is_found(place: Location) -> None:
    with opened(place) as ledger:
        for name in ("i1", "i2"):
            ledger.record_intent(an_intent(name))
            ledger.close_intent(a_receipt(name), None, True, [])
    asked(place, "UPDATE link SET payload = replace(payload, 'confirmed', 'failed') WHERE sequence = 1")
    with links_of(place) as found:
        assert broken(list(found)).sequence == 1


def test_an_auditor_needs_only_sql_and_sha_256(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_intent(an_intent("i1"))
        ledger.close_intent(a_receipt("i1"), 5_000_000, True, [])
    statement = """SELECT previous_hash || '{"chain":"' || chain || '","kind":"' || kind || '","payload":' || payload
                          || ',"sequence":' || sequence || '}', hash FROM link"""
    ((text, hashed),) = asked(place, statement)
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == hashed

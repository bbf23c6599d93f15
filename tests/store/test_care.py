"""Examining a ledger: each kind of fault is found, named and given a remedy; the first ends the examination."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from support.ledgers import START_NS, a_receipt, a_verdict, a_visit, an_intent, asked, opened

from netmon.core.model import NANOSECONDS
from netmon.store.care import examine
from netmon.store.errors import StoreError
from netmon.store.location import Location

NAMES = ["references", "heads", "totals", "chain", "receipts", "directives"]


@pytest.fixture
def place(place: Location) -> Location:
    """Two routers of five visits, a series added on the way, and a receipt."""
    with opened(place) as ledger:
        for router in ("palu", "poso"):
            for number in range(1, 6):
                totals = [(number * 100, 2**63 + number)] * (1 if number < 3 else 2)
                ledger.commit([a_visit(router, number, totals)])
        ledger.decide([a_verdict()], [], START_NS)
        ledger.record_intent(an_intent("i1"))
        ledger.close_intent(a_receipt("i1"), 5_000_000, True, [])
    return place


def test_a_sound_ledger_passes_every_check_while_it_is_written_to(place: Location) -> None:
    told: list[str] = []
    with opened(place) as ledger:
        ledger.commit([a_visit("palu", 6, [(600, 2**63 + 6)] * 2)])
        found = examine(place, told=lambda name, count: told.append(name))
    assert found.fault is None
    assert [one.name for one in found.checks] == told
    assert told == (["pages", *NAMES] if isinstance(place, Path) else NAMES), "a server sees to its own pages"
    assert {one.name: one.examined for one in found.checks if one.name in ("heads", "totals", "chain")} == {
        "heads": 2,
        "totals": 11,
        "chain": 2,
    }


@pytest.mark.parametrize(
    ("statement", "parameters", "name", "words"),
    [
        ("DELETE FROM layout", {}, "references", "refers to a layout that is not there"),
        (
            "DELETE FROM visit WHERE sequence = 5",
            {},
            "heads",
            "router palu has a head, but not the visit it stands for",
        ),
        ("UPDATE head SET at_ns = at_ns + 1", {}, "heads", "but not the visit it stands for"),
        (
            "UPDATE head SET sequence = 4, at_ns = at_ns - 60000000000",
            {},
            "heads",
            "a visit that its head does not know",
        ),
        ("DELETE FROM head", {}, "heads", "a visit that its head does not know of (sequence 5)"),
        (
            "UPDATE visit SET out_total = :out WHERE sequence = 4 AND router_id = 2",
            {"out": struct.pack(">QQ", 2**63 + 4, 5)},
            "totals",
            "visit 4 of router poso: the out total of ether2 falls from 9223372036854775811 to 5 bytes",
        ),
        (
            "UPDATE visit SET in_total = :into WHERE sequence = 2",
            {"into": bytes(1)},
            "totals",
            "visit 2 of router palu has totals of an odd",
        ),
        (
            "UPDATE visit SET in_total = :into, out_total = :out WHERE sequence = 5",
            {"into": struct.pack(">Q", 0x500), "out": struct.pack(">Q", 9 << 60)},
            "totals",
            "fewer series than before",
        ),
        (
            "UPDATE visit SET at_ns = at_ns - 600000000000 WHERE sequence = 3",
            {},
            "totals",
            "visit 3 of router palu is not later",
        ),
        ("UPDATE link SET payload = '{}' WHERE sequence = 1", {}, "chain", "link 1 of chain"),
        ("DELETE FROM link WHERE sequence = 2", {}, "receipts", "change i1 was carried out, but its receipt is gone"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named_by_the_check_that_is_for_it(
    place: Location, statement: str, parameters: dict[str, object], name: str, words: str
) -> None:
    asked(place, statement, **parameters)
    fault = examine(place).fault
    assert fault is not None
    assert fault.name == name
    assert words in (fault.fault or "")
    assert fault.remedy


@pytest.mark.parametrize("page", [3, 5, 9, 12])
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_damaged_page_is_found_wherever_it_is(place: Path, page: int) -> None:
    content = bytearray(place.read_bytes())
    content[page * 4096 : page * 4096 + 512] = b"\xa5" * 512
    place.write_bytes(content)
    fault = examine(place).fault
    assert fault is not None
    assert fault.name == "pages"
    assert "netmon ledger restore" in (fault.remedy or "")


def test_an_examination_takes_no_longer_than_it_may(place: Location) -> None:
    with opened(place) as ledger:
        for number in range(6, 3006, 100):
            ledger.commit([a_visit("palu", one, [(one * 100, 2**63 + one)] * 2) for one in range(number, number + 100)])
    fault = examine(place, within_ns=NANOSECONDS // 1000).fault
    assert fault is not None
    assert fault.fault == "not examined to the end: time was up"


def test_what_is_no_ledger_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no ledger at"):
        examine(tmp_path / "absent.db")

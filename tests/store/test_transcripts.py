"""What was said on routers, kept beside the receipts for a while."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.ledgers import START_NS, a_receipt, an_intent, opened

from netmon.store import transcripts
from netmon.store.audit import links_of
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.reader import LedgerReader


def close(ledger: Ledger, name: str, router: str, after_ns: int, transcript: str) -> None:
    intent, receipt = an_intent(name), a_receipt(name)
    change = replace(intent.change, router=router)
    ledger.record_intent(replace(intent, change=change))
    ledger.close_intent(replace(receipt, change=change, at_ns=START_NS + after_ns), None, True, [], transcript)


def read(place: Location, *names: str) -> list[str | None]:
    reader = LedgerReader.open(place)
    try:
        return [reader.transcript_of(name) for name in names]
    finally:
        reader.close()


def test_a_transcript_is_found_by_its_receipt_and_is_no_part_of_the_chain(place: Location) -> None:
    with opened(place) as ledger:
        close(ledger, "nm-1", "palu", 1, "> show queues\n\u2022\u2022\u2022\u2022\u2022\n")
        close(ledger, "nm-2", "palu", 2, "")
    assert read(place, "nm-1", "nm-2", "nm-3") == ["> show queues\n\u2022\u2022\u2022\u2022\u2022\n", None, None]
    with links_of(place) as links:
        payloads = [link.payload for link in links]
    assert len(payloads) == 2
    assert "show queues" not in "".join(payloads)


def test_the_newest_of_each_router_are_kept(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "KEPT", 2)
    with opened(place) as ledger:
        for number, router in enumerate(("palu", "gowa", "palu", "palu", "palu")):
            close(ledger, f"nm-{number}", router, number, f"{number}\n")
    assert read(place, *(f"nm-{number}" for number in range(5))) == [None, "1\n", None, "3\n", "4\n"]


def test_a_receipt_that_cannot_be_written_leaves_no_transcript(place: Location) -> None:
    with opened(place) as ledger, pytest.raises(StoreError, match="is not open"):
        ledger.close_intent(a_receipt("nm-9"), None, True, [], "said\n")
    assert read(place, "nm-9") == [None]

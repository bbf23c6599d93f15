"""Releases, sweeps and resumptions in the receipt chain."""

from __future__ import annotations

from dataclasses import replace

from support.ledgers import audited, opened, settings_of

from netmon.core.kill_switch import Ended, Noted, Release, Sweep, Swept, SweptState
from netmon.store.location import Location
from netmon.store.reader import LedgerReader

FIRST = Release("hold-1", 1, "sari", "a fault")
SECOND = Release("hold-2", 5, "budi", "another fault")
ENDED = Ended(9, "sari", "mended")
SWEEP = Sweep("sweep-1", "hold-1", 2, "sari", (Swept("palu", SweptState.CLEARED, ("NM-1 ether1",)),))


def reading(place: Location) -> LedgerReader:
    return LedgerReader.open(settings_of(place).location)


def test_a_release_stands_until_it_is_ended(place: Location) -> None:
    with opened(place) as ledger:
        assert ledger.release() is None
        ledger.record_release(Noted(FIRST, (SWEEP,)))
        assert ledger.release() == FIRST
        assert ledger.sweeps("hold-1") == [SWEEP]
        ledger.record_release(Noted(replace(FIRST, ended=ENDED), (SWEEP,)))
        assert ledger.release() is None
    reader = reading(place)
    assert reader.release() is None
    assert reader.sweeps("hold-1") == [SWEEP]
    assert reader.sweeps("hold-2") == []
    reader.close()
    assert audited(place).ok


def test_what_is_recorded_twice_stands_there_once(place: Location) -> None:
    with opened(place) as ledger:
        for _ in range(2):
            ledger.record_release(Noted(replace(FIRST, ended=ENDED), (SWEEP,)))
    assert audited(place).chains[0].links == 3


def test_one_that_began_and_ended_while_there_was_no_ledger_is_recorded_whole(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_release(Noted(SECOND))
        ledger.record_release(Noted(replace(FIRST, ended=ENDED), (SWEEP,)))
        assert ledger.release() == SECOND

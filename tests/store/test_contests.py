"""What was found altered by somebody else, and how often, across restarts."""

from __future__ import annotations

from dataclasses import replace

from support.ledgers import audited, opened

from netmon.core.drift import Contest, Drift, Finding, Response
from netmon.core.model import Direction
from netmon.store.location import Location

DOWN = Direction.DOWNLOAD
FOUND = Finding(7, "palu", "dinkes-fo", DOWN, Drift.MISSING, Response.REPAIR, 4_000_000, None, None, 1)
PLACE = ("dinkes-fo", DOWN)


def test_what_it_came_to_outlives_the_writer_and_every_find_is_a_link(place: Location) -> None:
    with opened(place) as ledger:
        assert ledger.contests() == {}
        ledger.record_drift(FOUND, Contest(1, 7), "digest")
        ledger.record_drift(replace(FOUND, times=2, at_ns=8), Contest(2, 8), "digest")
        ledger.record_drift(replace(FOUND, drift=Drift.FOREIGN, response=Response.ALERT), None, "digest")
    with opened(place) as ledger:
        assert ledger.contests() == {PLACE: Contest(2, 8)}
    audit = audited(place)
    assert audit.ok
    assert audit.chains[0].links == 3


def test_it_counts_under_the_configuration_it_was_found_under(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_drift(FOUND, Contest(3, 7, stopped=True), "old")
        assert ledger.forget_contests(keep="old") == 0
        assert ledger.contests()[PLACE].stopped
        assert ledger.forget_contests(keep="new") == 1
        assert ledger.contests() == {}


def test_a_person_ends_it(place: Location) -> None:
    with opened(place) as ledger:
        ledger.record_drift(FOUND, Contest(3, 7, stopped=True), "old")
        assert ledger.forget_contests() == 1
        assert ledger.contests() == {}

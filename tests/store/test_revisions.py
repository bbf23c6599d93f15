"""Configurations in the chain of both databases: what changed from each to the next, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.ledgers import MINUTE_NS, START_NS, asked, audited, opened

from netmon.core.ladder import LadderStep, QuotaPolicy
from netmon.core.model import Direction, RuleRef
from netmon.core.periods import PeriodKind, PeriodRule
from netmon.core.revising import Alteration, Alterations
from netmon.store.audit import links_of
from netmon.store.chain import Entry, Kind
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.location import Location
from netmon.store.reader import LedgerReader
from netmon.store.values import canonical, dump

A, B = "a" * 64, "b" * 64
LESS = Alteration("policies.standard.volume_bytes", "changed", 2 * 10**12, 10**12)
MORE = Alteration("policies.standard.volume_bytes", "changed", 10**12, 2 * 10**12)


def a_document(volume_bytes: int, line: int = 3) -> str:
    rule = RuleRef("quotas/standard.yaml", line)
    ladder = (LadderStep(1000, 4_000_000, rule),)
    month = PeriodRule(PeriodKind.MONTH)
    policy = QuotaPolicy("standard", (Direction.DOWNLOAD,), month, volume_bytes, ladder, 20, rule)
    return f'{{"policies":[{dump(policy)}],"settings":{{"site":{{"name":"sulteng"}}}}}}'


def take_up(ledger: Ledger, *configurations: tuple[str, str]) -> None:
    """A minute apart."""
    for number, (digest, document) in enumerate(configurations):
        event = "reload" if number else "start"
        ledger.record_configuration(digest, document, event, "0.1.0", START_NS + number * MINUTE_NS)


def as_before(ledger: Ledger, digest: str, document: str | None, at_ns: int) -> None:
    """A link as an earlier netmon wrote it."""
    plain = None if document is None else json.loads(document)
    payload = {"at_ns": at_ns, "digest": digest, "document": plain, "event": "start", "version": "0.0.9"}
    with ledger._transaction() as connection:
        ledger._append(connection, Entry(Kind.CONFIGURATION, digest, canonical(payload), repeatable=True))


@contextmanager
def reading(place: Location) -> Iterator[LedgerReader]:
    reader = LedgerReader.open(place)
    try:
        yield reader
    finally:
        reader.close()


def payloads(place: Location) -> list[dict[str, Any]]:
    with links_of(place) as links:
        return [json.loads(link.payload) for link in links]


TWO_TB, ONE_TB = a_document(2 * 10**12), a_document(10**12)


def test_what_changed_joins_the_chain_with_the_configuration(place: Location) -> None:
    with opened(place) as ledger:
        take_up(ledger, (A, TWO_TB), (A, TWO_TB), (B, ONE_TB), (B, ONE_TB), (A, TWO_TB))
    first, again, less, _, more = payloads(place)
    assert (first["changes"], again["changes"]) == (None, [])
    assert less["changes"] == [
        {"path": "policies.standard.volume_bytes", "kind": "changed", "before": 2 * 10**12, "after": 10**12}
    ]
    assert less["changes_left_out"] == 0
    assert more["changes"][0]["after"] == 2 * 10**12, "back at an earlier one is a change, too"
    assert audited(place).ok


def test_the_writer_is_told_what_changed(place: Location) -> None:
    with opened(place) as ledger:
        assert ledger.record_configuration(A, TWO_TB, "start", "0.1.0", START_NS).changes is None
        taken = ledger.record_configuration(B, ONE_TB, "reload", "0.1.0", START_NS)
    assert (taken.sequence, taken.changes) == (2, Alterations((LESS,)))


def test_a_comment_above_a_policy_changes_the_digest_only(place: Location) -> None:
    with opened(place) as ledger:
        take_up(ledger, (A, TWO_TB), (B, a_document(2 * 10**12, line=4)))
    assert [one["changes"] for one in payloads(place)] == [None, []]
    assert payloads(place)[1]["document"]["policies"][0]["rule"]["line"] == 4


def test_they_are_read_newest_first_as_many_as_wanted_and_since_when_wanted(place: Location) -> None:
    with opened(place) as ledger:
        take_up(ledger, (A, TWO_TB), (A, TWO_TB), (B, ONE_TB))
        ledger.record_configuration(B, ONE_TB, "start", "0.1.0", 0)  # before a time service had set the clock
    with reading(place) as reader:
        found = reader.configurations(10)
        assert [(one.sequence, one.event, one.digest[0]) for one in found] == [
            (4, "start", "b"),
            (3, "reload", "b"),
            (2, "reload", "a"),
            (1, "start", "a"),
        ]
        assert [one.changes for one in found] == [Alterations(()), Alterations((LESS,)), Alterations(()), None]
        assert reader.configurations(2) == found[:2]
        assert reader.configurations(10, START_NS + MINUTE_NS) == found[1:3], "a wrong clock hides nothing"


def test_one_is_found_by_its_link_or_by_its_digest_where_it_came_in(place: Location) -> None:
    with opened(place) as ledger:
        take_up(ledger, (A, TWO_TB), (B, ONE_TB), (A, TWO_TB), (A, TWO_TB))
    with reading(place) as reader:
        by_digest = reader.configuration(A[:8])
        assert by_digest is not None
        assert (by_digest.sequence, by_digest.changes) == (3, Alterations((MORE,)))
        assert reader.configuration_of(3) == by_digest
        assert reader.configuration("cccccccc") is None
        assert reader.configuration_of(99) is None


def test_links_of_an_earlier_netmon_stay_whole_and_their_changes_are_worked_out(place: Location) -> None:
    with opened(place) as ledger:
        as_before(ledger, A, TWO_TB, START_NS)
        as_before(ledger, A, None, START_NS)
        as_before(ledger, B, ONE_TB, START_NS)
        as_before(ledger, B, None, START_NS)
        taken = ledger.record_configuration(A, TWO_TB, "start", "0.1.0", START_NS)
    assert taken.changes == Alterations((MORE,))
    assert audited(place).ok
    with reading(place) as reader:
        assert [one.changes for one in reader.configurations(10)] == [
            Alterations((MORE,)),
            Alterations(()),
            Alterations((LESS,)),
            Alterations(()),
            None,
        ]


def test_what_a_newer_netmon_knows_besides_of_policies_changes_none(place: Location) -> None:
    earlier = json.loads(TWO_TB)
    del earlier["policies"][0]["grace_ns"], earlier["policies"][0]["ladder"][0]["hold"]
    with opened(place) as ledger:
        as_before(ledger, A, canonical(earlier), START_NS)
        assert ledger.record_configuration(B, TWO_TB, "start", "0.1.0", START_NS).changes == Alterations(())


def test_a_policy_that_this_netmon_cannot_read_is_compared_as_it_is_written(place: Location) -> None:
    other = json.loads(TWO_TB)
    other["policies"][0]["period"]["kind"] = "fortnight"
    with opened(place) as ledger:
        as_before(ledger, A, canonical(other), START_NS)
        taken = ledger.record_configuration(B, TWO_TB, "start", "0.1.0", START_NS)
    assert taken.changes == Alterations((Alteration("policies.standard.period.kind", "changed", "fortnight", "month"),))


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"at_ns":1,"changes":[{}]}'])
def test_a_link_that_was_damaged_is_named_and_keeps_no_other_from_being_taken_up(place: Location, payload: str) -> None:
    with opened(place) as ledger:
        take_up(ledger, (A, TWO_TB))
    asked(place, "UPDATE link SET payload = :payload", payload=payload)
    with reading(place) as reader, pytest.raises(StoreError, match=r"link 1 of the receipt chain .* netmon audit"):
        reader.configurations(10)
    with opened(place) as ledger:
        assert ledger.record_configuration(B, ONE_TB, "start", "0.1.0", START_NS).changes is None

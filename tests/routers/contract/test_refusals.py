"""What no platform lets happen: changes that are refused before anything is sent that alters the router."""

from __future__ import annotations

import dataclasses

import pytest
from support.contract_bench import Bench

from netmon.core.changes import Outcome
from netmon.core.model import Direction
from netmon.routers.dialects import RevertKind, Way
from netmon.routers.readbacks import Owner
from netmon.routers.session import Failure

M = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


def refused(bench: Bench, reason: Failure, *said: str, **target: object) -> None:
    before = {way: bench.bed.limit_bps(way) for way in Way}
    result = bench.change(8 * M, target=dataclasses.replace(bench.target(), **target))  # type: ignore[arg-type]
    assert (result.outcome, result.reason, bench.steps) == (Outcome.FAILED, reason, []), result
    for words in said:
        assert words in result.detail
    assert {way: bench.bed.limit_bps(way) for way in Way} == before


@pytest.mark.parametrize("direction", [DOWN, UP])
def test_somebody_elses_shaper_is_refused_named_and_kept(bench: Bench, direction: Direction) -> None:
    way = bench.target(direction).way(direction)
    name = bench.bed.do(lambda: bench.bed.sabotage.foreign(way))
    before = bench.bed.limit_bps(way)
    for bps in (8 * M, None):
        result = bench.change(bps, direction)
        assert (result.outcome, result.reason, bench.steps) == (Outcome.FAILED, Failure.FOREIGN_SHAPER, []), result
        assert name in result.detail
    assert bench.bed.limit_bps(way) == before
    reading = bench.read(direction)
    assert reading.foreign is not None
    assert name in reading.foreign
    with bench.port() as port:
        assert any(foreign.name in name for foreign in port.state().foreigners)


def test_a_port_that_is_not_the_one_meant_is_refused(bench: Bench) -> None:
    meant = bench.target()
    refused(bench, Failure.IDENTITY_MISMATCH, "contract 13", alias="contract 13")
    refused(bench, Failure.IDENTITY_MISMATCH, "02:00:00:00:00:01", mac="02:00:00:00:00:01")
    nowhere = meant.interface[:-1] + "9"
    refused(bench, Failure.IDENTITY_MISMATCH, nowhere, interface=nowhere)


def test_uplinks_and_the_port_that_carries_the_session_are_refused(bench: Bench) -> None:
    refused(bench, Failure.UPLINK, interface=bench.target().uplinks[0], alias=None, mac=None)
    refused(bench, Failure.MANAGEMENT_PATH, bench.bed.management, interface=bench.bed.management, alias=None, mac=None)


def test_the_marker_of_another_netmon_or_of_a_twin_is_refused(bench: Bench) -> None:
    theirs = dataclasses.replace(bench.target(), owner=Owner("ledger-of-another", 3))
    assert bench.change(6 * M, target=theirs).outcome is Outcome.CONFIRMED
    with bench.port() as port:
        assert port.owner() == Owner("ledger-of-another", 3)
    refused(bench, Failure.OTHER_NETMON, "ledger-of-another")
    twin = dataclasses.replace(theirs, owner=Owner("ledger-of-another", 9), known_revision=2)
    result = bench.change(8 * M, target=twin)
    assert (result.outcome, result.reason, bench.steps) == (Outcome.FAILED, Failure.OTHER_NETMON, [])
    newer = dataclasses.replace(theirs, owner=Owner("ledger-of-another", 4), known_revision=3)
    assert bench.change(8 * M, target=newer).outcome is Outcome.CONFIRMED


@pytest.mark.needs("operator_enters", "operator_leaves")
def test_nothing_is_altered_while_somebody_else_is_configuring(bench: Bench) -> None:
    enters, leaves = bench.bed.sabotage.operator_enters, bench.bed.sabotage.operator_leaves
    assert enters is not None
    assert leaves is not None
    bench.bed.do(enters)
    refused(bench, Failure.OTHERS_CONFIGURING)
    bench.bed.do(leaves)
    bench.ensure(8 * M)


def test_a_platform_that_cannot_undo_by_itself_needs_leave(bench: Bench) -> None:
    kind, careful = bench.dialect.settings.revert.kind, dataclasses.replace(bench.target(), allow_unguarded=False)
    if kind is RevertKind.NONE:
        refused(bench, Failure.NOT_ARMED, "allow_unguarded", allow_unguarded=False)
        result = bench.change(8 * M)
        assert result.outcome is Outcome.CONFIRMED
        assert "unguarded" in result.detail
        return
    result = bench.change(8 * M, target=careful)
    assert result.outcome is Outcome.CONFIRMED
    assert "unguarded" not in result.detail


def test_a_platform_that_cannot_end_a_limit_by_itself_needs_leave_to_tighten(bench: Bench) -> None:
    careful = dataclasses.replace(bench.target(), allow_unguarded=False)
    settings = bench.dialect.settings
    result = bench.change(8 * M, target=careful, expires_s=600)
    if settings.expiry and settings.revert.kind is not RevertKind.NONE:
        assert result.outcome is Outcome.CONFIRMED
    else:
        assert (result.outcome, bench.steps) == (Outcome.FAILED, [])
        assert result.reason in {Failure.UNGUARDED, Failure.NOT_ARMED}
        assert "allow_unguarded" in result.detail

"""Guarded changes on a simulated Junos router: what trials, locks and families ask beyond the contract of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from support import contract_junos
from support.contract_bench import Bench, bench_of
from support.contract_site import CIRCUIT
from support.processes import wait_until

from netmon.core.changes import Outcome, Step
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_junos import expiry_of
from netmon.routers.session import Failure
from netmon.simulator.junos_cli import Junos

M = 1_000_000


@pytest.fixture
def bench() -> Iterator[Bench]:
    with bench_of(contract_junos) as made:
        yield made


def junos(bench: Bench) -> Junos:
    assert isinstance(bench.bed.system, Junos)
    return bench.bed.system


def test_a_trial_that_is_over_before_it_is_confirmed_is_no_success(bench: Bench) -> None:
    bench.ensure(8 * M)
    junos(bench).database.speed = 60

    def late(step: Step) -> None:
        if step is Step.DISARM:
            wait_until(lambda: bench.bed.limit_bps(Way.EGRESS) == 8 * M, "the trial to be over")

    bench.at_step = late
    result = bench.change(2 * M)
    assert (result.outcome, result.reason) == (Outcome.REVERTED, Failure.UNDO_FIRED), result
    assert bench.bed.limit_bps(Way.EGRESS) == 8 * M
    assert not any("rollback 1" in command for command in bench.sent)


def test_who_holds_the_configuration_is_named_and_nothing_is_left_behind(bench: Bench) -> None:
    seat = bench.bed.do(lambda: junos(bench).operator_enters("configure exclusive", ""))
    result = bench.change(8 * M)
    assert (result.outcome, result.reason, bench.bed.limit_bps(Way.EGRESS)) == (
        Outcome.FAILED,
        Failure.OTHERS_CONFIGURING,
        None,
    )
    assert "noc terminal" in result.detail
    bench.bed.do(seat.close)
    bench.ensure(8 * M)
    assert all(not one.mode for one in junos(bench).seats)


def test_somebody_elses_trial_is_not_confirmed_by_ours(bench: Bench) -> None:
    seat = bench.bed.do(lambda: junos(bench).operator_enters())
    bench.bed.do(lambda: seat.obey("commit confirmed 10 and-quit"))
    result = bench.change(8 * M)
    assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.OTHERS_CONFIGURING)
    assert "noc has committed on trial" in result.detail
    assert junos(bench).database.pending is not None


def test_somebody_elses_trial_that_was_confirmed_without_a_trace_is_over_when_its_time_is(bench: Bench) -> None:
    seat = bench.bed.do(lambda: junos(bench).operator_enters())
    bench.bed.do(lambda: [seat.obey(line) for line in ("commit confirmed 1", "commit check", "exit")])
    assert "committed on trial" in bench.change(8 * M).detail
    junos(bench).database.speed = 60
    wait_until(lambda: bench.change(8 * M).outcome is Outcome.CONFIRMED, "the time of the trial to be over")


def test_a_commit_that_cannot_be_written_leaves_the_old_state(bench: Bench) -> None:
    bench.ensure(8 * M)
    junos(bench).disk_full = True
    result = bench.change(2 * M)
    assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.COMMAND_REJECTED)
    assert "No space left on device" in result.detail
    assert bench.bed.limit_bps(Way.EGRESS) == 8 * M
    assert not junos(bench).database.modified


def test_a_port_gets_no_family_that_it_does_not_have_and_all_that_it_has_are_policed(bench: Bench) -> None:
    bench.ensure(8 * M)
    tree = junos(bench).database.effective()
    place = ("interfaces", "ge-0/0/1", "unit", "0", "family")
    assert all(tree.value(*place, family, "policer", "output") for family in ("inet", "inet6"))
    bench.bed.do(lambda: contract_junos.typed(junos(bench), f"delete {' '.join(place)} inet6"))
    assert bench.read().bps == 8 * M
    bench.ensure(2 * M)
    assert not junos(bench).database.effective().has((*place, "inet6"))


def test_a_physical_name_means_its_unit_0(bench: Bench) -> None:
    target = dataclasses.replace(bench.target(), interface="ge-0/0/1", alias=None)
    assert bench.change(8 * M, target=target).outcome is Outcome.CONFIRMED
    assert bench.bed.limit_bps(Way.EGRESS) == 8 * M
    assert bench.read(target=target).bps == 8 * M


def test_each_renewal_alters_the_event_so_that_it_begins_anew_and_the_last_one_ends_the_limit(bench: Bench) -> None:
    junos(bench).database.speed = 60
    event = ("event-options", "generate-event", expiry_of(Names.of(CIRCUIT), Way.EGRESS))
    intervals = []
    for rate in (8 * M, 7 * M, 6 * M):
        bench.ensure(rate, expires_s=120)
        intervals.append(junos(bench).database.effective().value(*event, "time-interval"))
    assert len(set(intervals)) == 3
    wait_until(lambda: bench.bed.limit_bps(Way.EGRESS) is None, "the end of the last renewal")
    left = junos(bench).database.effective()
    assert not left.has(("event-options",))
    assert not left.has(("firewall", "policer"))

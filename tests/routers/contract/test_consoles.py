"""What every platform's console may say besides answers: no looks of it make netmon believe what is not so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.contract import Faults
from support.contract_bench import SECOND_NS, Bench

from netmon.core.changes import Outcome, Step
from netmon.routers.dialects import Way

M = 1_000_000
MOTD = """Authorised use only #
R1#
<R1>
[admin@r1] >
Dinas Kesehatan ☃ é 中文 \x1b[31mred\x1b[0m
% not an error: ^
"""
HARMLESS = {
    "motd": Faults(motd=MOTD),
    "escapes": Faults(escapes=True),
}
DISTURBING = {
    "syslog": Faults(syslog="*Mar  1 00:00:01.234: %SYS-5-CONFIG_I: Configured from console by budi é☃"),
    "prompt": Faults(prompt="who goes there? "),
    "paging": Faults(page_lines=3),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_the_looks_of_a_console_do_not_matter(simulated: Bench, name: str) -> None:
    simulated.bed.inflict(HARMLESS[name])
    simulated.login = replace(simulated.bed.login, command_timeout_ns=20 * SECOND_NS)
    result = simulated.change(8 * M, revert_s=600)
    assert result.outcome is Outcome.CONFIRMED, result
    assert simulated.bed.limit_bps(Way.EGRESS) is not None


def test_a_console_that_says_one_character_at_a_time_is_understood(simulated: Bench) -> None:
    def drip(begun: Step) -> None:
        if begun in (Step.APPLY, Step.READ_BACK):  # while the router is configured: its trials are short here
            simulated.bed.inflict(Faults(drip_s=0.0001 if begun is Step.APPLY else 0))

    simulated.at_step = drip
    simulated.login = replace(simulated.bed.login, command_timeout_ns=20 * SECOND_NS)
    result = simulated.change(8 * M)
    assert result.outcome is Outcome.CONFIRMED, result
    simulated.bed.inflict(Faults(drip_s=0.0001))
    reading = simulated.read()
    assert reading.failure is None, reading.detail
    assert simulated.dialect.settings.rate.same(8 * M, reading.bps or 0)


@pytest.mark.parametrize("name", DISTURBING)
def test_what_disturbs_the_answers_is_never_taken_for_one(simulated: Bench, name: str) -> None:
    simulated.ensure(8 * M)
    simulated.bed.inflict(DISTURBING[name])
    simulated.login = replace(simulated.bed.login, connect_timeout_ns=SECOND_NS, command_timeout_ns=SECOND_NS)
    result = simulated.change(2 * M, from_bps=8 * M)
    simulated.login = None
    simulated.bed.inflict(Faults())
    has, same = simulated.bed.limit_bps(Way.EGRESS), simulated.dialect.settings.rate.same
    assert has is not None
    match result.outcome:
        case Outcome.CONFIRMED:
            assert same(2 * M, has)
        case Outcome.UNKNOWN:
            assert simulated.settle(later=True).outcome is not None
        case _:
            assert same(8 * M, has), result
    simulated.ensure(2 * M)


@pytest.mark.parametrize("name", DISTURBING)
def test_a_console_that_disturbs_from_the_beginning_alters_nothing_unnoticed(simulated: Bench, name: str) -> None:
    simulated.bed.inflict(DISTURBING[name])
    simulated.login = replace(simulated.bed.login, connect_timeout_ns=SECOND_NS, command_timeout_ns=SECOND_NS)
    result = simulated.change(8 * M)
    assert result.outcome in {Outcome.CONFIRMED, Outcome.FAILED}, result
    assert (simulated.bed.limit_bps(Way.EGRESS) is not None) is (result.outcome is Outcome.CONFIRMED)

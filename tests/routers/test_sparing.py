"""Walks that found nothing are not made again before one question says that there is something."""

from __future__ import annotations

import pytest
from support.scripted_agent import ScriptedAgent

from netmon.routers.sparing import Columns, SparingProber
from netmon.snmp.client import Agent
from netmon.snmp.codec import V1
from netmon.snmp.errors import SnmpStatusError, SnmpTimeoutError
from netmon.snmp.oid import Oid

HOST = Agent("192.0.2.1")
FANS: Columns = ((1, 3, 6, 1, 4, 1, 7, 1), (1, 3, 6, 1, 4, 1, 7, 2))
HEAT: Columns = ((1, 3, 6, 1, 4, 1, 8, 1),)


@pytest.fixture
def box() -> ScriptedAgent:
    return ScriptedAgent()


async def read(box: ScriptedAgent, empty: frozenset[Columns], *walks: Columns) -> tuple[list[int], frozenset[Columns]]:
    """How many rows each walk found, and what was empty."""
    prober = SparingProber(box, empty)
    await prober.ask_again(HOST)
    rows = [sum(map(len, (await prober.walk(HOST, walk)).values())) for walk in walks]
    return rows, prober.empty


async def test_what_was_empty_is_asked_for_in_one_request(box: ScriptedAgent) -> None:
    _, empty = await read(box, frozenset(), FANS, HEAT)
    assert (empty, box.walked) == (frozenset({FANS, HEAT}), [FANS, HEAT])
    box.walked.clear()
    assert await read(box, empty, FANS, HEAT) == ([0, 0], empty)
    assert box.walked == [(*FANS, *HEAT)]


@pytest.mark.parametrize("rows", [1, 2, 40])
@pytest.mark.parametrize("column", [*FANS, *HEAT])
async def test_a_table_that_has_come_is_read_whole_at_once(box: ScriptedAgent, column: Oid, rows: int) -> None:
    _, empty = await read(box, frozenset(), FANS, HEAT)
    box.tree |= {(*column, row): row for row in range(1, rows + 1)}
    found, still = await read(box, empty, FANS, HEAT)
    assert found == ([rows, 0] if column in FANS else [0, rows])
    assert still == {HEAT if column in FANS else FANS}


async def test_a_table_that_has_gone_is_walked_once_more_then_spared(box: ScriptedAgent) -> None:
    box.tree |= {(*HEAT[0], 1): 40}
    _, empty = await read(box, frozenset(), HEAT)
    assert empty == frozenset()
    del box.tree[*HEAT[0], 1]
    assert await read(box, empty, HEAT) == ([0], frozenset({HEAT}))


async def test_an_agent_that_refuses_the_question_is_spared_nothing(box: ScriptedAgent) -> None:
    box.tree |= {(*HEAT[0], 1): 40}
    box.failures = [SnmpStatusError("192.0.2.1", 5, 1, "1.3.6")]
    assert await read(box, frozenset({FANS, HEAT}), FANS, HEAT) == ([0, 1], frozenset({FANS}))


async def test_a_silent_agent_is_asked_nothing_more(box: ScriptedAgent) -> None:
    box.failures = [SnmpTimeoutError("192.0.2.1", 4)] * 2
    with pytest.raises(SnmpTimeoutError):
        await read(box, frozenset({FANS}), FANS)
    assert box.asked == ["walk", "get"]


async def test_an_agent_that_is_silent_about_this_question_only_is_spared_nothing(box: ScriptedAgent) -> None:
    box.tree |= {(*HEAT[0], 1): 40}
    box.failures = [SnmpTimeoutError("192.0.2.1", 4)]
    assert await read(box, frozenset({FANS, HEAT}), FANS, HEAT) == ([0, 1], frozenset({FANS}))


async def test_an_agent_of_version_1_is_spared_nothing(box: ScriptedAgent) -> None:
    prober = SparingProber(box, frozenset({FANS}))
    old = Agent("192.0.2.1", version=V1)
    await prober.ask_again(old)
    await prober.walk(old, FANS)
    assert box.walked == [FANS]


async def test_a_walk_that_failed_is_not_taken_for_empty(box: ScriptedAgent) -> None:
    prober = SparingProber(box, frozenset())
    box.failures = [SnmpStatusError("192.0.2.1", 5, 1, "1.3.6")]
    with pytest.raises(SnmpStatusError):
        await prober.walk(HOST, HEAT)
    assert prober.empty == frozenset()


async def test_nothing_is_asked_where_nothing_was_empty(box: ScriptedAgent) -> None:
    await read(box, frozenset())
    assert box.asked == []

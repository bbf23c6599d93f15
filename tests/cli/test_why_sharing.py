"""netmon why of a circuit that shares: what decided, what it wants, and the arithmetic, now and as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from daemon.test_sharing import SECTIONS, Province, a_province
from support.governed import written
from support.schemas import conforms

from netmon.cli.messages import Language
from netmon.cli.messages_en import ENGLISH
from netmon.cli.messages_id import INDONESIAN
from netmon.cli.why import page
from netmon.core.decided import Decided
from netmon.core.sharing_account import Standpoint
from netmon.daemon.decisions import OBSERVATION_NS
from netmon.daemon.why import why_data
from netmon.store.reader import LedgerReader

ENTITLED = "The entitlement of dinkes to internet: netmon.yaml, line 1."
AGENCIES: Any = SECTIONS["agencies"]


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    async with a_province(tmp_path) as one:
        await one.minutes(3, dinkes=9, arsip=9, dishub=1)
        yield one


def why(province: Province, agency: str, at: str | None = None) -> dict[str, Any]:
    with closing(LedgerReader.open(province.directory / "ledger.db")) as reader:
        data = why_data(province.configuration, reader, agency, at, province.clock, OBSERVATION_NS)
    now = written(province.hands.wall_ns)
    conforms("why", {"schema": "netmon/why/1", "generated_at": now, "data": data})
    return data


def told(data: dict[str, Any], language: Language) -> list[str]:
    lines = [line.strip() for line, _ in page(data, language, 4000)]
    return lines[lines.index(language.sentences.directions["download"]) + 1 : lines.index("", 3)]  # type: ignore[index]


async def test_a_head_reads_what_is_short_and_how_it_was_divided(province: Province) -> None:
    lines = told(why(province, "dinkes"), ENGLISH)
    assert lines[0] == "Less capacity is there than is wanted: each circuit has its share of it."
    assert lines[1].startswith("dinkes-fo  Due: 6.6 Mb/s. In force on palu: 6.6 Mb/s, as of ")
    assert lines[2:5] == [
        f"6.6 Mb/s: its share of internet, which is used up. It wants 10.8 Mb/s, as measured. {ENTITLED}",
        "- dinkes: 6.6 Mb/s of internet's 10 Mb/s; weight 3 of 4 in the 8.8 Mb/s that go by weight.",
        "- dinkes-fo: 6.6 Mb/s of dinkes's 6.6 Mb/s; weight 20 of 20 in the 6.6 Mb/s that go by weight.",
    ]
    assert lines[5].startswith("Ends       Once less than 80 % of what is short has been wanted for 15 minutes.")
    assert sum(line.removeprefix("Sooner").strip().startswith("- if ") for line in lines[6:]) == 3


async def test_a_ceiling_that_holds_while_there_is_plenty_is_told_as_what_it_is(tmp_path: Path) -> None:
    dinkes = {"name": "Dinas Kesehatan", "entitlements": [{"pool": "internet", "ceiling": "4 Mbps"}]}
    async with a_province(tmp_path, agencies={**AGENCIES, "dinkes": dinkes}) as province:
        await province.minutes(3, dinkes=1, arsip=1, dishub=1)
        assert province.in_force() == {"dinkes": 4_000_000, "arsip": None, "dishub": None}
        lines = told(why(province, "dinkes"), ENGLISH)
    assert lines[0] == "The agency has as much as its entitlement allows."
    assert lines[2] == f"4 Mb/s: more than that is not due to dinkes. It wants 1.2 Mb/s, as measured. {ENTITLED}"
    assert "Ends       With the entitlement." in lines


async def test_the_same_in_indonesian(province: Province) -> None:
    lines = told(why(province, "dishub"), INDONESIAN)
    assert lines[0] == "Kapasitas yang ada kurang dari yang dibutuhkan: setiap sirkuit mendapat bagiannya."
    assert "- dishub: 1,2 Mb/s dari 10 Mb/s (internet), sebanyak yang dapat diterimanya." in lines


async def test_what_was_due_earlier_is_told_as_it_was_recorded(province: Province) -> None:
    before, since_ns = why(province, "dinkes"), province.hands.wall_ns
    await province.minutes(40, dinkes=9, arsip=9, dishub=5)
    assert why(province, "dinkes")["verdicts"][0]["limit_bps"] != before["verdicts"][0]["limit_bps"]
    then = why(province, "dinkes", written(since_ns))
    assert then["verdicts"][0]["sharing"] == before["verdicts"][0]["sharing"]
    assert then["verdicts"][0]["limit_bps"] == before["verdicts"][0]["limit_bps"]
    assert why(province, "dinkes", written(since_ns - 10 * 60 * 10**9))["verdicts"][0]["sharing"] is None


@pytest.mark.parametrize("language", [ENGLISH, INDONESIAN], ids=["en", "id"])
def test_there_are_words_for_whatever_may_decide(language: Language) -> None:
    assert set(language.sentences.share) == set(Decided)
    assert set(language.sentences.standpoints) == set(Standpoint)

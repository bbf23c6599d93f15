"""The bench of a working day keeps the laws that it is there to show, on a day of two hours around the failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.day_picture import draw
from bench.working_day import FAILED_BPS, FAILS_S, POOL_BPS, REPAIRED_S, STEP_S, Province, Tally, day, figures, main

from netmon.core.damping import Damping

SVG = "{http://www.w3.org/2000/svg}"
OPENS_S, CLOSES_S = FAILS_S - 4800, FAILS_S + 2400


@pytest.fixture(scope="module")
def short_day() -> tuple[Province, Tally]:
    return day(1, Damping(), OPENS_S, CLOSES_S)


def test_no_more_is_carried_than_there_is_or_is_wanted(short_day: tuple[Province, Tally]) -> None:
    _, tally = short_day
    assert [one.second for one in tally.instants] == list(range(OPENS_S, CLOSES_S, STEP_S))
    for one in tally.instants:
        failed = FAILS_S <= one.second < REPAIRED_S
        assert one.there_bps == (FAILED_BPS if failed else POOL_BPS)
        assert 0 < one.carried_bps <= min(one.there_bps, one.wanted_bps)
    assert 0 < tally.carried <= tally.could


def test_what_is_carried_is_most_of_what_there_is_once_limits_have_settled(short_day: tuple[Province, Tally]) -> None:
    _, tally = short_day
    settled = [one for one in tally.instants if FAILS_S - 3000 <= one.second < FAILS_S]
    assert sum(one.carried_bps for one in settled) * 10 > sum(one.there_bps for one in settled) * 7


def test_no_floor_is_broken_and_some_are_just_kept(short_day: tuple[Province, Tally]) -> None:
    _, tally = short_day
    assert tally.violations == 0
    least = [one.floor_permille for one in tally.instants if one.floor_permille is not None]
    assert len(least) > len(tally.instants) // 2
    assert 1000 <= min(least) < 1100


def test_a_limit_below_a_floor_is_told() -> None:
    province, tally = Province(1, Damping()), Tally()
    for second in range(FAILS_S - 300, FAILS_S, STEP_S):
        province.turn(second, tally)
        for place, limit in province.limits.items():
            province.limits[place] = replace(limit, bps=None if limit.bps is None else limit.bps // 8)
    assert tally.violations > 0
    assert min(one.floor_permille or 1000 for one in tally.instants) < 1000


def test_what_is_told_adds_up(short_day: tuple[Province, Tally]) -> None:
    told = dict(figures(*short_day))
    _, tally = short_day
    assert told["agencies x turns with less than a floor"] == "0"
    assert int(told["limits altered an hour"].replace(",", "")) == sum(tally.changes) // 2
    assert int(told["limits altered at once, at most"]) == max(one.altered for one in tally.instants)
    indices = [float(index) for row, index in told.items() if row.startswith("Jain") and index != "none"]
    assert indices
    assert all(0.9 < index <= 1 for index in indices)


def test_a_seed_is_one_day_and_another_seed_another(short_day: tuple[Province, Tally]) -> None:
    first = short_day[1].instants[:40]
    again, other = (day(seed, Damping(), OPENS_S, OPENS_S + 40 * STEP_S)[1].instants for seed in (1, 2))
    assert again == first
    assert all(one.wanted_bps != another.wanted_bps for one, another in zip(first, other, strict=True))


def test_the_picture_is_small_its_text_is_text_and_it_comes_out_the_same_again(
    short_day: tuple[Province, Tally], tmp_path: Path
) -> None:
    one, two, image = tmp_path / "one.svg", tmp_path / "two.svg", tmp_path / "one.png"
    for file in (one, two, image):
        draw(short_day[1], file)
    drawn = one.read_text(encoding="utf-8")
    assert len(drawn) < 150_000
    assert two.read_text(encoding="utf-8") == drawn
    said = ["".join(text.itertext()) for text in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert {"wanted", "carried", "bought, and up", "13:00"} <= set(said)
    assert sum("0 times below" in text for text in said) == 1
    assert image.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_another_kind_is_refused_before_a_day_is_spent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["working_day", "--picture", "day.gif"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "day.gif: a picture ends in .svg or .png" in capsys.readouterr().err

"""Quota policies: read with the line of every rule, refused in one sentence when they make no sense."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from netmon.config.policies import load
from netmon.core.model import NANOSECONDS, Direction, RuleRef
from netmon.core.periods import PeriodKind, PeriodRule
from netmon.core.quota import LadderStep, QuotaPolicy


def write(directory: Path, text: str, name: str = "mine.yaml") -> Path:
    path = directory / "policies" / "quotas" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


POLICY = """\
# mine
quotas:
  school:
    direction: download
    period: month
    volume: 2 TB
    ladder:
      - {at: 80%, notify: true}
      - at: 100%
        slow_to: 20 Mbps
    hysteresis: 3%
"""


def test_a_policy_knows_its_own_line_and_that_of_every_step(tmp_path: Path) -> None:
    write(tmp_path, POLICY)
    policies, names, problems = load(tmp_path)
    assert problems == []
    assert policies["school"] == QuotaPolicy(
        name="school",
        direction=Direction.DOWNLOAD,
        period=PeriodRule(PeriodKind.MONTH),
        volume_bytes=2 * 10**12,
        ladder=(
            LadderStep(800, None, RuleRef("quotas/mine.yaml", 8)),
            LadderStep(1000, 20_000_000, RuleRef("quotas/mine.yaml", 9)),
        ),
        hysteresis_permille=30,
        rule=RuleRef("quotas/mine.yaml", 3),
    )
    assert {"school", "standard-download", "standard-upload"} <= names


def test_a_policy_beside_the_configuration_takes_the_place_of_a_bundled_one(tmp_path: Path) -> None:
    bundled = load(tmp_path)[0]["standard-download"]
    write(tmp_path, POLICY.replace("school", "standard-download"))
    own = load(tmp_path)[0]["standard-download"]
    assert bundled.rule.file == "quotas/standard.yaml"
    assert own.rule == RuleRef("quotas/mine.yaml", 3)


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("day", PeriodRule(PeriodKind.DAY)),
        ("week", PeriodRule(PeriodKind.WEEK)),
        ("month", PeriodRule(PeriodKind.MONTH)),
        ("{month: 25}", PeriodRule(PeriodKind.MONTH, reset_day=25)),
        ("year", PeriodRule(PeriodKind.YEAR)),
        ("{year: 04-01}", PeriodRule(PeriodKind.YEAR, reset_day=1, reset_month=4)),
        ("{year: '10-31'}", PeriodRule(PeriodKind.YEAR, reset_day=31, reset_month=10)),
        ("15m", PeriodRule(PeriodKind.FIXED, length_ns=900 * NANOSECONDS)),
        ("60s", PeriodRule(PeriodKind.FIXED, length_ns=60 * NANOSECONDS)),
    ],
)
def test_a_period_is_written_as_people_say_it(tmp_path: Path, written: str, rule: PeriodRule) -> None:
    write(tmp_path, POLICY.replace("period: month", f"period: {written}"))
    assert load(tmp_path)[0]["school"].period == rule


A_PERIOD = (
    "write day, week, month, {month: 25} for a reset day, year, {year: 04-01} for a fiscal year's first month and day,"
    " or a duration that divides a day, such as 15m"
)
A_FIRST_DAY = "the first day of a fiscal year is a month and day; write for example {year: 04-01}"
NOT_WHOLE = f"does not divide a day into whole periods; {A_PERIOD}"
NO_UNIT = "a number without a unit; write for example 2%"
FAULTS = [
    ("period: month", "period: century", f"5:13: quotas.school.period: 'century' is not a period; {A_PERIOD}"),
    (
        "period: month",
        "period: 7m",
        f"5:13: quotas.school.period: 7m {NOT_WHOLE}",
    ),
    (
        "period: month",
        "period: 2d",
        f"5:13: quotas.school.period: 2d {NOT_WHOLE}",
    ),
    ("period: month", "period: 30", f"5:13: quotas.school.period: is not a period; {A_PERIOD}"),
    (
        "period: month",
        "period: {month: 32}",
        "5:5: quotas.school.period: the reset day of a month is a number from 1 to 31",
    ),
    *[
        ("period: month", f"period: {{year: {first}}}", f"5:5: quotas.school.period: {A_FIRST_DAY}")
        for first in ("04-31", "13-01", "4", "[1]")
    ],
    (
        "direction: download",
        "direction: down",
        "4:16: quotas.school.direction: 'down' is not one of download, upload; did you mean download?",
    ),
    (
        "volume: 2 TB",
        "volume: 2 Tbit",
        "6:13: quotas.school.volume: '2 Tbit' is not a volume; write for example 2 TB or 500 GiB",
    ),
    (
        "notify: true}",
        "notify: false}",
        "8:9: quotas.school.ladder[0]: a step either notifies or slows; write notify: true or slow_to: RATE",
    ),
    (
        "notify: true}",
        "slow_to: 0 Mbps}",
        "8:28: quotas.school.ladder[0].slow_to: must be greater than zero",
    ),
    ("notify: true}", "notfy: true}", "8:19: quotas.school.ladder[0].notfy: unknown key; did you mean notify?"),
    (
        "notify: true}",
        "slow_to: 10 Mbps}",
        "10:18: quotas.school.ladder[1].slow_to: must be slower than the step before it (10 Mb/s)",
    ),
    (
        "at: 80%",
        "at: 100%",
        "9:13: quotas.school.ladder[1].at: must be above the step before it (100%); write the ladder ascending",
    ),
    ("at: 80%", "at: 0.8", "8:14: quotas.school.ladder[0].at: a number without a unit; write for example 80%"),
    (
        "hysteresis: 3%",
        "hysteresis: 80%",
        "11:17: quotas.school.hysteresis: must be below the first step (80%), or that step would never be left",
    ),
    (
        "hysteresis: 3%",
        "hysteresis: 3",
        f"11:17: quotas.school.hysteresis: {NO_UNIT}",
    ),
    ("quotas:", "quota:", "2:1: quota: unknown key; did you mean quotas?"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_a_policy_that_makes_no_sense_is_refused_in_one_sentence(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in POLICY
    path = write(tmp_path, POLICY.replace(old, new, 1))
    lines = [str(problem) for problem in load(tmp_path)[2]]
    assert f"{path}:{sentence}" in lines
    assert len([line for line in lines if "is missing" not in line]) == 1


def test_a_step_that_only_notifies_may_follow_one_that_slows(tmp_path: Path) -> None:
    write(tmp_path, POLICY.replace("    hysteresis", "      - {at: 110%, notify: true}\n    hysteresis"))
    assert load(tmp_path)[2] == []


def test_a_policy_defined_twice_in_a_folder_is_refused_with_both_places(tmp_path: Path) -> None:
    first, second = write(tmp_path, POLICY, "a.yaml"), write(tmp_path, POLICY, "b.yaml")
    assert [str(problem) for problem in load(tmp_path)[2]] == [
        f"{second}:3:3: quotas.school: is already defined at {first}:3:3; keep one of them"
    ]


def test_a_policy_file_that_is_no_yaml_is_one_problem(tmp_path: Path) -> None:
    path = write(tmp_path, "quotas: [\n")
    assert [str(problem) for problem in load(tmp_path)[2]] == [
        f"{path}:2:1: a value is missing, or a bracket is not closed"
    ]

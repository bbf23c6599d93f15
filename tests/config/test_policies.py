"""Quota policies: read with the line of every rule, refused in one sentence when they make no sense."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from netmon.config.policies import load
from netmon.core.ladder import LadderStep, QuotaPolicy
from netmon.core.model import NANOSECONDS, Direction, RuleRef, TrafficClass
from netmon.core.periods import PeriodKind, PeriodRule
from netmon.core.windows import Holidays, Window
from netmon.store.values import dump


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
        counts=(Direction.DOWNLOAD,),
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
ONE_THING = "a step does one thing; write notify: true, slow_to: RATE, hold: true or restore: true"
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
        "4:16: quotas.school.direction: 'down' is not one of download, upload, sum; did you mean download?",
    ),
    (
        "volume: 2 TB",
        "volume: 2 Tbit",
        "6:13: quotas.school.volume: '2 Tbit' is not a volume; write for example 2 TB or 500 GiB",
    ),
    (
        "notify: true}",
        "notify: false}",
        f"8:9: quotas.school.ladder[0]: {ONE_THING}",
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


def test_a_ladder_whose_only_step_is_wrong_is_not_called_empty(tmp_path: Path) -> None:
    step = "      - {at: 80%, notify: true}\n      - at: 100%\n        slow_to: 20 Mbps\n"
    assert step in POLICY
    path = write(tmp_path, POLICY.replace(step, "      - {at: 80%, notify: yes please}\n"))
    assert [str(one) for one in load(tmp_path)[2]] == [
        f"{path}:8:27: quotas.school.ladder[0].notify: must be true or false"
    ]


VOLUME = "volume: 2 TB"
MORE_FAULTS = [
    (VOLUME, f"{VOLUME}\n    p95: 5 Mbps", "3:3: quotas.school: counts either a volume or a 95th percentile; write"),
    ("volume: 2 TB\n", "grace: 1h\n", "3:3: quotas.school: counts either a volume or a 95th percentile; write"),
    (VOLUME, "rollover: 10%\n    p95: 50 Mbps", "6:15: quotas.school.rollover: only a volume can be carried over; "),
    (VOLUME, f"{VOLUME}\n    rollover: 101%", "7:15: quotas.school.rollover: more than the volume cannot be left"),
    (VOLUME, "class: domestic\n    p95: 5 Mbps", "6:12: quotas.school.class: a 95th percentile is taken of all of"),
    ("month\n    volume: 2 TB", "15m\n    p95: 5 Mbps", "5:13: quotas.school.period: a 95th percentile needs a"),
    (
        "download\n    period: month\n    volume: 2 TB",
        "sum\n    period: month\n    p95: 50 Mbps",
        "4:16: quotas.school.direction: a 95th percentile is taken of each direction apart; write download or upload",
    ),
    ("slow_to: 20 Mbps", "hold: true", "10:15: quotas.school.ladder[1].hold: must come after a step that slows"),
    (
        "slow_to: 20 Mbps",
        "slow_to: 20 Mbps\n      - {at: 110%, restore: true}\n      - {at: 120%, slow_to: 1 Mbps}",
        "12:29: quotas.school.ladder[3].slow_to: comes after a step with restore: true, which has the last word",
    ),
    (
        "slow_to: 20 Mbps",
        "slow_to: 20 Mbps\n        may_breach_floor: true",
        "9:9: quotas.school.ladder[1]: to slow below a guaranteed floor takes slow_to: RATE and legal_basis: TEXT",
    ),
    (
        "slow_to: 20 Mbps",
        "slow_to: 20 Mbps\n        legal_basis: Pergub 12",
        "9:9: quotas.school.ladder[1]: a legal basis is for a step that may breach a floor; write may_breach_floor",
    ),
    (VOLUME, f"{VOLUME}\n    when: {{}}", "7:5: quotas.school.when[0]: says nothing; write days, hours, dates or"),
    (VOLUME, f"{VOLUME}\n    when: []", "7:5: quotas.school.when: must not be empty"),
    (VOLUME, f"{VOLUME}\n    when: {{days: mon}}", "7:5: quotas.school.when[0].days: is not a list of weekdays; write"),
    (
        VOLUME,
        f"{VOLUME}\n    when: [{{days: [senin]}}]",
        "7:13: quotas.school.when[0].days: 'senin' is not a weekday, or a span of them; write for example [mon-fri]",
    ),
    (
        VOLUME,
        f"{VOLUME}\n    when: [{{hours: '8-16'}}]",
        '7:20: quotas.school.when[0].hours: is not a span of hours; write for example "07:30-16:00"',
    ),
    (
        VOLUME,
        f"{VOLUME}\n    when: [{{hours: '08:00-08:00'}}]",
        "7:20: quotas.school.when[0].hours: 08:00-08:00 is no time at all, or more than a day; write for example",
    ),
    (
        VOLUME,
        f"{VOLUME}\n    when: [{{dates: [17-08-2026]}}]",
        "7:21: quotas.school.when[0].dates[0]: '17-08-2026' is not a date; write for example 2026-08-17",
    ),
    (
        VOLUME,
        f"{VOLUME}\n    when: [{{holidays: only}}]",
        "7:23: quotas.school.when[0].holidays: no holidays are known; write them as holidays: {2026-08-17: NAME} in",
    ),
    (
        VOLUME,
        f"{VOLUME}\n    when: [{{dates: [2026-11-27], holidays: only}}]",
        "7:12: quotas.school.when[0]: dates hold whether they are holidays or not; write days, or another window",
    ),
    ("quotas:", "holidays: {17 Agustus: HUT RI}\nquotas:", "2:12: holidays.17 Agustus: '17 Agustus' is not a date; "),
]


@pytest.mark.parametrize(("old", "new", "begins"), MORE_FAULTS, ids=[fault[1] for fault in MORE_FAULTS])
def test_what_cannot_be_counted_or_would_never_hold_is_refused_with_its_remedy(
    tmp_path: Path, old: str, new: str, begins: str
) -> None:
    assert old in POLICY
    path = write(tmp_path, POLICY.replace(old, new, 1))
    (line,) = [str(problem) for problem in load(tmp_path)[2]]
    assert line.startswith(f"{path}:{begins}")


def test_a_step_that_only_notifies_may_follow_one_that_slows(tmp_path: Path) -> None:
    write(tmp_path, POLICY.replace("    hysteresis", "      - {at: 110%, notify: true}\n    hysteresis"))
    assert load(tmp_path)[2] == []


FULL = """\
quotas:
  full:
    direction: sum
    class: domestic
    period: month
    volume: 2 TB
    rollover: 20%
    grace: 24h
    when:
      - {days: [mon-thu, fri], hours: "07:30-16:00", holidays: exclude}
      - {dates: [2026-11-27, 2026-11-26], hours: "22:00-05:00"}
    ladder:
      - {at: 100%, slow_to: 8 Mbps}
      - {at: 120%, slow_to: 2 Mbps, may_breach_floor: true, legal_basis: Pergub 12/2026 pasal 7}
      - {at: 130%, hold: true}
  billed:
    direction: upload
    period: day
    p95: 50 Mbps
    when: {days: [sat-mon]}
    ladder:
      - {at: 90%, slow_to: 50 Mbps}
      - {at: 150%, restore: true}
"""


def test_all_that_a_policy_can_say_is_read(tmp_path: Path) -> None:
    write(tmp_path, FULL)
    write(tmp_path, "holidays: {2026-12-25: Natal, 2026-08-17: Hari Kemerdekaan}\n", "holidays.yaml")
    policies, names, problems = load(tmp_path)
    assert problems == []
    full, billed = policies["full"], policies["billed"]
    assert full.counts == (Direction.DOWNLOAD, Direction.UPLOAD)
    assert (full.traffic_class, full.rollover_permille) == (TrafficClass.DOMESTIC, 200)
    assert full.grace_ns == 86_400 * NANOSECONDS
    assert full.when == (
        Window((1, 2, 3, 4, 5), (), 450, 960, Holidays.EXCLUDE, (20260817, 20261225)),
        Window((), (20261126, 20261127), 1320, 300),
    )
    assert full.ladder[1].legal_basis == "Pergub 12/2026 pasal 7"
    assert [(step.may_breach_floor, step.hold) for step in full.ladder] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert (billed.volume_bytes, billed.p95_bps, billed.when) == (None, 50_000_000, (Window((1, 6, 7)),))
    assert billed.ladder[1].restore
    assert {"full", "billed"} <= names


def test_holidays_beside_the_configuration_take_the_place_of_the_bundled_ones(tmp_path: Path) -> None:
    def known() -> tuple[int, ...]:
        return load(tmp_path)[0]["office-sum"].when[0].calendar

    assert 20261225 in known()
    write(tmp_path, "holidays: {2026-03-20: Nyepi}\n", "a.yaml")
    write(tmp_path, "holidays: {2026-03-19: Idul Fitri}\n", "b.yaml")
    assert known() == (20260319, 20260320)


def test_a_file_may_hold_nothing_but_holidays_and_none_may_be_empty(tmp_path: Path) -> None:
    path = write(tmp_path, "# to be written\n")
    assert [str(problem) for problem in load(tmp_path)[2]] == [
        f"{path}:1:1: holds nothing; write quotas, holidays, or both"
    ]
    write(tmp_path, "holidays: {2026-08-17: HUT RI}\n")
    assert load(tmp_path)[2] == []


def test_a_policy_that_is_recorded_with_its_configuration_has_a_canonical_form(tmp_path: Path) -> None:
    write(tmp_path, FULL.replace(", holidays: exclude", ""))
    assert '"legal_basis":"Pergub 12/2026 pasal 7"' in dump(load(tmp_path)[0]["full"])


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

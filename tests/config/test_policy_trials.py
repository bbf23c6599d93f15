"""Tests of policies, judged: what ships passes, and what is expected wrongly is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.policies import TESTS, write_tests
from support.schemas import conforms

from netmon.config.policy_tests import load
from netmon.config.policy_trials import outcomes, report
from netmon.core.model import VerdictReason

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("directory", [None, EXAMPLES], ids=["shipped", "documented"])
def test_the_policies_that_ship_and_those_of_the_documentation_pass_their_tests(directory: Path | None) -> None:
    suite, wrong = load(directory)
    data, problems = report(suite)
    assert (wrong, problems, data["failed"], data["untested"]) == ([], [], 0, [])
    assert data["passed"] == len(suite.tests) >= 9
    conforms(
        "policies-test", {"schema": "netmon/policies-test/1", "generated_at": "2026-11-22T08:00:00Z", "data": data}
    )


WRONG = [
    (
        "step: 2",
        "step: 1",
        "step",
        1,
        2,
        "tests.a full day is slowed.moments[1].expect.step: expected 1, but it is 2",
    ),
    (
        "limit: 4 Mbps",
        "limit: 5 Mbps",
        "limit",
        5_000_000,
        4_000_000,
        "tests.a full day is slowed.moments[1].expect.limit: expected 5 Mb/s, but it is 4 Mb/s",
    ),
    (
        "limit: 4 Mbps",
        "limit: none",
        "limit",
        None,
        4_000_000,
        "tests.a full day is slowed.moments[1].expect.limit: expected no limit, but it is 4 Mb/s",
    ),
    (
        "limit: 4 Mbps",
        "reason: near_quota",
        "reason",
        "near_quota",
        "over_quota",
        "tests.a full day is slowed.moments[1].expect.reason: expected near_quota, but it is over_quota",
    ),
    (
        "limit: 4 Mbps",
        "until: 2026-11-24",
        "until",
        "2026-11-24T00:00:00+09:00",
        "2026-11-23T00:00:00+09:00",
        "tests.a full day is slowed.moments[1].expect.until: expected 2026-11-24T00:00:00+09:00, but it is 2026-11",
    ),
]


@pytest.mark.parametrize(("old", "new", "field", "expected", "found", "sentence"), WRONG, ids=[w[1] for w in WRONG])
def test_what_a_policy_says_otherwise_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, field: str, expected: object, found: object, sentence: str
) -> None:
    path = write_tests(tmp_path, TESTS.replace(old, new))
    data, problems = report(load(tmp_path)[0])
    (problem,) = problems
    assert data["failed"] == 1
    column = path.read_text().splitlines()[7].index(new) + 1 + len(f"{field}: ")
    assert str(problem).startswith(f"{path}:8:{column}: {sentence}")
    assert str(problem).endswith("(over_quota, step 2, 4 Mb/s)")
    (difference,) = data["tests"][-1]["moments"][1]["differences"]
    assert (difference["field"], difference["expected"], difference["found"]) == (field, expected, found)
    assert difference["line"] == 8
    conforms(
        "policies-test", {"schema": "netmon/policies-test/1", "generated_at": "2026-11-22T08:00:00Z", "data": data}
    )


def test_the_step_before_is_in_force_at_the_first_moment(tmp_path: Path) -> None:
    text = TESTS.replace("before: 1", "before: 2").replace(
        "used: 9 GB, expect: {step: 1}", "used: 9.9 GB, expect: {step: 2}"
    )
    write_tests(tmp_path, text)
    first, _ = outcomes(load(tmp_path)[0].tests[-1])
    assert first.verdict.reason is VerdictReason.HELD_BY_HYSTERESIS
    assert first.differences == ()


def test_staleness_counts_from_what_the_file_says(tmp_path: Path) -> None:
    text = TESTS.replace("used: 10 GB", "used: 10 GB, reading_age: 10m")
    write_tests(tmp_path, text)
    assert report(load(tmp_path)[0])[0]["failed"] == 1
    write_tests(tmp_path, f"stale_after: 15m\n{text}")
    assert report(load(tmp_path)[0])[0]["failed"] == 0


def test_every_moment_follows_from_the_one_before(tmp_path: Path) -> None:
    write_tests(
        tmp_path, TESTS + "      - {at: 2026-11-23, used: 0 B, expect: {reason: restored_new_period, limit: none}}\n"
    )
    data, problems = report(load(tmp_path)[0])
    assert problems == []
    assert [moment["step"] for moment in data["tests"][-1]["moments"]] == [1, 2, 0]

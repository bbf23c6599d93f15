"""Tests of policies as data: read with their places, refused in one sentence when they make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.policies import POLICY, TESTS, write_tests

from netmon.config import policies
from netmon.config.load import load as load_configuration
from netmon.config.policy_tests import load
from netmon.core.ladder import QuotaUsage
from netmon.core.periods import from_ns


def problems(directory: Path) -> list[str]:
    return [str(problem) for problem in load(directory)[1]]


def test_a_test_knows_its_place_and_its_moments_are_in_its_zone(tmp_path: Path) -> None:
    path = write_tests(tmp_path)
    suite, wrong = load(tmp_path)
    assert wrong == []
    test = suite.tests[-1]
    assert (test.name, test.place.file, test.place.line, test.before) == ("a full day is slowed", path, 3, 1)
    midnight, morning = test.moments
    assert from_ns(midnight.at_ns, "Asia/Jayapura").isoformat() == "2026-11-22T00:00:00+09:00"
    assert morning.used == QuotaUsage(10 * 10**9, morning.at_ns)
    assert morning.expected == {"step": 2, "limit": 4_000_000}


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-11-22T08:00", "2026-11-22T08:00:00+09:00"),
        ("2026-11-22 08:00:30", "2026-11-22T08:00:30+09:00"),
        ("2026-11-22T08:00:00+07:00", "2026-11-22T10:00:00+09:00"),
        ("'2026-11-22'", "2026-11-22T00:00:00+09:00"),
    ],
)
def test_a_time_is_written_as_yaml_or_people_have_it(tmp_path: Path, written: str, instant: str) -> None:
    write_tests(
        tmp_path,
        TESTS.replace("2026-11-22, used: 9 GB", f"{written}, used: 9 GB").replace(
            "T08:00, used: 10", "T23:00, used: 10"
        ),
    )
    suite, wrong = load(tmp_path)
    assert wrong == []
    assert from_ns(suite.tests[-1].moments[0].at_ns, "Asia/Jayapura").isoformat() == instant


def test_none_that_is_written_is_expected_and_what_is_left_out_is_not(tmp_path: Path) -> None:
    write_tests(tmp_path, TESTS.replace("expect: {step: 1}", "expect: {limit: none, until: none}"))
    assert load(tmp_path)[0].tests[-1].moments[0].expected == {"limit": None, "until": None}


def test_usage_may_be_old_or_never_read_and_the_clock_untrusted(tmp_path: Path) -> None:
    text = TESTS.replace("used: 9 GB", "used: 9 GB, reading_age: never").replace(
        "used: 10 GB", "used: 10 GB, reading_age: 10m, clock: untrusted"
    )
    write_tests(tmp_path, text)
    never, old = load(tmp_path)[0].tests[-1].moments
    assert never.used.newest_ns is None
    assert old.used.newest_ns == old.at_ns - 600 * 10**9
    assert (never.clock_trusted, old.clock_trusted) == (True, False)


def test_an_amendment_stands_from_its_moment_on(tmp_path: Path) -> None:
    text = TESTS + "      - {at: 2026-11-23, used: 1 GB, expect: {step: 0}}\n"
    write_tests(
        tmp_path,
        text.replace("used: 10 GB,", "used: 10 GB, amend: {volume: 20 GB, hysteresis: 5%},").replace(
            "step: 2, limit: 4 Mbps", "step: 0"
        ),
    )
    suite, wrong = load(tmp_path)
    assert wrong == []
    assert [moment.policy.volume_bytes for moment in suite.tests[-1].moments] == [10**10, 2 * 10**10, 2 * 10**10]
    assert suite.tests[-1].moments[2].policy.hysteresis_permille == 50
    assert suite.tests[-1].moments[2].policy.ladder == suite.tests[-1].policy.ladder


def test_an_amendment_s_windows_know_the_holidays_though_the_policy_asked_for_none(tmp_path: Path) -> None:
    path = write_tests(tmp_path, TESTS.replace("used: 9 GB,", "used: 9 GB, amend: {when: {holidays: only}},"))
    (path.parents[1] / "holidays.yaml").write_text("holidays: {2026-11-27: Hari pemungutan suara}\n")
    suite, wrong = load(tmp_path)
    assert wrong == []
    assert suite.tests[-1].moments[0].policy.when[0].calendar == (20261127,)


FAULTS = [
    ("policy: school", "policy: scool", "4:13: tests.a full day is slowed.policy: no quota policy is named scool; did"),
    ("before: 1", "before: 3", "5:13: tests.a full day is slowed.before: school has no step 3, its last is 2"),
    ("before: 1", "before: 0", "5:13: tests.a full day is slowed.before: must be at least 1"),
    ("at: 2026-11-22,", "at: 22 November,", "7:14: tests.a full day is slowed.moments[0].at: '22 November' is no"),
    (
        "at: 2026-11-22,",
        "at: 9999-12-31,",
        "7:14: tests.a full day is slowed.moments[0].at: 9999-12-31 is not within 1970",
    ),
    ("at: 2026-11-22,", "at: 2026-11-23,", "8:14: tests.a full day is slowed.moments[1].at: must be after the moment"),
    ("used: 9 GB", "used: 9", "7:32: tests.a full day is slowed.moments[0].used: a number without a unit; write for"),
    ("used: 9 GB", "used: 9 GB, reading_age: 60", "7:51: tests.a full day is slowed.moments[0].reading_age: a number"),
    ("used: 9 GB", "used: 9 GB, clock: no idea", "7:45: tests.a full day is slowed.moments[0].clock: 'no idea' is not"),
    (
        "{step: 1}",
        "{}",
        "7:38: tests.a full day is slowed.moments[0].expect: expects nothing; write one of step, limit",
    ),
    (
        "{step: 1}",
        "{step: 3}",
        "7:53: tests.a full day is slowed.moments[0].expect.step: school has no step 3, its last",
    ),
    (
        "{step: 1}",
        "{step: one}",
        "7:53: tests.a full day is slowed.moments[0].expect.step: a step is a number: 0 below",
    ),
    ("{step: 1}", "{stepp: 1}", "7:47: tests.a full day is slowed.moments[0].expect.stepp: unknown key; did you mean"),
    ("{step: 1}", "{limit: }", "7:54: tests.a full day is slowed.moments[0].expect.limit: is empty"),
    ("{step: 1}", "{reason: near}", "7:55: tests.a full day is slowed.moments[0].expect.reason: 'near' is not one of"),
    (
        "used: 9 GB,",
        "used: 9 GB, amend: {ladder: [{at: 90%, notify: true}, {at: 80%, slow_to: 1 Mbps}]},",
        "7:85: tests.a full day is slowed.moments[0].amend.ladder[1].at: must be above the step before it (90%)",
    ),
    (
        "used: 9 GB,",
        "used: 9 GB, amend: {rollover: 200%},",
        "7:56: tests.a full day is slowed.moments[0].amend.rollover: more than the volume cannot be left of it",
    ),
    (
        "used: 9 GB,",
        "used: 9 GB, amend: {p95: 1 Mbps},",
        "7:51: tests.a full day is slowed.moments[0].amend.p95: school counts a volume; write volume: VOLUME",
    ),
    (
        "used: 9 GB,",
        "used: 9 GB, p95: 1 Mbps,",
        "7:9: tests.a full day is slowed.moments[0]: school counts a volume; write used: VOLUME, and no p95",
    ),
    ("Asia/Jayapura", "Jayapura", "1:11: timezone: 'Jayapura' is not an IANA time zone; write for example"),
    ("tests:", "test:", "2:1: test: unknown key; did you mean tests?"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_a_test_that_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in TESTS
    path = write_tests(tmp_path, TESTS.replace(old, new, 1))
    found = [line for line in problems(tmp_path) if "is missing" not in line]
    assert len(found) == 1
    assert found[0].startswith(f"{path}:{sentence}")


def test_the_same_sentence_twice_is_refused(tmp_path: Path) -> None:
    path = write_tests(tmp_path, TESTS + TESTS.partition("tests:\n")[2])
    assert problems(tmp_path) == [f"{path}:9:3: a full day is slowed: the same key stands already in line 3; keep one"]


def test_a_broken_policy_is_named_too(tmp_path: Path) -> None:
    path = write_tests(tmp_path)
    quotas = path.parents[1] / "school.yaml"
    quotas.write_text(POLICY.replace("10 GB", "10"))
    assert problems(tmp_path)[0].startswith(f"{quotas}:5:13: quotas.school.volume: a number without a unit")


def test_tests_are_no_policies(tmp_path: Path) -> None:
    write_tests(tmp_path)
    read, names, wrong = policies.load(tmp_path)
    assert wrong == []
    assert "school" in read
    assert names == set(read)


def test_a_configuration_with_tests_beside_it_loads_as_without(tmp_path: Path) -> None:
    write_tests(tmp_path, "no: test\n")
    (tmp_path / "netmon.yaml").write_text("site: {name: sulteng}\n")
    assert "school" in load_configuration(tmp_path / "netmon.yaml").policies


def test_what_ships_is_tested_as_it_ships_though_it_be_overridden(tmp_path: Path) -> None:
    write_tests(tmp_path, TESTS.replace("school", "standard-download"))
    quotas = tmp_path / "policies" / "quotas" / "school.yaml"
    quotas.write_text(POLICY.replace("school", "standard-download"))
    suite, wrong = load(tmp_path)
    assert wrong == []
    volumes = {test.policy.volume_bytes for test in suite.tests if test.policy.name == "standard-download"}
    assert volumes == {2 * 10**12, 10**10}
    assert suite.untested == ()


def test_policies_that_no_test_is_about_are_named(tmp_path: Path) -> None:
    path = write_tests(tmp_path)
    path.unlink()
    assert load(tmp_path)[0].untested == ("school",)
    assert load(None)[0].untested == ()


def test_a_site_s_own_holidays_leave_the_tests_of_bundled_policies_theirs(tmp_path: Path) -> None:
    path = write_tests(tmp_path)
    (path.parents[1] / "holidays.yaml").write_text("holidays: {2026-11-27: Hari pemungutan suara}\n")
    assert load(tmp_path)[0].untested == ()


def test_the_folder_that_ships_is_not_tested_twice() -> None:
    shipped = policies.bundled_folder().parents[1]
    assert len(load(shipped)[0].tests) == len(load(None)[0].tests)

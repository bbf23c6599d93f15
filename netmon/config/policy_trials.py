"""Tests of quota policies, judged by the very rules that judge agencies: the `data` of netmon/policies-test/1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netmon.config.errors import Problem
from netmon.config.policy_cases import NONE
from netmon.config.policy_tests import AGENCY, Moment, PolicyTest, Suite
from netmon.core import directing, ladder, quota
from netmon.core.ladder import Claim, QuotaPolicy, QuotaUsage
from netmon.core.model import Verdict
from netmon.core.periods import from_ns, period_containing
from netmon.core.units import format_rate


@dataclass(frozen=True, slots=True)
class Difference:
    """What a verdict says otherwise than was expected; values as `data` has them, None: there is none."""

    field: str
    expected: int | str | None
    found: int | str | None
    problem: Problem


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict of one moment, and where it differs."""

    moment: Moment
    verdict: Verdict
    differences: tuple[Difference, ...]


def outcomes(test: PolicyTest) -> list[Outcome]:
    """Each moment judged with the verdict of the one before it as the previous one."""
    previous = None if test.before is None else _before(test, test.before)
    counting = previous
    found: list[Outcome] = []
    for moment in test.moments:
        previous = quota.judge(
            _claim(moment.policy, moment.at_ns, test.zone),
            moment.used,
            previous,
            moment.at_ns,
            clock_trusted=moment.clock_trusted,
            stale_after_ns=test.stale_after_ns,
            ease_stale_after_ns=test.ease_stale_after_ns,
        )
        counting = directing.counting([previous], moment.directives, counting, moment.at_ns)
        found.append(Outcome(moment, counting, tuple(_differences(test, moment, counting))))
    return found


def _claim(policy: QuotaPolicy, at_ns: int, zone: str) -> Claim:
    return Claim(AGENCY, policy.counts[0], zone, policy, period_containing(policy.period, at_ns, zone))


def report(suite: Suite) -> tuple[dict[str, Any], list[Problem]]:
    """The document's data, and every difference with its place."""
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for test in suite.tests:
        judged = outcomes(test)
        differences = [one.problem for outcome in judged for one in outcome.differences]
        problems += differences
        rows.append(
            {
                "name": test.name,
                "file": str(test.place.file),
                "line": test.place.line,
                "policy": test.policy.name,
                "passed": not differences,
                "moments": [_row(test, outcome) for outcome in judged],
            }
        )
    failed = sum(not row["passed"] for row in rows)
    return {
        "passed": len(rows) - failed,
        "failed": failed,
        "tests": rows,
        "untested": list(suite.untested),
    }, problems


def _before(test: PolicyTest, step: int) -> Verdict:
    """As the policy, long in force, says of an agency that has just reached the step."""
    at_ns = test.moments[0].at_ns
    claim = _claim(test.policy, at_ns, test.zone)
    used = QuotaUsage(ladder.threshold(test.policy, step), at_ns)
    began = quota.remembering(claim, ladder.verdict(claim, used, step), at_ns - test.policy.grace_ns)
    return quota.judge(claim, used, began, at_ns, clock_trusted=True, stale_after_ns=test.stale_after_ns)


def _differences(test: PolicyTest, moment: Moment, verdict: Verdict) -> list[Difference]:
    found = _values(test, verdict)
    said = f"{verdict.reason.value}, step {verdict.step}, {_shown('limit', found['limit'])}"
    differences: list[Difference] = []
    for name, expected in moment.expected.items():
        wanted = _instant(expected, test.zone) if name == "until" and isinstance(expected, int) else expected
        if wanted == found[name]:
            continue
        message = f"expected {_shown(name, wanted)}, but it is {_shown(name, found[name])} ({said})"
        problem = test.locator.problem((*moment.loc, name), message)
        differences.append(Difference(name, wanted, found[name], problem))
    return differences


def _values(test: PolicyTest, verdict: Verdict) -> dict[str, int | str | None]:
    return {
        "step": verdict.step,
        "limit": None if verdict.limit is None else verdict.limit.ceiling_bps,
        "reason": verdict.reason.value,
        "until": None if verdict.until_ns is None else _instant(verdict.until_ns, test.zone),
    }


def _shown(name: str, value: int | str | None) -> str:
    if value is None:
        return "no limit" if name == "limit" else NONE
    return format_rate(value) if name == "limit" and isinstance(value, int) else str(value)


def _row(test: PolicyTest, outcome: Outcome) -> dict[str, Any]:
    values = _values(test, outcome.verdict)
    return {
        "at": _instant(outcome.moment.at_ns, test.zone),
        **_counted(outcome.moment),
        "step": values["step"],
        "limit_bps": values["limit"],
        "reason": values["reason"],
        "until": values["until"],
        "differences": [
            {
                "field": one.field,
                "expected": one.expected,
                "found": one.found,
                "line": one.problem.line,
                "column": one.problem.column,
            }
            for one in outcome.differences
        ],
    }


def _counted(moment: Moment) -> dict[str, int | None]:
    volume = moment.policy.volume_bytes is not None
    return {
        "used_bytes": moment.used.proven if volume else None,
        "p95_bps": None if volume else moment.used.proven,
    }


def _instant(at_ns: int, zone: str) -> str:
    return from_ns(at_ns, zone).isoformat()

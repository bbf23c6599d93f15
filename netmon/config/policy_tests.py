"""Tests of quota policies, written as data: policies/quotas/tests/*.yaml -> PolicyTest values that know their place.

A test names a policy and one or more moments, each with what was used by then and what is expected of the verdict.
The policies that ship with netmon are tested as they ship, those beside the configuration as they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from netmon.config import documents, policies
from netmon.config.documents import Locator
from netmon.config.errors import Loc, Problem, did_you_mean
from netmon.config.messages import described
from netmon.config.policies import HysteresisPermille, LadderSettings, PeriodWritten
from netmon.config.settings import ControlSettings, TimeZone
from netmon.core import units
from netmon.core.model import RuleRef, VerdictReason
from netmon.core.periods import to_ns
from netmon.core.quota import LadderStep, QuotaPolicy, QuotaUsage
from netmon.settings import (
    DURATION_SCHEMA,
    RATE_SCHEMA,
    VOLUME_SCHEMA,
    DurationNs,
    Name,
    RateBps,
    Settings,
    VolumeBytes,
)

FOLDER: Final = "tests"
A_TIME: Final = "write for example 2026-11-22 or 2026-11-22T08:00"
NONE: Final = "none"
NEVER: Final = "never"


def _time(value: Any) -> Any:
    """YAML makes dates and whole times of what looks like them."""
    if isinstance(value, date):
        return value.isoformat()
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"is not a time; {A_TIME}") from None
    return value


def _used(value: Any) -> Any:
    if isinstance(value, str):
        return units.parse_volume(value)
    raise ValueError("a number without a unit; write for example 1.7 TB, or 0 B")


def _age(value: Any) -> Any:
    if isinstance(value, str):
        return None if value == NEVER else units.parse_duration(value)
    raise ValueError(f"a number without a unit; write for example 10m, or {NEVER}")


def _or_none(value: Any) -> Any:
    """An absent value is written out, so that a forgotten one is not taken for it."""
    if value is None:
        raise ValueError(f"is empty; write {NONE}")
    return None if value == NONE else value


def _stepless(value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("a step is a number: 0 below the ladder, 1 for its first step")
    return value


def _or(word: str, schema: dict[str, Any] | None) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"const": word}, schema]})


_TIME_SCHEMA = {"type": "string", "examples": ["2026-11-22T08:00"], "description": "In the file's time zone."}
Time = Annotated[str, BeforeValidator(_time), WithJsonSchema(_TIME_SCHEMA)]
Step = Annotated[int, BeforeValidator(_stepless), WithJsonSchema({"type": "integer", "minimum": 0})]
Age = Annotated[int | None, BeforeValidator(_age), _or(NEVER, DURATION_SCHEMA.json_schema)]


class ExpectSettings(Settings):
    """What the verdict must say; what is left out may be anything."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    step: Step | None = None
    limit: Annotated[RateBps | None, BeforeValidator(_or_none), _or(NONE, RATE_SCHEMA.json_schema)] = None
    reason: VerdictReason | None = None
    until: Annotated[Time | None, BeforeValidator(_or_none), _or(NONE, _TIME_SCHEMA)] = None


class AmendSettings(Settings):
    """What of the policy reads differently from a moment on."""

    period: PeriodWritten | None = None
    volume: VolumeBytes | None = None
    ladder: Annotated[tuple[LadderSettings, ...], Field(min_length=1)] | None = None
    hysteresis: HysteresisPermille | None = None


class MomentSettings(Settings):
    at: Time
    used: Annotated[int, BeforeValidator(_used), WithJsonSchema(VOLUME_SCHEMA.json_schema)]
    """Proven in the period that runs then."""
    reading_age: Age = 0
    clock: Literal["trusted", "untrusted"] = "trusted"
    amend: AmendSettings | None = None
    expect: ExpectSettings


class CaseSettings(Settings):
    policy: Name
    before: Annotated[int, Field(ge=1)] | None = None
    """The step in force before the first moment, in the same period."""
    moments: Annotated[tuple[MomentSettings, ...], Field(min_length=1)]


Sentence = Annotated[str, AfterValidator(str.strip), Field(min_length=1, max_length=200)]


class CasesFile(Settings):
    timezone: TimeZone = "Asia/Jakarta"
    stale_after: DurationNs = ControlSettings().stale_after
    tests: Annotated[dict[Sentence, CaseSettings], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known at one instant, and what must follow from it."""

    at_ns: int
    policy: QuotaPolicy
    """As it reads then."""
    used: QuotaUsage
    clock_trusted: bool
    expected: Mapping[str, int | str | None]
    """Of `step`, `limit` (bit/s), `reason` and `until` (ns), those that the test names; None: there must be none."""
    loc: Loc


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One test and where it stands."""

    name: str
    policy: QuotaPolicy
    zone: str
    stale_after_ns: int
    before: int | None
    moments: tuple[Moment, ...]
    place: Problem
    """Of its name; the message is empty."""
    locator: Locator = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Suite:
    """Every test that was found, and the policies that none is about."""

    tests: tuple[PolicyTest, ...]
    untested: tuple[str, ...]


def load(directory: Path | None) -> tuple[Suite, list[Problem]]:
    """The tests that ship with netmon and those beside the configuration in `directory`, and what is wrong with
    them or with the policies.
    """
    folder = policies.bundled_folder()
    shipped = policies.load_folder(folder)[0]
    tests, problems = _read_folder(folder / FOLDER, shipped)
    in_force = shipped
    if directory is not None and (directory / policies.FOLDER).resolve() != folder.resolve():
        in_force, _, wrong = policies.load(directory)
        own, faults = _read_folder(directory / policies.FOLDER / FOLDER, in_force)
        tests, problems = tests + own, [*problems, *wrong, *faults]
    tested = {test.policy for test in tests}
    untested = sorted(name for name, policy in in_force.items() if policy not in tested)
    return Suite(tuple(tests), tuple(untested)), problems


def _read_folder(folder: Path, known: Mapping[str, QuotaPolicy]) -> tuple[list[PolicyTest], list[Problem]]:
    tests: list[PolicyTest] = []
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.y*ml")):
        document, found = documents.read(file)
        problems += found
        if document is None:
            continue
        locator = Locator([document], file)
        try:
            parsed = CasesFile.model_validate(document.data)
        except ValidationError as error:
            details = [described(detail, CasesFile) for detail in error.errors(include_url=False)]
            problems += [locator.problem(loc, message, at_key=at_key) for loc, message, at_key in details]
            continue
        for name, case in parsed.tests.items():
            test, wrong = _test(name, case, parsed, known, locator)
            problems += [locator.problem(loc, message) for loc, message in wrong]
            if not wrong and test is not None:
                tests.append(test)
    return tests, problems


def _test(
    name: str, case: CaseSettings, file: CasesFile, known: Mapping[str, QuotaPolicy], locator: Locator
) -> tuple[PolicyTest | None, list[tuple[Loc, str]]]:
    loc: Loc = ("tests", name)
    policy = known.get(case.policy)
    if policy is None:
        return None, [((*loc, "policy"), f"no quota policy is named {case.policy}{did_you_mean(case.policy, known)}")]
    wrong: list[tuple[Loc, str]] = []
    if case.before is not None and case.before > len(policy.ladder):
        wrong.append(((*loc, "before"), f"{case.policy} has no step {case.before}, its last is {len(policy.ladder)}"))
    instants = [_instant(moment.at, file.timezone) for moment in case.moments]
    for position, (earlier, later) in enumerate(pairwise(instants), start=1):
        if later <= earlier:
            wrong.append(((*loc, "moments", position, "at"), "must be after the moment before it"))
    moments: list[Moment] = []
    amended = policy
    for position, (written, at_ns) in enumerate(zip(case.moments, instants, strict=True)):
        here: Loc = (*loc, "moments", position)
        if written.amend is not None:
            amended, faults = _amended(amended, written.amend, (*here, "amend"), locator)
            wrong += faults
        wrong += _unexpectable(written.expect, amended, (*here, "expect"))
        newest_ns = None if written.reading_age is None else at_ns - written.reading_age
        used = QuotaUsage(written.used, newest_ns)
        expected = _expected(written.expect, file.timezone)
        moments.append(Moment(at_ns, amended, used, written.clock == "trusted", expected, (*here, "expect")))
    place = locator.problem(loc, "", at_key=True)
    return (
        PolicyTest(name, policy, file.timezone, file.stale_after, case.before, tuple(moments), place, locator),
        wrong,
    )


def _amended(
    policy: QuotaPolicy, amendment: AmendSettings, loc: Loc, locator: Locator
) -> tuple[QuotaPolicy, list[tuple[Loc, str]]]:
    """The policy as it reads from now on, under the same name."""
    ladder = policy.ladder
    if amendment.ladder is not None:
        places = [locator.problem((*loc, "ladder", position, "at"), "") for position in range(len(amendment.ladder))]
        ladder = tuple(
            LadderStep(step.at, step.slow_to, RuleRef(f"quotas/{FOLDER}/{place.file.name}", place.line))
            for step, place in zip(amendment.ladder, places, strict=True)
        )
    made = replace(
        policy,
        period=amendment.period or policy.period,
        volume_bytes=amendment.volume or policy.volume_bytes,
        ladder=ladder,
        hysteresis_permille=policy.hysteresis_permille if amendment.hysteresis is None else amendment.hysteresis,
    )
    return made, list(policies.disorder(loc, made.ladder, made.hysteresis_permille))


def _unexpectable(expect: ExpectSettings, policy: QuotaPolicy, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if not expect.model_fields_set:
        yield loc, "expects nothing; write one of step, limit, reason or until"
    if expect.step is not None and expect.step > len(policy.ladder):
        yield (*loc, "step"), f"{policy.name} has no step {expect.step}, its last is {len(policy.ladder)}"


def _expected(expect: ExpectSettings, zone: str) -> dict[str, int | str | None]:
    values: dict[str, int | str | None] = {
        "step": expect.step,
        "limit": expect.limit,
        "reason": expect.reason,
        "until": None if expect.until is None else _instant(expect.until, zone),
    }
    return {name: value for name, value in values.items() if name in expect.model_fields_set}


def _instant(written: str, zone: str) -> int:
    moment = datetime.fromisoformat(written)
    return to_ns(moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone)))

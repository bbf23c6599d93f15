"""Tests of quota policies, written as data: policies/quotas/tests/*.yaml -> PolicyTest values that know their place.

A test names a policy and one or more moments, each with what was used by then and what is expected of the verdict.
The policies that ship with netmon are tested as they ship, those beside the configuration as they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from netmon.config import documents, policies
from netmon.config.documents import Locator
from netmon.config.errors import Loc, Problem, did_you_mean
from netmon.config.messages import described, details
from netmon.config.policy_cases import (
    AmendSettings,
    CaseSettings,
    CasesFile,
    DirectiveSettings,
    ExpectSettings,
    MomentSettings,
)
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.ladder import QuotaPolicy, QuotaUsage, carried_over, meaning
from netmon.core.model import Direction, RuleRef
from netmon.core.periods import to_ns
from netmon.core.supply import Rates

FOLDER: Final = "tests"
AGENCY: Final = "agency"
"""Whose verdicts are judged does not matter to a policy."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known at one instant, and what must follow from it."""

    at_ns: int
    policy: QuotaPolicy
    """As it reads then."""
    used: QuotaUsage
    directives: tuple[Directive, ...]
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
    ease_stale_after_ns: int
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
    # A bundled policy is the one that its tests are about, whatever days are holidays here.
    tested = {(test.policy.name, meaning(test.policy)) for test in tests}
    untested = sorted(name for name, policy in in_force.items() if (name, meaning(policy)) not in tested)
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
            faults = [described(detail, CasesFile) for detail in details(error)]
            problems += [locator.problem(loc, message, at_key=at_key) for loc, message, at_key in faults]
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
    amended, calendar = policy, _calendar(known)
    for position, (written, at_ns) in enumerate(zip(case.moments, instants, strict=True)):
        here: Loc = (*loc, "moments", position)
        if written.amend is not None:
            wrong += _misplaced(written.amend, amended, (*here, "amend"))
            amended, faults = _amended(amended, written.amend, (*here, "amend"), locator, calendar)
            wrong += faults
        wrong += [*_unmeasured(written, amended, here), *_unexpectable(written.expect, amended, (*here, "expect"))]
        moments.append(_moment(written, at_ns, amended, file.timezone, here))
    return (
        PolicyTest(
            name=name,
            policy=policy,
            zone=file.timezone,
            stale_after_ns=file.stale_after,
            ease_stale_after_ns=file.ease_stale_after,
            before=case.before,
            moments=tuple(moments),
            place=locator.problem(loc, "", at_key=True),
            locator=locator,
        ),
        wrong,
    )


def _calendar(known: Mapping[str, QuotaPolicy]) -> tuple[int, ...]:
    """The holidays, which policies of one folder have in common."""
    windows = (window for policy in known.values() for window in policy.when)
    return next((window.calendar for window in windows if window.calendar), ())


def _moment(written: MomentSettings, at_ns: int, policy: QuotaPolicy, zone: str, loc: Loc) -> Moment:
    proven = written.p95 or 0
    match written.used:
        case int():
            proven = written.used
        case (download, upload):
            each = {Direction.DOWNLOAD: download, Direction.UPLOAD: upload}
            proven = sum(each[way] for way in policy.counts)
    before = policy.allowance if written.used_before is None else written.used_before
    newest_ns = None if written.reading_age is None else at_ns - written.reading_age
    return Moment(
        at_ns=at_ns,
        policy=policy,
        used=QuotaUsage(proven, newest_ns, carried_over(policy, before)),
        directives=tuple(_directive(one, at_ns, zone) for one in written.directives),
        clock_trusted=written.clock == "trusted",
        expected=_expected(written.expect, zone),
        loc=(*loc, "expect"),
    )


def _directive(written: DirectiveSettings, at_ns: int, zone: str) -> Directive:
    kind = DirectiveKind.BOOST if written.boost is not None else DirectiveKind.EXEMPTION
    return Directive(
        id="",
        kind=DirectiveKind.FREEZE if written.freeze else kind,
        subject=AGENCY,
        reason="",
        by="",
        at_ns=at_ns,
        until_ns=None if written.until is None else _instant(written.until, zone),
        rates=None if written.boost is None else Rates(written.boost, written.boost),
    )


def _amended(
    policy: QuotaPolicy, amendment: AmendSettings, loc: Loc, locator: Locator, calendar: tuple[int, ...]
) -> tuple[QuotaPolicy, list[tuple[Loc, str]]]:
    """The policy as it reads from now on, under the same name."""
    ladder = policy.ladder
    if amendment.ladder is not None:
        places = [locator.problem((*loc, "ladder", position, "at"), "") for position in range(len(amendment.ladder))]
        ladder = tuple(
            step.value(RuleRef(f"quotas/{FOLDER}/{place.file.name}", place.line))
            for step, place in zip(amendment.ladder, places, strict=True)
        )
    made = replace(
        policy,
        period=amendment.period or policy.period,
        volume_bytes=None if policy.volume_bytes is None else amendment.volume or policy.volume_bytes,
        p95_bps=None if policy.p95_bps is None else amendment.p95 or policy.p95_bps,
        ladder=ladder,
        hysteresis_permille=policy.hysteresis_permille if amendment.hysteresis is None else amendment.hysteresis,
        rollover_permille=amendment.rollover or policy.rollover_permille,
        when=tuple(one.value(calendar) for one in amendment.when) or policy.when,
        grace_ns=amendment.grace or policy.grace_ns,
    )
    return made, list(policies.objections(loc, made))


def _misplaced(amendment: AmendSettings, policy: QuotaPolicy, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if policy.volume_bytes is None and amendment.volume is not None:
        yield (*loc, "volume"), f"{policy.name} counts a 95th percentile; write p95: RATE"
    if policy.volume_bytes is not None and amendment.p95 is not None:
        yield (*loc, "p95"), f"{policy.name} counts a volume; write volume: VOLUME"


def _unmeasured(written: MomentSettings, policy: QuotaPolicy, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if policy.volume_bytes is None and (written.p95 is None or written.used is not None):
        yield loc, f"{policy.name} counts a 95th percentile; write p95: RATE for used"
    if policy.volume_bytes is not None and (written.used is None or written.p95 is not None):
        yield loc, f"{policy.name} counts a volume; write used: VOLUME, and no p95"


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

"""Quota policies: policies/quotas/*.yaml -> QuotaPolicy values that know their own file and line."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from netmon import bundled
from netmon.config import documents
from netmon.config.documents import Locator
from netmon.config.errors import Loc, Problem
from netmon.config.messages import described, details
from netmon.config.policy_windows import Calendar, Windows, number_of
from netmon.core import units
from netmon.core.ladder import LadderStep, QuotaPolicy
from netmon.core.model import NANOSECONDS, Direction, RuleRef, TrafficClass
from netmon.core.periods import PeriodKind, PeriodRule
from netmon.core.windows import Holidays
from netmon.settings import PERCENT_SCHEMA, DurationNs, Name, PermilleRatio, RateBps, Settings, VolumeBytes

FOLDER: Final = Path("policies/quotas")
DAY_NS: Final = 86_400 * NANOSECONDS
A_PERIOD: Final = (
    "write day, week, month, {month: 25} for a reset day, year, {year: 04-01} for a fiscal year's first month and day,"
    " or a duration that divides a day, such as 15m"
)
_MONTH_AND_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


def _period(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"month"}:
        day = value["month"]
        if isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= 31:
            return PeriodRule(PeriodKind.MONTH, reset_day=day)
        raise ValueError("the reset day of a month is a number from 1 to 31")
    if isinstance(value, dict) and set(value) == {"year"}:
        return _year(value["year"])
    if value in ("day", "week", "month", "year"):
        return PeriodRule(PeriodKind(value))
    if not isinstance(value, str):
        raise ValueError(f"is not a period; {A_PERIOD}")
    try:
        length = units.parse_duration(value)
    except units.UnitError:
        raise ValueError(f"{value!r} is not a period; {A_PERIOD}") from None
    if length < NANOSECONDS or length > DAY_NS or DAY_NS % length:
        raise ValueError(f"{value} does not divide a day into whole periods; {A_PERIOD}")
    return PeriodRule(PeriodKind.FIXED, length_ns=length)


def _year(first: Any) -> PeriodRule:
    """A day that a month has not in every year falls on the month's last; one it never has is refused."""
    found = _MONTH_AND_DAY.fullmatch(first) if isinstance(first, str) else None
    if found is None or int(found[2]) > monthrange(2028, int(found[1]))[1]:
        raise ValueError("the first day of a fiscal year is a month and day; write for example {year: 04-01}")
    return PeriodRule(PeriodKind.YEAR, reset_day=int(found[2]), reset_month=int(found[1]))


def _one_key(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [name], "additionalProperties": False, "properties": {name: value}}


def _hysteresis(value: Any) -> Any:
    if isinstance(value, str):
        return units.parse_percent(value)
    raise ValueError("a number without a unit; write for example 2%")


_PERIOD_SCHEMA = {
    "anyOf": [
        {"enum": ["day", "week", "month", "year"]},
        _one_key("month", {"type": "integer", "minimum": 1, "maximum": 31}),
        _one_key("year", {"type": "string", "pattern": f"^{_MONTH_AND_DAY.pattern}$", "examples": ["04-01"]}),
        {"type": "string", "pattern": "^\\s*([0-9.]+\\s*(ms|min|s|m|h|d)\\s*)+$", "examples": ["15m"]},
    ],
    "description": "Cut in the agency's own time zone; a duration divides a day.",
}
PeriodWritten = Annotated[PeriodRule, BeforeValidator(_period), WithJsonSchema(_PERIOD_SCHEMA)]
HysteresisPermille = Annotated[int, BeforeValidator(_hysteresis), PERCENT_SCHEMA]


class LadderSettings(Settings):
    """One step: from `at` of the allowance on, notify only, slow to a rate, hold, or restore."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["slow_to"], "properties": {"slow_to": {"type": "string"}}},
                {"required": ["notify"], "properties": {"notify": {"const": True}}},
                {"required": ["hold"], "properties": {"hold": {"const": True}}},
                {"required": ["restore"], "properties": {"restore": {"const": True}}},
            ],
            "dependentRequired": {"may_breach_floor": ["slow_to", "legal_basis"], "legal_basis": ["may_breach_floor"]},
        }
    )

    at: PermilleRatio
    notify: bool = False
    slow_to: RateBps | None = None
    hold: bool = False
    restore: bool = False
    may_breach_floor: bool = False
    legal_basis: Annotated[str, Field(min_length=1, max_length=500)] | None = None

    @model_validator(mode="after")
    def _one_effect(self) -> LadderSettings:
        if (self.slow_to is not None) + self.notify + self.hold + self.restore != 1:
            raise ValueError("a step does one thing; write notify: true, slow_to: RATE, hold: true or restore: true")
        if self.may_breach_floor and (self.slow_to is None or not self.legal_basis):
            raise ValueError("to slow below a guaranteed floor takes slow_to: RATE and legal_basis: TEXT, too")
        if self.legal_basis and not self.may_breach_floor:
            raise ValueError("a legal basis is for a step that may breach a floor; write may_breach_floor: true, too")
        return self

    def value(self, rule: RuleRef) -> LadderStep:
        return LadderStep(self.at, self.slow_to, rule, self.hold, self.restore, self.may_breach_floor, self.legal_basis)


class Counted(StrEnum):
    """What of an agency's traffic is counted."""

    DOWNLOAD = "download"
    UPLOAD = "upload"
    SUM = "sum"

    def directions(self) -> tuple[Direction, ...]:
        return tuple(Direction) if self is Counted.SUM else (Direction(self.value),)


class QuotaSettings(Settings):
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["volume"]}, {"required": ["p95"]}]})

    direction: Counted
    traffic_class: TrafficClass = Field(default=TrafficClass.ALL, alias="class")
    period: PeriodWritten
    volume: VolumeBytes | None = None
    p95: RateBps | None = None
    ladder: tuple[LadderSettings, ...] = Field(min_length=1)
    hysteresis: HysteresisPermille = 20
    rollover: PermilleRatio | None = None
    when: Windows = ()
    grace: DurationNs | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> QuotaSettings:
        if (self.volume is None) == (self.p95 is None):
            raise ValueError("counts either a volume or a 95th percentile; write volume: VOLUME or p95: RATE")
        return self


class QuotaFile(Settings):
    quotas: dict[Name, QuotaSettings] = Field(default_factory=dict)
    holidays: Calendar = Field(default_factory=dict)
    """Days on which windows may hold otherwise, and what they are called; those of a folder's files count together."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file as it was read."""

    path: Path
    locator: Locator
    data: dict[Any, Any]
    parsed: QuotaFile | None


def load(directory: Path) -> tuple[dict[str, QuotaPolicy], frozenset[str], list[Problem]]:
    """All policies by name, the names written (broken ones too), and what is wrong.

    Those in the configuration directory take the place of bundled ones of the same name, and its holidays, if it has
    any, that of the bundled ones.
    """
    return _load(bundled_folder(), directory / FOLDER)


def load_folder(folder: Path) -> tuple[dict[str, QuotaPolicy], frozenset[str], list[Problem]]:
    """As `load`, of one folder; what lies in folders below it, such as tests, is no policy."""
    return _load(folder)


def load_instead(folder: Path, directory: Path) -> tuple[dict[str, QuotaPolicy], frozenset[str], list[Problem]]:
    """As `load_folder`; a folder without holidays has those of the configuration directory."""
    return _load(folder, holidays=_calendar(_files(directory / FOLDER)[0]))


def bundled_folder() -> Path:
    """Where the policies are that ship with netmon."""
    return bundled.folder("policies") / FOLDER.name


def _load(
    *folders: Path, holidays: tuple[int, ...] = ()
) -> tuple[dict[str, QuotaPolicy], frozenset[str], list[Problem]]:
    policies: dict[str, QuotaPolicy] = {}
    names: set[str] = set()
    problems: list[Problem] = []
    calendars: list[tuple[int, ...]] = []
    read: list[list[_File]] = []
    for folder in folders:
        files, wrong = _files(folder)
        problems += [*wrong, *_written_twice(files)]
        calendars.append(_calendar(files))
        read.append(files)
    for own, file in ((own, file) for own, files in zip(calendars, read, strict=True) for file in files):
        calendar = calendars[-1] or own or holidays
        names.update(_names(file.data))
        for name, quota in file.parsed.quotas.items() if file.parsed is not None else ():
            policies[name] = _policy(name, quota, calendar, file)
            problems += [file.locator.problem(*one) for one in objections(("quotas", name), policies[name])]
    return policies, frozenset(names), problems


def _files(folder: Path) -> tuple[list[_File], list[Problem]]:
    files: list[_File] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.y*ml")):
        document, found = documents.read(path)
        problems += found
        if document is None:
            continue
        locator, parsed = Locator([document], path), None
        try:
            parsed = QuotaFile.model_validate(document.data)
        except ValidationError as error:
            wrong = [described(detail, QuotaFile) for detail in details(error)]
            problems += [locator.problem(loc, message, at_key=at_key) for loc, message, at_key in wrong]
        if parsed is not None and not parsed.model_fields_set:
            problems.append(locator.problem((), "holds nothing; write quotas, holidays, or both"))
        files.append(_File(path, locator, document.data, parsed))
    return files, problems


def _calendar(files: Sequence[_File]) -> tuple[int, ...]:
    written = {day for file in files if file.parsed is not None for day in file.parsed.holidays}
    return tuple(sorted(map(number_of, written)))


def _written_twice(files: Sequence[_File]) -> Iterator[Problem]:
    first: dict[str, Problem] = {}
    for file in files:
        for name in _names(file.data):
            place = file.locator.problem(("quotas", name), "", at_key=True)
            before = first.setdefault(name, place)
            if before is not place:
                twice = f"is already defined at {before.file}:{before.line}:{before.column}; keep one of them"
                yield file.locator.problem(("quotas", name), twice, at_key=True)


def _names(data: dict[Any, Any]) -> list[str]:
    quotas = data.get("quotas")
    return [str(name) for name in quotas] if isinstance(quotas, dict) else []


def objections(loc: Loc, policy: QuotaPolicy) -> Iterator[tuple[Loc, str]]:
    """What no single value of it is to blame for: each with its place below `loc`."""
    yield from _disorder(loc, policy)
    yield from _nonsense(loc, policy)


def _disorder(loc: Loc, policy: QuotaPolicy) -> Iterator[tuple[Loc, str]]:
    """A ladder climbs: each step starts later than the one before, and slows more than any before; what holds or
    restores has something to hold or restore, and the last word.
    """
    ladder = policy.ladder
    for position, (lower, upper) in enumerate(pairwise(ladder), start=1):
        if upper.at_permille <= lower.at_permille:
            yield (
                (*loc, "ladder", position, "at"),
                f"must be above the step before it ({lower.at_permille / 10:g}%); write the ladder ascending",
            )
    slowest: int | None = None
    last: str | None = None
    for position, step in enumerate(ladder):
        effect = "hold" if step.hold else "restore" if step.restore else "slow_to"
        here: Loc = (*loc, "ladder", position, effect)
        if step.slow_to_bps is None and effect == "slow_to":
            continue
        if last is not None:
            yield here, f"comes after a step with {last}: true, which has the last word until the period ends"
        elif step.slow_to_bps is None:
            last = effect
            if slowest is None:
                yield here, "must come after a step that slows"
        elif slowest is not None and step.slow_to_bps >= slowest:
            yield here, f"must be slower than the step before it ({units.format_rate(slowest)})"
        slowest = slowest if step.slow_to_bps is None else step.slow_to_bps
    if policy.hysteresis_permille >= ladder[0].at_permille:
        yield (
            (*loc, "hysteresis"),
            f"must be below the first step ({ladder[0].at_permille / 10:g}%), or that step would never be left",
        )


def _nonsense(loc: Loc, policy: QuotaPolicy) -> Iterator[tuple[Loc, str]]:
    """What cannot be counted so, or would never hold."""
    if policy.p95_bps is not None:
        if len(policy.counts) > 1:
            yield (*loc, "direction"), "a 95th percentile is taken of each direction apart; write download or upload"
        if policy.traffic_class is not TrafficClass.ALL:
            yield (*loc, "class"), "a 95th percentile is taken of all of an agency's circuits; leave the class out"
        if policy.period.kind is PeriodKind.FIXED:
            yield (*loc, "period"), "a 95th percentile needs a period of a day or more; write for example month"
        if policy.rollover_permille:
            yield (*loc, "rollover"), "only a volume can be carried over; leave it out, or write volume for p95"
    if policy.rollover_permille > 1000:
        yield (*loc, "rollover"), "more than the volume cannot be left of it; write at most 100%"
    for position, window in enumerate(policy.when):
        if window.holidays is not Holidays.IGNORE and not window.calendar:
            yield (
                (*loc, "when", position, "holidays"),
                f"no holidays are known; write them as holidays: {{2026-08-17: NAME}} in a file of {FOLDER}",
            )


def _policy(name: str, quota: QuotaSettings, calendar: tuple[int, ...], file: _File) -> QuotaPolicy:
    shown = f"quotas/{file.path.name}"
    loc: Loc = ("quotas", name)
    return QuotaPolicy(
        name=name,
        counts=quota.direction.directions(),
        period=quota.period,
        volume_bytes=quota.volume,
        ladder=tuple(
            step.value(RuleRef(shown, file.locator.line((*loc, "ladder", position, "at"))))
            for position, step in enumerate(quota.ladder)
        ),
        hysteresis_permille=quota.hysteresis,
        rule=RuleRef(shown, file.locator.problem(loc, "", at_key=True).line),
        p95_bps=quota.p95,
        rollover_permille=quota.rollover or 0,
        when=tuple(window.value(calendar) for window in quota.when),
        grace_ns=quota.grace or 0,
        traffic_class=quota.traffic_class,
    )

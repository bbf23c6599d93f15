"""Quota policies: policies/quotas/*.yaml -> QuotaPolicy values that know their own file and line."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from netmon import bundled
from netmon.config import documents
from netmon.config.documents import Locator
from netmon.config.errors import Loc, Problem
from netmon.config.messages import described
from netmon.core import units
from netmon.core.model import NANOSECONDS, Direction, RuleRef
from netmon.core.periods import PeriodKind, PeriodRule
from netmon.core.quota import LadderStep, QuotaPolicy
from netmon.settings import PERCENT_SCHEMA, Name, PermilleRatio, RateBps, Settings, VolumeBytes

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
    """One step: from `at` of the volume on, notify only, or slow to a rate."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["slow_to"], "properties": {"slow_to": {"type": "string"}}},
                {"required": ["notify"], "properties": {"notify": {"const": True}}},
            ]
        }
    )

    at: PermilleRatio
    notify: bool = False
    slow_to: RateBps | None = None

    @model_validator(mode="after")
    def _one_effect(self) -> LadderSettings:
        if self.notify == (self.slow_to is not None):
            raise ValueError("a step either notifies or slows; write notify: true or slow_to: RATE")
        return self


class QuotaSettings(Settings):
    direction: Direction
    period: PeriodWritten
    volume: VolumeBytes
    ladder: tuple[LadderSettings, ...] = Field(min_length=1)
    hysteresis: HysteresisPermille = 20


class QuotaFile(Settings):
    quotas: dict[Name, QuotaSettings]


def load(directory: Path) -> tuple[dict[str, QuotaPolicy], frozenset[str], list[Problem]]:
    """All policies by name, the names written (broken ones too), and what is wrong.

    Those in the configuration directory take the place of bundled ones of the same name.
    """
    policies: dict[str, QuotaPolicy] = {}
    names: set[str] = set()
    problems: list[Problem] = []
    for folder in (bundled_folder(), directory / FOLDER):
        read, written, wrong = load_folder(folder)
        policies |= read
        names |= written
        problems += wrong
    return policies, frozenset(names), problems


def bundled_folder() -> Path:
    """Where the policies are that ship with netmon."""
    return bundled.folder("policies") / FOLDER.name


def load_folder(folder: Path) -> tuple[dict[str, QuotaPolicy], set[str], list[Problem]]:
    """As `load`, of one folder; what lies in folders below it, such as tests, is no policy."""
    policies: dict[str, QuotaPolicy] = {}
    problems: list[Problem] = []
    first: dict[str, Problem] = {}
    for file in sorted(folder.glob("*.y*ml")):
        document, found = documents.read(file)
        problems += found
        if document is None:
            continue
        locator = Locator([document], file)
        for name in _names(document.data):
            place = locator.problem(("quotas", name), "", at_key=True)
            before = first.setdefault(name, place)
            if before is not place:
                twice = f"is already defined at {before.file}:{before.line}:{before.column}; keep one of them"
                problems.append(locator.problem(("quotas", name), twice, at_key=True))
        read, wrong = _read(document.data, file, locator)
        policies |= read
        problems += wrong
    return policies, set(first), problems


def _names(data: dict[Any, Any]) -> list[str]:
    quotas = data.get("quotas")
    return [str(name) for name in quotas] if isinstance(quotas, dict) else []


def _read(data: dict[Any, Any], file: Path, locator: Locator) -> tuple[dict[str, QuotaPolicy], list[Problem]]:
    try:
        parsed = QuotaFile.model_validate(data)
    except ValidationError as error:
        details = [described(detail, QuotaFile) for detail in error.errors(include_url=False)]
        return {}, [locator.problem(loc, message, at_key=at_key) for loc, message, at_key in details]
    read = {name: _policy(name, quota, file, locator) for name, quota in parsed.quotas.items()}
    problems = [
        locator.problem(loc, message)
        for name, policy in read.items()
        for loc, message in disorder(("quotas", name), policy.ladder, policy.hysteresis_permille)
    ]
    return read, problems


def disorder(loc: Loc, ladder: Sequence[LadderStep], hysteresis_permille: int) -> Iterator[tuple[Loc, str]]:
    """A ladder climbs: each step starts later than the one before, and slows more than any before."""
    for position, (lower, upper) in enumerate(pairwise(ladder), start=1):
        if upper.at_permille <= lower.at_permille:
            yield (
                (*loc, "ladder", position, "at"),
                f"must be above the step before it ({lower.at_permille / 10:g}%); write the ladder ascending",
            )
    slowest: int | None = None
    for position, step in enumerate(ladder):
        if step.slow_to_bps is None:
            continue
        if slowest is not None and step.slow_to_bps >= slowest:
            yield (
                (*loc, "ladder", position, "slow_to"),
                f"must be slower than the step before it ({units.format_rate(slowest)})",
            )
        slowest = step.slow_to_bps
    if hysteresis_permille >= ladder[0].at_permille:
        yield (
            (*loc, "hysteresis"),
            f"must be below the first step ({ladder[0].at_permille / 10:g}%), or that step would never be left",
        )


def _policy(name: str, quota: QuotaSettings, file: Path, locator: Locator) -> QuotaPolicy:
    shown = f"quotas/{file.name}"
    loc: Loc = ("quotas", name)
    return QuotaPolicy(
        name=name,
        direction=quota.direction,
        period=quota.period,
        volume_bytes=quota.volume,
        ladder=tuple(
            LadderStep(step.at, step.slow_to, RuleRef(shown, locator.line((*loc, "ladder", position, "at"))))
            for position, step in enumerate(quota.ladder)
        ),
        hysteresis_permille=quota.hysteresis,
        rule=RuleRef(shown, locator.problem(loc, "", at_key=True).line),
    )

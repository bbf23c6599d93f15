"""When a quota policy's limits hold, as it is written: `when`, and the calendar of holidays."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from netmon.core.windows import DAY_MINUTES, EVERY_DAY, Holidays, Window, numbered
from netmon.settings import Settings

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SOME_DAYS: Final = "write for example [mon-fri], or [sat, sun]"
SOME_HOURS: Final = 'write for example "07:30-16:00", or "22:00-05:00" past midnight'
A_DATE: Final = "write for example 2026-08-17"
_DAY = f"({'|'.join(WEEKDAYS)})"
_DAYS = re.compile(f"{_DAY}(-{_DAY})?")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)")


def _days(value: Any) -> Any:
    if not isinstance(value, list) or not value:
        raise ValueError(f"is not a list of weekdays; {SOME_DAYS}")
    found: set[int] = set()
    for one in value:
        span = _DAYS.fullmatch(one) if isinstance(one, str) else None
        if span is None:
            raise ValueError(f"{one!r} is not a weekday, or a span of them; {SOME_DAYS}")
        first, last = WEEKDAYS.index(span[1]), WEEKDAYS.index(span[3] or span[1])
        found |= {(first + day) % 7 + 1 for day in range((last - first) % 7 + 1)}
    return tuple(sorted(found))


def _hours(value: Any) -> Any:
    found = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"is not a span of hours; {SOME_HOURS}")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if end > DAY_MINUTES or start == end:
        raise ValueError(f"{value} is no time at all, or more than a day; {SOME_HOURS}")
    return start, end


def _day(value: Any) -> Any:
    """YAML makes dates of what looks like them."""
    if isinstance(value, date):
        return date(value.year, value.month, value.day).isoformat()
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a date; {A_DATE}") from None


def _listed(value: Any) -> Any:
    """One window need not be written as a list."""
    return [value] if isinstance(value, dict) else value


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise ValueError("must not be empty")
    return value


_DAY_PATTERN = r"^\d{4}-\d{2}-\d{2}$"
_DAYS_SCHEMA = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "pattern": f"^{_DAYS.pattern}$", "examples": ["mon-fri"]},
}
_HOURS_SCHEMA = {"type": "string", "pattern": f"^\\s*{_HOURS.pattern}\\s*$", "examples": ["07:30-16:00"]}
_DATE_SCHEMA = {"type": "string", "pattern": _DAY_PATTERN, "examples": ["2026-08-17"]}
Day = Annotated[str, BeforeValidator(_day), Field(pattern=_DAY_PATTERN)]


class WindowSettings(Settings):
    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    days: Annotated[tuple[int, ...] | None, BeforeValidator(_days), WithJsonSchema(_DAYS_SCHEMA)] = None
    """Every day; none but the dates where only dates are written."""
    hours: Annotated[tuple[int, int] | None, BeforeValidator(_hours), WithJsonSchema(_HOURS_SCHEMA)] = None
    dates: tuple[Annotated[Day, WithJsonSchema(_DATE_SCHEMA)], ...] = ()
    holidays: Holidays = Holidays.IGNORE

    @model_validator(mode="after")
    def _says_something(self) -> WindowSettings:
        if not self.model_fields_set:
            raise ValueError("says nothing; write days, hours, dates or holidays, or leave `when` out")
        if self.holidays is not Holidays.IGNORE and self.days is None and self.dates:
            raise ValueError("dates hold whether they are holidays or not; write days, or another window, for holidays")
        return self

    def value(self, calendar: tuple[int, ...]) -> Window:
        """With the holidays that are known."""
        start, end = self.hours or (0, DAY_MINUTES)
        return Window(
            days=self.days or (() if self.dates else EVERY_DAY),
            dates=tuple(sorted(number_of(day) for day in self.dates)),
            from_minute=start,
            to_minute=end,
            holidays=self.holidays,
            calendar=() if self.holidays is Holidays.IGNORE else calendar,
        )


class _OneOrMore:
    """The JSON Schema of a list whose only element may stand alone."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        several = handler(core)
        return {"anyOf": [several["items"], {**several, "minItems": 1}]}


Windows = Annotated[tuple[WindowSettings, ...], BeforeValidator(_listed), AfterValidator(_some), _OneOrMore()]


Calendar = Annotated[
    dict[Day, Annotated[str, Field(min_length=1, max_length=200)]],
    WithJsonSchema(
        {
            "type": "object",
            "patternProperties": {_DAY_PATTERN: {"type": "string", "minLength": 1, "maxLength": 200}},
            "additionalProperties": False,
        }
    ),
]


def number_of(day: str) -> int:
    """YYYYMMDD of a date as it was read."""
    return numbered(date.fromisoformat(day))

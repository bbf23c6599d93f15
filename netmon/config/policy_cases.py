"""Tests of quota policies as they are written: what may stand in policies/quotas/tests/*.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from netmon.config.policies import HysteresisPermille, LadderSettings, PeriodWritten
from netmon.config.policy_windows import Windows
from netmon.config.settings import ControlSettings, TimeZone
from netmon.config.supply_settings import Moment
from netmon.core import units
from netmon.core.model import VerdictReason
from netmon.settings import (
    DURATION_SCHEMA,
    RATE_SCHEMA,
    VOLUME_SCHEMA,
    DurationNs,
    Name,
    PermilleRatio,
    RateBps,
    Settings,
    VolumeBytes,
)

NONE: Final = "none"
NEVER: Final = "never"


def _used(value: Any) -> Any:
    if isinstance(value, str):
        return units.parse_volume(value)
    raise ValueError("a number without a unit; write for example 1.7 TB, or 0 B")


def _used_either(value: Any) -> Any:
    """A mapping as (download, upload)."""
    if not isinstance(value, dict):
        return _used(value)
    if set(value) != {"download", "upload"}:
        raise ValueError("says not both directions; write {download: 1 TB, upload: 200 GB}")
    return _used(value["download"]), _used(value["upload"])


def _rate(value: Any) -> Any:
    if isinstance(value, str):
        return units.parse_rate(value)
    raise ValueError("a number without a unit; write for example 90 Mbps, or 0 bps")


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
Time = Annotated[Moment, WithJsonSchema(_TIME_SCHEMA)]
Step = Annotated[int, BeforeValidator(_stepless), WithJsonSchema({"type": "integer", "minimum": 0})]
Age = Annotated[int | None, BeforeValidator(_age), _or(NEVER, DURATION_SCHEMA.json_schema)]


_USED_SCHEMA = VOLUME_SCHEMA.json_schema
Used = Annotated[int, BeforeValidator(_used), WithJsonSchema(_USED_SCHEMA)]


_EACH_WAY_SCHEMA = {
    "type": "object",
    "required": ["download", "upload"],
    "additionalProperties": False,
    "properties": {"download": _USED_SCHEMA, "upload": _USED_SCHEMA},
}


UsedOrEachWay = Annotated[
    int | tuple[int, int],
    BeforeValidator(_used_either),
    WithJsonSchema({"anyOf": [_USED_SCHEMA, _EACH_WAY_SCHEMA]}),
]


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
    p95: RateBps | None = None
    ladder: Annotated[tuple[LadderSettings, ...], Field(min_length=1)] | None = None
    hysteresis: HysteresisPermille | None = None
    rollover: PermilleRatio | None = None
    when: Windows = ()
    grace: DurationNs | None = None


class DirectiveSettings(Settings):
    """One that is in force: `boost: RATE`, `exempt: true` or `freeze: true`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["boost"], "properties": {"boost": {"type": "string"}}},
                {"required": ["exempt"], "properties": {"exempt": {"const": True}}},
                {"required": ["freeze"], "properties": {"freeze": {"const": True}}},
            ]
        }
    )

    boost: RateBps | None = None
    exempt: bool = False
    freeze: bool = False
    until: Time | None = None
    """It may end before the next moment."""

    @model_validator(mode="after")
    def _one_kind(self) -> DirectiveSettings:
        if (self.boost is not None) + self.exempt + self.freeze != 1:
            raise ValueError("is one of boost: RATE, exempt: true and freeze: true")
        return self


class MomentSettings(Settings):
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["used"]}, {"required": ["p95"]}]})

    at: Time
    used: UsedOrEachWay | None = None
    """Proven in the period that runs then."""
    p95: Annotated[int | None, BeforeValidator(_rate), RATE_SCHEMA] = None
    """What the percentile of the period that runs then cannot fall below."""
    used_before: Used | None = None
    """Proven in the period before; all of the volume, so that nothing is carried over."""
    directives: tuple[DirectiveSettings, ...] = ()
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
    ease_stale_after: DurationNs = ControlSettings().ease_stale_after
    tests: Annotated[dict[Sentence, CaseSettings], Field(min_length=1)]

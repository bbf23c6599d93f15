"""How much is altered at once, and what has to be asked first, as `control` has it written."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from netmon.config.policy_windows import Windows, WindowSettings
from netmon.core.approval import ApprovalPolicy, Required, Threshold
from netmon.core.breaker import BreakerPolicy
from netmon.core.windows import Holidays, Window
from netmon.settings import SECOND, DurationNs, RateBps, Settings

_LONGEST_EXPIRY_NS = 86_400 * SECOND


def _an_expiry(ns: int) -> int:
    if not 600 * SECOND <= ns <= _LONGEST_EXPIRY_NS:
        raise ValueError("must be 10m to 24h: a limit that outlives a dead netmon ends by then")
    return ns


LimitExpiryNs = Annotated[DurationNs, AfterValidator(_an_expiry)]


class ThresholdSettings(Settings):
    """Exceeded as soon as one of the two is."""

    agencies: int | None = Field(default=None, ge=0)
    """So many may be tightened at once without it."""
    bps: RateBps | None = None
    """So much may be taken at once without it."""

    def value(self) -> Threshold:
        return Threshold(self.agencies, self.bps)


class PlanApprovalSettings(ThresholdSettings):
    """Which plans persons must approve; see docs/plans.md."""

    required: Required = Required.NEVER
    expires: DurationNs = 3600 * SECOND
    """An approval that was not used by then is void."""
    second_approver_above: ThresholdSettings = ThresholdSettings()
    """Beyond it two different persons must."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        threshold = self.agencies is not None or self.bps is not None
        if self.required is Required.ABOVE and not threshold:
            raise ValueError("required: above needs a threshold; write agencies, bps or both")
        if self.required is not Required.ABOVE and threshold:
            raise ValueError(f"a threshold is for required: above; leave it out, or write that for {self.required}")
        if self.required is Required.NEVER and "second_approver_above" in self.model_fields_set:
            raise ValueError("second_approver_above needs a first approver; write required: always or above")
        return self

    def policy(self) -> ApprovalPolicy:
        return ApprovalPolicy(self.required, self.value(), self.second_approver_above.value())


class BreakerSettings(Settings):
    """When a router that fails again and again is left alone; see core/breaker."""

    failures: int = Field(default=BreakerPolicy().failures, ge=1, le=100)
    """In a row."""
    pause: DurationNs = BreakerPolicy().pause_ns
    """After that; it doubles with each further failure."""
    longest: DurationNs = BreakerPolicy().longest_ns

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.longest < self.pause:
            raise ValueError("longest is less than pause; write a longer one")
        return self

    def value(self) -> BreakerPolicy:
        return BreakerPolicy(self.failures, self.pause, self.longest)


def _no_holidays(windows: tuple[WindowSettings, ...]) -> tuple[WindowSettings, ...]:
    if any(one.holidays is not Holidays.IGNORE for one in windows):
        raise ValueError("holidays are a quota policy's; write the dates themselves")
    return windows


FreezeWindows = Annotated[Windows, AfterValidator(_no_holidays)]
"""Written as a policy's `when`, in the site's zone."""


def windows_of(written: tuple[WindowSettings, ...] | None) -> tuple[Window, ...]:
    return tuple(one.value(()) for one in written or ())

"""Settings of what was bought and who is entitled to it: `pools`, and `entitlements` of agencies."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from netmon.core import units
from netmon.core.model import TrafficClass
from netmon.core.periods import to_ns
from netmon.core.sharing_tree import GREATEST_WEIGHT
from netmon.core.supply import Rates, Sharing
from netmon.routers.settings import InterfaceName
from netmon.settings import Name, RateBps, Settings

EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 2199
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT: Final = re.compile(_DATE.pattern + r"([T ].+)?")
"""Days that ISO 8601 writes otherwise, such as 20261231, would not be taken for whole days."""


def _moment(value: Any) -> Any:
    text = value.isoformat() if isinstance(value, date) else value
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        year = (date.fromisoformat(text) if _DATE.fullmatch(text) else datetime.fromisoformat(text)).year
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no date or time; write for example 2026-12-31 or 2026-12-31T17:00") from None
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise ValueError(f"{text} is not within {EARLIEST_YEAR} to {LATEST_YEAR}; leave out what has no end")
    return text


Moment = Annotated[str, BeforeValidator(_moment)]
"""A date, or a time with or without an offset (ISO 8601), as it was written."""


def begins_ns(moment: str | None, zone: str) -> int | None:
    """A date begins at its midnight; what has no offset is in `zone` (IANA)."""
    return None if moment is None else _instant(moment, zone, 0)


def ends_ns(moment: str | None, zone: str) -> int | None:
    """A date ends at the midnight after it: `until: 2026-12-31` includes that day. Half-open."""
    return None if moment is None else _instant(moment, zone, 1)


def _instant(moment: str, zone: str, days: int) -> int:
    if _DATE.fullmatch(moment):
        day = date.fromisoformat(moment) + timedelta(days=days)
        return to_ns(datetime.combine(day, time.min, ZoneInfo(zone)))
    at = datetime.fromisoformat(moment)
    return to_ns(at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone)))


def _rate_or_nothing(value: Any) -> Any:
    if isinstance(value, str):
        return units.parse_rate(value)
    if isinstance(value, bool) or value != 0:
        raise ValueError("a number without a unit; write for example 50 Mbps")
    return value


RateOrNothingBps = Annotated[int, BeforeValidator(_rate_or_nothing)]


class FloorSettings(Settings):
    """bit/s each way; 0: nothing is guaranteed that way."""

    download: RateOrNothingBps
    upload: RateOrNothingBps

    def value(self) -> Rates:
        return Rates(self.download, self.upload)


class CeilingSettings(Settings):
    """bit/s each way."""

    download: RateBps
    upload: RateBps

    def value(self) -> Rates:
        return Rates(self.download, self.upload)


def _both_ways(kind: Any) -> BeforeValidator:
    """Takes one rate for both directions."""
    rate: TypeAdapter[int] = TypeAdapter(kind)

    def read(value: Any) -> Any:
        if not isinstance(value, str | int | float):
            return value
        try:
            bps = rate.validate_python(value)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        # Already read: a bare number would be refused for want of a unit.
        return {"download": f"{bps} bit/s", "upload": f"{bps} bit/s"}

    return BeforeValidator(read)


class UplinkSettings(Settings):
    """A port on which a pool's capacity arrives."""

    router: Name
    interface: InterfaceName
    """Its name on that router: one of the router's `uplinks`, whether it stands there or not."""
    download: RateBps | None = None
    upload: RateBps | None = None
    """None: the pool's."""
    standby: bool = False


class PriceSettings(Settings):
    """For a month."""

    amount: int = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class PoolSettings(Settings):
    """Purchased capacity."""

    traffic_class: TrafficClass = Field(default=TrafficClass.ALL, alias="class")
    download: RateBps
    upload: RateBps
    provider: str | None = None
    contract: str | None = None
    price: PriceSettings | None = None
    begins: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    """The contract's term; a date is included."""
    share: Sharing | None = None
    """None: scarce where any entitlement names the pool, else never."""
    uplinks: dict[Name, UplinkSettings] = Field(default_factory=dict)


def _line(text: str) -> str:
    line = " ".join(text.split())
    if not line or not line.isprintable():
        raise ValueError("must be printable text, such as the clause of a regulation")
    return line


class EntitlementSettings(Settings):
    """What an agency may have of one pool, all its circuits and its descendants' together."""

    pool: Name
    floor: Annotated[FloorSettings, _both_ways(RateOrNothingBps)] = FloorSettings(download=0, upload=0)
    ceiling: Annotated[CeilingSettings | None, _both_ways(RateBps)] = None
    weight: int = Field(default=1, ge=1, le=GREATEST_WEIGHT)
    priority: int | None = Field(default=None, ge=0, le=9)
    begins: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    """A date is included."""
    legal_basis: Annotated[str, AfterValidator(_line)] | None = Field(default=None, max_length=500)

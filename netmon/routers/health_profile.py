"""The health part of a platform profile: which objects tell of processors, memory, heat, fans and power.

`health:` of a profile is a mapping of kind -> sources, best first. The format is docs/collectors.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from netmon.routers.profile_fields import MeasureDecoder, ObjectId, OidText, Pattern, many
from netmon.routers.profile_place import Placed
from netmon.snmp.oid import Oid


class HealthKind(StrEnum):
    """What is measured."""

    CPU = "cpu"
    MEMORY = "memory"
    TEMPERATURE = "temperature"
    FAN = "fan"
    POWER_SUPPLY = "power_supply"
    VOLTAGE = "voltage"
    CURRENT = "current"
    POWER = "power"


class Status(StrEnum):
    """What the device says of it."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    """The device itself does not know; it then gives no value either."""
    ABSENT = "absent"
    """There is a place for it, and it is empty."""


UNITS: Final[Mapping[HealthKind, tuple[str, ...]]] = MappingProxyType(
    {
        HealthKind.CPU: ("percent",),
        HealthKind.MEMORY: ("percent",),
        HealthKind.TEMPERATURE: ("celsius",),
        HealthKind.FAN: ("rpm", "percent"),
        HealthKind.POWER_SUPPLY: ("watts", "percent"),
        HealthKind.VOLTAGE: ("volts",),
        HealthKind.CURRENT: ("amperes",),
        HealthKind.POWER: ("watts",),
    }
)
"""The units a kind may be given in; the first where the decoder does not decide."""


class Cell(Placed):
    """A column, and which row of it goes with a row of the source; its own index where nothing is said."""

    object: ObjectId
    index: int | None = Field(default=None, ge=1, le=32)
    """The row under so many leading numbers of the source's index."""
    by: ObjectId | None = None
    """The row under the number which this column of the source holds."""

    @model_validator(mode="after")
    def _one_way(self) -> Cell:
        if self.index is not None and self.by is not None:
            raise ValueError("index and by exclude each other; keep one")
        return self

    @property
    def is_joined(self) -> bool:
        return self.index is not None or self.by is not None


class Measure(Cell):
    """A column with a quantity."""

    decoder: MeasureDecoder
    with_: Annotated[tuple[ObjectId, ...], BeforeValidator(many)] = Field(default=(), alias="with")
    """Columns the decoder needs besides, under the same index."""
    invalid: Annotated[tuple[int, ...], BeforeValidator(many)] = ()
    """What stands in the column where there is no value."""

    @model_validator(mode="after")
    def _complete(self) -> Measure:
        if len(self.with_) != self.decoder.companions:
            wanted = f"{self.decoder.companions} objects" if self.decoder.companions else "none"
            raise ValueError(f"decoder {self.decoder.name} takes {wanted} in with:, not {len(self.with_)}; correct it")
        return self


class Enumeration(Cell):
    """A column with an enumeration, and what each of its values means."""

    values: dict[int, Status | None] = Field(min_length=1)
    """None: it says nothing by itself, the next column decides."""


class Condition(Cell):
    """What a row must show to be read; everything given must hold."""

    is_: Annotated[tuple[int | OidText, ...], BeforeValidator(many)] = Field(default=(), alias="is")
    """Any of these numbers or object identifiers."""
    above: int | None = None
    like: Pattern | None = None
    unlike: Pattern | None = None
    transceiver: bool | None = None
    """Whether the text names a part of a transceiver or of a port: those are optics."""

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if self.model_fields_set.isdisjoint(("is_", "above", "like", "unlike", "transceiver")):
            raise ValueError("an empty condition; give is, above, like, unlike or transceiver")
        return self


class Name(Cell):
    """A column with a text."""

    match: Pattern | None = None
    """The part of the text that is the name, where the rest changes; the whole text where it is not found."""


def _name_tag(value: Any) -> str:
    return TEXT_TAG if isinstance(value, str) else COLUMN_TAG


TEXT_TAG: Final = "<text>"
COLUMN_TAG: Final = "<column>"
NameOrText = Annotated[
    Annotated[Name, Tag(COLUMN_TAG)] | Annotated[str, Tag(TEXT_TAG), Field(min_length=1)], Discriminator(_name_tag)
]


class HealthSource(Placed):
    """One table, or one scalar, that something can be read from."""

    name: Annotated[tuple[NameOrText, ...], BeforeValidator(many), Field(min_length=1)]
    """What the readings are called: the first that holds a text. A text written here is followed by the row's index."""
    of: Name | None = None
    """What it is part of, written before its name."""
    value: Measure | None = None
    used: Annotated[tuple[Measure, ...], BeforeValidator(many)] = ()
    """Each of used, free and total is the sum of its columns; two of them make a percentage."""
    free: Annotated[tuple[Measure, ...], BeforeValidator(many)] = ()
    total: Annotated[tuple[Measure, ...], BeforeValidator(many)] = ()
    status: Annotated[tuple[Enumeration, ...], BeforeValidator(many)] = ()
    """The first column that holds a value it knows decides."""
    warning_above: Measure | None = None
    critical_above: Measure | None = None
    """The device's own thresholds."""
    where: Annotated[tuple[Condition, ...], BeforeValidator(many)] = ()
    combine: Literal["mean"] | None = None
    """One reading for all rows."""
    also: bool = False
    """Read together with the source before it, not instead of it."""

    @model_validator(mode="after")
    def _makes_something(self) -> HealthSource:
        shares = [name for name in ("used", "free", "total") if getattr(self, name)]
        if shares and (self.value is not None or len(shares) != 2):
            raise ValueError("two of used, free and total make a share, without value; correct it")
        if len({m.decoder.unit for m in (*self.used, *self.free, *self.total)}) > 1:
            raise ValueError("used, free and total are in different units; use decoders of one unit")
        if not shares and self.value is None and not self.status:
            raise ValueError("nothing to read; give value, two of used, free and total, or status")
        if self.combine is not None and self.value is None:
            raise ValueError("combine needs a value; give one, or leave it out")
        return self

    @property
    def primaries(self) -> tuple[Cell, ...]:
        """The columns that say which rows there are."""
        measures = (self.value,) if self.value is not None else (*self.used, *self.free, *self.total)
        first = (measures or self.status)[0]
        return tuple(
            cell for cell in (*measures, *self.status) if not cell.is_joined and cell.object[:-1] == first.object[:-1]
        ) or (first,)

    @property
    def columns(self) -> tuple[Oid, ...]:
        """What is walked: the columns of the table it reads that need no other to be found."""
        table = self.primaries[0].object[:-1]
        named = (name for name in (self.of, *self.name) if isinstance(name, Name))
        bounds = (bound for bound in (self.warning_above, self.critical_above) if bound is not None)
        cells = (*self.primaries, *self.status, *self.where, *named, *bounds)
        plain = [cell.object for cell in cells if not cell.is_joined]
        plain += [cell.by for cell in cells if cell.by is not None]
        plain += [other for cell in cells if isinstance(cell, Measure) for other in cell.with_]
        return tuple(dict.fromkeys(oid for oid in plain if oid[:-1] == table))


Sources = Annotated[tuple[HealthSource, ...], BeforeValidator(many)]
HealthSection = dict[HealthKind, Sources]
"""As written; an empty list says that the platform has nothing of the kind."""


EXPECTED: Final = (
    HealthKind.CPU,
    HealthKind.MEMORY,
    HealthKind.TEMPERATURE,
    HealthKind.FAN,
    HealthKind.POWER_SUPPLY,
)
"""Kinds that are told of where nothing is found, unless the profile says otherwise."""


def check_units(section: HealthSection) -> None:
    """Raises ValueError where a source measures in a unit that is none of its kind's."""
    for kind, sources in section.items():
        for source in sources:
            unit = source.value.decoder.unit if source.value is not None else None
            if unit is not None and unit not in UNITS[kind]:
                raise ValueError(f"{kind} is not measured in {unit}; use a decoder for {' or '.join(UNITS[kind])}")


def alternatives(sources: tuple[HealthSource, ...]) -> tuple[tuple[HealthSource, ...], ...]:
    """Groups, best first: the first that yields a reading is the one that is used."""
    groups: list[list[HealthSource]] = []
    for source in sources:
        if source.also and groups:
            groups[-1].append(source)
        else:
            groups.append([source])
    return tuple(tuple(group) for group in groups)

"""One entry of a profile's `optics:` list: where a platform keeps what its transceivers measure.

Either one of the two sensor MIBs, which describe themselves, or a table whose columns the entry names.
The format is docs/optics.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from netmon.core.fibre_limits import Quantity
from netmon.routers.optics_units import OPTICS_DECODERS, OpticsDecoder
from netmon.routers.profile_place import Placed
from netmon.settings import Settings
from netmon.snmp.oid import Oid, parse_oid

Column = Annotated[int, Field(ge=1, le=0xFFFF_FFFF)]
"""Last number of a column's identifier below the table's entry."""


class Sensors(StrEnum):
    """MIBs of one sensor per row, which say their own type, scale and precision."""

    ENTITY = "ENTITY-SENSOR-MIB"
    CISCO = "CISCO-ENTITY-SENSOR-MIB"


class Part(StrEnum):
    """What a number of a row's index is."""

    IF_INDEX = "ifIndex"
    ENTITY = "entPhysicalIndex"
    LANE = "lane"
    ANY = "any"


def _oid(value: Any) -> Any:
    return parse_oid(value if isinstance(value, str) else repr(value))


def _decoder(value: Any) -> Any:
    if isinstance(value, str) and value in OPTICS_DECODERS:
        return OPTICS_DECODERS[value]
    near = difflib.get_close_matches(str(value), OPTICS_DECODERS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(OPTICS_DECODERS)}"
    raise ValueError(f"{value!r} is not an optics decoder; {hint}")


Decoded = Annotated[OpticsDecoder, BeforeValidator(_decoder)]


class Listed(Settings):
    """A column of text with one number per lane, separated by commas."""

    column: Column
    decoder: Decoded


class Measured(Settings):
    """A column, its decoder, and the columns of its thresholds."""

    column: Column
    decoder: Decoded
    low_alarm: Column | None = None
    low_warning: Column | None = None
    high_warning: Column | None = None
    high_alarm: Column | None = None
    threshold_decoder: Decoded | None = None
    """Of the thresholds, where it is not the value's."""
    invalid: tuple[int, ...] = ()
    """Numbers that mean `no value`, in the thresholds too; 2147483647 and the like mean it everywhere."""
    lanes: Listed | None = None
    """Where the same is said lane by lane; it is believed first."""
    calibration: tuple[Column, ...] = ()
    """Coefficients of an externally calibrated module (SFF-8472, section 9.3), the highest power first: slope
    (256ths) and offset, or for rx_power five IEEE 754 numbers. Applied where `calibrated` of the table says so."""

    @property
    def thresholds(self) -> tuple[Column | None, ...]:
        """From the lowest to the highest."""
        return self.low_alarm, self.low_warning, self.high_warning, self.high_alarm

    @property
    def decoders(self) -> Iterator[OpticsDecoder]:
        yield self.decoder
        if self.threshold_decoder is not None:
            yield self.threshold_decoder
        if self.lanes is not None:
            yield self.lanes.decoder

    @property
    def columns(self) -> Iterator[Column]:
        yield self.column
        yield from (column for column in (*self.thresholds, *self.calibration) if column is not None)
        if self.lanes is not None:
            yield self.lanes.column


class Lost(Settings):
    """A column that says that no light is received: any of these bits of a BITS object, or this number."""

    column: Column
    bits: tuple[int, ...] = ()
    equals: int | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Lost:
        if bool(self.bits) == (self.equals is not None):
            raise ValueError("give either bits or equals: by what is lost light known?")
        return self


class Table(Settings):
    """A table of transceivers or lanes: the identifier of its entry, its index, its columns."""

    entry: Annotated[Oid, BeforeValidator(_oid)]
    index: tuple[Part, ...] = Field(min_length=1)
    rx_power: Measured | None = None
    tx_power: Measured | None = None
    bias: Measured | None = None
    temperature: Measured | None = None
    voltage: Measured | None = None
    rx_lost: Lost | None = None
    rx_low: Lost | None = None
    """Where the device finds the received power too low: a power of exactly 0 dBm beside it means none."""
    port: Column | None = None
    """Column that names the interface, believed before the index."""
    model: Column | None = None
    """Column whose text tells the transceiver's class (10GBASE-LR), for thresholds that are missing."""
    calibrated: Lost | None = None
    """Where external calibration is in use; see `calibration`."""

    @property
    def measured(self) -> dict[Quantity, Measured]:
        """Quantity -> column, those that the table has."""
        named = {
            Quantity.RX_POWER: self.rx_power,
            Quantity.TX_POWER: self.tx_power,
            Quantity.BIAS: self.bias,
            Quantity.TEMPERATURE: self.temperature,
            Quantity.VOLTAGE: self.voltage,
        }
        return {quantity: column for quantity, column in named.items() if column is not None}

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column to be read, each once, ascending."""
        flags = [flag.column for flag in (self.rx_lost, self.rx_low, self.calibrated) if flag is not None]
        texts = [column for column in (self.port, self.model) if column is not None]
        values = [column for measured in self.measured.values() for column in measured.columns]
        return tuple(sorted({*flags, *texts, *values}))

    @model_validator(mode="after")
    def _coherent(self) -> Table:
        if not self.measured:
            raise ValueError("a table that measures nothing; name a column as rx_power, tx_power, bias, ...")
        if len({Part.IF_INDEX, Part.ENTITY} & set(self.index)) != 1 or len(set(self.index) - {Part.ANY}) != len(
            [part for part in self.index if part is not Part.ANY]
        ):
            raise ValueError("index needs ifIndex or entPhysicalIndex once, lane at most once; the rest is any")
        for quantity, measured in self.measured.items():
            for decoder in measured.decoders:
                if quantity not in decoder.of:
                    fitting = ", ".join(d.name for d in OPTICS_DECODERS.values() if quantity in d.of)
                    raise ValueError(f"{quantity} cannot be decoded by {decoder.name}; use {fitting}")
            wanted = 5 if quantity is Quantity.RX_POWER else 2
            if measured.calibration and (len(measured.calibration) != wanted or self.calibrated is None):
                raise ValueError(f"calibration of {quantity} needs {wanted} columns, and `calibrated` of the table")
        return self


class OpticsSource(Placed):
    """One place to read optics from; the first of a profile's list that gives any reading is used."""

    sensors: Sensors | None = None
    mib: str | None = Field(default=None, min_length=1)
    """Name of the MIB, for people."""
    table: Table | None = None
    lane_table: Table | None = None
    """Lanes of the modules of `table`: their values come from here where a module has more than one."""

    @model_validator(mode="after")
    def _one_of_both(self) -> OpticsSource:
        if (self.sensors is None) == (self.table is None):
            raise ValueError(f"give either sensors ({', '.join(Sensors)}) or table")
        if self.lane_table is not None and (self.table is None or Part.LANE not in self.lane_table.index):
            raise ValueError("lane_table belongs to a table, and its index has a lane")
        return self

    @property
    def label(self) -> str:
        """`collectors/junos.yaml:31`, else the MIB."""
        return str(self.place) if self.place is not None else self.sensors or self.mib or "optics"

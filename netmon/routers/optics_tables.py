"""Optics out of a vendor's table of transceivers, by the columns and decoders a profile names."""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netmon.core.fibre_limits import (
    PHYSICS,
    POWERS,
    Light,
    Limits,
    Quantity,
    TransceiverClass,
    is_physical,
    sane_limits,
    transceiver_class,
)
from netmon.routers import mib
from netmon.routers.optics_entities import Entities, Ports, Walked
from netmon.routers.optics_profile import Lost, Measured, OpticsSource, Part, Table
from netmon.routers.optics_units import DARK, JUNOS_DBM, OpticsDecoder
from netmon.routers.optics_values import Notes, OpticsReading, ambiguous_zero, make_reading, seen_light
from netmon.snmp.codec import Value
from netmon.snmp.oid import Oid

_SENTINELS: Final = frozenset({2_147_483_647, -2_147_483_648, 4_294_967_295})
"""What agents of every vendor give for `no value`."""
_MICROAMPERES_ABOVE: Final = 1000
"""mA that no laser of a transceiver takes: such a number counts µA."""
_JUNOS_EXCESS_DB: Final = 20.0
_MOST_LANES: Final = 16

UNTIED: Final = (
    "the row belongs to no interface netmon knows, so its values are left out; check that ifName is readable"
)
NO_DIAGNOSTICS: Final = "no transceiver, or one without digital diagnostics: every value is blank"
UNREADABLE: Final = "the agent gives a number that cannot be true; compare with the device's command line"
JUNOS: Final = (
    "the agent counts received power over 10 µW instead of 1 mW (Junos 12.3);"
    " 20 dB were taken off, update Junos to be rid of it"
)

Row = Mapping[int, Value]
"""Column -> value."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """One row, its numbers freed of what means `no value`."""

    row: Row
    table: Table

    def number(self, column: int | None, invalid: Container[int] = ()) -> int | None:
        value = self.row.get(column) if column is not None else None
        if not isinstance(value, int) or value in _SENTINELS or value in invalid:
            return None
        # A Gauge32 of something that may be negative.
        return value - (1 << 32) if value >= 1 << 31 else value

    def text(self, column: int | None) -> str:
        value = self.row.get(column) if column is not None else None
        return mib.decode_text(mib.DECODERS["text"], value) or "" if isinstance(value, bytes) else ""

    def says(self, flag: Lost | None) -> bool:
        value = self.row.get(flag.column) if flag is not None else None
        if flag is None or value is None:
            return False
        if isinstance(value, bytes):
            return any(bit // 8 < len(value) and value[bit // 8] & 0x80 >> bit % 8 for bit in flag.bits)
        return value == flag.equals

    def listed(self, measured: Measured) -> list[float]:
        """The values lane by lane; NaN for one that is no number, empty if any is missing altogether."""
        if measured.lanes is None:
            return []
        parts = [part.strip() for part in self.text(measured.lanes.column).split(",")]
        if not 1 <= len(parts) <= _MOST_LANES or not all(parts):
            return []
        return [_listed_value(part, measured) for part in parts]

    @property
    def is_blank(self) -> bool:
        """Whether nothing is measured: every value is absent, marked as none, 0, or (-128 degrees) impossible."""
        return not any(self._is_alive(quantity, measured) for quantity, measured in self.table.measured.items())

    def _is_alive(self, quantity: Quantity, measured: Measured) -> bool:
        if any(value and math.isfinite(value) for value in self.listed(measured)):
            return True
        number = self.number(measured.column, measured.invalid)
        if not number or quantity in POWERS or measured.decoder.else_ is not None:
            return bool(number)
        return is_physical(quantity, measured.decoder.decode(number))


def _listed_value(text: str, measured: Measured) -> float:
    if text.casefold() == "-inf":
        return DARK
    try:
        number = float(text)
    except ValueError:
        return math.nan
    if measured.lanes is None or not math.isfinite(number) or number in measured.invalid:
        return math.nan
    return measured.lanes.decoder.decode(number)


# --- the tables ------------------------------------------------------------------------------


def table_columns(table: Table) -> tuple[Oid, ...]:
    """The columns to walk."""
    return tuple((*table.entry, column) for column in table.columns)


def read_table(
    source: OpticsSource, walked: Walked, ports: Ports, entities: Entities | None, notes: Notes
) -> tuple[OpticsReading, ...]:
    """Every transceiver of the table, lane by lane where it has more than one."""
    table = source.table
    if table is None:
        return ()
    rows = _rows(table, walked)
    units = _units(table, [_Cells(row, table) for row in rows.values()])
    lanes = _lane_rows(source.lane_table, walked) if source.lane_table is not None else {}
    readings: list[OpticsReading] = []
    for index, row in sorted(rows.items()):
        cells = _Cells(row, table)
        at = _part(table, index, Part.IF_INDEX) or _part(table, index, Part.ENTITY) or 0
        port = _port_of(table, index, cells, ports, entities)
        if cells.is_blank and not _any_lane(source.lane_table, lanes.get(at, {})):
            notes.add(port or f"row {'.'.join(map(str, index))}", NO_DIAGNOSTICS)
        elif port is None:
            notes.add(f"row {'.'.join(map(str, index))}", UNTIED)
        else:
            texts = (cells.text(table.model), *_entity_texts(table, index, entities))
            module = _Module(port, cells, units, transceiver_class(*texts), source.label, notes)
            readings += module.readings(source.lane_table, lanes.get(at, {}))
    return tuple(readings)


def _rows(table: Table, walked: Walked) -> dict[Oid, dict[int, Value]]:
    rows: dict[Oid, dict[int, Value]] = defaultdict(dict)
    for column in table.columns:
        for suffix, varbind in walked.get((*table.entry, column), {}).items():
            if len(suffix) == len(table.index) and not varbind.is_exception:
                rows[suffix][column] = varbind.value
    return rows


def _lane_rows(table: Table, walked: Walked) -> dict[int, dict[int, Row]]:
    """ifIndex or entPhysicalIndex -> lane -> row."""
    found: dict[int, dict[int, Row]] = defaultdict(dict)
    for index, row in sorted(_rows(table, walked).items()):
        at = _part(table, index, Part.IF_INDEX) or _part(table, index, Part.ENTITY)
        lane = _part(table, index, Part.LANE)
        if at is not None and lane is not None and len(found[at]) < _MOST_LANES:
            found[at][lane] = row
    return found


def _any_lane(table: Table | None, rows: Mapping[int, Row]) -> bool:
    return table is not None and not all(_Cells(row, table).is_blank for row in rows.values())


def _part(table: Table, index: Oid, part: Part) -> int | None:
    return index[table.index.index(part)] if part in table.index else None


def _port_of(table: Table, index: Oid, cells: _Cells, ports: Ports, entities: Entities | None) -> str | None:
    named = ports.called(cells.text(table.port)) if table.port is not None else None
    if named is not None:
        return named
    if_index = _part(table, index, Part.IF_INDEX)
    if if_index is not None:
        return ports.at(if_index)
    entity = _part(table, index, Part.ENTITY)
    return entities.port_of(entity) if entities is not None and entity is not None else None


def _entity_texts(table: Table, index: Oid, entities: Entities | None) -> tuple[str, ...]:
    entity = _part(table, index, Part.ENTITY)
    return entities.texts(entity) if entities is not None and entity is not None else ()


# --- units that differ from model to model ---------------------------------------------------


def _units(table: Table, cells: Sequence[_Cells]) -> dict[Quantity, OpticsDecoder]:
    """The decoder of each quantity; where an object has two units, what the whole table holds tells which."""
    measured = table.measured
    units = {quantity: column.decoder for quantity, column in measured.items()}
    powers = {q: measured[q].decoder.else_ for q in POWERS if q in measured}
    if any(powers.values()) and _are_other_powers(table, cells):
        units |= {quantity: other for quantity, other in powers.items() if other is not None}
    other_bias = units[Quantity.BIAS].else_ if Quantity.BIAS in units else None
    if other_bias is not None:
        bias = measured[Quantity.BIAS]
        numbers = [cell.number(bias.column, bias.invalid) or 0 for cell in cells]
        if max(numbers, default=0) > _MICROAMPERES_ABOVE:
            units[Quantity.BIAS] = other_bias
    return units


def _are_other_powers(table: Table, cells: Sequence[_Cells]) -> bool:
    """By the lists that say the same in a known unit; else a power in dBm is below 0 somewhere, in µW nowhere."""
    agree: list[bool] = []
    numbers: list[int] = []
    for quantity in POWERS:
        measured = table.measured.get(quantity)
        for cell in cells if measured is not None else ():
            number = cell.number(measured.column, measured.invalid) if measured is not None else None
            if not number or measured is None or measured.decoder.else_ is None:
                continue
            numbers.append(number)
            listed = cell.listed(measured)
            if len(listed) == 1 and math.isfinite(listed[0]):
                as_written = abs(measured.decoder.decode(number) - listed[0])
                as_other = abs(measured.decoder.else_.decode(number) - listed[0])
                # NaN, of a negative power in µW, is less than nothing.
                agree.append(as_other < as_written)
    if agree:
        return sum(agree) * 2 > len(agree)
    return bool(numbers) and min(numbers) > 0


# --- one module ------------------------------------------------------------------------------

_Values = dict[Quantity, tuple[float | None, Light]]


@dataclass(frozen=True, slots=True)
class _Module:
    """A transceiver with its row."""

    port: str
    cells: _Cells
    units: Mapping[Quantity, OpticsDecoder]
    kind: TransceiverClass
    label: str
    notes: Notes

    def readings(self, lane_table: Table | None, lane_rows: Mapping[int, Row]) -> list[OpticsReading]:
        """The whole as one, or one for each of several lanes with what the lanes share."""
        own, limits = self._measure(self.cells, self.units, {})
        module = {q: limit for q, limit in limits.items() if q in POWERS or own[q][0] is not None}
        if lane_table is not None and len(lane_rows) > 1:
            return [self._lane(lane_table, lane, row, own, module) for lane, row in lane_rows.items()]
        listed = {q: values for q, m in self.cells.table.measured.items() if (values := self.cells.listed(m))}
        count = max(map(len, listed.values()), default=1)
        if count == 1:
            return [make_reading(self.port, None, own, module, self.label)]
        return [
            make_reading(self.port, lane + 1, self._listed(own, listed, lane, count), module, self.label)
            for lane in range(count)
        ]

    def _lane(
        self, table: Table, lane: int, row: Row, own: _Values, module: Mapping[Quantity, Limits]
    ) -> OpticsReading:
        units = {quantity: measured.decoder for quantity, measured in table.measured.items()}
        values, limits = self._measure(_Cells(row, table), units, module)
        return make_reading(self.port, lane, own | values, {**module, **limits}, self.label)

    def _listed(self, own: _Values, listed: Mapping[Quantity, list[float]], lane: int, count: int) -> _Values:
        values: _Values = {q: cell for q, cell in own.items() if q in {Quantity.TEMPERATURE, Quantity.VOLTAGE}}
        for quantity, numbers in listed.items():
            if len(numbers) == count:
                values[quantity] = self._value(quantity, numbers[lane], lost=False)
        return values

    def _measure(
        self, cells: _Cells, units: Mapping[Quantity, OpticsDecoder], shared: Mapping[Quantity, Limits]
    ) -> tuple[_Values, dict[Quantity, Limits]]:
        """Values, and thresholds: `shared` where the row has none of its own."""
        values: _Values = {}
        limits: dict[Quantity, Limits] = {}
        for quantity, measured in cells.table.measured.items():
            given = self._given(cells, quantity, measured, units[quantity])
            device = Limits.of(self._rebased(quantity, units[quantity], value) for value in given.values)
            sane = sane_limits(quantity, device, self.kind)
            if quantity not in shared or any(value is not None for value in given.values):
                limits[quantity] = sane
            values[quantity] = self._cell(cells, quantity, measured, units[quantity], device)
        return values, limits

    def _cell(
        self, cells: _Cells, quantity: Quantity, measured: Measured, unit: OpticsDecoder, device: Limits
    ) -> tuple[float | None, Light]:
        lost = quantity is Quantity.RX_POWER and cells.says(cells.table.rx_lost)
        listed = cells.listed(measured)
        if len(listed) == 1 and not math.isnan(listed[0]):
            return self._value(quantity, listed[0], lost)
        number = cells.number(measured.column, measured.invalid)
        if number is None:
            return None, Light.NOT_SUPPORTED
        if number == 0 and quantity in POWERS:
            if unit.is_linear:
                return None, Light.NO_LIGHT
            bias = cells.table.bias
            off = quantity is Quantity.TX_POWER and bias is not None and cells.number(bias.column) == 0
            low = quantity is Quantity.RX_POWER and cells.says(cells.table.rx_low)
            return self._noted(quantity, ambiguous_zero(device, lost or low, off, unit.decode(1)))
        if number == 0 and quantity is Quantity.VOLTAGE:
            return None, Light.NOT_SUPPORTED
        value = unit.decode(_calibrated(cells, quantity, measured, number))
        return self._value(quantity, self._rebased(quantity, unit, value) or 0.0, lost)

    def _value(self, quantity: Quantity, value: float, lost: bool) -> tuple[float | None, Light]:
        if quantity in POWERS:
            return self._noted(quantity, seen_light(value, lost))
        read = (value, Light.LIGHT) if is_physical(quantity, value) else (None, Light.UNREADABLE)
        return self._noted(quantity, read)

    def _noted(self, quantity: Quantity, read: tuple[float | None, Light]) -> tuple[float | None, Light]:
        if read[1] is Light.UNREADABLE:
            self.notes.add(f"{quantity.value} of {self.port}", UNREADABLE)
        return read

    def _given(self, cells: _Cells, quantity: Quantity, measured: Measured, unit: OpticsDecoder) -> Limits:
        """The row's thresholds as they stand; all four 0 where they are blank."""
        decoder = measured.threshold_decoder or unit
        raw = [cells.number(column, measured.invalid) for column in measured.thresholds]
        if not any(raw):
            return Limits.of(None if number is None else 0.0 for number in raw)
        return Limits.of(
            None
            if number is None or (number == 0 and decoder.is_linear and quantity in POWERS)
            else decoder.decode(_calibrated(cells, quantity, measured, number))
            for number in raw
        )

    def _rebased(self, quantity: Quantity, unit: OpticsDecoder, value: float | None) -> float | None:
        """What Junos 12.3 says of received light, over 1 mW: its high alarm would else burn every receiver."""
        rx = self.cells.table.rx_power
        if value is None or unit is not JUNOS_DBM or quantity is not Quantity.RX_POWER or rx is None:
            return value
        high = self.cells.number(rx.high_alarm)
        if high is None or unit.decode(high) <= PHYSICS[quantity][1]:
            return value
        self.notes.add(f"{quantity.value} of {self.port}", JUNOS)
        return round(value - _JUNOS_EXCESS_DB, 6)


def _calibrated(cells: _Cells, quantity: Quantity, measured: Measured, number: int) -> float:
    """SFF-8472, section 9.3: slope (256ths) and offset; of received power, a polynomial of the fourth degree.

    NaN where a coefficient is missing.
    """
    if not measured.calibration or not cells.says(cells.table.calibrated):
        return number
    coefficients = [cells.number(column) for column in measured.calibration]
    if any(coefficient is None for coefficient in coefficients):
        return math.nan
    known = [coefficient or 0 for coefficient in coefficients]
    if quantity is not Quantity.RX_POWER:
        return number * known[0] / 256 + known[1]
    total = 0.0
    for coefficient in known:
        (factor,) = struct.unpack(">f", struct.pack(">I", coefficient & 0xFFFF_FFFF))
        total = total * number + factor
    return total if math.isfinite(total) else math.nan

"""Sensor MIBs: type, scale and precision; whose sensor it is; received or transmitted; thresholds by relation."""

from __future__ import annotations

import pytest

from netmon.core.fibre_limits import Light, Origin, Quantity
from netmon.core.measurement import Interface
from netmon.routers.optics_entities import CLASS, CONTAINED_IN, DESCR, NAME, Entities, Ports
from netmon.routers.optics_profile import Sensors
from netmon.routers.optics_sensors import read_sensors
from netmon.routers.optics_values import Notes, OpticsReading
from netmon.snmp.codec import Tag, Value, VarBind
from netmon.snmp.oid import Oid

RFC: Oid = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1)
CISCO: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 1, 1, 1)
THRESHOLD: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 2, 1, 1)
AMPERES, VOLTS, WATTS, CELSIUS, DBM = 5, 4, 6, 8, 14
MILLI, UNITS = 8, 9
LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL = 1, 2, 3, 4


class Device:
    """A chassis, a port with its transceiver, and its sensors."""

    def __init__(self, mib: Sensors, port: bytes = b"TenGigabitEthernet1/1", module: bytes = b"10Gbase-LR") -> None:
        self.mib = mib
        self.tables: dict[Oid, dict[Oid, VarBind]] = {}
        self.entity(1, 0, 3, b"Chassis", b"chassis")
        self.entity(10, 1, 9, b"Line card", b"card")
        self.entity(20, 10, 10, module, port)

    def cell(self, column: Oid, index: Oid, value: Value) -> None:
        self.tables.setdefault(column, {})[index] = VarBind((*column, *index), Tag.INTEGER, value)

    def entity(self, index: int, parent: int, kind: int, descr: bytes, name: bytes) -> None:
        for column, value in ((DESCR, descr), (CONTAINED_IN, parent), (CLASS, kind), (NAME, name)):
            self.cell(column, (index,), value)

    def sensor(
        self,
        index: int,
        text: bytes,
        kind: int,
        scale: int,
        precision: int,
        value: Value,
        *,
        status: int = 1,
        parent: int = 20,
        units: bytes | None = None,
    ) -> Device:
        self.entity(index, parent, 8, text, text)
        entry = RFC if self.mib is Sensors.ENTITY else CISCO
        for column, cell in enumerate((kind, scale, precision, value, status), start=1):
            self.cell((*entry, column), (index,), cell)
        if units is not None:
            self.cell((*entry, 6), (index,), units)
        return self

    def threshold(self, index: int, number: int, relation: int, value: int) -> None:
        self.cell((*THRESHOLD, 3), (index, number), relation)
        self.cell((*THRESHOLD, 4), (index, number), value)

    def read(self, *ports: str) -> tuple[list[OpticsReading], list[str]]:
        notes = Notes()
        known = Ports([Interface(at, name) for at, name in enumerate(ports or ("Te1/1", "Te1/2"), start=1)])
        found = read_sensors(self.mib, self.tables, Entities(self.tables, known), "cisco-ios.yaml:3", notes)
        return list(found), [str(missing) for missing in notes.missing()]


def cisco() -> Device:
    box = Device(Sensors.CISCO)
    box.sensor(31, b"Te1/1 Module Temperature Sensor", CELSIUS, UNITS, 1, 419)
    box.sensor(32, b"Te1/1 Supply Voltage Sensor", VOLTS, UNITS, 2, 334)
    box.sensor(33, b"Te1/1 Bias Current Sensor", AMPERES, MILLI, 1, 195)
    box.sensor(34, b"Te1/1 Transmit Power Sensor", DBM, UNITS, 1, -60)
    box.sensor(35, b"Te1/1 Receive Power Sensor", DBM, UNITS, 1, -147)
    return box


def test_the_sensors_of_a_port_are_one_reading() -> None:
    (reading,), missing = cisco().read()
    assert (reading.interface, reading.lane, reading.source) == ("Te1/1", None, "cisco-ios.yaml:3")
    assert (reading.rx_power_dbm, reading.tx_power_dbm, reading.bias_ma) == (-14.7, -6.0, 19.5)
    assert (reading.temperature_celsius, reading.voltage_volts) == (41.9, 3.34)
    assert reading.thresholds[Quantity.RX_POWER].low_alarm == -14.4
    assert "10GBASE-LR" in reading.thresholds[Quantity.RX_POWER].why
    assert missing == []


@pytest.mark.parametrize(
    ("kind", "scale", "precision", "raw", "units", "dbm"),
    [
        (WATTS, MILLI, 4, 6122, b"mW", -2.131),
        (WATTS, 7, 1, 6122, b"uW", -2.131),
        (WATTS, UNITS, 7, 6122, None, -2.131),
        (WATTS, 6, 0, 612_200, b"nW", -2.131),
        (1, UNITS, 2, -347, b"dBm", -3.47),
        (WATTS, UNITS, 2, -347, b" DBM", -3.47),
        (DBM, MILLI, 0, -2456, None, -2.456),
        (DBM, UNITS, -2, -20, None, -20.0),
    ],
)
def test_scale_precision_and_unit_are_the_sensors_own(
    kind: int, scale: int, precision: int, raw: int, units: bytes | None, dbm: float
) -> None:
    box = Device(Sensors.ENTITY).sensor(35, b"DOM RX Power Sensor", kind, scale, precision, raw, units=units)
    (reading,), _ = box.read()
    assert reading.rx_power_dbm == pytest.approx(dbm, abs=0.0005)
    assert reading.tx_state is Light.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("kind", "scale", "precision", "raw", "status", "power", "state"),
    [
        (WATTS, MILLI, 4, 0, 1, None, Light.NO_LIGHT),
        (WATTS, MILLI, 4, -1, 1, None, Light.UNREADABLE),
        (DBM, UNITS, 1, -400, 1, None, Light.NO_LIGHT),
        (DBM, UNITS, 1, 0, 1, 0.0, Light.LIGHT),
        (DBM, MILLI, 0, 0, 1, None, Light.UNREADABLE),
        (DBM, UNITS, 1, -147, 2, None, Light.UNREADABLE),
        (DBM, UNITS, 1, -147, 3, None, Light.UNREADABLE),
        (DBM, UNITS, 0, -1_000_000_000, 1, None, Light.UNREADABLE),
        (DBM, UNITS, 0, 1_000_000_000, 1, None, Light.UNREADABLE),
        (DBM, 0, 1, -147, 1, None, Light.UNREADABLE),
        (DBM, UNITS, 99, -147, 1, None, Light.UNREADABLE),
    ],
)
def test_no_light_and_no_value_are_told_apart(
    kind: int, scale: int, precision: int, raw: int, status: int, power: float | None, state: Light
) -> None:
    box = Device(Sensors.CISCO).sensor(35, b"Receive Power Sensor", kind, scale, precision, raw, status=status)
    (reading,), missing = box.read()
    assert (reading.rx_power_dbm, reading.rx_state) == (power, state)
    assert bool(missing) == (state is Light.UNREADABLE)


def test_thresholds_are_ordered_by_their_relation() -> None:
    box = cisco()
    for number, (relation, value) in enumerate(
        [(GREATER_OR_EQUAL, 30), (GREATER_OR_EQUAL, -10), (LESS_OR_EQUAL, -99), (LESS_OR_EQUAL, -139)], start=1
    ):
        box.threshold(35, number, relation, value)
    (reading,), _ = box.read()
    limits = reading.thresholds[Quantity.RX_POWER]
    assert (limits.values, limits.origin) == ((-13.9, -9.9, -1.0, 3.0), Origin.DEVICE)


def test_thresholds_that_are_all_called_less_than_are_ordered_by_value() -> None:
    box = cisco()
    for number, value in enumerate([10000, 8500, 2600, 3000], start=1):
        box.threshold(33, number, LESS, value)
    (reading,), _ = box.read()
    assert reading.thresholds[Quantity.BIAS].values == (260.0, 300.0, 850.0, 1000.0)


def test_a_boards_own_sensors_are_not_the_transceivers() -> None:
    box = cisco()
    box.sensor(40, b"Te1/1 hotspot", CELSIUS, UNITS, 0, 71, parent=10)
    box.sensor(41, b"Inlet", CELSIUS, UNITS, 0, 30, parent=10)
    box.sensor(42, b"PSU input power", WATTS, UNITS, 0, 300, parent=1)
    (reading,), _ = box.read()
    assert reading.temperature_celsius == 41.9


def test_a_copper_port_with_a_temperature_has_no_optics() -> None:
    box = Device(Sensors.CISCO, module=b"1000BaseT").sensor(31, b"Te1/1 Temperature", CELSIUS, UNITS, 0, 40)
    assert box.read() == ([], [])


def test_lanes_are_told_by_the_names_of_what_contains_them() -> None:
    box = Device(Sensors.ENTITY, port=b"Xcvr for Ethernet7", module=b"100GBASE-SR4")
    box.sensor(31, b"DOM Temperature Sensor for Ethernet7", CELSIUS, UNITS, 1, 247)
    for lane in range(4):
        box.entity(50 + lane, 20, 9, f"Lane {lane} for Xcvr for Ethernet7".encode(), b"")
        box.sensor(60 + lane, b"DOM RX Power Sensor", WATTS, MILLI, 4, 6000 - lane, parent=50 + lane)
    found, _ = box.read("Ethernet7", "Ethernet70")
    assert [(r.interface, r.lane) for r in found] == [("Ethernet7", lane) for lane in range(4)]
    assert {r.temperature_celsius for r in found} == {24.7}
    assert "100GBASE-SR4" in found[0].thresholds[Quantity.RX_POWER].why


def test_a_power_that_nothing_ties_to_a_port_is_missing_not_guessed() -> None:
    box = Device(Sensors.CISCO, port=b"slot 7", module=b"SFP")
    box.sensor(35, b"Receive Power Sensor", DBM, UNITS, 1, -60)
    found, missing = box.read()
    assert found == []
    assert missing[0].startswith("optical sensor 35: nothing in the entity table ties it to an interface")


def test_a_sensor_without_an_entity_is_missing_not_guessed() -> None:
    box = Device(Sensors.CISCO).sensor(35, b"", DBM, MILLI, 0, -2456)
    for column in (DESCR, CONTAINED_IN, CLASS, NAME):
        del box.tables[column][35,]
    found, missing = box.read()
    assert found == []
    assert missing[0].startswith("optical sensor 35: the agent's entity table has no row for it")

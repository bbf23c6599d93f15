from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.mib import DECODERS, Kind, decode_measure, names_transceiver
from netmon.snmp.codec import Value

MEASURES = [decoder for decoder in DECODERS.values() if decoder.kind is Kind.MEASURE]


@pytest.mark.parametrize(
    ("decoder", "raw", "measure"),
    [
        ("percent", 37, 37),
        ("percent", 0, 0),
        ("percent", 101, None),
        ("percent", -1, None),
        ("percent_idle", 88, 12),
        ("percent_idle", 101, None),
        ("bytes", 4_294_967_296, 4_294_967_296),
        ("kibibytes", 3, 3072),
        ("storage_units", -5, None),  # hrStorageSize beyond 2^31 - 1
        ("celsius", 61, 61),
        ("celsius", -5, -5),
        ("celsius", 2_147_483_647, None),
        ("celsius", 255, None),
        ("deci_celsius", 253, 25.3),
        ("milli_celsius", 69_000, 69),
        ("milli_celsius", 4_294_957_296, -10),  # a Gauge32 cannot be negative
        ("milli_celsius", 4_294_967_295, -0.001),
        ("rpm", 4618, 4618),
        ("rpm", 1_000_000, None),
        ("deci_volts", 241, 24.1),
        ("milli_volts", 3351, 3.351),
        ("deci_amperes", 12, 1.2),
        ("milli_amperes", 850, 0.85),
        ("deci_watts", 305, 30.5),
    ],
)
def test_a_measure_is_in_its_unit_or_is_none(decoder: str, raw: int, measure: float | None) -> None:
    assert decode_measure(DECODERS[decoder], raw) == measure


@pytest.mark.parametrize(
    ("value", "scale", "precision", "measure"),
    [
        (419, 9, 1, 41.9),  # units, one decimal
        (52_394, 8, 0, 52.394),  # milli
        (334, 9, 2, 3.34),
        (-1931, 8, 0, -1.931),
        (12, 10, 0, 12_000),  # kilo
        (45, 9, -3, 45),  # negative: accurate digits
        (7, 14, 9, 7 * 10**6),  # RFC 3433: exa(14) is 10^15
        (1_000_000_000, 9, 0, None),  # overflow
        (-1_000_000_000, 9, 0, None),  # underflow
        (45, None, 0, None),
        (45, 9, None, None),
        (45, 0, 0, None),
        (45, 18, 0, None),
        (45, 9, 10, None),
        (b"45", 9, 0, None),
    ],
)
def test_a_sensor_says_its_own_scale_and_precision(
    value: Value, scale: Value, precision: Value, measure: float | None
) -> None:
    assert decode_measure(DECODERS["entity_sensor"], value, (scale, precision)) == measure


def test_a_sensor_without_its_companions_measures_nothing() -> None:
    assert decode_measure(DECODERS["entity_sensor"], 45) is None
    assert decode_measure(DECODERS["entity_sensor"], 45, (9, 1)) == 4.5


@given(st.sampled_from(MEASURES), st.one_of(st.integers(-(2**63), 2**64), st.binary(), st.none()))
def test_whatever_an_agent_says_a_measure_is_possible_or_none(decoder: object, raw: Value) -> None:
    found = next(one for one in MEASURES if one == decoder)
    measure = decode_measure(found, raw, (9, 0)[: found.companions])
    assert measure is None or found.lowest <= measure <= found.highest


@pytest.mark.parametrize(
    ("text", "is_transceiver"),
    [
        ("GigabitEthernet1/0/1 Module Temperature Sensor", True),
        ("subslot 0/0 transceiver 2 Temperature Sensor", True),
        ("DOM TX Bias Sensor for Ethernet1", True),
        ("Xcvr 3 temperature", True),
        ("QSFP 1 Rx Power", True),
        ("Module-1, Outlet", False),
        ("Cpu temp sensor", False),
        ("Front-panel temp sensor", False),
        ("Temperature @ 10G Phys [U171]", False),
        ("PowerSupply1 Fan 1 Sensor 1", False),
        ("", False),
    ],
)
def test_the_sensors_of_transceivers_are_known_by_their_description(text: str, is_transceiver: bool) -> None:
    assert names_transceiver(text) is is_transceiver

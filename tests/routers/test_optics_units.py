"""Units of optical diagnostics."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.fibre_limits import Quantity
from netmon.routers.optics_units import DARK, OPTICS_DECODERS, dbm


@pytest.mark.parametrize(
    ("power_mw", "power_dbm"), [(1.0, 0.0), (0.079, -11.024), (0.331, -4.802), (0.0001, -40.0), (2.0, 3.01)]
)
def test_a_power_in_milliwatts_is_a_level_in_dbm(power_mw: float, power_dbm: float) -> None:
    assert dbm(power_mw) == power_dbm


def test_no_power_is_dark_and_a_negative_one_is_nonsense() -> None:
    assert dbm(0) == DARK
    assert math.isnan(dbm(-0.1))


@given(st.floats(min_value=-60, max_value=10))
@settings(max_examples=100)
def test_a_tenth_of_the_logarithm_gives_the_milliwatts_back(power_dbm: float) -> None:
    assert dbm(10.0 ** (power_dbm / 10)) == pytest.approx(power_dbm, abs=0.0006)


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("tenths_dbm", -147, -14.7),
        ("hundredths_dbm", -865, -8.65),
        ("thousandths_dbm", -2456, -2.456),
        ("microwatts", 331, -4.802),
        ("tenth_microwatts", 790, -11.024),
        ("milliamperes", 30, 30.0),
        ("microamperes", 30120, 30.12),
        ("two_microamperes", 2565, 5.13),
        ("celsius", 28, 28.0),
        ("tenths_celsius", 419, 41.9),
        ("celsius_256ths", 5734, 22.398438),
        ("millivolts", 3247, 3.247),
        ("tenth_millivolts", 32851, 3.2851),
    ],
)
def test_a_decoder_gives_the_units_value(name: str, raw: int, value: float) -> None:
    assert OPTICS_DECODERS[name].decode(raw) == value


@given(name=st.sampled_from(sorted(OPTICS_DECODERS)), raw=st.integers(min_value=-(1 << 31), max_value=(1 << 32) - 1))
@settings(max_examples=150)
def test_no_integer_breaks_a_decoder_and_more_is_more(name: str, raw: int) -> None:
    decoder = OPTICS_DECODERS[name]
    value = decoder.decode(raw)
    if decoder.is_linear and decoder.of & {Quantity.RX_POWER}:
        assert math.isnan(value) == (raw < 0)
        assert (value == DARK) == (raw == 0)
    assert math.isnan(value) or decoder.decode(raw + 1) >= value

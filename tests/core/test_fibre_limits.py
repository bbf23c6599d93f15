"""Which thresholds of a device can be true, and what stands in for those that cannot."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.fibre_limits import (
    PHYSICS,
    UNKNOWN_CLASS,
    Limits,
    Origin,
    Quantity,
    default_limits,
    is_physical,
    sane_limits,
    transceiver_class,
)

RX = Quantity.RX_POWER


def test_thresholds_that_can_be_true_are_the_devices_own() -> None:
    given = Limits(-21.48, -20.45, -2.99, -1.99)
    assert sane_limits(RX, given) == given


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Limits(), "the device gives no thresholds"),
        (Limits(0.0, 0.0, 0.0, 0.0), "the device's thresholds are all zero"),
        (Limits(low_warning=-18.0), "the device gives warnings only"),
        (Limits(8.16, 8.16, 8.16, 8.16), "low alarm of 8.16 is not below its high alarm of 8.16"),
        (Limits(1.0, None, None, -20.0), "low alarm of 1 is not below its high alarm of -20"),
        (Limits(-400.0, None, None, 1.0), "low alarm of -400 cannot be true"),
        (Limits(-20.0, None, None, 21.0), "high alarm of 21 cannot be true"),
        (Limits(-math.inf, None, None, 1.0), "low alarm of -inf cannot be true"),
        (Limits(math.nan, None, None, 1.0), "low alarm of nan cannot be true"),
    ],
)
def test_thresholds_that_cannot_be_true_give_way_to_the_class(given: Limits, why: str) -> None:
    found = sane_limits(RX, given, transceiver_class("10Gbase-LR"))
    assert found.values == (-14.4, -13.4, -0.5, 0.5)
    assert found.origin is Origin.DEFAULT
    assert why in found.why
    assert "the defaults of 10GBASE-LR stand in" in found.why


@pytest.mark.parametrize(
    ("low_warning", "high_warning", "kept", "why"),
    [
        (-30.0, 0.5, (None, 0.5), "the device's low warning cannot be true and is left out"),
        (-18.0, 7.0, (-18.0, None), "the device's high warning cannot be true and is left out"),
        (0.0, -10.0, (None, None), "low warning and high warning"),
        (math.nan, None, (None, None), "low warning"),
        (None, None, (None, None), ""),
    ],
)
def test_an_impossible_warning_is_left_out_and_the_alarms_stay(
    low_warning: float | None, high_warning: float | None, kept: tuple[float | None, ...], why: str
) -> None:
    found = sane_limits(RX, Limits(-20.0, low_warning, high_warning, 1.0))
    assert (found.low_alarm, found.high_alarm) == (-20.0, 1.0)
    assert (found.low_warning, found.high_warning) == kept
    assert why in found.why
    assert found.origin is Origin.DEVICE


def test_one_alarm_alone_is_enough() -> None:
    assert sane_limits(RX, Limits(low_alarm=-20.0)).values == (-20.0, None, None, None)


def test_a_low_alarm_of_no_bias_is_no_fault() -> None:
    assert sane_limits(Quantity.BIAS, Limits(0.0, 0.0, 59.9, 69.9)).origin is Origin.DEVICE


def test_bias_has_no_default() -> None:
    found = sane_limits(Quantity.BIAS, Limits())
    assert found.values == (None, None, None, None)
    assert found.origin is Origin.NONE


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("10Gbase-SR", "10GBASE-SR"),
        ("SFP-10GBase-LR", "10GBASE-LR"),
        ("1000BaseLX SFP", "1000BASE-LX"),
        ("1000_BASE_SX_SFP", "1000BASE-SX"),
        ("10GE-BASE-ER", "10GBASE-ER"),
        ("100GBASE-LR4 QSFP28", "100GBASE-LR4"),
        ("1000BaseBX10-U", "1000BASE-BX10"),
        ("MTRS-02X13-H3C", UNKNOWN_CLASS.name),
        ("", UNKNOWN_CLASS.name),
    ],
)
def test_a_class_is_known_by_the_name_of_its_standard(text: str, name: str) -> None:
    assert transceiver_class("", text).name == name


@given(
    quantity=st.sampled_from(Quantity),
    values=st.tuples(*[st.none() | st.floats() | st.sampled_from([0.0, 8.16, -40.0])] * 4),
)
@settings(max_examples=200)
def test_whatever_a_device_says_the_thresholds_are_ordered_and_physical(
    quantity: Quantity, values: tuple[float | None, ...]
) -> None:
    found = sane_limits(quantity, Limits.of(values))
    kept = [value for value in found.values if value is not None]
    assert kept == sorted(kept)
    assert all(is_physical(quantity, value) for value in kept)
    assert found.origin is Origin.DEVICE or found.why


@pytest.mark.parametrize("quantity", Quantity)
def test_every_default_is_sane_itself(quantity: Quantity) -> None:
    found = default_limits(quantity, UNKNOWN_CLASS, "blank")
    assert quantity is Quantity.BIAS or sane_limits(quantity, found).origin is Origin.DEVICE


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -128.0, 2_147_483.647])
def test_what_no_transceiver_measures_is_no_value(value: float) -> None:
    assert not any(is_physical(quantity, value) for quantity in PHYSICS)

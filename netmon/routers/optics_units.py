"""Units of optical diagnostics: the named decoders of a profile's `optics:`, and powers in dBm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from netmon.core.fibre_limits import Quantity

DARK: Final = -math.inf
"""The power of no light at all."""


def dbm(milliwatts: float) -> float:
    """10 log10 of the power over 1 mW; DARK for 0, NaN for less, which no light has."""
    if milliwatts > 0:
        return round(10 * math.log10(milliwatts), 3)
    return DARK if milliwatts == 0 else math.nan


@dataclass(frozen=True, slots=True)
class OpticsDecoder:
    """How an integer of a MIB becomes dBm, mA, degrees Celsius or V."""

    name: str
    of: frozenset[Quantity]
    decode: Callable[[float], float]
    is_linear: bool = True
    """0 is 0: of a power, no light. In dBm, 0 is 1 mW, or what an agent says when it does not know."""
    else_: OpticsDecoder | None = None
    """The other unit some models of the vendor use for the same object; which, the table as a whole tells."""


_POWERS: Final = frozenset({Quantity.RX_POWER, Quantity.TX_POWER})


def _divided(by: int) -> Callable[[float], float]:
    return lambda value: round(value / by, 6)


def _power(name: str, per_milliwatt: int) -> OpticsDecoder:
    return OpticsDecoder(name, _POWERS, lambda value: dbm(value / per_milliwatt))


def _dbm(name: str, per_dbm: int, else_: OpticsDecoder | None = None) -> OpticsDecoder:
    return OpticsDecoder(name, _POWERS, _divided(per_dbm), is_linear=False, else_=else_)


def _bias(name: str, per_milliampere: int, else_: OpticsDecoder | None = None) -> OpticsDecoder:
    return OpticsDecoder(name, frozenset({Quantity.BIAS}), _divided(per_milliampere), else_=else_)


def _of(quantity: Quantity, name: str, by: int) -> OpticsDecoder:
    return OpticsDecoder(name, frozenset({quantity}), _divided(by))


_MICROWATTS: Final = _power("microwatts", 1000)
_MICROAMPERES: Final = _bias("microamperes", 1000)

JUNOS_DBM: Final = _dbm("hundredths_dbm_junos", 100)
"""Junos 12.3 gives received powers and their thresholds over 10 µW instead of 1 mW, 20.00 dB too high."""

OPTICS_DECODERS: Final[Mapping[str, OpticsDecoder]] = MappingProxyType(
    {
        decoder.name: decoder
        for decoder in (
            _dbm("tenths_dbm", 10),
            _dbm("hundredths_dbm", 100),
            _dbm("thousandths_dbm", 1000),
            JUNOS_DBM,
            _MICROWATTS,
            _power("tenth_microwatts", 10_000),
            _dbm("hundredths_dbm_or_microwatts", 100, else_=_MICROWATTS),
            _bias("milliamperes", 1),
            _MICROAMPERES,
            _bias("two_microamperes", 500),
            _bias("milliamperes_or_microamperes", 1, else_=_MICROAMPERES),
            _of(Quantity.TEMPERATURE, "celsius", 1),
            _of(Quantity.TEMPERATURE, "tenths_celsius", 10),
            _of(Quantity.TEMPERATURE, "celsius_256ths", 256),
            _of(Quantity.VOLTAGE, "millivolts", 1000),
            _of(Quantity.VOLTAGE, "tenth_millivolts", 10_000),
        )
    }
)

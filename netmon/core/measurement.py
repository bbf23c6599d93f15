"""What a router said in one visit, and what was accounted from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Interface:
    """How an interface is known (IF-MIB ifIndex, ifName, ifAlias)."""

    index: int
    name: str
    alias: str = ""


Identity = tuple[Interface, ...]
Cells = Sequence[int | None]


class Column(StrEnum):
    """The columns of a Poll; values are the MIB object's own integers unless said otherwise."""

    IN_OCTETS = "in_octets"  # ifHCInOctets, or ifInOctets where counter_bits is 32
    OUT_OCTETS = "out_octets"
    IN_ERRORS = "in_errors"
    OUT_ERRORS = "out_errors"
    IN_DISCARDS = "in_discards"
    OUT_DISCARDS = "out_discards"
    ADMIN_STATUS = "admin_status"
    OPER_STATUS = "oper_status"
    SPEED_BPS = "speed_bps"  # ifHighSpeed x 1,000,000
    DISCONTINUITY = "discontinuity_ticks"  # ifCounterDiscontinuityTime


@dataclass(frozen=True, slots=True)
class PduStamp:
    """When one PDU of a visit was answered."""

    uptime_ticks: int
    """sysUpTime in this very PDU, hundredths of a second, modulo 2^32."""
    received_ns: int
    """UTC time of receipt: the visit's wall time plus a monotonic difference."""


@dataclass(frozen=True, slots=True)
class Poll:
    """One router visit, columnar: cell i of every column belongs to identity[i]."""

    router: str
    identity: Identity
    """The same object from visit to visit while nothing changed."""
    pdus: tuple[PduStamp, ...]
    pdu_of: tuple[int, ...]
    """Position in `pdus` of the PDU that carried interface i."""
    columns: Mapping[Column, Cells]
    counter_bits: int = 64
    """Width of the octet columns: 64 or 32."""
    device: str | None = None
    """Serial number or engine id; a change is another device."""
    host_uptime_ticks: int | None = None
    """hrSystemUptime.0: the second opinion on a restart of the agent alone."""
    counter_refresh_ns: int = 0
    """How old its counters may be when they are served, as its platform is known for (rule 9)."""

    @property
    def at_ns(self) -> int:
        """The visit's instant: receipt of its first PDU."""
        return self.pdus[0].received_ns


class GapReason(StrEnum):
    FIRST_READING = "first_reading"
    COUNTER_RESET = "counter_reset"
    COUNTER_DECREASED = "counter_decreased"
    COUNTER_DISCONTINUITY = "counter_discontinuity"
    WRAP_AMBIGUOUS = "wrap_ambiguous"
    IMPLAUSIBLE = "implausible"
    WIDTH_CHANGED = "width_changed"
    DEVICE_REPLACED = "device_replaced"
    UPTIME_INCONSISTENT = "uptime_inconsistent"
    CLOCK_STEPPED_BACK = "clock_stepped_back"


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that may have passed and cannot be known: from_ns <= t < to_ns on one series."""

    router: str
    interface: str
    direction: str
    """`in` or `out`: the router's own view of the port."""
    from_ns: int
    to_ns: int
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Usage:
    """What an agency or circuit used in a half-open period, by strength of evidence."""

    proven_bytes: int
    estimated_bytes: int
    """Measured exactly, but apportioned across the period's edge."""
    unknown_ns: int
    """Time of the elapsed period for which bytes may be missing."""
    elapsed_ns: int
    gaps: tuple[Gap, ...] = ()

    @property
    def coverage_ratio(self) -> float | None:
        """Share of the elapsed period in which nothing can be missing; None before it began."""
        return None if self.elapsed_ns <= 0 else 1 - self.unknown_ns / self.elapsed_ns

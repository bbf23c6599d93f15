"""From counters to bytes: a router's head and one Poll give exact deltas, or gaps with reasons.

The head holds, for every series ever seen on a router, the last counters and the cumulative bytes
accounted. A visit replaces the head it was computed from, and no other (invariant 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from operator import add, sub

from netmon.core.model import NANOSECONDS, Cells, Column, Gap, GapReason, Identity, Interface, PduStamp, Poll

TICK_NS = NANOSECONDS // 100
"""One TimeTicks unit (SNMPv2-SMI)."""
UPTIME_WRAP = 1 << 32
"""sysUpTime restarts from 0 after 497.1 days."""
REFRESH_NS = 5 * NANOSECONDS
"""How old a counter may be when its agent serves it (net-snmp refreshes IF-MIB every 3 s)."""
UNDECLARED_BPS = 400 * 10**9
"""Where no port speed is declared, only what no port of today can carry is implausible."""


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When a series that was absent from the latest visit was last read."""

    at_ns: int
    uptime_ticks: int


@dataclass(frozen=True, slots=True)
class Head:
    """A router as of its last committed visit. Cell i of every column belongs to series[i]."""

    router: str
    sequence: int
    """Committed visits so far; the first visit makes it 1."""
    series: Identity
    """Every interface ever accounted, in a stable order; names are unique."""
    pdus: tuple[PduStamp, ...]
    pdu_of: tuple[int, ...]
    in_octets: Cells
    out_octets: Cells
    discontinuity: Cells
    in_total: tuple[int, ...]
    """Bytes accounted since the series was first seen; never decreases."""
    out_total: tuple[int, ...]
    counter_bits: int = 64
    device: str | None = None
    host_uptime_ticks: int | None = None
    lagging: Mapping[int, LastSeen] = field(default_factory=dict)
    """Series (by position) whose counters are older than this visit."""

    @property
    def at_ns(self) -> int:
        """The visit's instant: receipt of its first PDU."""
        return self.pdus[0].received_ns


@dataclass(frozen=True, slots=True)
class Visit:
    """One accounted poll: commits only if the router's head still has sequence `base`."""

    base: int
    head: Head
    gaps: tuple[Gap, ...] = ()


class Ceilings:
    """Declared physical port speeds in bit/s, by ifName: they flag a reading, never rewrite it (rule 8)."""

    __slots__ = ("_by_name", "least_bps")

    def __init__(self, by_name: Mapping[str, int]) -> None:
        self._by_name = dict(by_name)
        self.least_bps = min((UNDECLARED_BPS, *self._by_name.values()))

    def declared(self, name: str) -> int | None:
        """None where no speed was declared for the port."""
        return self._by_name.get(name)


class Continuity(Enum):
    """What two readings of a device's uptime say about the time between them."""

    CONTINUOUS = "continuous"
    RESTARTED = "restarted"
    INCONSISTENT = "inconsistent"


def continuity(before: LastSeen, after: PduStamp, host_running: bool) -> Continuity:
    """Compares sysUpTime with the time that passed here (rules 5 and 9).

    `host_running` says that hrSystemUptime went on although sysUpTime may not have: then only the
    agent restarted, and the counters' base is unbroken (rule 6).
    """
    elapsed = (after.received_ns - before.at_ns) // TICK_NS
    slack = _slack_ticks(elapsed)
    if before.uptime_ticks <= slack:
        slack = elapsed // 50 + 100  # so soon after a boot, a second boot hides within the usual slack
    advance = (after.uptime_ticks - before.uptime_ticks) % UPTIME_WRAP
    wrapped = before.uptime_ticks + elapsed + slack >= UPTIME_WRAP
    if (after.uptime_ticks >= before.uptime_ticks or wrapped) and abs(advance - elapsed) <= slack:
        return Continuity.CONTINUOUS
    if host_running:
        return Continuity.CONTINUOUS
    if after.uptime_ticks <= elapsed + slack:
        return Continuity.RESTARTED
    return Continuity.INCONSISTENT


def account(head: Head | None, poll: Poll, ceilings: Ceilings) -> Visit | None:
    """The visit that `poll` makes of `head`; None for a poll no newer than the head (rule 11).

    The identity's names must be unique. Never raises for what a router may answer.
    """
    if head is None:
        return _first_visit(poll)
    if poll.at_ns <= head.at_ns:
        return None
    return _steady(head, poll, ceilings) or _exact(head, poll, ceilings)


def _first_visit(poll: Poll) -> Visit:
    nothing = (0,) * len(poll.identity)
    inputs, outputs = _octets(poll)
    stamps = [poll.pdus[at] for at in poll.pdu_of]
    unread = {
        position: LastSeen(stamps[position].received_ns, stamps[position].uptime_ticks)
        for position, pair in enumerate(zip(inputs, outputs, strict=True))
        if None in pair
    }
    head = Head(
        router=poll.router,
        sequence=1,
        series=poll.identity,
        pdus=poll.pdus,
        pdu_of=poll.pdu_of,
        in_octets=inputs,
        out_octets=outputs,
        discontinuity=_cells(poll, Column.DISCONTINUITY),
        in_total=nothing,
        out_total=nothing,
        counter_bits=poll.counter_bits,
        device=poll.device,
        host_uptime_ticks=poll.host_uptime_ticks,
        lagging=unread,
    )
    return Visit(base=0, head=head)


def _steady(head: Head, poll: Poll, ceilings: Ceilings) -> Visit | None:
    """The column fast path; None wherever the exact rules have anything to say."""
    if (
        head.lagging
        or poll.counter_bits != 64
        or head.counter_bits != 64
        or poll.device != head.device
        or poll.pdu_of != head.pdu_of
        or (poll.identity is not head.series and poll.identity != head.series)
        or len(poll.pdus) != len(head.pdus)
    ):
        return None
    discontinuity = _cells(poll, Column.DISCONTINUITY)
    if discontinuity != head.discontinuity and tuple(discontinuity) != tuple(head.discontinuity):
        return None
    least_ns = poll.at_ns - head.at_ns
    for old, new in zip(head.pdus, poll.pdus, strict=True):
        seen = LastSeen(old.received_ns, old.uptime_ticks)
        if continuity(seen, new, host_running=False) is not Continuity.CONTINUOUS:
            return None
        least_ns = min(least_ns, new.received_ns - old.received_ns)
    bound = _most_octets(ceilings.least_bps, least_ns)
    inputs, outputs = _octets(poll)
    try:
        in_grown = tuple(map(sub, inputs, head.in_octets))
        out_grown = tuple(map(sub, outputs, head.out_octets))
        if min(in_grown) < 0 or min(out_grown) < 0 or max(in_grown) > bound or max(out_grown) > bound:
            return None
    except (TypeError, ValueError):  # a cell is absent, or there are no interfaces at all
        return None
    return Visit(
        head.sequence,
        Head(
            head.router,
            head.sequence + 1,
            poll.identity,
            poll.pdus,
            head.pdu_of,
            inputs,
            outputs,
            head.discontinuity,
            tuple(map(add, head.in_total, in_grown)),
            tuple(map(add, head.out_total, out_grown)),
            head.counter_bits,
            head.device,
            poll.host_uptime_ticks,
            head.lagging,
        ),
    )


def _exact(head: Head, poll: Poll, ceilings: Ceilings) -> Visit:
    """The scalar rules, series by series."""
    book = _Book(head, poll, ceilings)
    for position, interface in enumerate(poll.identity):
        book.enter(position, interface)
    return book.visit()


class _Book:
    """One visit in the making: the head's columns as lists, and the gaps found on the way."""

    def __init__(self, head: Head, poll: Poll, ceilings: Ceilings) -> None:
        self._head, self._poll, self._ceilings = head, poll, ceilings
        self._place = {interface.name: at for at, interface in enumerate(head.series)}
        self._series = list(head.series)
        self._pdu_of = [min(at, len(poll.pdus) - 1) for at in head.pdu_of]
        self._octets = (list(head.in_octets), list(head.out_octets))
        self._totals = (list(head.in_total), list(head.out_total))
        self._discontinuity = list(head.discontinuity)
        self._lagging = {at: head.lagging.get(at) or _seen(head, at) for at in range(len(head.series))}
        self._gaps: list[Gap] = []
        self._host_running = _host_running(head, poll)
        self._replaced = None not in (head.device, poll.device) and head.device != poll.device

    def enter(self, position: int, interface: Interface) -> None:
        """Accounts one interface of the poll, or lets it lag if it was not read."""
        poll = self._poll
        stamp = poll.pdus[poll.pdu_of[position]]
        read = tuple(column[position] for column in _octets(poll))
        discontinuity = _cells(poll, Column.DISCONTINUITY)[position]
        at = self._place.get(interface.name)
        if at is None:
            at = self._append(interface, stamp)
            if None not in read:
                self._note(at, self._head.at_ns, stamp.received_ns, GapReason.FIRST_READING)
        elif None not in read:
            self._grow(at, stamp, read, discontinuity)
        if None in read:
            return
        self._series[at] = interface
        self._pdu_of[at] = poll.pdu_of[position]
        for way in (0, 1):
            self._octets[way][at] = read[way]
        self._discontinuity[at] = discontinuity
        del self._lagging[at]

    def visit(self) -> Visit:
        head, poll = self._head, self._poll
        series = poll.identity if tuple(self._series) == poll.identity else tuple(self._series)
        return Visit(
            base=head.sequence,
            head=Head(
                router=head.router,
                sequence=head.sequence + 1,
                series=series,
                pdus=poll.pdus,
                pdu_of=tuple(self._pdu_of),
                in_octets=tuple(self._octets[0]),
                out_octets=tuple(self._octets[1]),
                discontinuity=tuple(self._discontinuity),
                in_total=tuple(self._totals[0]),
                out_total=tuple(self._totals[1]),
                counter_bits=poll.counter_bits,
                device=poll.device or head.device,
                host_uptime_ticks=poll.host_uptime_ticks,
                lagging=self._lagging,
            ),
            gaps=tuple(self._gaps),
        )

    def _append(self, interface: Interface, stamp: PduStamp) -> int:
        self._series.append(interface)
        self._pdu_of.append(0)
        for way in (0, 1):
            self._octets[way].append(None)
            self._totals[way].append(0)
        self._discontinuity.append(None)
        self._lagging[len(self._series) - 1] = LastSeen(stamp.received_ns, stamp.uptime_ticks)
        return len(self._series) - 1

    def _grow(self, at: int, stamp: PduStamp, read: tuple[int | None, ...], discontinuity: int | None) -> None:
        head, before = self._head, self._lagging[at]
        if self._replaced:
            self._note(at, before.at_ns, stamp.received_ns, GapReason.DEVICE_REPLACED)
            return
        if self._poll.counter_bits != head.counter_bits:
            self._note(at, before.at_ns, stamp.received_ns, GapReason.WIDTH_CHANGED)
            return
        state = continuity(before, stamp, self._host_running)
        # RFC 2863: zero where there was none since the agent started, so after its restart zero is the old value.
        undisturbed = 0 if stamp.uptime_ticks < before.uptime_ticks else head.discontinuity[at]
        broken = (
            state is Continuity.CONTINUOUS
            and None not in (head.discontinuity[at], discontinuity)
            and discontinuity != undisturbed
        )
        declared = self._ceilings.declared(self._series[at].name)
        span_ns = _span_ns(before, stamp, state)
        booted_ns = max(before.at_ns, stamp.received_ns - stamp.uptime_ticks * TICK_NS)
        until_ns = booted_ns if state is Continuity.RESTARTED and not broken else stamp.received_ns
        for way in (0, 1):
            old, new = self._octets[way][at], read[way]
            if old is None or new is None:
                self._note(at, before.at_ns, stamp.received_ns, GapReason.FIRST_READING, way)
                continue
            grown, reason = _grown(old, new, head.counter_bits, state, broken, declared, span_ns)
            self._totals[way][at] += grown
            if reason is not None:
                to_ns = until_ns if reason is GapReason.COUNTER_RESET else stamp.received_ns
                self._note(at, before.at_ns, to_ns, reason, way)

    def _note(self, at: int, from_ns: int, to_ns: int, reason: GapReason, way: int | None = None) -> None:
        for one in (0, 1) if way is None else (way,):
            direction = ("in", "out")[one]
            self._gaps.append(Gap(self._head.router, self._series[at].name, direction, from_ns, to_ns, reason))


def _grown(
    old: int,
    new: int,
    bits: int,
    state: Continuity,
    broken: bool,
    declared_bps: int | None,
    span_ns: int,
) -> tuple[int, GapReason | None]:
    """Bytes proven to have passed between two readings, and why more may have."""
    most = _most_octets(declared_bps or UNDECLARED_BPS, span_ns)
    if state is Continuity.RESTARTED or broken:
        # Where the counter did not fall it may never have been reset: the difference is the safe lower bound.
        reason = GapReason.COUNTER_DISCONTINUITY if broken else GapReason.COUNTER_RESET
        since = new - old if new >= old else new
        return (since, reason) if since <= most else (0, GapReason.IMPLAUSIBLE)
    if state is Continuity.INCONSISTENT:
        since = new - old
        return (since if 0 <= since <= most else 0), GapReason.UPTIME_INCONSISTENT
    grown = (new - old) % (1 << bits)
    may_wrap_unseen = bits == 32 and (declared_bps is None or most >= 1 << 32)
    if new >= old:
        if grown > most:
            return 0, GapReason.IMPLAUSIBLE
        return grown, GapReason.WRAP_AMBIGUOUS if may_wrap_unseen else None
    if may_wrap_unseen:
        return 0, GapReason.WRAP_AMBIGUOUS
    return (grown, None) if grown <= most else (0, GapReason.COUNTER_DECREASED)


def _most_octets(bps: int, span_ns: int) -> int:
    """What a port can carry in the span; agents serve counters that are up to REFRESH_NS old."""
    return bps * (span_ns + REFRESH_NS) // (8 * NANOSECONDS)


def _span_ns(before: LastSeen, stamp: PduStamp, state: Continuity) -> int:
    elapsed = stamp.received_ns - before.at_ns
    if state is Continuity.INCONSISTENT and stamp.uptime_ticks > before.uptime_ticks:
        return max(elapsed, (stamp.uptime_ticks - before.uptime_ticks) * TICK_NS)
    return elapsed


def _slack_ticks(elapsed: int) -> int:
    """Devices' clocks drift and replies are late: 2 % and 5 s."""
    return elapsed // 50 + 500


def _host_running(head: Head, poll: Poll) -> bool:
    """Whether hrSystemUptime shows that the host itself did not restart."""
    if head.host_uptime_ticks is None or poll.host_uptime_ticks is None:
        return False
    elapsed = (poll.at_ns - head.at_ns) // TICK_NS
    advance = (poll.host_uptime_ticks - head.host_uptime_ticks) % UPTIME_WRAP
    return abs(advance - elapsed) <= _slack_ticks(elapsed)


def _seen(head: Head, at: int) -> LastSeen:
    stamp = head.pdus[head.pdu_of[at]]
    return LastSeen(stamp.received_ns, stamp.uptime_ticks)


def _octets(poll: Poll) -> tuple[Cells, Cells]:
    return poll.columns[Column.IN_OCTETS], poll.columns[Column.OUT_OCTETS]


def _cells(poll: Poll, column: Column) -> Cells:
    cells = poll.columns.get(column)
    return cells if cells is not None else (None,) * len(poll.identity)

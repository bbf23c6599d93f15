"""From counters to bytes: a router's head and one Poll give exact deltas, or gaps with reasons.

The head holds, for every series ever seen on a router, the last counters and the cumulative bytes
accounted. A visit replaces the head it was computed from, and no other (invariant 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from operator import add, sub

from netmon.core.model import NANOSECONDS, Cells, Column, Gap, GapReason, Identity, Interface, PduStamp, Poll

TICK_NS = NANOSECONDS // 100
"""One TimeTicks unit (SNMPv2-SMI)."""
UPTIME_WRAP = 1 << 32
"""sysUpTime restarts from 0 after 497.1 days."""
REFRESH_NS = 5 * NANOSECONDS
"""How old a counter may be when an agent of unknown platform serves it (net-snmp refreshes IF-MIB every 3 s)."""
BELATED_TICKS = 60 * 100
"""No reply comes later than this: a visit's deadline with all its retries."""
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
    slack = _slack_ticks(elapsed, before.uptime_ticks)
    advance = (after.uptime_ticks - before.uptime_ticks) % UPTIME_WRAP
    wrapped = before.uptime_ticks + elapsed + slack >= UPTIME_WRAP
    if (after.uptime_ticks >= before.uptime_ticks or wrapped) and abs(advance - elapsed) <= slack:
        return Continuity.CONTINUOUS
    if host_running:
        return Continuity.CONTINUOUS
    if after.uptime_ticks <= elapsed + slack:
        return Continuity.RESTARTED
    return Continuity.INCONSISTENT


def account(head: Head | None, poll: Poll, ceilings: Ceilings, *, newer: bool = False) -> Visit | None:
    """The visit that `poll` makes of `head`; None for a poll no newer than the head (rule 11).

    Newer is what was received later and does not come from before by the device's own uptime. `newer` says that it
    was received later although its time says otherwise: then the clock was set back, and the visit is dated one
    nanosecond after the head. The identity's names must be unique. Never raises for what a router may answer.
    """
    if head is None:
        return _first_visit(poll)
    last = head.pdus[0]
    if poll.device == head.device and is_belated(LastSeen(last.received_ns, last.uptime_ticks), poll.pdus[0]):
        return None
    if poll.at_ns > head.at_ns:
        return _steady(head, poll, ceilings) or _exact(head, poll, ceilings)
    return _exact(head, _dated_after(head, poll), ceilings, stepped=True) if newer else None


def is_belated(before: LastSeen, after: PduStamp) -> bool:
    """Whether `after` was answered before `before` was and only came in later, as the device's uptime shows.

    A restart sets the uptime back too, but then it is shorter than the time that passed here.
    """
    if not 0 < (before.uptime_ticks - after.uptime_ticks) % UPTIME_WRAP <= BELATED_TICKS:
        return False
    return after.uptime_ticks > max(0, after.received_ns - before.at_ns) // TICK_NS + 1


def _dated_after(head: Head, poll: Poll) -> Poll:
    """The poll as if the clock had stood still at the head."""
    shift = max(pdu.received_ns for pdu in head.pdus) + 1 - min(pdu.received_ns for pdu in poll.pdus)
    return replace(poll, pdus=tuple(PduStamp(pdu.uptime_ticks, pdu.received_ns + shift) for pdu in poll.pdus))


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
    bound = _most_octets(ceilings.least_bps, least_ns + max(REFRESH_NS, poll.counter_refresh_ns))
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


def _exact(head: Head, poll: Poll, ceilings: Ceilings, *, stepped: bool = False) -> Visit:
    """The scalar rules, series by series; `stepped`: the times of the poll say nothing of how long it was."""
    book = _Book(head, poll, ceilings, stepped)
    for position, interface in enumerate(poll.identity):
        book.enter(position, interface)
    return book.visit()


class _Book:
    """One visit in the making: the head's columns as lists, and the gaps found on the way."""

    def __init__(self, head: Head, poll: Poll, ceilings: Ceilings, stepped: bool) -> None:
        self._head, self._poll, self._ceilings, self._stepped = head, poll, ceilings, stepped
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
        elif None in read or self._is_older(at, stamp, read, discontinuity):
            return
        else:
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
        if self._replaced or poll.counter_bits != head.counter_bits:
            for at in self._lagging:  # what comes back later must not be held against another counter
                self._octets[0][at] = self._octets[1][at] = None
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

    def _is_older(self, at: int, stamp: PduStamp, read: tuple[int | None, ...], discontinuity: int | None) -> bool:
        """Of a visit that overlapped with the one before, one PDU may be newer and another older (rule 11).

        Within one tick of the uptime, only the counters tell.
        """
        before = self._lagging[at]
        if self._replaced:
            return False
        if stamp.uptime_ticks == before.uptime_ticks:
            if discontinuity is not None and discontinuity < (self._discontinuity[at] or 0):
                return True
            width = 1 << self._poll.counter_bits
            pairs = zip((self._octets[0][at], self._octets[1][at]), read, strict=True)
            if any(a is not None and b is not None and (b - a) % width > width // 2 for a, b in pairs):
                return True
        return stamp.received_ns <= before.at_ns or is_belated(before, stamp)

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
        state = self._continuity(before, stamp)
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
        until_ns = (
            max(booted_ns, before.at_ns + 1) if state is Continuity.RESTARTED and not broken else stamp.received_ns
        )
        for way in (0, 1):
            old, new = self._octets[way][at], read[way]
            if old is None or new is None:
                self._note(at, before.at_ns, stamp.received_ns, GapReason.FIRST_READING, way)
                continue
            most = _most_octets(declared or UNDECLARED_BPS, span_ns + max(REFRESH_NS, self._poll.counter_refresh_ns))
            wraps_unseen = head.counter_bits == 32 and (declared is None or most >= 1 << 32)
            grown, reason = _grown(old, new, head.counter_bits, state, broken, most, wraps_unseen)
            if self._stepped and reason is GapReason.UPTIME_INCONSISTENT and 0 <= new - old <= most:
                reason = GapReason.CLOCK_STEPPED_BACK
            self._totals[way][at] += grown
            if reason is not None:
                # Since the boot nothing is missing where all it shows was counted and cannot have wrapped.
                whole = reason is GapReason.COUNTER_RESET and grown == new and not (wraps_unseen or discontinuity)
                to_ns = until_ns if whole else stamp.received_ns
                self._note(at, before.at_ns, to_ns, reason, way)

    def _continuity(self, before: LastSeen, stamp: PduStamp) -> Continuity:
        if not self._stepped:
            return continuity(before, stamp, self._host_running and self._host_ran_since(before, stamp))
        return Continuity.RESTARTED if stamp.uptime_ticks < before.uptime_ticks else Continuity.INCONSISTENT

    def _host_ran_since(self, before: LastSeen, stamp: PduStamp) -> bool:
        """A series that was absent from the head's visit may have missed a boot before it."""
        elapsed = (stamp.received_ns - before.at_ns) // TICK_NS
        return before.at_ns >= self._head.at_ns or (self._poll.host_uptime_ticks or 0) > elapsed + _slack_ticks(
            elapsed, UPTIME_WRAP
        )

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
    most: int,
    wraps_unseen: bool,
) -> tuple[int, GapReason | None]:
    """Bytes proven to have passed between two readings, and why more may have."""
    if state is Continuity.RESTARTED or broken:
        # Where the counter did not fall it may never have been reset: the difference is the safe lower bound.
        reason = GapReason.COUNTER_DISCONTINUITY if broken else GapReason.COUNTER_RESET
        since = new - old if new >= old else new
        return (since, reason) if since <= most else (0, GapReason.IMPLAUSIBLE)
    if state is Continuity.INCONSISTENT:
        since = new - old
        return (since if 0 <= since <= most else 0), GapReason.UPTIME_INCONSISTENT
    grown = (new - old) % (1 << bits)
    if new >= old:
        if grown > most:
            return 0, GapReason.IMPLAUSIBLE
        return grown, GapReason.WRAP_AMBIGUOUS if wraps_unseen else None
    if wraps_unseen:
        return 0, GapReason.WRAP_AMBIGUOUS
    return (grown, None) if grown <= most else (0, GapReason.COUNTER_DECREASED)


def _most_octets(bps: int, span_ns: int) -> int:
    """What a port can carry in the span, to which belongs what the reading before it did not show yet."""
    return bps * span_ns // (8 * NANOSECONDS)


def _span_ns(before: LastSeen, stamp: PduStamp, state: Continuity) -> int:
    elapsed = stamp.received_ns - before.at_ns
    if state is Continuity.INCONSISTENT and stamp.uptime_ticks > before.uptime_ticks:
        return max(elapsed, (stamp.uptime_ticks - before.uptime_ticks) * TICK_NS)
    if state is Continuity.RESTARTED:
        return max(elapsed, stamp.uptime_ticks * TICK_NS)
    return elapsed


def _slack_ticks(elapsed: int, uptime_ticks: int) -> int:
    """Devices' clocks drift and replies are late: 2 % and 5 s; soon after a boot a second one would hide in that."""
    slack = elapsed // 50 + 500
    return slack if uptime_ticks > slack else elapsed // 5000 + 100


def _host_running(head: Head, poll: Poll) -> bool:
    """Whether hrSystemUptime shows that the host itself did not restart."""
    if head.host_uptime_ticks is None or poll.host_uptime_ticks is None:
        return False
    elapsed = (poll.at_ns - head.at_ns) // TICK_NS
    advance = (poll.host_uptime_ticks - head.host_uptime_ticks) % UPTIME_WRAP
    return abs(advance - elapsed) <= _slack_ticks(elapsed, head.host_uptime_ticks)


def _seen(head: Head, at: int) -> LastSeen:
    stamp = head.pdus[head.pdu_of[at]]
    return LastSeen(stamp.received_ns, stamp.uptime_ticks)


def _octets(poll: Poll) -> tuple[Cells, Cells]:
    return poll.columns[Column.IN_OCTETS], poll.columns[Column.OUT_OCTETS]


def _cells(poll: Poll, column: Column) -> Cells:
    cells = poll.columns.get(column)
    return cells if cells is not None else (None,) * len(poll.identity)

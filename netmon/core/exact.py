"""The rules of accounting, series by series: what was proven to have passed, and gaps with reasons."""

from __future__ import annotations

from netmon.core.continuity import (
    TICK_NS,
    UPTIME_WRAP,
    Continuity,
    continuity,
    host_running,
    is_belated,
    slack_ticks,
    span_ns_of,
)
from netmon.core.heads import UNDECLARED_BPS, Ceilings, Head, LastSeen, Visit, cells_of, most_octets, octets_of
from netmon.core.measurement import Column, Gap, GapReason, Interface, PduStamp, Poll


def exact(head: Head, poll: Poll, ceilings: Ceilings, *, stepped: bool = False) -> Visit:
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
        self._host_running = host_running(head, poll)
        self._replaced = None not in (head.device, poll.device) and head.device != poll.device

    def enter(self, position: int, interface: Interface) -> None:
        """Accounts one interface of the poll, or lets it lag if it was not read."""
        poll = self._poll
        stamp = poll.pdus[poll.pdu_of[position]]
        read = tuple(column[position] for column in octets_of(poll))
        discontinuity = cells_of(poll, Column.DISCONTINUITY)[position]
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
        span_ns = span_ns_of(before, stamp, state)
        booted_ns = max(before.at_ns, stamp.received_ns - stamp.uptime_ticks * TICK_NS)
        until_ns = (
            max(booted_ns, before.at_ns + 1) if state is Continuity.RESTARTED and not broken else stamp.received_ns
        )
        for way in (0, 1):
            old, new = self._octets[way][at], read[way]
            if old is None or new is None:
                self._note(at, before.at_ns, stamp.received_ns, GapReason.FIRST_READING, way)
                continue
            most = most_octets(declared or UNDECLARED_BPS, span_ns, self._poll)
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
        return before.at_ns >= self._head.at_ns or (self._poll.host_uptime_ticks or 0) > elapsed + slack_ticks(
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


def _seen(head: Head, at: int) -> LastSeen:
    stamp = head.pdus[head.pdu_of[at]]
    return LastSeen(stamp.received_ns, stamp.uptime_ticks)

"""From counters to bytes: a router's head and one Poll give exact deltas, or gaps with reasons."""

from __future__ import annotations

from dataclasses import replace
from operator import add, sub

from netmon.core.continuity import Continuity, continuity, is_belated
from netmon.core.exact import exact
from netmon.core.heads import Ceilings, Head, LastSeen, Visit, cells_of, most_octets, octets_of
from netmon.core.measurement import Column, PduStamp, Poll


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
        return _steady(head, poll, ceilings) or exact(head, poll, ceilings)
    return exact(head, _dated_after(head, poll), ceilings, stepped=True) if newer else None


def _dated_after(head: Head, poll: Poll) -> Poll:
    """The poll as if the clock had stood still at the head."""
    shift = max(pdu.received_ns for pdu in head.pdus) + 1 - min(pdu.received_ns for pdu in poll.pdus)
    return replace(poll, pdus=tuple(PduStamp(pdu.uptime_ticks, pdu.received_ns + shift) for pdu in poll.pdus))


def _first_visit(poll: Poll) -> Visit:
    nothing = (0,) * len(poll.identity)
    inputs, outputs = octets_of(poll)
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
        discontinuity=cells_of(poll, Column.DISCONTINUITY),
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
    discontinuity = cells_of(poll, Column.DISCONTINUITY)
    if discontinuity != head.discontinuity and tuple(discontinuity) != tuple(head.discontinuity):
        return None
    least_ns = poll.at_ns - head.at_ns
    for old, new in zip(head.pdus, poll.pdus, strict=True):
        seen = LastSeen(old.received_ns, old.uptime_ticks)
        if continuity(seen, new, host_running=False) is not Continuity.CONTINUOUS:
            return None
        least_ns = min(least_ns, new.received_ns - old.received_ns)
    bound = most_octets(ceilings.least_bps, least_ns, poll)
    inputs, outputs = octets_of(poll)
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

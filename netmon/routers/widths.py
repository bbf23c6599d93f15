"""In which width a router's octet counters are read: one visit has one, as series of several are never mixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from netmon.routers.discovery import DiscoveredInterface
from netmon.routers.naming import some
from netmon.routers.views import Missing


def counter_width(interfaces: Iterable[DiscoveredInterface], before: int) -> int:
    """The widest counters that most of the interfaces have, 64 bits of two equal parties; `before`: none counts any.

    So that a few interfaces of the other width neither cost the others their 64 bits, which alone are exact at any
    speed, nor keep them from being read at all.
    """
    votes = Counter(one.counter_bits for one in interfaces if one.counter_bits is not None)
    return max(votes, key=lambda bits: (votes[bits], bits), default=before)


def left_out(interfaces: Iterable[DiscoveredInterface], counter_bits: int) -> Iterator[Missing]:
    """Those that have no counters of this width, and what to do about it."""
    for interface in interfaces:
        if interface.counter_bits is None:
            yield Missing(interface.name, "the interface counts no octets; measure the port it runs on")
        elif not interface.counts_in(counter_bits):
            yield Missing(
                interface.name,
                f"it has {interface.counter_bits}-bit octet counters and most of the router's other interfaces"
                f" {counter_bits}-bit ones, which one visit cannot mix; enter it as a router of its own",
            )


def mixture(others: Iterable[str], bits: int, most_bits: int) -> Missing:
    """Of interfaces whose widest counters have `bits`, on a router where those of most have another width."""
    return Missing(
        "interfaces",
        f"{some(list(others))}: octet counters of {bits} bits, most others' of {most_bits}; circuits on one router are"
        " measured in one width, that of most of them; to measure each at its widest, enter them as two routers",
    )

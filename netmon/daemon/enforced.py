"""When limits were really in force on an agency's circuits, as the receipts have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netmon.core.changes import Outcome, Receipt
from netmon.core.model import Circuit, Direction

Events = Mapping[tuple[str, Direction], Sequence[tuple[int, int | None]]]
"""By circuit and direction: since when how many bit/s; None: no limit. Ascending."""


@dataclass(frozen=True, slots=True)
class Enforced:
    """Of one agency in one direction, within some time."""

    spans: tuple[tuple[int, int], ...] = ()
    """Instants between which any of its circuits was limited, ascending, apart from each other."""
    least_bps: int | None = None
    """Of the agency as a whole: the least sum while all circuits that were ever limited were."""


def events(receipts: Iterable[Receipt]) -> Events:
    """What stood after each change; of one whose outcome is unknown, the stricter of both."""
    found: dict[tuple[str, Direction], list[tuple[int, int | None]]] = {}
    for receipt in receipts:
        change = receipt.change
        bps = change.from_bps
        if receipt.outcome is Outcome.CONFIRMED:
            bps = change.to_bps
        elif receipt.outcome is Outcome.UNKNOWN:
            bps = min((one for one in (change.from_bps, change.to_bps) if one is not None), default=None)
        found.setdefault((change.circuit, change.direction), []).append((receipt.at_ns, bps))
    for changes in found.values():
        changes.sort(key=lambda one: one[0])
    return found


def enforced(known: Events, circuits: Sequence[Circuit], direction: Direction, from_ns: int, to_ns: int) -> Enforced:
    """From `from_ns` up to `to_ns`."""
    changes = {circuit.id: known[circuit.id, direction] for circuit in circuits if (circuit.id, direction) in known}
    every = [(at_ns, circuit, bps) for circuit, of in changes.items() for at_ns, bps in of]
    moments = sorted(every, key=lambda one: one[:2])
    now: dict[str, int] = {}
    spans: list[tuple[int, int]] = []
    least: int | None = None
    for place, (at_ns, circuit, bps) in enumerate(moments):
        now.pop(circuit, None)
        if bps is not None:
            now[circuit] = bps
        low = max(at_ns, from_ns)
        high = min(moments[place + 1][0] if place + 1 < len(moments) else to_ns, to_ns)
        if not now or low >= high:
            continue
        if spans and spans[-1][1] == low:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
        if len(now) == len(changes):
            least = sum(now.values()) if least is None else min(least, sum(now.values()))
    return Enforced(tuple(spans), least)

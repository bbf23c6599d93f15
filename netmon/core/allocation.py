"""An agency's limit, divided among its circuits, where no pool is shared (else: core/entitled).

The rule: a limit is for the agency as a whole, so it is divided and never copied. Circuits that carry have
equal parts. One that stands by, a backup or a circuit that is positively down, keeps a usable minimum: a twentieth
of the limit, at least 64 kb/s, at most an equal part; the rest is for those that carry. A backup carries while a
circuit that is no backup is positively down, and so inherits its part. What does not divide evenly goes, 1 bit/s
each, to the first by id. No share is below MINIMUM_BPS: a limit is never an outage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from netmon.core.model import Circuit, Role

MINIMUM_BPS = 1000
"""The least any circuit is limited to, 1 kb/s."""
USABLE_BPS = 64_000
STANDBY_PART = 20
"""Of a limit, one part in so many is kept for a circuit that stands by."""


class IndivisibleError(ValueError):
    """A limit too small for its circuits; the message gives the numbers and the remedy."""


def standing_by(circuits: Iterable[Circuit], down: Collection[str] = ()) -> frozenset[str]:
    """Ids of those of one agency's circuits that keep the minimum only; `down`: ids of those shown to be down.

    Never all of them: where none could carry, nobody stands by.
    """
    everyone = list(circuits)
    relieved = any(circuit.id in down for circuit in everyone if circuit.role is not Role.BACKUP)
    carrying = [
        circuit.id for circuit in everyone if circuit.id not in down and (relieved or circuit.role is not Role.BACKUP)
    ]
    if not carrying:
        return frozenset()
    return frozenset(circuit.id for circuit in everyone) - frozenset(carrying)


def parts(total_bps: int, circuits: Sequence[Circuit], down: Collection[str] = ()) -> tuple[dict[str, int], str | None]:
    """As `divide`; where that cannot be, equal parts and why not."""
    try:
        return divide(total_bps, circuits, down), None
    except IndivisibleError as error:
        return dict.fromkeys((circuit.id for circuit in circuits), total_bps // len(circuits)), str(error)


def divide(total_bps: int, circuits: Sequence[Circuit], down: Collection[str] = ()) -> dict[str, int]:
    """Circuit id -> share in bit/s; the shares sum to `total_bps` exactly. No circuits: no shares.

    `down`: ids of circuits positively shown to be down. Raises IndivisibleError when a share would be below
    MINIMUM_BPS.
    """
    if not circuits:
        return {}
    equal = total_bps // len(circuits)
    if equal < MINIMUM_BPS:
        raise IndivisibleError(
            f"{total_bps} bit/s cannot be divided among {len(circuits)} circuits of {circuits[0].agency}:"
            f" each must have at least {MINIMUM_BPS} bit/s; raise the limit"
        )
    waiting = standing_by(circuits, down)
    kept = min(equal, max(USABLE_BPS, total_bps // STANDBY_PART))
    carrying = sorted(circuit.id for circuit in circuits if circuit.id not in waiting)
    share, rest = divmod(total_bps - kept * len(waiting), len(carrying))
    return dict.fromkeys(sorted(waiting), kept) | {
        circuit: share + (rank < rest) for rank, circuit in enumerate(carrying)
    }

"""An agency's limit, divided among its circuits.

The rule: a limit is for the agency as a whole, so it is divided and never copied; every circuit of the
agency gets the same share, whatever its role (a backup's share waits for it), mode or state, so that a
share does not move when another circuit does. What does not divide evenly goes, 1 bit/s each, to the
first circuits by id. No share is below MINIMUM_BPS: a limit is never an outage.
"""

from __future__ import annotations

from collections.abc import Sequence

from netmon.core.model import Circuit

MINIMUM_BPS = 1000
"""The least any circuit is limited to, 1 kb/s."""


class IndivisibleError(ValueError):
    """A limit too small for its circuits; the message gives the numbers and the remedy."""


def divide(total_bps: int, circuits: Sequence[Circuit]) -> dict[str, int]:
    """Circuit id -> share in bit/s; the shares sum to `total_bps` exactly. No circuits: no shares.

    Raises IndivisibleError when a share would be below MINIMUM_BPS.
    """
    if not circuits:
        return {}
    share, rest = divmod(total_bps, len(circuits))
    if share < MINIMUM_BPS:
        raise IndivisibleError(
            f"{total_bps} bit/s cannot be divided among {len(circuits)} circuits of {circuits[0].agency}:"
            f" each must have at least {MINIMUM_BPS} bit/s; raise the limit"
        )
    return {circuit: share + (rank < rest) for rank, circuit in enumerate(sorted(c.id for c in circuits))}

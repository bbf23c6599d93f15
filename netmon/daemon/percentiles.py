"""The 95th percentile as a quota counts it: what that of the running period cannot fall below any more.

It rests on the cells that the books note every hour (`daemon/bookkeeping`), so it is as old as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from netmon.core.demand import Demand, certain_bps
from netmon.core.ladder import QuotaUsage
from netmon.core.model import NANOSECONDS
from netmon.core.periods import Period
from netmon.daemon.figures import Wanted
from netmon.store.closings import DemandKey

NOTED_WITHIN_NS = 2 * 3600 * NANOSECONDS
"""What was noted longer ago is stale: the books have not come to it."""


class Notes(Protocol):
    """What is asked of the ledger's reader."""

    def demands(self, agency: str, start_ns: int, end_ns: int) -> dict[DemandKey, tuple[str, Demand]]: ...


@dataclass(frozen=True, slots=True)
class Certain:
    """bit/s that the period's 95th percentile reaches in any case, from the cells before an instant."""

    bps: int
    upto_ns: int


def certain(ledger: Notes, wanted: Iterable[Wanted]) -> Mapping[DemandKey, Certain]:
    """Of each row whose demand was noted for just its circuits. Raises StoreError."""
    found: dict[DemandKey, Certain] = {}
    noted: dict[tuple[str, int, int], dict[DemandKey, tuple[str, Demand]]] = {}
    for one in wanted:
        asked = (one.agency, one.period.start_ns, one.period.end_ns)
        if asked not in noted:
            noted[asked] = ledger.demands(*asked)
        summed, demand = noted[asked].get(one.key, (None, None))
        if demand is not None and summed == one.digest:
            found[one.key] = Certain(certain_bps(demand, one.period), demand.upto_ns)
    return found


def usage(found: Certain | None, period: Period, read_at: tuple[int | None, int | None], now_ns: int) -> QuotaUsage:
    """As a quota is judged on it; `read_at` as `Consumption.read_at` has it."""
    newest_ns, latest_ns = read_at
    upto_ns = period.start_ns if found is None else found.upto_ns
    if now_ns - upto_ns > NOTED_WITHIN_NS and newest_ns is not None:
        newest_ns = min(newest_ns, upto_ns)
    return QuotaUsage(0 if found is None else found.bps, newest_ns, any_read_ns=latest_ns)

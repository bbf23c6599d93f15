"""Commits visits until it is killed; prints each visit that `commit` acknowledged. Run by test_visits."""

from __future__ import annotations

import sys

from support.ledgers import START_NS, a_visit, located, settings_of

from netmon.core.measurement import Gap, GapReason
from netmon.store.ledger import Ledger
from netmon.store.location import Location

ROUTERS = ("palu", "poso", "luwuk")


def main(place: Location) -> None:
    ledger = Ledger.open(settings_of(place), START_NS)
    at = dict.fromkeys(ROUTERS, 0) | {name: head.sequence for name, head in ledger.heads().items()}
    while True:
        visits = []
        for router in ROUTERS:
            at[router] += 1
            total = at[router] * 1000
            gap = Gap(router, "ether1", "in", START_NS, START_NS + at[router], GapReason.COUNTER_RESET)
            visits.append(a_visit(router, at[router], [(total, total + 1), (total + 2, total + 3)], gaps=[gap]))
        taken = ledger.commit(visits)
        print(at["palu"], all(taken), flush=True)


if __name__ == "__main__":
    main(located(sys.argv[1]))

"""The predicted size against ledgers that were filled and thinned."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.ledgers import START_NS, a_visit, asked, opened
from support.postgres import PostgresServer

from netmon.core.model import NANOSECONDS
from netmon.core.thinning import grid
from netmon.store.ledger import Ledger
from netmon.store.settings import RetentionSettings
from netmon.store.size import Watched, predicted, visit_bytes
from netmon.store.thinning import Level

INTERVAL_S = 60


def fill(ledger: Ledger, routers: int, ports: int, visits: int) -> None:
    """Every router at its own phase, as they are polled."""
    for number in range(1, visits + 1):
        at_ns = START_NS + number * INTERVAL_S * NANOSECONDS
        totals = [(number * 10**8 + port, number * 10**9) for port in range(ports)]
        batch = [
            a_visit(f"r{router}", number, totals, at_ns + router * INTERVAL_S * NANOSECONDS // routers)
            for router in range(routers)
        ]
        assert all(ledger.commit(batch))


def used_bytes(ledger: Ledger) -> int:
    with ledger._transaction() as connection:
        pages, free = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "freelist_count")
        )
    return 4096 * (int(pages) - int(free))


@pytest.mark.parametrize(("routers", "ports", "visits"), [(60, 2, 60), (60, 6, 60), (30, 20, 60), (10, 130, 40)])
def test_the_prediction_is_within_a_quarter_of_what_visits_take(
    tmp_path: Path, routers: int, ports: int, visits: int
) -> None:
    with opened(tmp_path / "ledger.db") as ledger:
        fill(ledger, routers, ports, 1)  # what is there once, layouts above all
        before = used_bytes(ledger)
    with opened(tmp_path / "full.db") as ledger:
        fill(ledger, routers, ports, visits + 1)
        measured = used_bytes(ledger) - before
    assert routers * visits * visit_bytes(ports) == pytest.approx(measured, rel=0.25)


def test_the_prediction_is_within_a_quarter_of_what_thinned_visits_take(tmp_path: Path) -> None:
    routers, ports, hours = 60, 6, 4
    with opened(tmp_path / "ledger.db") as ledger:
        fill(ledger, routers, ports, 1)
        before = used_bytes(ledger)
    with opened(tmp_path / "full.db") as ledger:
        fill(ledger, routers, ports, hours * 60)
        for router in range(routers):
            while ledger.thin(f"r{router}", Level("grid", grid, 2**62), 1024).more:
                pass
        measured = used_bytes(ledger) - before
    during = RetentionSettings.model_validate({"raw": "1d", "grid": f"{24 + hours}h", "daily": f"{24 + hours}h"})
    size = predicted([Watched(ports, INTERVAL_S * NANOSECONDS)] * routers, 1, 0, 0, during)
    assert size.grid == pytest.approx(measured, rel=0.25)


@pytest.mark.parametrize(("ports", "visits"), [(2, 2000), (6, 2000), (20, 1000)])
def test_the_prediction_is_within_a_quarter_of_what_visits_take_on_a_server(
    postgres: PostgresServer, ports: int, visits: int
) -> None:
    with postgres.database() as place:
        with opened(place) as ledger:
            fill(ledger, 1, ports, visits)
        ((measured,),) = asked(place, "SELECT pg_total_relation_size('visit')")
    assert visits * visit_bytes(ports, on_server=True) == pytest.approx(measured, rel=0.25)


def test_a_province_of_a_thousand_routers_stays_within_the_default_budget() -> None:
    size = predicted([Watched(6, 60 * NANOSECONDS)] * 1000, 4, 1000, 5000, RetentionSettings())
    assert [round(part / 10**9) for part in (size.raw, size.grid, size.daily)] == [15, 63, 8]
    assert size.total < 200 * 10**9


def test_polling_slower_than_the_grid_thins_nothing_but_days() -> None:
    slow = predicted([Watched(6, 300 * NANOSECONDS)], 1, 0, 0, RetentionSettings())
    assert slow.grid == visit_bytes(6) * 360 * 288
    assert slow.daily == visit_bytes(6) * (3650 - 395) * 2

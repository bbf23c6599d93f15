"""Purchased against delivered, off a ledger with a little history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.governed import HOUR_START_NS, written
from support.ledgers import MINUTE_NS, opened
from support.schemas import conforms
from support.supplied import TEXT, a_span, fill_supplied, record_spans, write_supplied

from netmon.config.load import load
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.periods import from_ns
from netmon.core.port_state import PortStatus
from netmon.core.supply import Rates
from netmon.daemon.pools import pool_rows
from netmon.daemon.queries import QueryError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

NOW_NS = HOUR_START_NS + 30 * MINUTE_NS
UP, DOWN = PortStatus.UP, PortStatus.DOWN
MBPS, MB = 10**6, 10**6
TODAY = from_ns(HOUR_START_NS, "Asia/Makassar").date().isoformat()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_supplied(tmp_path)
    fill_supplied(tmp_path)
    return tmp_path


def shown(directory: Path, name: str | None = "internet", period: str | None = TODAY) -> Any:
    reader = LedgerReader.open(directory / "ledger.db")
    try:
        rows = pool_rows(load(directory / "netmon.yaml"), reader, name, period, NOW_NS)
    finally:
        reader.close()
    conforms("pools", {"schema": "netmon/pools/1", "generated_at": written(NOW_NS), "data": rows})
    return rows if name is None else rows[0]


def test_the_agencies_bytes_are_reconciled_with_the_uplinks_and_the_rest_is_shown(site: Path) -> None:
    download, upload = shown(site)["directions"]
    assert download["bytes"] == 3000 * MB
    sums = download["reconciliation"]
    assert (sums["uplink_bytes"], sums["agency_bytes"], sums["circuits"]) == (3000 * MB, 2700 * MB, 3)
    assert (sums["residual_bytes"], sums["residual_ratio"]) == (300 * MB, 0.1)
    assert sums["uplink_unknown_seconds"] == sums["agency_unknown_seconds"] > 0  # nothing was read before the hour
    assert upload["reconciliation"]["residual_bytes"] == 30 * MB


def test_traffic_between_agencies_makes_the_rest_negative(site: Path) -> None:
    text = TEXT.replace("faces: province", "faces: agency").replace("faces: agency, pools", "faces: province, pools")
    write_supplied(
        site, text.replace("ether4", "ether2", 1).replace("interface: ether2, faces", "interface: ether4, faces")
    )
    sums = shown(site)["directions"][1]["reconciliation"]
    assert sums["residual_bytes"] < 0
    assert sums["residual_ratio"] is None


def test_demand_is_that_of_the_uplinks_summed_before_ranking(site: Path) -> None:
    row = shown(site)
    download = row["directions"][0]
    assert download["p95_bps"] == download["peak_bps"] == 100 * MB * 8 // 60
    assert download["p95_samples"] == 6
    assert [one["directions"][0]["p95_bps"] for one in row["uplinks"]] == [8 * MB, 40 * MB * 8 // 60, 0]


def test_a_price_is_told_for_what_was_bought_and_for_what_was_used(site: Path) -> None:
    row = shown(site)
    assert row["price"] == {"amount": 40_000_000, "currency": "IDR", "per": "month"}
    assert row["price_per_purchased_mbps"] == 400_000
    assert row["price_per_used_mbps"] == pytest.approx(40_000_000 / (100 * 8 / 60))


def test_without_a_word_of_the_ports_all_of_it_is_in_force_and_nothing_is_claimed_of_availability(site: Path) -> None:
    row = shown(site)
    assert [way["in_force_bps"] for way in row["directions"]] == [100 * MBPS] * 2
    assert [way["delivered_ratio"] for way in row["directions"]] == [None] * 2
    assert {(one["state"], one["availability_ratio"], one["since"]) for one in row["uplinks"]} == {
        ("unknown", None, None)
    }


def test_an_uplink_that_was_down_is_told_with_its_availability_and_what_was_delivered(site: Path) -> None:
    record_spans(
        site,
        [
            a_span("ether4", UP, 0, 20),
            a_span("ether4", DOWN, 20, 30),
            a_span("ether5", UP, 0, 30),
            a_span("ether6", UP, 0, 10),
        ],
    )
    row = shown(site)
    isp_a, isp_b, isp_s = row["uplinks"]
    assert (isp_a["state"], isp_a["availability_ratio"], isp_a["outages"]) == ("down", round(2 / 3, 6), 1)
    assert (isp_a["up_seconds"], isp_a["down_seconds"]) == (1200, 600)
    assert isp_a["since"] == written(HOUR_START_NS + 20 * MINUTE_NS)
    assert (isp_b["availability_ratio"], isp_s["availability_ratio"]) == (1, 1)
    download = row["directions"][0]
    # isp-s is not known to be down: it stands in for what isp-a lost.
    assert download["in_force_bps"] == 90 * MBPS
    assert [(cause["reason"], cause["subject"]) for cause in download["causes"]] == [
        ("down", "isp-a"),
        ("standby", "isp-s"),
    ]
    # While isp-a was down, isp-s was not seen: what there was then is not known. Before, it made no difference.
    assert (download["delivered_ratio"], download["delivered_known_seconds"]) == (1, 1200)


def test_what_was_delivered_is_the_mean_capacity_over_the_known_time(site: Path) -> None:
    record_spans(
        site,
        [
            *(a_span("ether4", UP, 0, 20), a_span("ether4", DOWN, 20, 30)),
            a_span("ether5", UP, 0, 30),
            a_span("ether6", DOWN, 0, 30),
        ],
    )
    download = shown(site)["directions"][0]
    assert download["delivered_ratio"] == pytest.approx((20 * 100 + 10 * 40) / (30 * 100))
    assert download["delivered_known_seconds"] == 1800
    assert download["in_force_bps"] == 40 * MBPS


def test_a_degradation_in_force_is_named(site: Path) -> None:
    rates = Rates(30 * MBPS, 0)
    given = Directive("", DirectiveKind.DEGRADATION, "internet", "fibre cut", "ani", NOW_NS - 1, None, rates)
    with opened(site / "ledger.db") as ledger:
        named = Ledger.give_directive(ledger, given).directive.id
    download, upload = shown(site)["directions"]
    assert (download["in_force_bps"], upload["in_force_bps"]) == (30 * MBPS, None)
    assert download["causes"][0] == {
        "reason": "degraded",
        "subject": "internet",
        "bps": 30 * MBPS,
        "directive": named,
    }


def test_pools_whose_circuits_share_a_counter_are_reconciled_together(site: Path) -> None:
    ix = "{ix: {router: palu-core, interface: ether7}}"
    more = f"  domestic: {{class: all, download: 10 Mbps, upload: 10 Mbps, uplinks: {ix}}}\n"
    text = TEXT.replace("agencies:\n", f"{more}agencies:\n", 1)
    write_supplied(
        site,
        text.replace(
            "ether3, faces: province, pools: [internet]", "ether3, faces: province, pools: [internet, domestic]"
        ),
    )
    rows = {row["pool"]: row for row in shown(site, None)}
    sums = rows["domestic"]["directions"][0]["reconciliation"]
    assert sums == rows["internet"]["directions"][0]["reconciliation"]
    assert (sums["pools"], sums["circuits"]) == (["internet", "domestic"], 3)
    assert sums["uplink_bytes"] == 3000 * MB


def test_a_pool_of_which_nobody_knows_where_it_arrives_is_told_without_figures(site: Path) -> None:
    text = TEXT.split("    uplinks:\n")[0] + "agencies:" + TEXT.split("agencies:", 1)[1]
    write_supplied(site, text)
    row = shown(site)
    download = row["directions"][0]
    assert row["uplinks"] == []
    assert (download["bytes"], download["p95_bps"], download["delivered_ratio"]) == (None, None, None)
    assert download["reconciliation"]["agency_bytes"] == 2700 * MB
    assert download["reconciliation"]["residual_bytes"] is None


def test_a_pool_that_is_none_is_one_clear_sentence(site: Path) -> None:
    with pytest.raises(QueryError, match="there is no pool internetz; netmon pool show lists them"):
        shown(site, "internetz")

"""Pools, backhauls and entitlements as core values."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.config.load import load
from netmon.config.revision import revision_of
from netmon.config.sizing import size_of
from netmon.core.model import TrafficClass
from netmon.core.supply import Backhaul, Price, Rates, Sharing, Uplink

TEXT = """\
site: {name: sulteng, timezone: Asia/Makassar}
snmp: {credentials: {default: {community: {env: C}}}}
pools:
  internet:
    download: 1 Gbps
    upload: 600 Mbps
    provider: Example Net
    contract: K-1
    price: {amount: 45000000, currency: IDR}
    from: 2026-01-01
    until: 2026-12-31
    uplinks:
      fo: {router: core-1, interface: sfp1}
      radio: {router: core-1, interface: sfp2, download: 300 Mbps, standby: true}
  spare: {download: 10 Mbps, upload: 10 Mbps}
agencies:
  dinkes:
    name: Dinas Kesehatan
    entitlements:
      - {pool: internet, floor: 20 Mbps, weight: 3, priority: 0, from: 2026-02-01, legal_basis: "Pergub 12/2026"}
routers:
  core-1:
    address: 10.20.0.1
    uplinks: [sfp1]
    backhauls: {hill: {interface: e9, download: 50 Mbps, upload: 40 Mbps}, unseen: {download: 1 Mbps, upload: 1 Mbps}}
    circuits:
      c:
        agency: dinkes
        interface: e2
        faces: agency
        pools: [internet]
        crosses: [hill, fo]
        class: internet
        classifier: port
"""
DAY = 86_400 * 10**9
MAKASSAR = 8 * 3_600 * 10**9
NEW_YEAR = 20_454 * DAY - MAKASSAR
"""2026-01-01, Asia/Makassar."""


def written(directory: Path, *changes: tuple[str, str]) -> Path:
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = directory / "netmon.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_pool_is_what_was_bought_and_where_it_arrives(tmp_path: Path) -> None:
    pool = load(written(tmp_path)).pools["internet"]
    assert (pool.traffic_class, pool.purchased) == (TrafficClass.ALL, Rates(1_000_000_000, 600_000_000))
    assert (pool.provider, pool.contract, pool.price) == ("Example Net", "K-1", Price(45_000_000, "IDR"))
    assert (pool.from_ns, pool.until_ns) == (NEW_YEAR, NEW_YEAR + 365 * DAY)
    assert pool.uplinks == (
        Uplink("fo", "internet", "core-1", "sfp1", Rates(1_000_000_000, 600_000_000)),
        Uplink("radio", "internet", "core-1", "sfp2", Rates(300_000_000, 600_000_000), standby=True),
    )


@pytest.mark.parametrize("share", [None, *Sharing])
def test_a_pool_is_shared_when_scarce_once_somebody_is_entitled_to_it(tmp_path: Path, share: Sharing | None) -> None:
    changes = [] if share is None else [("provider: Example Net", f"share: {share.value}")]
    pools = load(written(tmp_path, *changes)).pools
    assert pools["internet"].sharing is (share or Sharing.SCARCE)
    assert pools["spare"].sharing is Sharing.NEVER


def test_a_circuit_says_what_it_crosses_and_counts(tmp_path: Path) -> None:
    configuration = load(written(tmp_path))
    (circuit,) = configuration.circuits
    assert (circuit.crosses, circuit.traffic_class) == (("hill", "fo"), TrafficClass.INTERNET)
    assert configuration.backhauls == {
        "hill": Backhaul("hill", "core-1", "e9", Rates(50_000_000, 40_000_000)),
        "unseen": Backhaul("unseen", "core-1", None, Rates(1_000_000, 1_000_000)),
    }


def test_an_entitlement_keeps_its_place_and_its_legal_basis(tmp_path: Path) -> None:
    (one,) = load(written(tmp_path)).entitlements
    assert (one.agency, one.pool, one.position, one.weight, one.priority) == ("dinkes", "internet", 0, 3, 0)
    assert (one.floor, one.ceiling) == (Rates(20_000_000, 20_000_000), None)
    assert (one.from_ns, one.until_ns, one.legal_basis) == (NEW_YEAR + 31 * DAY, None, "Pergub 12/2026")


def test_a_pools_uplink_is_an_uplink_of_its_router_whether_it_stands_there_or_not(tmp_path: Path) -> None:
    router = load(written(tmp_path)).settings.routers["core-1"]
    assert router.uplinks == ("sfp1", "sfp2")
    assert router.watched == ("e2", "sfp1", "sfp2", "e9")


def test_uplinks_and_backhauls_take_room_in_the_ledger(tmp_path: Path) -> None:
    bare = written(tmp_path, ("backhauls: {hill: {interface: e9,", "backhauls: {hill: {"))
    without = size_of(load(bare)).total
    assert size_of(load(written(tmp_path))).total > without


def test_what_is_bought_and_promised_is_part_of_the_recorded_configuration(tmp_path: Path) -> None:
    before = revision_of(load(written(tmp_path)))
    assert "Pergub 12/2026" in before.document
    after = revision_of(load(written(tmp_path, ("floor: 20 Mbps", "floor: 21 Mbps"))))
    assert after.digest != before.digest

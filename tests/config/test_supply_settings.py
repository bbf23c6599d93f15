"""What may be written of pools and entitlements, value by value."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netmon.config.errors import ConfigError
from netmon.config.load import load
from netmon.config.supply_settings import EntitlementSettings, begins_ns, ends_ns
from netmon.core.supply import Rates

DAY = 86_400 * 10**9
MAKASSAR = 8 * 3_600 * 10**9

BASE = """\
site: {name: sulteng, timezone: Asia/Makassar}
snmp: {credentials: {default: {community: {env: C}}}}
pools: {internet: {download: 1 Gbps, upload: 1 Gbps%s}}
agencies: {dinkes: {name: Dinas Kesehatan, entitlements: [{pool: internet%s}]}}
routers:
  core-1: {address: 10.20.0.1, circuits: {c: {agency: dinkes, interface: e2, faces: agency, pools: [internet]}}}
"""


def refused(directory: Path, pool: str, entitlement: str) -> list[str]:
    path = directory / "netmon.yaml"
    path.write_text(BASE % (pool, entitlement), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{directory}/netmon.yaml:") for line in str(caught.value).splitlines()]


A_MOMENT = "is no date or time; write for example 2026-12-31 or 2026-12-31T17:00"
A_YEAR = "is not within 1970 to 2199; leave out what has no end"
POOL_FAULTS = [
    (
        ", price: {amount: 5, currency: Rp}",
        ("3:83: pools.internet.price.currency: must be three capital letters (ISO 4217), for example IDR"),
    ),
    (", price: {amount: -5, currency: IDR}", "3:70: pools.internet.price.amount: must be at least 0"),
    (", until: 31/12/2026", f"3:61: pools.internet.until: '31/12/2026' {A_MOMENT}"),
    (", until: 2026", f"3:61: pools.internet.until: 2026 {A_MOMENT}"),
    (", until: '20261231'", f"3:61: pools.internet.until: '20261231' {A_MOMENT}"),
    (", until: 2026-W53-4", f"3:61: pools.internet.until: '2026-W53-4' {A_MOMENT}"),
    (", until: 9999-12-31", f"3:61: pools.internet.until: 9999-12-31 {A_YEAR}"),
    (", share: sometimes", "3:61: pools.internet.share: 'sometimes' is not one of never, scarce, always"),
    (", uplinks: {u: {router: core-1}}", "3:64: pools.internet.uplinks.u.interface: is missing; add it"),
]
ENTITLEMENT_FAULTS = [
    (", floor: 20", "floor: a number without a unit; write for example 50 Mbps"),
    (", floor: fast", "floor: 'fast' is not a rate; write for example 50 Mbps or 1 Gbit/s"),
    (", floor: {download: 20 Mbps}", "floor.upload: is missing; add it"),
    (", floor: {download: 5 Mbps, upload: 5}", "floor.upload: a number without a unit; write for example 50 Mbps"),
    (", ceiling: 0 Mbps", "ceiling: must be greater than zero"),
    (", ceiling: {download: 5 Mbps, upload: 0 Mbps}", "ceiling.upload: must be greater than zero"),
    (", ceiling: true", "ceiling: a number without a unit; write for example 50 Mbps"),
    (", ceiling: [5 Mbps]", "ceiling: must be a mapping, written as `key: value` lines"),
    (", weight: 0", "weight: must be at least 1"),
    (", weight: 1.5", "weight: must be a whole number"),
    (", priority: 10", "priority: must be at most 9"),
    (", legal_basis: ' '", "legal_basis: must be printable text, such as the clause of a regulation"),
    (", flor: 5 Mbps", "flor: unknown key; did you mean floor?"),
]


@pytest.mark.parametrize(("text", "sentence"), POOL_FAULTS)
def test_what_a_pool_cannot_be_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert refused(tmp_path, text, "") == [sentence]


@pytest.mark.parametrize(("text", "sentence"), ENTITLEMENT_FAULTS)
def test_what_an_entitlement_cannot_be_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (line,) = refused(tmp_path, "", text)
    assert line.split(": ", 1)[1] == f"agencies.dinkes.entitlements[0].{sentence}"
    assert line.startswith("4:")


def entitlement(text: str) -> EntitlementSettings:
    return EntitlementSettings.model_validate(yaml.safe_load(text))


def test_a_rate_stands_for_both_directions() -> None:
    one = entitlement("{pool: p, floor: 20 Mbps, ceiling: {download: 50 Mbps, upload: 30 Mbps}}")
    assert one.floor.value() == Rates(20_000_000, 20_000_000)
    assert one.ceiling is not None
    assert one.ceiling.value() == Rates(50_000_000, 30_000_000)


def test_a_floor_may_be_nothing_and_is_where_it_is_left_out() -> None:
    assert entitlement("{pool: p}").floor.value() == Rates(0, 0)
    assert entitlement("{pool: p, floor: {download: 5 Mbps, upload: 0}}").floor.value() == Rates(5_000_000, 0)


def test_a_legal_basis_of_several_lines_is_one() -> None:
    assert (
        entitlement("{pool: p, legal_basis: 'Pergub 12/2026,\n\n  pasal 4'}").legal_basis == "Pergub 12/2026, pasal 4"
    )


@pytest.mark.parametrize("written", ["2026-12-31", '"2026-12-31"', "'2026-12-31'"])
def test_a_date_begins_at_its_midnight_and_ends_at_the_one_after(written: str) -> None:
    moment = entitlement(f"{{pool: p, until: {written}}}").until
    midnight = 20_818 * DAY - MAKASSAR
    assert begins_ns(moment, "Asia/Makassar") == midnight
    assert ends_ns(moment, "Asia/Makassar") == midnight + DAY


@pytest.mark.parametrize(
    "written", ["2026-12-31 17:00:00", "2026-12-31T17:00", "2026-12-31T17:00:00+08:00", "2026-12-31 09:00:00Z"]
)
def test_a_time_begins_and_ends_at_itself(written: str) -> None:
    moment = entitlement(f"{{pool: p, from: {written}}}").begins
    at = 20_818 * DAY + 9 * 3_600 * 10**9
    assert (begins_ns(moment, "Asia/Makassar"), ends_ns(moment, "Asia/Makassar")) == (at, at)


@given(st.dates())
def test_every_date_is_read_or_refused_for_its_year(day: object) -> None:
    text = f"{{pool: p, until: '{day}'}}"
    if 1970 <= int(str(day)[:4]) <= 2199:
        assert ends_ns(entitlement(text).until, "Asia/Jayapura") is not None
    else:
        with pytest.raises(ValueError, match="leave out what has no end"):
            entitlement(text)

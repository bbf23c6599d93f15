"""The time machine on ledgers with gaps, a reset counter, a router that came later, and limits of that time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.governed import record
from support.ledgers import a_change, a_receipt, a_visit, opened
from support.schemas import conforms

from netmon.config.alternative import alternative
from netmon.config.load import load
from netmon.core.heads import Visit
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import NANOSECONDS
from netmon.core.periods import GRID_NS
from netmon.daemon.queries import By, QueryError, Span, instant, usage_rows
from netmon.daemon.whatif import Replayed, replayed, whatif_data
from netmon.store.reader import LedgerReader

ZONE = "Asia/Makassar"
MIDNIGHT_NS = instant("2026-10-12", ZONE)
DAY = "2026-10-12"
MB = 10**6
KEPT = 64_000 // 8 * 300
"""Bytes in 300 s of what every circuit keeps, idle ones too."""
CONFIG = """\
site: {name: sulteng, timezone: Asia/Makassar}
ledger: sqlite:///ledger.db
control: {require_synchronised_clock: false, stale_after: 10m}
snmp: {credentials: {default: {community: {file: community}}}}
pools:
  internet: {download: 20Mbps, upload: 20Mbps}
agencies:
  dinkes: {name: Dinas Kesehatan, quotas: [daily], entitlements: [{pool: internet, floor: 4Mbps}]}
  arsip: {name: Dinas Kearsipan, quotas: [daily]}
  disdik: {name: Dinas Pendidikan, quotas: [daily]}
routers:
  palu:
    address: 127.0.0.1
    circuits:
      dinkes-main: {agency: dinkes, interface: ether1, faces: agency, pools: [internet]}
      arsip-main: {agency: arsip, interface: ether2, faces: agency, pools: [internet]}
  poso:
    address: 127.0.0.2
    circuits:
      disdik-main: {agency: disdik, interface: ether1, faces: agency, pools: [internet]}
"""
QUOTAS = "quotas:\n  daily: {direction: download, period: day, volume: %s, ladder: [{at: 100%%, slow_to: %s}]}\n"


@dataclass
class Site:
    """A day of visits every 5 minutes, from 10 s before midnight on."""

    directory: Path

    def visits(self, router: str, ports: list[int], first: int, last: int, gaps: dict[int, Gap]) -> list[Visit]:
        """Each port passes so many bytes out between two visits."""
        return [
            a_visit(
                router,
                number - first + 1,
                [(0, (number - first) * octets) for octets in ports],
                MIDNIGHT_NS + number * GRID_NS - 10 * NANOSECONDS,
                gaps=[gaps[number]] if number in gaps else (),
            )
            for number in range(first, last)
        ]

    def fill(self, *visits: list[Visit]) -> None:
        with opened(self.directory / "ledger.db") as ledger:
            for of_router in visits:
                assert all(ledger.commit(of_router))

    def replayed(self, label: str = DAY, agencies: tuple[str, ...] = (), policies: str | None = None) -> Replayed:
        configuration = load(self.directory / "netmon.yaml")
        other = configuration if policies is None else alternative(configuration, self.directory / policies)
        reader = LedgerReader.open(self.directory / "ledger.db")
        try:
            return replayed(other, reader, label, agencies, MIDNIGHT_NS + 40 * 288 * GRID_NS)
        finally:
            reader.close()

    def told(self, **asked: Any) -> dict[str, Any]:
        data = whatif_data(self.replayed(**asked), asked.get("policies"))
        conforms("whatif", {"schema": "netmon/whatif/1", "generated_at": "2026-11-22T00:00:00Z", "data": data})
        return data

    def used(self) -> dict[str, int]:
        """What netmon usage says of the day."""
        reader = LedgerReader.open(self.directory / "ledger.db")
        try:
            rows = usage_rows(
                load(self.directory / "netmon.yaml"), reader, None, Span(DAY), By.AGENCY, MIDNIGHT_NS + 400 * GRID_NS
            )
        finally:
            reader.close()
        return {row["agency"]: row["proven_bytes"] for row in rows if row["direction"] == "download"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    quotas = tmp_path / "policies" / "quotas"
    quotas.mkdir(parents=True)
    (quotas / "daily.yaml").write_text(QUOTAS % ("9 TB", "1 Mbps"), encoding="utf-8")
    stricter = tmp_path / "stricter"
    stricter.mkdir()
    (stricter / "daily.yaml").write_text(QUOTAS % ("30 GB", "2 Mbps"), encoding="utf-8")
    (tmp_path / "community").write_text("public\n", encoding="utf-8")
    (tmp_path / "netmon.yaml").write_text(CONFIG, encoding="utf-8")
    return Site(tmp_path)


def row(data: dict[str, Any], agency: str) -> dict[str, Any]:
    return next(one for one in data["agencies"] if (one["agency"], one["direction"]) == (agency, "download"))


def test_nobody_is_slowed_by_policies_that_nobody_comes_near(site: Site) -> None:
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {}))
    data = site.told()
    assert data["agencies"] == []
    assert data["totals"]["cut_bytes"] == 0
    assert data["totals"]["carried_bytes"] == 288 * 330 * MB


def test_who_is_slowed_when_and_by_how_much_under_a_stricter_policy(site: Site) -> None:
    # 300 MB in 5 minutes are 8 Mb/s; 30 GB are used after 100 intervals between readings.
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {}))
    without_floors(site)
    data = site.told(policies="stricter")
    # The day's first reading is visit 1, 290 s after midnight; the 101st is known when cell 101 begins.
    first, slowed = 101, 288 - 101
    assert [one["agency"] for one in data["agencies"]] == ["dinkes"]
    dinkes = row(data, "dinkes")
    assert dinkes["would_be"] == {
        "limited_seconds": slowed * 300,
        "least_limit_bps": 2_000_000,
        "first_limited": "2026-10-12T08:25:00+08:00",
        "slowed_seconds": slowed * 300,
        "first_slowed": "2026-10-12T08:25:00+08:00",
        "cut_bytes": slowed * (300 * MB - 75 * MB),
        "cut_ratio": round(slowed * 225 / (288 * 300), 6),
    }
    assert first == (instant("2026-10-12T08:25", ZONE) - MIDNIGHT_NS) // GRID_NS
    assert [(turn["step"], turn["limit_bps"], turn["proven_bytes"]) for turn in dinkes["turns"]] == [
        (0, None, 0),
        (1, 2_000_000, 30_000 * MB),
    ]
    assert (dinkes["floor_kept_seconds"], dinkes["floor_broken_seconds"]) == (None, None)


def without_floors(site: Site) -> None:
    path = site.directory / "netmon.yaml"
    path.write_text(path.read_text().replace(", entitlements: [{pool: internet, floor: 4Mbps}]", ""))


def test_what_would_have_been_cut_off_does_not_climb_the_ladder(site: Site) -> None:
    without_floors(site)
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {}))
    path = site.directory / "stricter" / "daily.yaml"
    path.write_text(path.read_text().replace("slow_to: 2 Mbps}", "slow_to: 4 Mbps}, {at: 110%, slow_to: 2 Mbps}"))
    dinkes = row(site.told(policies="stricter"), "dinkes")
    # From cell 101 on 150 MB a cell are left of 300: the 3 GB up to the next step take 20 cells, not 10.
    assert [(turn["at"][11:16], turn["limit_bps"], turn["proven_bytes"]) for turn in dinkes["turns"]] == [
        ("00:00", None, 0),
        ("08:25", 4_000_000, 30_000 * MB),
        ("10:05", 2_000_000, 33_000 * MB),
    ]
    assert dinkes["would_be"]["cut_bytes"] == 20 * 150 * MB + (288 - 121) * 225 * MB


def test_both_directions_together_are_counted_with_what_was_cut_of_the_other_by_the_day_before(site: Site) -> None:
    without_floors(site)
    visits = [
        a_visit("palu", at + 1, [(at * 75 * MB, at * 225 * MB)], MIDNIGHT_NS + at * GRID_NS - 10 * NANOSECONDS)
        for at in range(600)
    ]
    site.fill(visits)
    path = site.directory / "stricter" / "daily.yaml"
    ladder = "[{at: 100%, slow_to: 1 Mbps}, {at: 200%, slow_to: 500 kbps}]"
    path.write_text(f"quotas:\n  daily: {{direction: sum, period: week, volume: 30 GB, ladder: {ladder}}}\n")
    data = site.told(label="2026-W42", policies="stricter")
    turns = {one["direction"]: one["turns"] for one in data["agencies"] if one["agency"] == "dinkes"}
    assert turns.keys() == {"download", "upload"}
    for of in turns.values():
        assert (of[1]["at"], of[1]["limit_bps"]) == ("2026-10-12T08:25:00+08:00", 1_000_000)
        assert of[2]["limit_bps"] == 500_000
    # 300 MB a cell, less the 37.5 MB that the upload lost: 115 cells for 30 GB.
    assert turns["upload"][2]["at"] == "2026-10-12T18:00:00+08:00"
    # Less the 187.5 MB that the download lost: 267, were it not for what the upload lost on the first day.
    assert turns["download"][2]["at"] > "2026-10-13T06:40:00+08:00"


def test_a_floor_is_kept_unless_the_step_may_breach_it(site: Site) -> None:
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {}))
    dinkes = row(site.told(policies="stricter"), "dinkes")
    assert dinkes["would_be"]["least_limit_bps"] == 4_000_000
    assert dinkes["floor_broken_seconds"] == 0
    assert dinkes["floor_kept_seconds"] == dinkes["would_be"]["limited_seconds"] > 0
    breach = "slow_to: 2 Mbps, may_breach_floor: true, legal_basis: Pergub 12/2026 pasal 7"
    path = site.directory / "stricter" / "daily.yaml"
    path.write_text(path.read_text().replace("slow_to: 2 Mbps", breach))
    data = site.told(policies="stricter")
    dinkes = row(data, "dinkes")
    assert dinkes["would_be"]["least_limit_bps"] == 2_000_000
    assert dinkes["floor_kept_seconds"] == 0
    assert dinkes["floor_broken_seconds"] == dinkes["would_be"]["limited_seconds"]
    assert data["totals"]["floor_broken_seconds"] == dinkes["floor_broken_seconds"]


def test_capacity_is_wasted_where_somebody_was_cut_off_and_there_was_room(site: Site) -> None:
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {}))
    data = site.told(policies="stricter")
    pool = next(one for one in data["pools"] if one["direction"] == "download")
    assert pool["wasted_bytes"] == data["totals"]["cut_bytes"] > 0
    assert pool["was"]["mean_bps"] == 8_800_000
    assert pool["partly_unmeasured_seconds"] == 86_400  # poso was never visited
    assert site.told(policies="stricter", agencies=("dinkes",))["pools"] == []


def test_what_was_carried_beyond_what_another_pool_would_hold_is_shared_by_floor_and_weight(site: Site) -> None:
    site.fill(site.visits("palu", [300 * MB, 300 * MB], 0, 300, {}))
    other = site.directory / "poorer"
    other.mkdir()
    (other / "community").write_text("public\n")
    (other / "netmon.yaml").write_text(CONFIG.replace("20Mbps", "10Mbps").replace("4Mbps", "6Mbps"))
    (other / "policies" / "quotas").mkdir(parents=True)
    (other / "policies" / "quotas" / "daily.yaml").write_text(QUOTAS % ("9 TB", "1 Mbps"))
    data = site.told(policies="poorer")
    dinkes, arsip = row(data, "dinkes"), row(data, "arsip")
    # disdik's circuit is idle, and keeps what every circuit keeps.
    assert dinkes["would_be"]["cut_bytes"] == pytest.approx(288 * 75 * MB, rel=0.001)
    assert arsip["would_be"]["cut_bytes"] == pytest.approx(288 * (150 * MB + KEPT), rel=0.001)
    assert (dinkes["would_be"]["limited_seconds"], dinkes["would_be"]["slowed_seconds"]) == (0, 86_400)
    pool = next(one for one in data["pools"] if one["direction"] == "download")
    assert pool["would_be"]["mean_bps"] == pytest.approx(10_000_000 - 64_000, rel=0.001)
    assert (pool["shared_seconds"], pool["scarce_seconds"]) == (86_400, 86_400)
    assert pool["wasted_bytes"] == pytest.approx(288 * KEPT, rel=0.05)


def test_cells_in_a_gap_are_not_measured_and_a_reset_counter_loses_no_more_than_it_must(site: Site) -> None:
    at_ns = MIDNIGHT_NS + 49 * GRID_NS
    reset = Gap("palu", "ether1", "out", at_ns, at_ns + GRID_NS - NANOSECONDS, GapReason.COUNTER_RESET)
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {51: reset}))
    data = site.told(policies="stricter")
    dinkes = row(data, "dinkes")
    assert dinkes["unmeasured_seconds"] == 300
    assert dinkes["carried_bytes"] == 287 * 300 * MB


def test_of_an_outage_the_sum_is_known_but_not_when_and_it_counts_once_it_is_read(site: Site) -> None:
    every = site.visits("palu", [300 * MB, 30 * MB], 0, 300, {})
    kept = [visit for number, visit in enumerate(every) if not 20 <= number < 110]
    site.fill([replace(one, base=at, head=replace(one.head, sequence=at + 1)) for at, one in enumerate(kept)])
    dinkes = row(site.told(policies="stricter"), "dinkes")
    # Cells 19 to 108 lie between readings far apart; the reading after them brings the day beyond 30 GB at once.
    assert dinkes["unmeasured_seconds"] == 90 * 300
    assert dinkes["turns"][-1]["at"] == "2026-10-12T09:10:00+08:00"
    assert dinkes["turns"][-1]["proven_bytes"] == 109 * 300 * MB


def test_the_bytes_it_judges_are_those_that_usage_tells(site: Site) -> None:
    every = site.visits("palu", [300 * MB, 30 * MB], 0, 300, {})
    site.fill([one for one in every if one.base < 150], site.visits("poso", [100 * MB], 100, 300, {}))
    found = site.replayed()
    last = {case.agency.id: one.replay.verdict for case in found.cases for one in case.applied}
    told = {agency: verdict.evidence["proven_bytes"] for agency, verdict in last.items() if verdict is not None}
    # Its last cell begins five minutes before midnight: one reading of those visited then is still to come.
    coming = {"dinkes": 0, "arsip": 0, "disdik": 100 * MB}
    assert site.used() == {agency: told[agency] + more for agency, more in coming.items()}


def test_a_router_that_came_in_the_middle_of_the_day_is_counted_from_then_on(site: Site) -> None:
    site.fill(site.visits("palu", [3 * MB, 3 * MB], 0, 300, {}), site.visits("poso", [600 * MB], 100, 300, {}))
    disdik = row(site.told(policies="stricter"), "disdik")
    assert disdik["unmeasured_seconds"] == 100 * 300
    # 30 GB are 50 intervals after its first visit, which is number 100.
    assert disdik["turns"][-1]["at"] == "2026-10-12T12:30:00+08:00"
    assert disdik["would_be"]["cut_bytes"] == (288 - 150) * (600 - 75) * MB


def test_limits_of_that_time_are_shown_and_what_was_measured_under_them_is_flagged(site: Site) -> None:
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {}))
    change = replace(a_change("arsip-main", 1_000_000), agency="arsip", router="palu")
    begun, ended = (instant(f"{DAY}T{hour}:00", ZONE) for hour in ("10", "13"))
    with opened(site.directory / "ledger.db") as ledger:
        record(ledger, replace(a_receipt("nm-1"), change=change, at_ns=begun), 1_000_000)
        lifted = replace(change, from_bps=1_000_000, to_bps=None)
        record(ledger, replace(a_receipt("nm-2"), change=lifted, at_ns=ended), None)
    data = site.told()
    arsip = row(data, "arsip")
    assert arsip["was"] == {
        "limited_seconds": 3 * 3600,
        "least_limit_bps": 1_000_000,
        "first_limited": "2026-10-12T10:00:00+08:00",
    }
    assert arsip["censored_seconds"] == 3 * 3600
    assert arsip["would_be"]["limited_seconds"] == 0
    assert data["totals"]["was_limited_seconds"] == 3 * 3600


def test_a_period_that_began_before_is_counted_from_its_beginning(site: Site) -> None:
    site.fill(site.visits("palu", [300 * MB, 30 * MB], -288, 300, {}))
    path = site.directory / "stricter" / "daily.yaml"
    path.write_text(path.read_text().replace("period: day", "period: week").replace("30 GB", "80 GB"))
    # The 12th was a Monday; on Tuesday the week's 80 GB are used up as the day begins.
    data = site.told(label="2026-10-13", policies="stricter")
    dinkes = row(data, "dinkes")
    assert [(turn["at"], turn["proven_bytes"], turn["limit_bps"]) for turn in dinkes["turns"]] == [
        ("2026-10-13T00:00:00+08:00", 287 * 300 * MB, 2_000_000)
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"label": "2027-01"}, "2027-01 has not begun"),
        ({"label": "2026-08"}, "the ledger holds nothing of 2026-08"),
        ({"label": "soon"}, "is not a period"),
        ({"agencies": ("nobody",)}, "there is no agency nobody"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_question_without_an_answer_is_one_sentence(site: Site, asked: dict[str, Any], message: str) -> None:
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 300, {}))
    with pytest.raises(QueryError, match=message):
        site.replayed(**asked)


def test_periods_finer_than_the_grid_are_refused(site: Site) -> None:
    site.fill(site.visits("palu", [300 * MB, 30 * MB], 0, 3, {}))
    path = site.directory / "stricter" / "daily.yaml"
    path.write_text(path.read_text().replace("period: day", "period: 1m"))
    with pytest.raises(QueryError, match="the policy daily has periods that are no multiple of 5m"):
        site.replayed(policies="stricter")

"""What a configuration that loads comes to at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from netmon.config.load import load
from netmon.config.review import Review, review
from netmon.core.periods import to_ns

TEXT = """\
site: {name: sulteng, timezone: Asia/Makassar}
snmp: {credentials: {default: {community: {env: C}}}}
pools:
  internet:
    class: all
    download: 1 Gbps
    upload: 1 Gbps
    uplinks:
      fo: {router: core-1, interface: sfp1}
      radio: {router: core-1, interface: sfp2, download: 400 Mbps, upload: 400 Mbps, standby: true}
agencies:
  dinkes:
    name: Dinas Kesehatan
    entitlements:
      - {pool: internet, ceiling: 600 Mbps}
  rsud:
    name: Rumah Sakit
    parent: dinkes
    entitlements:
      - {pool: internet, floor: 300 Mbps, until: 2030-12-31}
  desa:
    name: Desa
    entitlements:
      - {pool: internet, floor: 20 Mbps}
routers:
  core-1:
    address: 10.20.0.1
    backhauls: {hill: {download: 30 Mbps, upload: 30 Mbps}, pass: {download: 30 Mbps, upload: 30 Mbps}}
    circuits:
      rsud-fo: {agency: rsud, interface: e2, faces: agency, pools: [internet]}
      desa-a: {agency: desa, interface: e3, faces: agency, pools: [internet], crosses: [hill]}
      desa-b: {agency: desa, interface: e4, faces: agency, pools: [internet], crosses: [pass]}
"""
STANDBY = "radio: {router: core-1, interface: sfp2, download: 400 Mbps, upload: 400 Mbps, standby: true}"


def reviewed(directory: Path, *changes: tuple[str, str], on: tuple[int, int, int] = (2026, 3, 1)) -> Review:
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = directory / "netmon.yaml"
    path.write_text(text, encoding="utf-8")
    return review(load(path), to_ns(datetime(*on, tzinfo=UTC)))


def told(directory: Path, review: Review) -> tuple[list[str], list[str]]:
    """Problems and warnings, of what is alike for both directions that of download."""
    problems, warnings = (
        [str(one).removeprefix(f"{directory}/netmon.yaml:") for one in found if "for upload" not in one.message]
        for found in (review.problems, review.warnings)
    )
    return problems, warnings


def test_what_fits_is_reported_and_gives_no_warning(tmp_path: Path) -> None:
    found = reviewed(tmp_path)
    assert told(tmp_path, found) == ([], [])
    down, up = found.admission.promised
    assert (down.floors_bps, down.worst, down.left_bps) == (320_000_000, "fo", 400_000_000)
    assert down.ceilings_bps == up.ceilings_bps == 1_600_000_000


SHORT = [
    (
        [("floor: 20 Mbps", "floor: 701 Mbps"), (", crosses: [pass]", "")],
        (
            "6:15: pools.internet.download: floors of 1.001 Gb/s are guaranteed for download, of 1 Gb/s; lower floors,"
            " or buy more"
        ),
    ),
    (
        [("interface: sfp1}", "interface: sfp1, download: 319 Mbps}")],
        (
            "8:5: pools.internet.uplinks: floors of 320 Mb/s are guaranteed for download, and its uplinks carry 319"
            " Mb/s; lower floors, or add an uplink"
        ),
    ),
    (
        [("- {pool: internet, ceiling: 600 Mbps}", "- {pool: internet, ceiling: 299.9995 Mbps}")],
        (
            "15:35: agencies.dinkes.entitlements[0].ceiling: floors of 300 Mb/s are guaranteed for download below it,"
            " and it is 299.9995 Mb/s; raise it, or lower floors below"
        ),
    ),
    (
        [("crosses: [pass]", "crosses: [hill]"), ("floor: 20 Mbps", "floor: 40 Mbps")],
        (
            "28:17: routers.core-1.backhauls.hill: floors of 40 Mb/s are guaranteed for download to agencies whose"
            " circuits all cross it, and it carries 30 Mb/s; lower floors, or widen it"
        ),
    ),
    (
        [("floor: 20 Mbps", "floor: 70 Mbps")],
        (
            "24:33: agencies.desa.entitlements[0].floor: a floor of 70 Mb/s is guaranteed for download, and all that"
            " its circuits cross carries 60 Mb/s; lower the floor, or widen that"
        ),
    ),
    (
        [
            ("floor: 20 Mbps}", "floor: 20 Mbps, until: 2027-06-30}\n      - NEXT"),
            ("NEXT", "{pool: internet, floor: 70 Mbps, from: 2027-07-01}"),
        ],
        (
            "25:33: agencies.desa.entitlements[1].floor: from 2027-07-01 on, a floor of 70 Mb/s is guaranteed for"
            " download, and all that its circuits cross carries 60 Mb/s; lower the floor, or widen that"
        ),
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), SHORT, ids=[one[0][0][1][:40] for one in SHORT])
def test_floors_that_do_not_fit_are_a_problem_with_its_place(
    tmp_path: Path, changes: list[tuple[str, str]], sentence: str
) -> None:
    problems, _ = told(tmp_path, reviewed(tmp_path, *changes))
    assert problems == [sentence]


def test_floors_that_do_not_fit_when_an_uplink_fails_are_a_warning_or_a_problem_as_configured(tmp_path: Path) -> None:
    sentence = (
        "9:7: pools.internet.uplinks.fo: floors of 320 Mb/s are guaranteed for download, and 0 b/s are left if this"
        " uplink fails; lower floors, or add an uplink with standby: true"
    )
    narrow = (f"\n      {STANDBY}", "")
    assert told(tmp_path, reviewed(tmp_path, narrow)) == ([], [sentence])
    strict = ("site: {", "control: {floors_after_failure: refuse}\nsite: {")
    assert told(tmp_path, reviewed(tmp_path, narrow, strict)) == ([sentence.replace("9:", "10:", 1)], [])


WARNED = [
    (
        [("until: 2030-12-31", "until: 2026-02-28")],
        (
            "20:50: agencies.rsud.entitlements[0].until: it ended with 2026-02-28, and nothing follows it; add an"
            " entitlement that begins then, or take this one out"
        ),
    ),
    (
        [("until: 2030-12-31", "until: 2026-03-30")],
        (
            "20:50: agencies.rsud.entitlements[0].until: it ends with 2026-03-30, and nothing follows it; add an"
            " entitlement that begins then, or take this one out"
        ),
    ),
    (
        [("    class: all", "    until: 2026-02-28")],
        (
            "5:12: pools.internet.until: the contract's term ended with 2026-02-28; its capacity counts until it is"
            " taken out of the configuration"
        ),
    ),
    (
        [("    class: all", "    from: 2026-03-02")],
        (
            "5:11: pools.internet.from: the contract's term has not begun; its capacity counts already, so add the pool"
            " once it is there"
        ),
    ),
    (
        [
            ("    class: all", "    share: never\n    class: all"),
            ("    entitlements:\n      - {pool: internet, ceiling: 600 Mbps}\n", ""),
            ("    entitlements:\n      - {pool: internet, floor: 20 Mbps}\n", ""),
        ],
        (
            "19:16: agencies.rsud.entitlements[0].pool: has no effect while internet is never shared (share: never);"
            " alter one of them"
        ),
    ),
    (
        [("ceiling: 600 Mbps", "ceiling: 1001 Mbps")],
        "15:35: agencies.dinkes.entitlements[0].ceiling: is more than was purchased; nobody can have it",
    ),
    (
        [("interface: sfp1}", "interface: sfp1, download: 999.5 Mbps}")],
        (
            "8:5: pools.internet.uplinks: they carry 999.5 Mb/s of download, less than the 1 Gb/s purchased; correct"
            " them, or the pool"
        ),
    ),
    (
        [("class: all", "class: internet")],
        (
            "5:12: pools.internet.class: all traffic is counted on circuit rsud-fo and 2 more, that between agencies"
            " too, and is limited with the rest; give it class: internet and a classifier where it is separate,"
            " or make this all"
        ),
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), WARNED, ids=[one[0][0][1][:40] for one in WARNED])
def test_what_may_stand_is_a_warning_with_its_place(
    tmp_path: Path, changes: list[tuple[str, str]], sentence: str
) -> None:
    assert told(tmp_path, reviewed(tmp_path, *changes)) == ([], [sentence])


def test_an_entitlement_that_is_followed_by_another_may_end(tmp_path: Path) -> None:
    changes = [("until: 2030-12-31}", "until: 2026-02-28}\n      - {pool: internet, floor: 1 Mbps, from: 2026-03-01}")]
    assert told(tmp_path, reviewed(tmp_path, *changes)) == ([], [])


def test_what_ends_is_told_thirty_days_before(tmp_path: Path) -> None:
    change = ("until: 2030-12-31", "until: 2026-03-31")
    assert told(tmp_path, reviewed(tmp_path, change, on=(2026, 3, 1))) == ([], [])
    assert len(told(tmp_path, reviewed(tmp_path, change, on=(2026, 3, 2)))[1]) == 1


def test_a_router_of_which_weak_algorithms_are_accepted_is_warned_of(tmp_path: Path) -> None:
    weak = "address: 10.20.0.1\n    ssh_legacy_algorithms: [diffie-hellman-group14-sha1, ssh-rsa]"
    warnings = reviewed(tmp_path, ("address: 10.20.0.1", weak)).warnings
    [warning] = [one for one in map(str, warnings) if "ssh_legacy_algorithms" in one]
    assert "28:5: routers.core-1.ssh_legacy_algorithms: diffie-hellman-group14-sha1, ssh-rsa can be broken" in warning

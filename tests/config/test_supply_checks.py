"""Pools, uplinks, backhauls, circuits and entitlements that do not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.config.errors import ConfigError
from netmon.config.load import load

SOUND = """\
site: {name: sulteng, timezone: Asia/Makassar}
snmp: {credentials: {default: {community: {env: C}}}}
pools:
  domestic:
    class: domestic
    download: 500 Mbps
    upload: 500 Mbps
    uplinks: {iix: {router: core-1, interface: sfp1}}
  international:
    class: international
    download: 50 Mbps
    upload: 50 Mbps
  mixed: {download: 1 Gbps, upload: 1 Gbps}
agencies:
  pemprov: {name: Pemprov}
  dinkes:
    name: Dinas Kesehatan
    parent: pemprov
    entitlements:
      - {pool: domestic, floor: 20 Mbps, ceiling: 90 Mbps, until: 2026-06-30}
      - {pool: domestic, floor: 30 Mbps, from: 2026-07-01}
  arsip: {name: Arsip, parent: pemprov, entitlements: [{pool: mixed, weight: 2}]}
routers:
  core-1:
    address: 10.20.0.1
    backhauls: {radio: {interface: e9, download: 50 Mbps, upload: 50 Mbps}}
    circuits:
      dinkes-iix:
        agency: dinkes
        interface: e2.10
        faces: agency
        pools: [domestic]
        crosses: [iix, radio]
        class: domestic
        classifier: vlan
      dinkes-ix:
        agency: dinkes
        interface: e2.20
        faces: agency
        pools: [international]
        class: international
        classifier: vlan
      arsip-fo: {agency: arsip, interface: e3, faces: agency, pools: [mixed]}
"""


def sound(directory: Path, *changes: tuple[str, str]) -> Path:
    text = SOUND
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = directory / "netmon.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


def test_the_sound_one_is_sound(tmp_path: Path) -> None:
    assert len(load(sound(tmp_path)).entitlements) == 3


UNIQUE = "names of pools, uplinks and backhauls are unique together"
APART = "measure it apart (class, and classifier: port, vlan or vrf), or take the entitlement out"
IIX = "        crosses: [iix, radio]\n        class: domestic\n        classifier: vlan\n"

FAULTS = [
    (
        ("router: core-1, interface: sfp1", "router: core1, interface: sfp1"),
        "8:29: pools.domestic.uplinks.iix.router: no router is named core1; did you mean core-1?",
    ),
    (
        ("interface: sfp1}", "interface: sfp1}, second: {router: core-1, interface: sfp1}"),
        (
            "8:91: pools.domestic.uplinks.second.interface: sfp1 of core-1 is uplink iix already;"
            " a port's counter cannot tell two apart"
        ),
    ),
    (
        ("interface: sfp1", "interface: e3"),
        (
            "43:44: routers.core-1.circuits.arsip-fo.interface: e3 is an uplink of this router;"
            " an uplink carries everyone and is no agency's circuit"
        ),
    ),
    (
        ("interface: sfp1}}", "interface: sfp1}, mixed: {router: core-1, interface: e8}}"),
        f"8:55: pools.domestic.uplinks.mixed: a pool is named mixed already; {UNIQUE}",
    ),
    (
        ("backhauls: {radio:", "backhauls: {iix: {download: 1 Gbps, upload: 1 Gbps}, radio:"),
        f"26:17: routers.core-1.backhauls.iix: an uplink of pool domestic is named iix already; {UNIQUE}",
    ),
    (
        ("    download: 500 Mbps", "    from: 2026-02-01\n    until: 2026-01-31\n    download: 500 Mbps"),
        "7:12: pools.domestic.until: ends before it begins; correct from or until",
    ),
    (
        ("crosses: [iix, radio]", "crosses: [iix, radoi]"),
        (
            "33:24: routers.core-1.circuits.dinkes-iix.crosses[1]: no uplink or backhaul is named radoi;"
            " did you mean radio?"
        ),
    ),
    (
        ("crosses: [iix, radio]", "crosses: [iix, iix]"),
        "33:24: routers.core-1.circuits.dinkes-iix.crosses[1]: iix stands twice; keep one",
    ),
    (
        ("pools: [mixed]}", "pools: [mixed], crosses: [iix]}"),
        (
            "43:89: routers.core-1.circuits.arsip-fo.crosses[0]: iix is an uplink of pool domestic, on which the"
            " circuit does not draw; add domestic to pools, or take iix out"
        ),
    ),
    (
        ("        class: international\n        classifier: vlan", "        class: international"),
        (
            "41:16: routers.core-1.circuits.dinkes-ix.class: a port counts all that passes it; name what keeps"
            " international traffic apart as classifier: port, vlan or vrf, or take class out"
        ),
    ),
    (
        ("        class: international\n        classifier: vlan", "        classifier: vlan"),
        (
            "41:21: routers.core-1.circuits.dinkes-ix.classifier: separates nothing while class is all; add class,"
            " or take it out"
        ),
    ),
    (
        ("        class: international", "        class: domestic"),
        (
            "40:17: routers.core-1.circuits.dinkes-ix.pools[0]: international is a pool of international traffic, and"
            " the circuit counts domestic traffic alone; take one of the two out"
        ),
    ),
    (
        ("classifier: vlan\n      arsip", "classifier: colour\n      arsip"),
        "42:21: routers.core-1.circuits.dinkes-ix.classifier: 'colour' is not one of port, vlan, vrf",
    ),
    (
        ("{pool: mixed, weight: 2}", "{pool: mixt, weight: 2}"),
        "22:63: agencies.arsip.entitlements[0].pool: no pool is named mixt; did you mean mixed?",
    ),
    (
        ("{pool: mixed, weight: 2}", "{pool: international, weight: 2}"),
        (
            "22:63: agencies.arsip.entitlements[0].pool: no circuit of arsip, or of an agency below it, draws on"
            " international; add international to the pools of its circuits, or take the entitlement out"
        ),
    ),
    (
        ("ceiling: 90 Mbps", "ceiling: 19 Mbps"),
        (
            "20:51: agencies.dinkes.entitlements[0].ceiling: is below the floor of the download and upload; raise it,"
            " or lower the floor"
        ),
    ),
    (
        ("from: 2026-07-01", "from: 2026-06-30"),
        (
            "21:9: agencies.dinkes.entitlements[1]: overlaps entitlements[0], also to domestic; end one before the"
            " other begins, or join them"
        ),
    ),
    (
        ("from: 2026-07-01", "from: 2026-07-01, until: 2026-06-30"),
        "21:67: agencies.dinkes.entitlements[1].until: ends before it begins; correct from or until",
    ),
    (
        ("pools: [mixed]}", "pools: [mixed, international]}"),
        (
            "22:63: agencies.arsip.entitlements[0].pool: no counter tells traffic of mixed apart on circuit arsip-fo;"
            f" {APART}"
        ),
    ),
]


@pytest.mark.parametrize(("change", "sentence"), FAULTS, ids=[fault[0][1][:50] for fault in FAULTS])
def test_what_does_not_fit_together_is_refused_in_one_sentence(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    assert refused(sound(tmp_path, change)) == [sentence]


def test_no_entitlement_to_a_class_that_no_counter_tells_apart(tmp_path: Path) -> None:
    path = sound(tmp_path, (IIX, ""))
    assert refused(path) == [
        f"{line}:16: agencies.dinkes.entitlements[{at}].pool: no counter tells traffic of domestic apart on circuit"
        f" dinkes-iix; {APART}"
        for at, line in ((0, 20), (1, 21))
    ]


def test_an_agency_above_needs_every_circuit_below_it_told_apart(tmp_path: Path) -> None:
    path = sound(
        tmp_path,
        ("pemprov: {name: Pemprov}", "pemprov: {name: Pemprov, entitlements: [{pool: domestic}]}"),
        ("pools: [mixed]", "pools: [domestic]"),
        (", entitlements: [{pool: mixed, weight: 2}]", ""),
    )
    assert refused(path) == [
        (
            "15:50: agencies.pemprov.entitlements[0].pool: no counter tells traffic of domestic apart on circuit"
            f" arsip-fo; {APART}"
        )
    ]


@pytest.mark.parametrize("kind", ["all", "internet"])
def test_a_port_that_counts_everything_will_do_for_one_pool_of_all_or_internet(tmp_path: Path, kind: str) -> None:
    load(sound(tmp_path, ("mixed: {", f"mixed: {{class: {kind}, ")))


def test_periods_that_only_touch_do_not_overlap_whatever_their_order(tmp_path: Path) -> None:
    first, second = "until: 2026-06-30", "from: 2026-07-01"
    load(sound(tmp_path, (first, "until: 2026-06-30T12:00"), (second, "from: 2026-06-30T12:00+08:00")))
    swapped = sound(tmp_path, (first, "KEEP"), (second, first), ("KEEP", second))
    assert [one.until_ns is None for one in load(swapped).entitlements[:2]] == [True, False]


def test_nothing_is_said_about_what_broken_entries_would_hold(tmp_path: Path) -> None:
    broken_router = sound(tmp_path, ("interface: e3, faces: agency", "interface: e3, faces: sideways"))
    (line,) = refused(broken_router)
    assert "faces" in line
    broken_pool = sound(tmp_path, ("mixed: {download: 1 Gbps", "mixed: {download: much"))
    (line,) = refused(broken_pool)
    assert "pools.mixed.download" in line
    broken_uplink = sound(tmp_path, ("interface: sfp1", "interface: sfp1, standby: maybe"))
    (line,) = refused(broken_uplink)
    assert "standby" in line


POLICY = """\
quotas:
  abroad:
    direction: download
    class: international
    period: month
    volume: 1 TB
    ladder: [{at: 100%, slow_to: 8 Mbps}]
"""
ARSIP = (", entitlements: [{pool: mixed, weight: 2}]", "")
MEASURE = "measure it apart (class, and classifier: port, vlan or vrf), or take the policy out"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([], None),
        ([("pools: [international]", "pools: []")], None),
        ([("        class: international\n        classifier: vlan\n", "")], "circuit dinkes-ix counts all traffic"),
        (
            [("pools: [international]\n        class: international", "pools: [domestic]\n        class: domestic")],
            "no circuit of dinkes counts it",
        ),
        ([("arsip-fo: {agency: arsip", "arsip-fo: {agency: dinkes"), ARSIP], "circuit arsip-fo counts all traffic"),
        ([("interface: e2.20", "interface: e2.20\n        role: sideways")], None),
    ],
)
def test_no_policy_on_a_class_that_no_counter_tells_apart(
    tmp_path: Path, changes: list[tuple[str, str]], why: str | None
) -> None:
    file = tmp_path / "policies" / "quotas" / "abroad.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(POLICY, encoding="utf-8")
    path = sound(tmp_path, ("    parent: pemprov\n", "    parent: pemprov\n    quotas: [abroad]\n"), *changes)
    told = f"19:14: agencies.dinkes.quotas[0]: abroad is a policy on international traffic alone, and {why}; {MEASURE}"
    if changes and "sideways" in changes[0][1]:
        assert [line for line in refused(path) if "abroad" in line] == []
    elif why is None:
        load(path)
    else:
        assert refused(path) == [told]

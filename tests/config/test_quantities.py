"""A configuration's integers in the units in which people write them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from netmon.config.quantities import LONGEST, quantities, shown, told
from netmon.config.settings import NetmonSettings
from netmon.core.revising import Alteration


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("policies.standard.volume_bytes", 2 * 10**12, "2 TB"),
        ("policies.standard.ladder.0.slow_to_bps", 4_000_000, "4 Mb/s"),
        ("policies.standard.ladder.0.slow_to_bps", None, "none"),
        ("policies.standard.ladder.0.at_permille", 800, "80%"),
        ("policies.standard.ladder.0.at_permille", 975, "97.5%"),
        ("policies.standard.grace_ns", 3600 * 10**9, "1h"),
        ("policies.standard.when.0.from_minute", 450, "07:30"),
        ("policies.standard.counts", ["download", "upload"], "download, upload"),
        ("policies.standard.period.reset_day", 25, "25"),
        ("alerts.router_down_after", 420 * 10**9, "7m"),
        ("control.max_tightened_ratio", 300, "30%"),
        ("ledger.budget", 10**11, "100 GB"),
        ("pools.internet.uplinks.radio.download", 300_000_000, "300 Mb/s"),
        ("routers.palu.circuits.dinkes.port_speed", 10**9, "1 Gb/s"),
        ('routers."palu.core".port', 161, "161"),
        ("agencies.dinkes.quotas", [], "none"),
        ("agencies.dinkes", {"quotas": []}, "none"),
        ("outputs.mqtt.tls", True, "true"),
        ("agencies.dinkes.name", "Dinas\nKesehatan", r"'Dinas\nKesehatan'"),
        (
            "agencies.dinkes.entitlements.0",
            {"floor": {"download": 10**6, "upload": 0}, "pool": "internet", "basis": None},
            "floor: (download: 1 Mb/s, upload: 0 b/s), pool: internet",
        ),
    ],
)
def test_a_value_is_shown_as_people_write_it(path: str, value: Any, expected: str) -> None:
    assert shown(path, value) == expected


def test_what_is_long_is_cut() -> None:
    assert shown("agencies.dinkes.name", "x" * 1000) == "x" * LONGEST + "..."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Alteration("policies.a.volume_bytes", "changed", 2 * 10**12, 10**12), "policies.a.volume_bytes: 2 TB -> 1 TB"),
        (Alteration("alerts.router_down_after", "added", None, 420 * 10**9), "alerts.router_down_after: added (7m)"),
        (Alteration("agencies.arsip", "removed", {"name": "Arsip"}, None), "agencies.arsip: removed (name: Arsip)"),
    ],
)
def test_a_change_is_one_line(change: Alteration, expected: str) -> None:
    assert told(change) == expected


def test_a_key_of_settings_has_the_same_unit_wherever_it_stands() -> None:
    forms = defaultdict(set)
    for key, form in quantities(NetmonSettings):
        forms[key].add(form)
    assert {"poll_interval", "port_speed", "download", "budget", "max_tightened_ratio"} <= set(forms)
    assert [key for key, several in forms.items() if len(several) > 1] == []

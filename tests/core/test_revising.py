"""What is told of a changed configuration: what means something, by the words of netmon.yaml, policies first."""

from __future__ import annotations

from typing import Any

import pytest

from netmon.core.revising import MOST, Alteration, alterations


def a_policy(name: str, line: int = 3, **more: Any) -> dict[str, Any]:
    ladder = [{"at_permille": 800, "rule": {"file": "quotas/a.yaml", "line": line + 5}, "slow_to_bps": None}]
    return {
        "name": name,
        "rule": {"file": "quotas/a.yaml", "line": line},
        "ladder": ladder,
        "volume_bytes": 2 * 10**12,
        **more,
    }


def a_document(*policies: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"policies": list(policies), "settings": settings}


@pytest.mark.parametrize("name", ["standard", "rule"])
def test_where_a_policy_stands_is_no_part_of_it_whatever_it_is_called(name: str) -> None:
    before = a_document(a_policy(name))
    assert alterations(before, a_document(a_policy(name, line=9))).count == 0
    assert alterations(before, a_document(a_policy(name, line=9, volume_bytes=10**12))).told == (
        Alteration(f"policies.{name}.volume_bytes", "changed", 2 * 10**12, 10**12),
    )


def test_a_step_of_a_ladder_is_told_by_its_number() -> None:
    after = a_policy("standard", line=9)
    after["ladder"][0]["slow_to_bps"] = 4_000_000
    (found,) = alterations(a_document(a_policy("standard")), a_document(after)).told
    assert found == Alteration("policies.standard.ladder.0.slow_to_bps", "changed", None, 4_000_000)


def test_settings_go_by_the_keys_of_netmon_yaml_and_policies_come_first() -> None:
    before = a_document(alerts={"router_down_after": 7}, agencies={"dinkes": {"name": "Dinkes"}})
    after = a_document(
        a_policy("standard"), agencies={"dinkes": {"name": "Dinkes", "quotas": ["standard"]}, "rule": {}}
    )
    assert [(one.path, one.kind) for one in alterations(before, after).told] == [
        ("policies.standard", "added"),
        ("agencies.dinkes.quotas", "added"),
        ("agencies.rule", "added"),
        ("alerts.router_down_after", "removed"),
    ]


def test_so_many_changes_are_told_and_the_rest_are_counted() -> None:
    agencies = {f"a{number:04}": {"name": "A"} for number in range(MOST + 7)}
    found = alterations(a_document(), a_document(a_policy("standard"), agencies=agencies))
    assert (len(found.told), found.left_out, found.count) == (MOST, 8, MOST + 8)
    assert found.told[0].path == "policies.standard"
    assert alterations(a_document(), a_document()).count == 0

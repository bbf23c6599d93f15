"""The documented schemas of policies and of their tests are those of the code, and refuse what the loader refuses."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.policies import POLICY, TESTS

from netmon.config.policies import bundled_folder
from netmon.config.policy_schema import policy_schema

DOCS = Path(__file__).parents[2] / "docs"
QUOTAS = [bundled_folder(), DOCS / "examples" / "policies" / "quotas"]
FILES = [
    *(("quotas", path) for folder in QUOTAS for path in sorted(folder.glob("*.yaml"))),
    *(("quotas-tests", path) for folder in QUOTAS for path in sorted((folder / "tests").glob("*.yaml"))),
]


def _dates_as_text(value: Any) -> Any:
    """YAML's own dates are text to a schema."""
    match value:
        case dict():
            return {str(key): _dates_as_text(item) for key, item in value.items()}
        case list():
            return [_dates_as_text(item) for item in value]
        case date():
            return value.isoformat()
    return value


def faults(name: str, text: str) -> list[str]:
    document: Any = _dates_as_text(yaml.safe_load(text))
    return [error.message for error in Draft202012Validator(policy_schema(name)).iter_errors(document)]


@pytest.mark.parametrize("name", ["quotas", "quotas-tests"])
def test_the_documented_schema_is_the_current_one(name: str) -> None:
    """Otherwise: python -m netmon.config.policy_schema NAME > docs/schemas/NAME.schema.json."""
    documented = DOCS / "schemas" / f"{name}.schema.json"
    assert json.loads(documented.read_text(encoding="utf-8")) == policy_schema(name)
    Draft202012Validator.check_schema(policy_schema(name))


@pytest.mark.parametrize(("name", "path"), FILES, ids=[f"{path.parent.name}/{path.name}" for _, path in FILES])
def test_every_shipped_and_documented_file_keeps_to_its_schema(name: str, path: Path) -> None:
    assert faults(name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("period", ["day", "{month: 25}", "year", "{year: 04-01}", "15m", "1h30m"])
def test_the_schema_takes_every_form_of_a_period(period: str) -> None:
    assert faults("quotas", POLICY.replace("period: day", f"period: {period}")) == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("quotas", "school:", "School:"),
        ("quotas", "period: day", "period: century"),
        ("quotas", "period: day", "period: {month: 32}"),
        ("quotas", "period: day", "period: {year: 4-1}"),
        ("quotas", "10 GB", "10"),
        ("quotas", "at: 80%", "at: 80"),
        ("quotas", "notify: true", "notify: false"),
        ("quotas", "slow_to: 4 Mbps", "slow_to: 4 Mbps, notify: true"),
        ("quotas", "slow_to: 4 Mbps", "slow_to: null"),
        ("quotas", "volume", "volumes"),
        ("quotas", "volume: 10 GB", "volume: 10 GB\n    p95: 5 Mbps"),
        ("quotas", "direction: download", "direction: both"),
        ("quotas", "slow_to: 4 Mbps", "slow_to: 4 Mbps, may_breach_floor: true"),
        ("quotas", "slow_to: 4 Mbps", "hold: false"),
        ("quotas", "volume: 10 GB", "volume: 10 GB\n    when: {}"),
        ("quotas", "volume: 10 GB", "volume: 10 GB\n    when: []"),
        ("quotas", "volume: 10 GB", "volume: 10 GB\n    when: {days: [monday]}"),
        ("quotas", "volume: 10 GB", "volume: 10 GB\n    when: {hours: 8-16}"),
        ("quotas", "quotas:", "holidays: {17 August: HUT RI}\nquotas:"),
        ("quotas-tests", "before: 1", "before: 0"),
        ("quotas-tests", "{step: 1}", "{}"),
        ("quotas-tests", "{step: 1}", "{limit: 4}"),
        ("quotas-tests", "{step: 1}", "{reason: near}"),
        ("quotas-tests", "used: 9 GB,", "used: 9 GB, reading_age: soon,"),
        ("quotas-tests", "used: 9 GB,", "used: 9 GB, clock: yes,"),
        ("quotas-tests", "used: 9 GB,", "used: 9 GB, amend: {direction: upload},"),
        ("quotas-tests", "used: 9 GB,", "used: {download: 9 GB},"),
        ("quotas-tests", "used: 9 GB,", "used: 9 GB, p95: 3 Mbps,"),
        ("quotas-tests", "used: 9 GB,", "used: 9 GB, directives: [{boost: 3 Mbps, freeze: true}],"),
        ("quotas-tests", "policy: school", "policies: [school]"),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(name: str, old: str, new: str) -> None:
    text = POLICY if name == "quotas" else TESTS
    assert old in text
    assert faults(name, text) == []
    assert faults(name, text.replace(old, new, 1))

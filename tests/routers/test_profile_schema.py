from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from netmon.bundled import folder
from netmon.routers.profile_schema import profile_schema

DOCUMENTED = Path(__file__).parents[2] / "docs" / "schemas" / "collector.schema.json"


def faults(document: object) -> list[str]:
    as_json = json.loads(json.dumps(document))
    return [error.message for error in Draft202012Validator(profile_schema()).iter_errors(as_json)]


def test_the_documented_schema_is_the_current_one() -> None:
    """Otherwise: python -m netmon.routers.profile_schema > docs/schemas/collector.schema.json."""
    assert json.loads(DOCUMENTED.read_text(encoding="utf-8")) == profile_schema()
    Draft202012Validator.check_schema(profile_schema())


@pytest.mark.parametrize("path", sorted(folder("collectors").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_profile_keeps_to_the_schema(path: Path) -> None:
    assert faults(yaml.safe_load(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"description": "x", "recognize": []},
        {"description": "x", "health": {"heat": []}},
        {"description": "x", "interfaces": {"alias": [{"object": "ifAlais", "decoder": "text"}]}},
        {"description": "x", "health": {"fan": {"name": "fan", "value": {"object": "ifName", "decoder": "text"}}}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(document: object) -> None:
    assert faults(document)

"""Documents against docs/schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def conforms(name: str, document: object) -> None:
    """Raises ValidationError for a document that is not the named schema's."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker(), registry=_published()).validate(document)


def _published() -> Registry[Any]:
    """Schemas that refer to one another do so by the name of the file."""
    files = ((path.name, json.loads(path.read_text(encoding="utf-8"))) for path in SCHEMAS.glob("*.schema.json"))
    return Registry().with_resources((name, DRAFT202012.create_resource(schema)) for name, schema in files)

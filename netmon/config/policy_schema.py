"""The JSON Schemas of quota policies and of their tests, as they are written:

    python -m netmon.config.policy_schema quotas > docs/schemas/quotas.schema.json
    python -m netmon.config.policy_schema quotas-tests > docs/schemas/quotas-tests.schema.json

They say what may stand where. That ladders climb, and that a test's policy exists, is checked when files are loaded.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema, WithDefaultSchema

from netmon.config.policies import QuotaFile
from netmon.config.policy_cases import CasesFile
from netmon.settings import Settings

_FILES: dict[str, tuple[type[Settings], str, str]] = {
    "quotas": (QuotaFile, "netmon quota policies", "policies/quotas/*.yaml; see docs/quotas.md."),
    "quotas-tests": (
        CasesFile,
        "netmon tests of quota policies",
        "policies/quotas/tests/*.yaml, run by `netmon policies test`; see docs/quotas.md.",
    ),
}


class _AsWritten(GenerateJsonSchema):
    """Defaults are held as integers, but written with their unit: they are left out."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        # What may be left out may still not be written as null.
        options = inner.get("anyOf", [])
        given = [one for one in options if one != {"type": "null"}]
        return given[0] if len(given) == 1 and len(options) == 2 else inner

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def policy_schema(name: str) -> dict[str, Any]:
    """`quotas` or `quotas-tests`, as JSON Schema 2020-12."""
    model, title, description = _FILES[name]
    schema = model.model_json_schema(schema_generator=_AsWritten)
    definitions = schema.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": title,
        "description": description,
        "$defs": {name: {k: v for k, v in of.items() if k != "title"} for name, of in definitions.items()},
    }


if __name__ == "__main__":
    json.dump(policy_schema(sys.argv[1]), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")

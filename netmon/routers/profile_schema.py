"""The JSON Schema of collectors/*.yaml: `python -m netmon.routers.profile_schema > docs/schemas/collector.schema.json`.

It says what may stand where. What belongs together, which decoder fits which column, and that rules do not tie is
checked when profiles are loaded.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from netmon.routers.cli_decoders import CLI_DECODERS
from netmon.routers.optics_units import OPTICS_DECODERS
from netmon.routers.profile_fields import NUMERIC, OBJECT_SCHEMA
from netmon.routers.profile_file import ProfileFile, ProfileSchema


def profile_schema() -> dict[str, Any]:
    """As JSON Schema 2020-12."""
    schema = ProfileFile.model_json_schema(schema_generator=ProfileSchema)
    definitions = schema.pop("$defs")
    definitions["Quirks"]["properties"]["counter_refresh"] = {"type": "string", "examples": ["15s"]}
    definitions["Table"]["properties"]["entry"] = {"type": "string", "pattern": NUMERIC}
    definitions["CliDecoder"] = {"enum": list(CLI_DECODERS)}
    definitions["OpticsDecoder"] = {"enum": list(OPTICS_DECODERS)}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "netmon collector",
        "description": "A platform profile, collectors/<platform>.yaml; see docs/collectors.md.",
        "anyOf": [{"required": ["description"]}, {"required": ["extends"]}],
        "$defs": _reached(schema, definitions),
    }
    named: dict[str, Any] = _named(whole)
    named["$defs"]["ObjectId"] = OBJECT_SCHEMA
    return named


def _named(part: Any) -> Any:
    """The list of objects stands once, and is referred to."""
    if part == OBJECT_SCHEMA:
        return {"$ref": "#/$defs/ObjectId"}
    if isinstance(part, dict):
        return {key: _named(value) for key, value in part.items()}
    return [_named(value) for value in part] if isinstance(part, list) else part


def _reached(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions that anything still refers to."""
    found: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        text = json.dumps(waiting.pop())
        for name, definition in definitions.items():
            if name not in found and f'"#/$defs/{name}"' in text:
                found[name] = definition
                waiting.append(definition)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    json.dump(profile_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")

"""The scalar types of a profile: objects by their descriptor or number, and decoders by name."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from netmon.routers.mib import DECODERS, Decoder, Kind
from netmon.routers.objects import OBJECTS
from netmon.snmp.oid import Oid, parse_oid

NUMERIC: Final = r"^\.?[0-9]+(\.[0-9]+)+$"
"""An object identifier in numbers."""


def _oid(value: Any) -> Any:
    return value if isinstance(value, tuple) else parse_oid(value if isinstance(value, str) else repr(value))


def _object(value: Any) -> Any:
    if isinstance(value, str) and value in OBJECTS:
        return OBJECTS[value]
    if isinstance(value, str) and value[:1].isalpha():
        near = difflib.get_close_matches(value, OBJECTS, n=1)
        hint = f"did you mean {near[0]}?" if near else "write its numeric object identifier"
        raise ValueError(f"{value} is not a MIB object netmon knows; {hint}")
    return _oid(value)


def _decoder(value: Any) -> Any:
    if isinstance(value, Decoder) or (isinstance(value, str) and value in DECODERS):
        return value if isinstance(value, Decoder) else DECODERS[value]
    raise ValueError(f"{value!r} is not a decoder; use one of {', '.join(DECODERS)}")


def _measuring(value: Any) -> Any:
    decoder = _decoder(value)
    if decoder.kind is not Kind.MEASURE:
        fitting = ", ".join(other.name for other in DECODERS.values() if other.kind is Kind.MEASURE)
        raise ValueError(f"{decoder.name} measures nothing; use one of {fitting}")
    return decoder


def _compiles(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        raise ValueError("not a regular expression; write a text")
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}; escape special characters with \\") from None
    return value


def many(value: Any) -> Any:
    """One where a list is meant stands for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


OidText = Annotated[
    Oid,
    BeforeValidator(_oid),
    WithJsonSchema({"type": "string", "pattern": NUMERIC, "description": "A numeric object identifier."}),
]
OBJECT_SCHEMA: Final[dict[str, Any]] = {
    "description": "A MIB object: a descriptor netmon knows, or a numeric object identifier without instance.",
    "anyOf": [{"enum": sorted(OBJECTS)}, {"type": "string", "pattern": NUMERIC}],
}
ObjectId = Annotated[Oid, BeforeValidator(_object), WithJsonSchema(OBJECT_SCHEMA)]
DecoderName = Annotated[Decoder, BeforeValidator(_decoder), WithJsonSchema({"enum": list(DECODERS)})]
MeasureDecoder = Annotated[
    Decoder,
    BeforeValidator(_measuring),
    WithJsonSchema({"enum": [decoder.name for decoder in DECODERS.values() if decoder.kind is Kind.MEASURE]}),
]
Pattern = Annotated[str, BeforeValidator(_compiles), WithJsonSchema({"type": "string", "format": "regex"})]
"""A Python regular expression that is searched for."""

"""Turns what pydantic found into sentences for an operator."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netmon.config.errors import Loc, closest, did_you_mean, without_user_info
from netmon.settings import SecretRef

A_SECRET = "a secret is exactly one of {env: NAME}, {file: PATH} or {credential: NAME}"  # noqa: S105
A_NAME = "must be lower-case letters, digits, dots, dashes or underscores, at most 64, a letter or digit at both ends"

_BY_PATTERNED_KEY = {
    "username": "must be letters, digits or . _ @ + -, at most 64",
    "currency": "must be three capital letters (ISO 4217), for example IDR",
}
_BY_TYPE = {
    "missing": "is missing; add it",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text; put quotes around it",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must not be empty",
    "path_type": "must be the path of a file",
    "model_type": "must be a mapping, written as `key: value` lines",
    "dict_type": "must be a mapping, written as `key: value` lines",
    "tuple_type": "must be a list, written as [a, b]",
    "recursion_loop": "refers to itself; take the alias away",
}


def details(error: ValidationError) -> list[ErrorDetails]:
    """All that is wrong; a list is not called empty where something in it is wrong."""
    return [one for one in error.errors(include_url=False) if one["type"] != "too_short" or not one["input"]]


def described(error: ErrorDetails, model: type[BaseModel]) -> tuple[Loc, str, bool]:
    """Where the error stands, the sentence, and whether its place is a key rather than a value.

    Never repeats what stands inside a secret, not even a key.
    """
    loc: Loc = error["loc"]
    at_key = loc[-1:] == ("[key]",)
    if at_key:
        loc = loc[:-1]
    loc = tuple(
        str(part) if get_origin(type_at(model, loc[:depth])) is dict else part for depth, part in enumerate(loc)
    )
    for depth in range(1, len(loc) + 1):
        if type_at(model, loc[:depth]) is SecretRef and error["type"] != "missing":
            return loc[:depth], A_SECRET, False
    if error["type"] == "extra_forbidden":
        parent = type_at(model, loc[:-1])
        return loc, "unknown key" + did_you_mean(str(loc[-1]), keys_of(parent)), True
    return loc, without_user_info(_sentence(error, loc, at_key)), at_key


def _sentence(error: ErrorDetails, loc: Loc, at_key: bool) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind != "missing" and error["input"] is None:
        return "is empty; give it a value or leave the key out"
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if kind in ("enum", "literal_error"):
        known = [word.strip("' ") for word in context["expected"].replace(" or ", ", ").split(",")]
        said = str(error["input"])
        return f"{said!r} is not one of {', '.join(known)}{closest(said, known)}"
    if kind == "string_pattern_mismatch":
        return A_NAME if at_key else _BY_PATTERNED_KEY.get(str(loc[-1]), A_NAME)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind].format(**context)
    return error["msg"][:1].lower() + error["msg"][1:]


def type_at(model: type[BaseModel], loc: Loc) -> Any:
    """The annotated type of what stands at `loc`, optional and annotated wrappers taken off; None if unknown."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = _field_type(current, part)
        elif get_origin(current) is dict:
            current = get_args(current)[1]
        elif get_origin(current) is tuple:
            current = get_args(current)[0]
        else:
            return None
        current = _bare(current)
    return current


def keys_of(kind: Any) -> list[str]:
    """The keys an operator may write in a mapping of that type."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [info.alias or name for name, info in kind.model_fields.items()]


def _field_type(model: type[BaseModel], part: str | int) -> Any:
    fields: Mapping[str, Any] = model.model_fields
    for name, info in fields.items():
        if part in (name, info.alias):
            return info.annotation
    return None


def _bare(kind: Any) -> Any:
    while True:
        origin = get_origin(kind)
        if origin is Annotated:
            kind = get_args(kind)[0]
        elif origin in (Union, types.UnionType):
            kind = next(arg for arg in get_args(kind) if arg is not type(None))
        else:
            return kind

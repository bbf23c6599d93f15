"""What values are in RouterOS scripts: how they are written, compared and taken apart."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from netmon.simulator.routeros_menus import Item, Value
from netmon.simulator.routeros_script import ScriptError

Result = Value | Item | None


def part_of(verb: str, operands: Sequence[Result]) -> Result:
    """`:find` gives the place of a text in another, or nothing; `:pick` what stands from one place up to another."""
    text, *places = [shown(one) for one in operands]
    if verb == "find":
        at = text.find(places[0]) if places else -1
        return at if at >= 0 else None
    if not places or not all(place.isdecimal() for place in places):
        raise ScriptError("invalid value for argument begin")
    begin = int(places[0])
    return text[begin : int(places[1]) if len(places) > 1 else begin + 1]


def shown(value: Result) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return ";".join(value)
        case dict():
            return ";".join(f"{name}={shown(one)}" for name, one in value.items())
    return str(value)


def is_true(value: Result) -> bool:
    return value is True or value in ("true", "yes")


def is_equal(left: Result, right: Result) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return is_true(left) == is_true(right)
    return shown(left) == shown(right)


def lies_in(address: str, prefix: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        return False


def ids_in(values: Sequence[Result]) -> list[str]:
    """Ids or names out of `[find ...]`, a single id, a name, or a list written with commas."""
    found: list[str] = []
    for value in values:
        found += value if isinstance(value, list) else [part for part in shown(value).split(",") if part]
    return found

"""The menus of the simulated RouterOS routers: tables of items with ids, as far as netmon's templates read them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netmon.simulator.routeros_script import ScriptError

Value = str | int | bool | list[str]
Item = dict[str, Value]

MOST_ITEMS = 256
_LONGEST_VALUE = 4096
_RATE = re.compile(r"(\d{1,12})([kKMG]?)")
_FACTORS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}

Normalise = Callable[[str], Value]
"""Reads a property's value as the router holds it; ValueError if it is none."""


@dataclass(slots=True)
class Menu:
    """One table. Items keep their order, as simple queues match in order."""

    properties: Mapping[str, Normalise]
    """What can be written."""
    defaults: Mapping[str, Value] = field(default_factory=dict)
    writable: bool = True
    unique_name: bool = True
    required: Sequence[str] = ()
    """What an item cannot be added without."""
    single: bool = False
    """It has one item, whose properties are asked for without naming it."""
    items: dict[str, Item] = field(default_factory=dict)
    next_id: int = 1

    def add(self, values: Mapping[str, str]) -> str:
        item = {**self.defaults, **self._normal(values)}
        if len(self.items) >= MOST_ITEMS:
            raise ScriptError("failure: too many items")
        if self.unique_name and not item.get("name"):
            raise ScriptError("failure: name is required")
        for name in self.required:
            if name not in item:
                raise ScriptError(f"failure: {name} is required")
        self._refuse_twins(item, None)
        return self.insert(item)

    def insert(self, item: Item) -> str:
        """Adds an item as it is: what the system itself puts there."""
        name = f"*{self.next_id:X}"
        self.next_id += 1
        self.items[name] = item
        return name

    def set(self, ids: Sequence[str], values: Mapping[str, str]) -> None:
        normal = self._normal(values)
        for one in ids:
            item = {**self.item(one), **normal}
            self._refuse_twins(item, one)
            self.items[one] = item

    def remove(self, ids: Sequence[str]) -> None:
        for one in ids:
            self.item(one)
        for one in ids:
            self.items.pop(one, None)

    def item(self, one: str) -> Item:
        """An item by its id or name."""
        if one in self.items:
            return self.items[one]
        raise ScriptError("no such item")

    def id_of(self, text: str) -> str:
        if text in self.items:
            return text
        for one, item in self.items.items():
            if item.get("name") == text:
                return one
        raise ScriptError("no such item")

    def _normal(self, values: Mapping[str, str]) -> Item:
        normal: Item = {}
        for name, value in values.items():
            if name not in self.properties:
                raise ScriptError(f"expected end of command (argument {name})")
            if len(value) > _LONGEST_VALUE:
                raise ScriptError(f"invalid value for argument {name}: too long")
            try:
                normal[name] = self.properties[name](value)
            except ValueError:
                raise ScriptError(f"input does not match any value of {name}") from None
        return normal

    def _refuse_twins(self, item: Item, own: str | None) -> None:
        if self.unique_name and any(
            other.get("name") == item.get("name") for one, other in self.items.items() if one != own
        ):
            raise ScriptError("failure: already have such name")


def text(value: str) -> Value:
    return value


def yes_or_no(value: str) -> Value:
    if value not in ("yes", "no", "true", "false"):
        raise ValueError(value)
    return value in ("yes", "true")


def rate(value: str) -> Value:
    match = _RATE.fullmatch(value)
    if match is None:
        raise ValueError(value)
    return str(int(match[1]) * _FACTORS[match[2]])


def rate_pair(value: str) -> Value:
    """`8M/4000000` -> `8000000/4000000`."""
    up, slash, down = value.partition("/")
    if not slash:
        raise ValueError(value)
    return f"{rate(up)}/{rate(down)}"


def network(value: str) -> Value:
    return str(ipaddress.ip_network(value, strict=False))


def address_of(version: int) -> Normalise:
    """An address or prefix of one family, perhaps negated; a single address is held without its length."""

    def check(value: str) -> Value:
        found = ipaddress.ip_network(value.removeprefix("!"), strict=False)
        if found.version != version:
            raise ValueError(value)
        single = found.version == 4 and found.prefixlen == 32
        return value[: value.startswith("!")] + str(found.network_address if single else found)

    return check


def number(least: int, most: int) -> Normalise:
    def check(value: str) -> Value:
        if not least <= int(value) <= most:
            raise ValueError(value)
        return str(int(value))

    return check


def one_of(names: Sequence[str]) -> Normalise:
    known = frozenset(names)

    def check(value: str) -> Value:
        if value not in known:
            raise ValueError(value)
        return value

    return check


def target_among(names: Sequence[str]) -> Normalise:
    """A queue's target: ports or prefixes, separated by commas; empty for everything."""
    known = frozenset(names)

    def check(value: str) -> Value:
        return ",".join(part if part in known else str(network(part)) for part in value.split(",") if part)

    return check

"""How one configuration became another: the differences that mean something, policies first.

A configuration is the plain document that joins the receipt chain: `policies`, a list of quota policies, and
`settings`, what else was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from netmon.core.differences import Difference, differences

MOST = 500
"""Changes that are told one by one; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """One place that reads otherwise than before, as the chain keeps it."""

    path: str
    """As in netmon.yaml, such as `agencies.dinkes.quotas`; of a policy `policies.NAME.` and its part."""
    kind: str
    """`added`, `removed` or `changed`."""
    before: Any
    """As in the document: integers in bit/s, bytes, nanoseconds or thousandths; None: there was nothing."""
    after: Any


@dataclass(frozen=True, slots=True)
class Alterations:
    """All between two configurations."""

    told: tuple[Alteration, ...]
    left_out: int = 0
    """How many there are besides."""

    @property
    def count(self) -> int:
        return len(self.told) + self.left_out


def alterations(before: Mapping[str, Any], after: Mapping[str, Any]) -> Alterations:
    """Where a policy stands in its file is no part of it: a comment above it alters nothing."""
    found = _ordered(before, after)
    told = tuple(Alteration(one.path, one.kind, one.before, one.after) for one in islice(found, MOST))
    return Alterations(told, sum(1 for _ in found))


def _ordered(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    old, new = _sections(before), _sections(after)
    for section in sorted(old.keys() | new.keys(), key=lambda name: (name != "policies", name)):
        was, now = old.get(section), new.get(section)
        # A section that came or went as a whole is told by what it holds.
        if isinstance(was or now, Mapping):
            was, now = was or {}, now or {}
        yield from differences({section: was}, {section: now})


def _sections(document: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level keys of netmon.yaml, and the policies."""
    others = {key: value for key, value in document.items() if key != "settings"}
    return {**others, **document.get("settings", {}), "policies": _without_places(document.get("policies", []))}


def _without_places(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _without_places(item) for key, item in value.items() if key != "rule" or not _is_place(item)}
        case list():
            return [_without_places(item) for item in value]
    return value


def _is_place(value: Any) -> bool:
    """Whether it is a RuleRef."""
    return isinstance(value, Mapping) and value.keys() == {"file", "line"}

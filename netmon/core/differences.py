"""What differs between two documents, place by place: how a configuration came to be another one.

Documents are plain JSON: mappings, lists, text, integers, booleans and None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One place. A mapping or list that is new or gone as a whole is one difference, with all it holds."""

    place: tuple[str, ...]
    """Keys from the top; an item of a list by its `name` or `id`, else its number from 0."""
    before: Any
    after: Any
    kind: str
    """`added`, `removed` or `changed`."""

    @property
    def path(self) -> str:
        """`policies.standard.volume_bytes`."""
        return ".".join(self.place)


def differences(before: Any, after: Any, without: frozenset[str] = frozenset()) -> Iterator[Difference]:
    """In the order of keys; `without`: keys that are passed over wherever they stand."""
    yield from _between((), before, after, without)


def _between(place: tuple[str, ...], before: Any, after: Any, without: frozenset[str]) -> Iterator[Difference]:
    old, new = _children(before), _children(after)
    if old is None or new is None:
        # Python holds True equal to 1, JSON does not.
        if json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
            yield Difference(place, before, after, "changed")
        return
    for key in sorted((old.keys() | new.keys()) - without):
        here = (*place, key)
        if key not in new:
            yield Difference(here, old[key], None, "removed")
        elif key not in old:
            yield Difference(here, None, new[key], "added")
        else:
            yield from _between(here, old[key], new[key], without)


def _children(value: Any) -> Mapping[str, Any] | None:
    """What stands below, by key; None: nothing does."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        named = {_name(item): item for item in value}
        if None not in named and len(named) == len(value):
            return {str(name): item for name, item in named.items()}
    return None


def _name(item: Any) -> str | None:
    name = item.get("name", item.get("id")) if isinstance(item, Mapping) else None
    return name if isinstance(name, str) else None

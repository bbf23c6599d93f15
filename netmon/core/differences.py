"""What differs between two documents, place by place: how a configuration came to be another one.

Documents are plain JSON: mappings, lists, text, integers, booleans and None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One place. A mapping or list that is new or gone as a whole is one difference, with all it holds."""

    place: tuple[str, ...]
    """Keys from the top; an item of a list of mappings by its `name` or `id`, else its number from 0."""
    before: Any
    after: Any
    kind: str
    """`added`, `removed` or `changed`."""

    @property
    def path(self) -> str:
        """`policies.standard.volume_bytes`; a key that holds a dot is quoted, as in TOML: `routers."palu.core"`."""
        return ".".join(json.dumps(key) if not key or "." in key or '"' in key else key for key in self.place)


def differences(before: Any, after: Any) -> Iterator[Difference]:
    """In the order of keys."""
    yield from _between((), before, after)


def _between(place: tuple[str, ...], before: Any, after: Any) -> Iterator[Difference]:
    old, new = _children(before, after), _children(after, before)
    if old is None or new is None:
        # Python holds True equal to 1, JSON does not.
        if json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
            yield Difference(place, before, after, "changed")
        return
    for key in sorted(old.keys() | new.keys()):
        here = (*place, key)
        if key not in new:
            yield Difference(here, old[key], None, "removed")
        elif key not in old:
            yield Difference(here, None, new[key], "added")
        else:
            yield from _between(here, old[key], new[key])


def _children(value: Any, other: Any) -> Mapping[str, Any] | None:
    """What stands below, by key; None: nothing does, or what stands in the other document is of another form."""
    if isinstance(value, Mapping):
        return value if isinstance(other, Mapping) else None
    if not _mappings(value) or not _mappings(other) or not (value or other):
        return None
    named = {_name(item): item for item in value}
    if None not in named and len(named) == len(value):
        return {str(name): item for name, item in named.items()}
    return {str(number): item for number, item in enumerate(value)}


def _mappings(value: Any) -> bool:
    """Whether it is a list of nothing else."""
    return isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)


def _name(item: Any) -> str | None:
    name = item.get("name", item.get("id"))
    return name if isinstance(name, str) else None

"""What a configuration's document says, in the units in which people write it.

Settings keep integers under keys without a unit; which it is, their types say. Policies' keys end in theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel, WithJsonSchema

from netmon.config.settings import NetmonSettings
from netmon.core.revising import Alteration
from netmon.core.units import format_duration, format_rate, format_volume
from netmon.settings import DURATION_SCHEMA, PERCENT_SCHEMA, RATE_SCHEMA, VOLUME_SCHEMA

LONGEST: Final = 200
"""Characters of a value; the rest is left out."""
Form = Callable[[int], str]


def _percent(permille: int) -> str:
    return f"{permille // 10}%" if permille % 10 == 0 else f"{permille / 10:.1f}%"


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_BY_TYPE: Final[tuple[tuple[WithJsonSchema, Form], ...]] = (
    (DURATION_SCHEMA, format_duration),
    (RATE_SCHEMA, format_rate),
    (VOLUME_SCHEMA, format_volume),
    (PERCENT_SCHEMA, _percent),
)
_BY_ENDING: Final[Mapping[str, Form]] = {
    "_ns": format_duration,
    "_bps": format_rate,
    "_bytes": format_volume,
    "_permille": _percent,
    "_minute": _time,
}


def told(change: Alteration) -> str:
    """`policies.standard-download.volume_bytes: 2 TB -> 1 TB`, on one line."""
    if change.kind == "changed":
        return f"{change.path}: {shown(change.path, change.before)} -> {shown(change.path, change.after)}"
    value = change.after if change.kind == "added" else change.before
    return f"{change.path}: {change.kind} ({shown(change.path, value)})"


def shown(path: str, value: Any) -> str:
    """A value of the document at that place."""
    text = _shown(path.rpartition(".")[2], value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _shown(key: str, value: Any) -> str:
    match value:
        case None | []:
            return "none"
        case bool():
            return "true" if value else "false"
        case int():
            form = _form(key)
            return str(value) if form is None else form(value)
        case Mapping():
            held = (f"{name}: {_inner(name, item)}" for name, item in value.items() if item not in (None, []))
            return ", ".join(held) or "none"
        case list():
            return ", ".join(_inner(key, item) for item in value)
    # What somebody wrote may not begin a line of the log.
    text = str(value)
    return text if text.isprintable() else ascii(text)


def _inner(key: str, value: Any) -> str:
    text = _shown(key, value)
    return f"({text})" if isinstance(value, Mapping) else f"[{text}]" if isinstance(value, list) else text


def _form(key: str) -> Form | None:
    for ending, form in _BY_ENDING.items():
        if key.endswith(ending):
            return form
    return _settings().get(key)


@cache
def _settings() -> dict[str, Form]:
    return dict(quantities(NetmonSettings))


def quantities(model: type[BaseModel]) -> Iterator[tuple[str, Form]]:
    """The keys of settings, and of those below them, that hold a quantity, with how people write it."""
    for name, field in model.model_fields.items():
        for part in (field, *_parts(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from quantities(part)
            for schema, form in _BY_TYPE:
                if schema in getattr(part, "metadata", getattr(part, "__metadata__", ())):
                    yield field.alias or name, form


def _parts(annotation: Any) -> Iterator[Any]:
    """What an annotation is made of, itself first."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)

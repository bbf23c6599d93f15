"""Where in which file a part of a profile was written, kept by the values made from it.

The profile's loader hands pydantic mappings that know their line; a model derived from `Placed` remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ModelWrapValidatorHandler, PrivateAttr, model_validator

from netmon.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a profile."""

    path: Path
    line: int
    """From 1."""
    column: int = 1

    def __str__(self) -> str:
        """`collectors/junos.yaml:31`."""
        return f"{self.path.parent.name}/{self.path.name}:{self.line}"


class Written(dict[Any, Any]):
    """A mapping as read from YAML."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[Any, Place] = {}
        """Where each key is."""


class Placed(Settings):
    """Base of the parts of a profile that tell where they were written."""

    _place: Place | None = PrivateAttr(default=None)

    @property
    def place(self) -> Place | None:
        """None: not read from a file."""
        return self._place

    def written_at(self, place: Place) -> None:
        self._place = place

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, value: Any, handler: ModelWrapValidatorHandler[Placed]) -> Placed:
        made = handler(value)
        if isinstance(value, Written):
            made.written_at(value.place)
        return made

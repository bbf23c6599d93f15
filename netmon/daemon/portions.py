"""Long rows in portions, so that the event loop may run in between, or a transaction stays short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def portions(of: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """In order, each of at most `size`."""
    return (of[start : start + size] for start in range(0, len(of), size))

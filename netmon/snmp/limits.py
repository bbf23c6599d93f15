"""How much each agent is asked at once, learned from what it leaves unanswered or refuses as too big. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

UNLIMITED: Final = 1 << 16
PATIENCE: Final = 64
"""Answers before an agent is tried with twice as much; twice as many each time that was too much."""
MOST_PATIENCE: Final = 4096
CAPACITY: Final = 100_000
"""Agents remembered; beyond it the oldest is forgotten."""


class _Limit:
    __slots__ = ("answers", "most", "patience")

    def __init__(self) -> None:
        self.most = UNLIMITED
        self.answers = 0
        """Since the last change."""
        self.patience = PATIENCE // 2


class Limits:
    """Halved at each failure, doubled after ever longer spells without one; agents without failures cost nothing."""

    def __init__(self) -> None:
        self._limits: dict[Hashable, _Limit] = {}

    def of(self, key: Hashable) -> int:
        """Variables to ask for at once; UNLIMITED if nothing speaks against it."""
        limit = self._limits.get(key)
        return UNLIMITED if limit is None else limit.most

    def exceeded(self, key: Hashable, size: int) -> None:
        """`size` variables were too many."""
        limit = self._limits.get(key)
        if limit is None:
            if len(self._limits) >= CAPACITY:
                del self._limits[next(iter(self._limits))]
            limit = self._limits[key] = _Limit()
        half = max(1, size // 2)
        # Of several requests under way at once, the first to fail has already said it.
        if half < limit.most:
            limit.most = half
            limit.answers = 0
            limit.patience = min(limit.patience * 2, MOST_PATIENCE)

    def answered(self, key: Hashable, size: int) -> None:
        """`size` variables were not too many; a size far below the limit says nothing."""
        limit = self._limits.get(key)
        if limit is None or limit.most == UNLIMITED or size * 2 <= limit.most:
            return
        limit.answers += 1
        if limit.answers >= limit.patience:
            limit.most = min(limit.most * 2, UNLIMITED)
            limit.answers = 0

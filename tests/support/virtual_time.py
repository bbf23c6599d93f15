"""An event loop whose clock jumps to the next timer where there is nothing else to do: an hour passes at once.

What a test says of seconds is then exact, and holds on a machine however busy. For code that waits for timers
alone: neither sockets nor threads hold this clock up.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

from netmon.core.model import NANOSECONDS

T = TypeVar("T")


class VirtualTime(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = 0.0
        selector = selectors.SelectSelector()
        super().__init__(selector)
        look = selector.select

        def select(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            assert timeout is not None, "everything waits, and no timer is set"
            self.now_s += max(timeout, 0)
            return look(0)

        selector.select = select  # type: ignore[method-assign]

    def time(self) -> float:
        return self.now_s

    def time_ns(self) -> int:
        return round(self.now_s * NANOSECONDS)

    def play(self, scene: Coroutine[None, None, T]) -> T:
        """Runs `scene` to its end, and the loop with it."""
        with asyncio.Runner(loop_factory=lambda: self) as runner:
            return runner.run(scene)

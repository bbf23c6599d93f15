"""A hashed timer wheel: thousands of deadlines behind a single event-loop timer (Varghese and Lauck, 1987)."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

T = TypeVar("T")

SLOTS: Final = 512


class TimerWheel(Generic[T]):
    """Items by integer key with a deadline each; adding and cancelling cost the same however many there are.

    Deadlines are honoured to the next tick and never early. Pure: time comes in as monotonic nanoseconds.
    """

    def __init__(self, tick_ns: int, now_ns: int) -> None:
        self._tick_ns = tick_ns
        self._turned = now_ns // tick_ns
        """The last tick whose slot was emptied."""
        self._slots: list[dict[int, tuple[int, T]]] = [{} for _ in range(SLOTS)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, key: int, item: T, deadline_ns: int) -> int:
        """Hangs `item` up under a key that no other has; returns what `cancel` wants."""
        tick = -(-deadline_ns // self._tick_ns)
        if tick <= self._turned:
            tick = self._turned + 1
        self._slots[tick % SLOTS][key] = (tick, item)
        self._count += 1
        return tick

    def cancel(self, key: int, tick: int) -> None:
        """Takes the item down; nothing happens if it is not there."""
        if self._slots[tick % SLOTS].pop(key, None) is not None:
            self._count -= 1

    def expire(self, now_ns: int) -> list[T]:
        """Takes down and returns every item whose deadline has passed."""
        now = now_ns // self._tick_ns
        due: list[T] = []
        for tick in range(self._turned + 1, min(now, self._turned + SLOTS) + 1):
            slot = self._slots[tick % SLOTS]
            due += [slot.pop(key)[1] for key in [key for key, (at, _) in slot.items() if at <= now]]
        self._count -= len(due)
        self._turned = max(self._turned, now)
        return due

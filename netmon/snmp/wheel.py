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
        self._slot_of: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, key: int, item: T, deadline_ns: int) -> None:
        """Hangs `item` up; one with the same key is replaced."""
        self.cancel(key)
        tick = max(-(-deadline_ns // self._tick_ns), self._turned + 1)
        slot = tick % SLOTS
        self._slots[slot][key] = (tick, item)
        self._slot_of[key] = slot

    def cancel(self, key: int) -> None:
        """Takes the item down; nothing happens if it is not there."""
        slot = self._slot_of.pop(key, None)
        if slot is not None:
            del self._slots[slot][key]

    def expire(self, now_ns: int) -> list[T]:
        """Takes down and returns every item whose deadline has passed."""
        now = now_ns // self._tick_ns
        due: list[T] = []
        for tick in range(self._turned + 1, min(now, self._turned + SLOTS) + 1):
            slot = self._slots[tick % SLOTS]
            for key in [key for key, (at, _) in slot.items() if at <= now]:
                due.append(slot.pop(key)[1])
                del self._slot_of[key]
        self._turned = max(self._turned, now)
        return due

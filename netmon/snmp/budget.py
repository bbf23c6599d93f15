"""A bound on requests per second (a token bucket, kept as the instant at which it will be full). Pure."""

from __future__ import annotations

from typing import Final

SECOND: Final = 1_000_000_000


class Budget:
    """Lets `per_second` requests a second pass, and a quarter of a second's worth (at least one) at once."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._interval_ns = SECOND // per_second
        self._burst_ns = max(0, per_second // 4 - 1) * self._interval_ns
        self._full_at_ns: int | None = None

    def take(self, now_ns: int) -> int:
        """Takes one request's share; how long from `now_ns` on, in nanoseconds, to wait with the request."""
        full_at = now_ns if self._full_at_ns is None else max(self._full_at_ns, now_ns)
        self._full_at_ns = full_at + self._interval_ns
        return max(0, full_at - self._burst_ns - now_ns)

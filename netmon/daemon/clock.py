"""The daemon's clock: UTC nanoseconds that never run backwards, and whether they may be trusted.

A step of the host's clock forward is followed; a step backward is not: time then stands on the
monotonic clock until the host catches up. Trust is what period rolls and enforcement need
(invariant 6); counting bytes needs none.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass

from netmon.core.model import NANOSECONDS

DISAGREEMENT_NS = 300 * NANOSECONDS
"""Beyond this the host's clock, the ledger and the monotonic clock contradict each other."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Why the clock may not be trusted; None: it may."""

    objection: str | None

    def __bool__(self) -> bool:
        return self.objection is None


def synchronised_by_kernel() -> bool:
    """Whether a time service keeps the kernel's clock (adjtimex(2) does not return TIME_ERROR)."""
    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(512)  # all zero: modes = 0 reads only
    return bool(libc.adjtimex(timex) not in (-1, 5))


class Clock:
    """Wall time anchored to the monotonic clock when it was made."""

    def __init__(
        self,
        require_synchronised: bool,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        synchronised: Callable[[], bool] = synchronised_by_kernel,
    ) -> None:
        self._wall_ns, self._monotonic_ns, self._synchronised = wall_ns, monotonic_ns, synchronised
        self._require_synchronised = require_synchronised
        self._offset_ns = wall_ns() - monotonic_ns()

    def now_ns(self) -> int:
        """UTC nanoseconds since the epoch; later calls never return less."""
        passed = self._monotonic_ns()
        self._offset_ns = max(self._offset_ns, self._wall_ns() - passed)
        return passed + self._offset_ns

    def trust(self, newest_ledger_ns: int | None) -> Trust:
        """Whether decisions may rest on this clock, given the ledger's newest visit."""
        now_ns = self.now_ns()
        if now_ns - self._wall_ns() > DISAGREEMENT_NS:
            return Trust("the host's clock was set back by more than five minutes")
        if newest_ledger_ns is not None and newest_ledger_ns - now_ns > DISAGREEMENT_NS:
            return Trust("the ledger's newest visit lies more than five minutes in the future")
        if self._require_synchronised and not self._synchronised():
            return Trust("no time service keeps the host's clock synchronised")
        return Trust(None)

"""What work costs, whoever else the machine works for."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def processor_time(most_s: float) -> Iterator[None]:
    """Fails what keeps the thread's processor busy for longer; a decorator too, for each call by itself."""
    began = time.thread_time()
    yield
    took = time.thread_time() - began
    assert took < most_s, f"{took:.3f} s of processor time, more than {most_s} s"


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile: how long that takes is a matter of all the tests before."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

"""The daemon as its command line starts it: `python netmond.py netmon.yaml`.

With NETMON_TEST_SLOW=FILE it runs on asyncio's own event loop, and the first callback, and each that keeps the
processor busy for 20 ms or more, becomes a line of FILE: when it ended (monotonic, in seconds), how long it took,
what it was.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import uvloop

from netmon.config.errors import ConfigError
from netmon.daemon.service import run
from netmon.settings import SecretUnavailableError
from netmon.store.errors import StoreError


def tell_slow_callbacks(file: Path) -> None:
    carry_out = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        carry_out(handle)
        took = time.thread_time() - began
        if took >= 0.02 or not file.exists():
            with file.open("a") as out:
                out.write(f"{time.monotonic()} {took:.3f} s {handle!r}\n")

    asyncio.Handle._run = measured  # type: ignore[method-assign, assignment]
    uvloop.run = asyncio.run  # type: ignore[assignment]


if __name__ == "__main__":
    if file := os.environ.get("NETMON_TEST_SLOW"):
        tell_slow_callbacks(Path(file))
    try:
        sys.exit(run(Path(sys.argv[1])))
    except (ConfigError, SecretUnavailableError, StoreError) as error:
        sys.exit(f"netmon: {error}")

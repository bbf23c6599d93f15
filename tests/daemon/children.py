"""What child processes do in the tests of the daemon's processes."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from netmon.daemon.processes import Channel, Child, ChildFailedError

Reply = Callable[[Any, bool], None]


def obliging(channel: Channel, setup: Any) -> None:
    """Answers what it is asked to; a request is (verb, argument)."""

    def in_a_thread(work: Callable[[], None]) -> None:
        threading.Thread(target=work, daemon=True).start()

    def handle(payload: tuple[str, Any], reply: Reply) -> None:
        verb, argument = payload
        match verb:
            case "setup":
                reply(setup, False)
            case "pid":
                reply(os.getpid(), False)
            case "echo":
                reply(argument, False)
            case "fail":
                reply(argument, True)
            case "hang":
                in_a_thread(lambda: time.sleep(3600))
            case "ask":
                in_a_thread(lambda: reply(_asked(channel, argument), False))
            case "crash":
                raise ValueError(argument)

    channel.serve(handle)


def _asked(channel: Channel, question: Any) -> tuple[str, Any]:
    try:
        return "answered", channel.ask(question)
    except ChildFailedError as error:
        return "refused", str(error)


async def _parent() -> None:
    """A daemon with one child, one of whose threads hangs; prints the child's pid."""
    child = Child("orphan", obliging, None)
    running = asyncio.ensure_future(child.run())
    print(await child.request(("pid", None)), flush=True)
    await asyncio.wait({running, asyncio.ensure_future(child.request(("hang", None)))})


if __name__ == "__main__":
    sys.exit(asyncio.run(_parent()))

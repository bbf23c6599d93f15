"""The worker process: decisions over many agencies at once, away from the event loop."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netmon.core.shares import Posed, Supply, answer
from netmon.daemon.processes import Channel


@dataclass(frozen=True, slots=True)
class Call:
    """A module-level pure function and what it is called with."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def main(channel: Channel, setup: Supply | None) -> None:
    """Evaluates Calls, and answers what is Posed, one after the other until the daemon is gone."""

    def handle(asked: Any, reply: Callable[[Any, bool], None]) -> None:
        call = Call(answer, (setup, asked)) if isinstance(asked, Posed) else asked
        gc.disable()  # of millions of values hardly any refers to itself: looking for them takes a quarter of the time
        try:
            reply(call.function(*call.arguments), False)
        except (ValueError, ArithmeticError, LookupError, TypeError) as error:
            reply(f"{call.function.__name__}: {error}", True)
        finally:
            gc.enable()

    channel.serve(handle)

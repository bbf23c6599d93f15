"""The worker process: decisions over many agencies at once, away from the event loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netmon.daemon.processes import Channel


@dataclass(frozen=True, slots=True)
class Call:
    """A module-level pure function and what it is called with."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def main(channel: Channel, setup: None) -> None:
    """Evaluates Calls one after the other until the daemon is gone."""

    def handle(call: Any, reply: Callable[[Any, bool], None]) -> None:
        try:
            reply(call.function(*call.arguments), False)
        except (ValueError, ArithmeticError, LookupError, TypeError) as error:
            reply(f"{call.function.__name__}: {error}", True)

    channel.serve(handle)

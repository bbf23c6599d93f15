"""A login on a simulated RouterOS router; every line is a script of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from netmon.simulator.console import Logout


class RouterOsSeat:
    def __init__(self, prompt: str, run: Callable[[str], Awaitable[str]], log_out: Callable[[], None]) -> None:
        self._prompt = prompt
        self._run = run
        self._log_out = log_out

    @property
    def prompt(self) -> str:
        return self._prompt

    async def run(self, line: str) -> str:
        if line.strip() in ("quit", "/quit"):
            raise Logout("interrupted")
        return await self._run(line)

    def close(self) -> None:
        """No longer shown under `/user active`."""
        self._log_out()

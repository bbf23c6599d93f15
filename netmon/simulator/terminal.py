"""The terminal between a simulated router's command line and its SSH channel, with all that may go wrong on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncssh

from netmon.simulator.console import Logout, Seat, Silent
from netmon.simulator.faults import Break, FaultSwitch, Stage

LONGEST_LINE = 16_384
_IDLE_S = 600.0
_INTERRUPT, _END, _ERASE_LINE = "\x03", "\x04", "\x15"
_MORE = "--More--"

Process = asyncssh.SSHServerProcess[str]


class DroppedError(Exception):
    """The link is to be cut here."""


async def break_at(stage: Stage, faults: FaultSwitch, closed: Callable[[], Awaitable[object]]) -> None:
    """Goes on, or raises DroppedError: at once, or when the other side has had enough (`closed` returns)."""
    how = faults.breaks(stage)
    if how is Break.HANG:
        await closed()
    if how is not None:
        raise DroppedError


async def converse(process: Process, seat: Seat, banner: str, faults: FaultSwitch) -> int:
    """Answers lines until the operator leaves; the session's exit status. Raises DroppedError."""
    screen = _Screen(process, faults)
    keys = _Keys(process, faults, lambda: not isinstance(seat, Silent) or seat.echo)
    closed = process.channel.wait_closed
    await break_at(Stage.SHELL, faults, closed)
    await screen.show(on_terminal(banner) + on_terminal(faults.now.motd))
    await break_at(Stage.PROMPT, faults, closed)
    await screen.show(screen.prompt(seat))
    async for line in keys.lines():
        if line.strip():
            await break_at(Stage.COMMAND, faults, closed)
        try:
            said = on_terminal(await seat.run(line))
        except Logout as left:
            process.stdout.write(on_terminal(left.said))
            return left.status
        if line.strip():
            await break_at(Stage.EFFECT, faults, closed)
            await screen.answer(said, keys)
        await screen.show(screen.prompt(seat) if line.strip() else said + screen.prompt(seat))
    return 0


class _Screen:
    """What the router prints."""

    def __init__(self, process: Process, faults: FaultSwitch) -> None:
        self._process = process
        self._faults = faults

    def prompt(self, seat: Seat) -> str:
        wrong = self._faults.now.prompt
        return (seat.prompt if wrong is None else wrong).replace("\n", "\r\n")

    async def answer(self, said: str, keys: _Keys) -> None:
        """The whole answer, page by page where it is paged. Raises DroppedError."""
        faults = self._faults.now
        lines = said.splitlines(keepends=True)
        if faults.syslog:
            lines = [part for line in ("", *lines) for part in (line, f"{faults.syslog}\r\n") if part]
        if faults.escapes:
            lines = [f"\x1b[0m\x1b[1;32m{line.rstrip()}\x1b[0m\x1b[K\r\n" for line in lines]
        if (broken := self._faults.breaks(Stage.ANSWER)) is not None:
            text = "".join(lines)
            await self.show(text[: len(text) // 2])
            if broken is Break.HANG:
                await self._process.channel.wait_closed()
            raise DroppedError
        size = faults.page_lines or len(lines) or 1
        while len(lines) > size:
            await self.show("".join(lines[:size]) + _MORE)
            if await keys.key() == "q":
                lines = []
            await self.show("\b" * len(_MORE) + " " * len(_MORE) + "\b" * len(_MORE))
            lines = lines[size:]
        await self.show("".join(lines))

    async def show(self, text: str) -> None:
        faults = self._faults.now
        if not faults.drip_s:
            self._process.stdout.write(text)
            return
        for character in text:
            self._process.stdout.write(character)
            await asyncio.sleep(faults.drip_s)


class _Keys:
    """What is typed, echoed as it is consumed: what arrives while a command runs is echoed after it."""

    def __init__(self, process: Process, faults: FaultSwitch, echoing: Callable[[], bool]) -> None:
        self._process = process
        self._faults = faults
        self._echoing = echoing
        self._typed = ""
        self._column = 0

    async def key(self) -> str:
        """The next one, not echoed; empty at the end."""
        if not self._typed:
            self._typed = await asyncio.wait_for(self._process.stdin.read(1024), _IDLE_S)
        first, self._typed = self._typed[:1], self._typed[1:]
        return first

    async def lines(self) -> AsyncIterator[str]:
        """Lines as they are ended. One that is too long is answered with a bell and counts as empty."""
        line, echo = "", ""
        too_long = ended_by_return = False
        while character := await self.key():
            if character == "\n" and ended_by_return:
                ended_by_return = False
                continue
            ended_by_return = character == "\r"
            if character in "\r\n":
                self._echo(echo + "\r\n" + "\a" * too_long)
                yield "" if too_long else line
                line, echo, too_long = "", "", False
            elif character == _END and not line:
                return
            elif character in (_INTERRUPT, _ERASE_LINE):
                line, echo, too_long = "", echo + "\r\n", False
            elif character in "\x7f\b":
                line, echo = line[:-1], echo + "\b \b" * bool(line)
            elif character.isprintable():
                too_long = too_long or len(line) >= LONGEST_LINE
                line += "" if too_long else character
                echo += "" if too_long else character
            if not self._typed:
                self._echo(echo)
                echo = ""

    def _echo(self, text: str) -> None:
        if text and self._echoing():
            self._process.stdout.write(self._wrapped(text) if self._faults.now.columns else text)

    def _wrapped(self, text: str) -> str:
        found = ""
        for character in text:
            if self._column >= self._faults.now.columns and character not in "\r\n":
                found += "\r\n"
                self._column = 0
            found += character
            self._column = 0 if character == "\n" else self._column + 1
        return found


def on_terminal(text: str) -> str:
    """Newlines as a terminal needs them; the answer ends its line."""
    if text and not text.endswith("\n"):
        text += "\n"
    return text.replace("\r\n", "\n").replace("\n", "\r\n")

"""Runs the shell of the simulated Linux routers. No real process is started and no real file is touched.

A job is an asyncio task; a file is an entry of a dictionary; everything is bounded.
"""

from __future__ import annotations

import asyncio
import fnmatch
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from netmon.simulator import shell_syntax
from netmon.simulator import shell_tree as syntax
from netmon.simulator.linux_host import (
    MOST_FILE_SIZE,
    FileError,
    Files,
    Input,
    Jobs,
    Nowhere,
    Sink,
    Stream,
    Streams,
    Terminal,
)

MOST_ROUNDS = 1_000
MOST_SHELLS = 20
_KILLED = 143
_NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Call:
    """One simple command about to run."""

    name: str
    arguments: tuple[str, ...]
    io: Streams
    shell: Shell
    pid: int
    group: int

    def fail(self, message: str, status: int = 1) -> int:
        """Complains as the command would; the status."""
        self.io.err.write(f"{self.name}: {message}\n")
        return status


Program = Callable[[Call], Awaitable[int]]


class ExitShell(Exception):  # noqa: N818 - a jump, not an error
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LeaveLoop(Exception):  # noqa: N818 - a jump, not an error
    def __init__(self, again: bool) -> None:
        super().__init__(again)
        self.again = again


@dataclass(slots=True)
class Shell:
    """One shell process. `before` is called before every command, so that time is accounted before a change."""

    programs: Mapping[str, Program]
    files: Files
    jobs: Jobs
    before: Callable[[], None]
    variables: dict[str, str]
    pid: int
    group: int
    terminal: Terminal | None = None
    """Only for the shell a person or program is logged in to."""
    status: int = 0
    last_job: int = 0
    depth: int = 0
    """Shells above this one."""

    async def run(self, text: str, io: Streams) -> int:
        """Runs one complete input. Raises ExitShell; IncompleteError if more lines are needed."""
        try:
            tree = shell_syntax.Parser(text).parse()
        except shell_syntax.IncompleteError:
            raise
        except shell_syntax.ShellSyntaxError as error:
            io.err.write(f"sh: 1: Syntax error: {error}\n")
            self.status = 2
            return 2
        return await self._sequence(tree, io)

    async def run_to_end(self, text: str, io: Streams) -> int:
        """Runs a whole script, as `sh -c` does; `exit` ends it."""
        try:
            return await self.run(text, io)
        except shell_syntax.IncompleteError as error:
            io.err.write(f"sh: 1: Syntax error: {error}\n")
            return 2
        except ExitShell as end:
            return end.status

    def child(self, pid: int, group: int) -> Shell:
        """A subshell: it sees the variables and cannot change them here."""
        return replace(self, variables=dict(self.variables), pid=pid, group=group, terminal=None, depth=self.depth + 1)

    async def program(self, call: Call) -> int:
        """Runs a command by its name."""
        if self.depth > MOST_SHELLS:
            call.io.err.write("sh: 1: Cannot fork\n")
            raise ExitShell(2)
        program = self.programs.get(call.name)
        if program is None:
            call.io.err.write(f"sh: 1: {call.name}: not found\n")
            return _NOT_FOUND
        self.before()
        return await program(call)

    async def _sequence(self, tree: syntax.Sequence, io: Streams) -> int:
        for item in tree.items:
            if item.background:
                self._background(item, io)
            else:
                await self._and_or(item, io)
        return self.status

    def _background(self, item: syntax.AndOr, io: Streams) -> None:
        pid = self.jobs.new_pid()
        child = self.child(self.pid, self.group)

        async def work() -> int:
            try:
                return await child._and_or(replace(item, background=False), replace(io, stdin=""), pid)  # noqa: SLF001
            except ExitShell as end:
                return end.status

        if self.jobs.start(self.group, work()) is None:
            io.err.write("sh: 1: Cannot fork\n")
            self.status = 2
            return
        self.last_job, self.status = pid, 0
        if self.terminal is not None:
            io.err.write(f"[1] {pid}\n")

    async def _and_or(self, item: syntax.AndOr, io: Streams, pid: int | None = None) -> int:
        for operator, pipeline in item.parts:
            if (operator == "&&" and self.status) or (operator == "||" and not self.status):
                continue
            status = await self._pipeline(pipeline, io, pid)
            self.status = int(not status) if pipeline.negated else status
        return self.status

    async def _pipeline(self, pipeline: syntax.Pipeline, io: Streams, pid: int | None) -> int:
        *before, last = pipeline.commands
        text = io.stdin
        for command in before:
            between = Stream()
            await self._in_subshell(command, replace(io, stdin=Input(text), out=between))
            text = between.text
        if before:
            return await self._in_subshell(last, replace(io, stdin=Input(text)))
        return await self._command(last, io, pid)

    async def _in_subshell(self, command: syntax.Command | syntax.Sequence, io: Streams) -> int:
        child = self.child(self.pid, self.group)
        try:
            if isinstance(command, syntax.Sequence):
                return await child._sequence(command, io)  # noqa: SLF001
            return await child._command(command, io, None)  # noqa: SLF001
        except ExitShell as end:
            return end.status

    async def _command(self, command: syntax.Command, io: Streams, pid: int | None) -> int:
        files: list[tuple[str, Stream, bool]] = []
        try:
            io = await self._redirected(command.redirects, io, files)
        except FileError as error:
            io.err.write(f"sh: 1: {error}\n")
            return 2
        try:
            status = await self._body(command, io, pid)
        finally:
            for path, stream, _ in files:
                # The file was made when it was opened; a full disk then is the writer's error.
                self.files.texts[path] = (self.files.texts.get(path, "") + stream.text)[:MOST_FILE_SIZE]
        return status

    async def _body(self, command: syntax.Command, io: Streams, pid: int | None) -> int:
        match command:
            case syntax.Simple():
                return await self._simple(command, io, pid)
            case syntax.Group(body=body, subshell=subshell):
                return await (self._in_subshell(body, io) if subshell else self._sequence(body, io))
            case syntax.If(branches=branches, otherwise=otherwise):
                for condition, body in branches:
                    if await self._sequence(condition, io) == 0:
                        return await self._sequence(body, io)
                self.status = 0
                return await self._sequence(otherwise, io) if otherwise is not None else 0
            case syntax.Loop(condition=condition, until=until, body=body):
                for _ in range(MOST_ROUNDS):
                    if (await self._sequence(condition, io) == 0) is until or not await self._round(body, io):
                        break
                return 0
            case syntax.For(name=name, words=words, body=body):
                for value in [field for word in words for field in await self._fields(word)]:
                    self.variables[name] = value
                    if not await self._round(body, io):
                        break
                return self.status

    async def _round(self, body: syntax.Sequence, io: Streams) -> bool:
        """One round of a loop; False after `break`."""
        try:
            await self._sequence(body, io)
            await asyncio.sleep(0)
        except LeaveLoop as jump:
            return jump.again
        return True

    async def _simple(self, command: syntax.Simple, io: Streams, pid: int | None) -> int:
        assigned = {name: "".join(await self._pieces(word)) for name, word in command.assignments}
        fields = [field for word in command.words for field in await self._fields(word)]
        if not fields:
            self.variables |= assigned
            parts = [part for _, word in command.assignments for part in word.parts]
            return self.status if any(isinstance(part, syntax.Substitution) for part in parts) else 0
        call = Call(fields[0], tuple(fields[1:]), io, self, pid or self.jobs.new_pid(), self.group)
        return await self.program(call)

    async def _redirected(
        self,
        redirects: tuple[syntax.Redirect | syntax.HereDocument, ...],
        io: Streams,
        files: list[tuple[str, Stream, bool]],
    ) -> Streams:
        for redirect in redirects:
            if isinstance(redirect, syntax.Redirect):
                target = "".join(await self._pieces(redirect.target))
                io = self._redirect(redirect, target, io, files)
            elif redirect.body is not None:
                io = replace(io, stdin=Input("".join(await self._pieces(redirect.body))))
        return io

    def _redirect(
        self, redirect: syntax.Redirect, target: str, io: Streams, files: list[tuple[str, Stream, bool]]
    ) -> Streams:
        if redirect.operator == ">&":
            source = {"1": io.out, "2": io.err}.get(target)
            if source is None:
                raise FileError(f"{target}: Bad file descriptor")
            return _into(io, redirect.descriptor, source)
        try:
            if redirect.operator == "<":
                return replace(io, stdin=Input(self.files.read(target)))
            sink: Sink = Nowhere()
            if target != "/dev/null":
                append = redirect.operator == ">>"
                self.files.write(target, "", append=append)
                sink = Stream()
                files.append((target, sink, append))
        except FileError as error:
            raise FileError(f"cannot open {target}: {error}") from None
        return _into(io, redirect.descriptor, sink)

    # --- expansion ---------------------------------------------------------------------------

    async def _pieces(self, word: syntax.Word) -> list[str]:
        return [await self._expanded(part) for part in word.parts]

    async def _fields(self, word: syntax.Word) -> list[str]:
        """The word as arguments: unquoted expansions are split at blanks, unquoted patterns matched with files."""
        fields: list[str] = []
        current: str | None = None
        pattern = False
        for part in word.parts:
            text = await self._expanded(part)
            if part.quoted or isinstance(part, syntax.Text):
                if isinstance(part, syntax.Parameter) and part.name == "@" and not text:
                    continue
                current = (current or "") + text
                pattern = pattern or (not part.quoted and bool(re.search(r"[*?\[]", text)))
                continue
            split = text.split()
            if not split:
                continue
            if current is not None and not text[0].isspace():
                split[0] = current + split[0]
            elif current is not None:
                fields.append(current)
            fields += split[:-1]
            current = split[-1]
        if current is None:
            return fields
        return fields + ((self.files.matching(current) or [current]) if pattern else [current])

    async def _expanded(self, part: syntax.Text | syntax.Parameter | syntax.Substitution | syntax.Arithmetic) -> str:
        match part:
            case syntax.Text(text=text):
                return text
            case syntax.Substitution(body=body):
                out = Stream()
                self.status = await self._in_subshell(body, Streams("", out, Nowhere()))
                return out.text.rstrip("\n")
            case syntax.Arithmetic(expression=expression):
                return _arithmetic("".join(await self._pieces(expression)), self.variables)
            case syntax.Parameter():
                return await self._parameter(part)

    async def _parameter(self, part: syntax.Parameter) -> str:
        special = {"?": str(self.status), "$": str(self.pid), "!": str(self.last_job)}
        value = special.get(part.name) or self.variables.get(part.name, "")
        if part.operator is None or part.argument is None:
            return value
        argument = "".join(await self._pieces(part.argument))
        match part.operator:
            case ":-" | "-":
                return value or argument
            case ":+" | "+":
                return argument if value else ""
            case operator:
                return _trimmed(value, argument, operator)


def _into(io: Streams, descriptor: int, sink: Sink) -> Streams:
    return replace(io, err=sink) if descriptor == 2 else replace(io, out=sink)


def _trimmed(value: str, pattern: str, operator: str) -> str:
    """${value%pattern} and its kin; doubled operators take the longest match."""
    cuts = range(len(value) + 1)
    if operator[0] == "%":
        order = cuts if len(operator) == 2 else reversed(cuts)
        return next((value[:cut] for cut in order if fnmatch.fnmatchcase(value[cut:], pattern)), value)
    order = reversed(cuts) if len(operator) == 2 else cuts
    return next((value[cut:] for cut in order if fnmatch.fnmatchcase(value[:cut], pattern)), value)


_SUM = re.compile(r"\s*(-?\s*(?:\d{1,18}|[A-Za-z_]\w*))\s*(?:([-+*])\s*(\d{1,18}|[A-Za-z_]\w*)\s*)?")


def _arithmetic(expression: str, variables: Mapping[str, str]) -> str:
    """$((a + b)): one operator, integers."""

    def number(text: str) -> int:
        text = text.replace(" ", "")
        value = variables.get(text, text)
        return int(value) if re.fullmatch(r"-?\d{1,18}", value) else 0

    match = _SUM.fullmatch(expression)
    if match is None:
        return "0"
    left = number(match[1])
    if match[2] is None:
        return str(left)
    right = number(match[3])
    return str({"+": left + right, "-": left - right, "*": left * right}[match[2]])


async def in_own_group(call: Call, program: Callable[[int], Coroutine[Any, Any, int]]) -> int:
    """Runs `program(group)` as the leader of a new process group, as setsid does; 143 if it is killed."""
    task = call.shell.jobs.start(call.pid, program(call.pid))
    if task is None:
        return call.fail("fork: Resource temporarily unavailable")
    try:
        return await task
    except asyncio.CancelledError:
        own = asyncio.current_task()
        if own is not None and own.cancelling():
            raise
        return _KILLED

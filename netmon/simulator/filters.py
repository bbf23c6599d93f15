"""Commands of the simulated Linux routers that go through text: grep, cut and sed, as netmon's templates use them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netmon.simulator.linux_host import FileError
from netmon.simulator.shell import Call

_LONGEST_PATTERN = 200


async def grep(call: Call) -> int:
    letters, rest = options(call.arguments)
    if not rest or set(letters) - set("qFEvs") or len(rest[0]) > _LONGEST_PATTERN:
        return call.fail("usage: grep [-EFqsv] PATTERN [FILE]", 2)
    pattern, *paths = rest
    try:
        wanted = re.compile(re.escape(pattern) if "F" in letters else pattern if "E" in letters else _basic(pattern))
    except re.error:
        return call.fail("Invalid regular expression", 2)
    try:
        text = _input(call, paths)
    except FileError as error:
        return 2 if "s" in letters else call.fail(f"{error}", 2)
    found = [line for line in text.splitlines() if bool(wanted.search(line)) != ("v" in letters)]
    if "q" not in letters:
        call.io.out.write("".join(line + "\n" for line in found))
    return int(not found)


async def cut(call: Call) -> int:
    """`cut -d C -f N`: one field of every line."""
    written = re.fullmatch(r"-d(.)\0-f([1-9])((?:\0[^\0]+)*)", "\0".join(call.arguments))
    if written is None:
        return call.fail("usage: cut -dC -fN [FILE]", 1)
    try:
        text = _input(call, [path for path in written[3].split("\0") if path])
    except FileError as error:
        return call.fail(f"{error}")
    for line in text.splitlines():
        fields = line.split(written[1])
        call.io.out.write((fields[int(written[2]) - 1 :] or [""])[0] + "\n" if len(fields) > 1 else line + "\n")
    return 0


async def sed(call: Call) -> int:
    """`sed -n 's/PATTERN/REPLACEMENT/p'`: what a pattern finds, rewritten."""
    match call.arguments:
        case ["-n", script] if (parts := script.split("/")) and len(parts) == 4 and parts[0] == "s" and parts[3] == "p":
            pattern = re.compile(_basic(parts[1][:_LONGEST_PATTERN]))
        case _:
            return call.fail("usage: sed -n s/PATTERN/REPLACEMENT/p", 1)
    for line in call.io.stdin.splitlines():
        if pattern.search(line):
            call.io.out.write(pattern.sub(parts[2], line, count=1) + "\n")
    return 0


def _input(call: Call, paths: Sequence[str]) -> str:
    """The files' text, or standard input without any. Raises FileError."""
    if not paths:
        return call.io.stdin
    texts = []
    for path in paths:
        try:
            texts.append(call.shell.files.read(path))
        except FileError as error:
            raise FileError(f"{path}: {error}") from None
    return "".join(texts)


def _basic(pattern: str) -> str:
    """A POSIX basic regular expression in Python's syntax: ( ) { } + ? | are ordinary unless escaped."""
    return re.sub(
        r"\\(.)|([(){}+?|])", lambda m: m[1] if m[1] and m[1] in "(){}+?|" else "\\" + (m[1] or m[2]), pattern
    )


def options(arguments: tuple[str, ...], with_value: str = "") -> tuple[str, list[str]]:
    """Single-letter options and the operands; letters of `with_value` swallow the next argument."""
    letters = ""
    operands: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return letters, operands + rest
        if not argument.startswith("-") or argument == "-":
            operands.append(argument)
            continue
        letters += argument[1:]
        if argument[-1] in with_value and rest:
            rest.pop(0)
    return letters, operands

"""The small commands of the simulated Linux routers: those netmon's templates send, and no others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from itertools import zip_longest

from netmon.simulator.filters import cut, grep, options, sed
from netmon.simulator.linux_host import FileError, Input
from netmon.simulator.shell import Call, ExitShell, LeaveLoop, Program, in_own_group

_LONGEST_SLEEP_S = 86_400.0


async def _true(call: Call) -> int:
    return 0


async def _false(call: Call) -> int:
    return 1


async def _echo(call: Call) -> int:
    call.io.out.write(" ".join(call.arguments) + "\n")
    return 0


async def _printf(call: Call) -> int:
    if not call.arguments:
        return call.fail("usage: printf format [arguments]", 2)
    form, rest = call.arguments[0], list(call.arguments[1:])
    form = form.replace("\\n", "\n").replace("\\t", "\t")
    while True:
        call.io.out.write(re.sub(r"%[sd]", lambda _: rest.pop(0) if rest else "", form))
        if not rest or not re.search(r"%[sd]", form):
            return 0


async def _cat(call: Call) -> int:
    if not call.arguments:
        call.io.out.write(call.io.stdin)
    status = 0
    for path in call.arguments:
        try:
            call.io.out.write(call.shell.files.read(path))
        except FileError as error:
            status = call.fail(f"{path}: {error}")
    return status


async def _mkdir(call: Call) -> int:
    letters, paths = options(call.arguments, with_value="m")
    for path in paths:
        try:
            call.shell.files.make_folder(path.rstrip("/"), parents="p" in letters)
        except FileError as error:
            return call.fail(f"cannot create directory '{path}': {error}")
    return 0


async def _rm(call: Call) -> int:
    letters, paths = options(call.arguments)
    status = 0
    for path in paths:
        if call.shell.files.texts.pop(path, None) is None and "f" not in letters:
            status = call.fail(f"cannot remove '{path}': No such file or directory")
    return status


async def _mv(call: Call) -> int:
    _, paths = options(call.arguments)
    if len(paths) != 2:
        return call.fail("missing file operand")
    source, target = paths
    files = call.shell.files
    try:
        text = files.read(source)
        files.write(target, text)
    except FileError as error:
        return call.fail(f"cannot move '{source}' to '{target}': {error}")
    del files.texts[source]
    return 0


async def _ls(call: Call) -> int:
    _, paths = options(call.arguments)
    files = call.shell.files
    for path in paths or ["/root"]:
        if path in files.texts:
            call.io.out.write(path + "\n")
        elif path in files.folders:
            top = path.rstrip("/") + "/"
            inside = (one.removeprefix(top) for one in (*files.texts, *files.folders) if one.startswith(top))
            names = sorted({one for one in inside if one and "/" not in one})
            call.io.out.write("".join(name + "\n" for name in names))
        else:
            return call.fail(f"cannot access '{path}': No such file or directory", 2)
    return 0


async def _test(call: Call) -> int:
    arguments = list(call.arguments)
    if call.name == "[" and (not arguments or arguments.pop() != "]"):
        return call.fail("missing ]", 2)
    negated = bool(arguments) and arguments[0] == "!"
    if negated:
        arguments = arguments[1:]
    try:
        holds = _condition(arguments, call)
    except ValueError as error:
        return call.fail(str(error), 2)
    return int(holds is negated)


def _condition(arguments: list[str], call: Call) -> bool:  # noqa: PLR0911 - a table
    files = call.shell.files
    match arguments:
        case []:
            return False
        case [text]:
            return bool(text)
        case ["-n", text]:
            return bool(text)
        case ["-z", text]:
            return not text
        case ["-e", path]:
            return path in files.texts or path in files.folders
        case ["-f", path]:
            return path in files.texts
        case ["-d", path]:
            return path in files.folders
        case ["-s", path]:
            return bool(files.texts.get(path))
        case [left, "=" | "==", right]:
            return left == right
        case [left, "!=", right]:
            return left != right
        case [left, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" as operator, right]:
            a, b = _number(left), _number(right)
            return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]
    raise ValueError(f"{arguments[0]}: unexpected operator")


def _number(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise ValueError(f"Illegal number: {text}")
    return int(text)


async def _read(call: Call) -> int:
    """The next line of standard input into variables; the last takes the rest. Without backslashes (-r)."""
    letters, names = options(call.arguments)
    if letters != "r" or not names:
        return call.fail("usage: read -r NAME...", 2)
    line = call.io.stdin.line() if isinstance(call.io.stdin, Input) else None
    words = (line or "").split(None, len(names) - 1)
    call.shell.variables |= dict(zip_longest(names, words, fillvalue=""))
    return int(line is None)


async def _sleep(call: Call) -> int:
    match call.arguments:
        case [text] if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text):
            await asyncio.sleep(min(float(text), _LONGEST_SLEEP_S))
            return 0
    return call.fail(f"invalid time interval '{' '.join(call.arguments)}'")


async def _sh(call: Call) -> int:
    return await _script(call, call.group)


async def _script(call: Call, group: int) -> int:
    match call.arguments:
        case ["-c", text, *_]:
            pass
        case [path]:
            try:
                text = call.shell.files.read(path)
            except FileError:
                call.io.err.write(f"sh: 0: cannot open {path}: No such file\n")
                return 127
        case _:
            text = call.io.stdin
    return await call.shell.child(call.pid, group).run_to_end(text, call.io)


async def _setsid(call: Call) -> int:
    match call.arguments:
        case ["sh", *arguments]:
            inner = Call("sh", tuple(arguments), call.io, call.shell, call.pid, call.pid)
            call.shell.jobs.commands[call.pid] = "\0".join(("sh", *arguments))
            return await in_own_group(call, lambda group: _script(inner, group))
        case [name, *_]:
            return call.fail(f"failed to execute {name}: No such file or directory", 127)
    return call.fail("no command specified")


async def _exec(call: Call) -> int:
    if not call.arguments:
        return 0
    name, *arguments = call.arguments
    # The command takes the shell's place: its process number too.
    inner = Call(name, tuple(arguments), call.io, call.shell, call.shell.pid, call.group)
    if call.shell.pid in call.shell.jobs.commands:
        call.shell.jobs.commands[call.shell.pid] = "\0".join(call.arguments)
    raise ExitShell(await call.shell.program(inner))


async def _exit(call: Call) -> int:
    match call.arguments:
        case [text] if text.isdecimal():
            raise ExitShell(int(text) % 256)
    raise ExitShell(call.shell.status)


async def _break(call: Call) -> int:
    raise LeaveLoop(again=call.name == "continue")


async def _export(call: Call) -> int:
    for argument in call.arguments:
        name, given, value = argument.partition("=")
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            return call.fail(f"{name}: bad variable name", 2)
        if given:
            call.shell.variables[name] = value
    return 0


async def _kill(call: Call) -> int:
    arguments = [argument for argument in call.arguments if argument != "--"]
    status = 0
    for argument in arguments:
        if not re.fullmatch(r"-?\d{1,9}", argument):
            return call.fail(f"Illegal number: {argument}", 2)
        if not call.shell.jobs.kill(abs(int(argument))):
            status = call.fail("No such process")
    return status


async def _stty(call: Call) -> int:
    terminal = call.shell.terminal
    if terminal is None:
        return call.fail("'standard input': Inappropriate ioctl for device")
    words = list(call.arguments)
    while words:
        word = words.pop(0)
        if word in ("echo", "-echo"):
            terminal.echo = word == "echo"
        elif word in ("cols", "columns", "rows") and words and words[0].isdecimal():
            words.pop(0)
        else:
            return call.fail(f"invalid argument '{word}'")
    return 0


async def _id(call: Call) -> int:
    call.io.out.write("0\n" if call.arguments == ("-u",) else "uid=0(root) gid=0(root) groups=0(root)\n")
    return 0


async def _hostname(call: Call) -> int:
    call.io.out.write(call.shell.variables.get("HOSTNAME", "") + "\n")
    return 0


PROGRAMS: Mapping[str, Program] = {
    ":": _true,
    "true": _true,
    "false": _false,
    "echo": _echo,
    "printf": _printf,
    "cat": _cat,
    "mkdir": _mkdir,
    "rm": _rm,
    "mv": _mv,
    "ls": _ls,
    "test": _test,
    "[": _test,
    "grep": grep,
    "cut": cut,
    "sed": sed,
    "read": _read,
    "sleep": _sleep,
    "sh": _sh,
    "setsid": _setsid,
    "exec": _exec,
    "exit": _exit,
    "logout": _exit,
    "break": _break,
    "continue": _break,
    "export": _export,
    "kill": _kill,
    "stty": _stty,
    "id": _id,
    "hostname": _hostname,
}

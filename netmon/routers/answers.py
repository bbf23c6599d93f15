"""When the answer of a console without exit codes is over, and what of it answers the command. Pure.

Such a console is sent every command with one empty line after it: the answer is over when the same prompt stands
twice at the very end, which no object's name can forge and which needs no waiting.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST_PROMPT: Final = 1_024
"""Characters, with what the console paints over; a longer last line is no prompt."""
_LEAST_TAIL: Final = 8
"""Characters of a command that must stand behind the mark of a line scrolled sideways."""
_LONGEST_ECHO: Final = 4_096
_LOOKED_BACK: Final = 50
"""Lines among which a prompt is looked for that something else followed."""
_TOKEN: Final = re.compile(
    r"\x1b\[(?P<count>\d{0,4})(?P<move>[CDK])"
    r"|\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,1024}(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78DEHMZ])"
    r"|(?P<back>[\b\r])|[\x00-\x07\x0b-\x1a\x1c-\x1f\x7f]|(?P<text>[^\x00-\x08\x0b-\x1f\x7f]+)"
)
_PAINTED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CLOCK: Final = r"[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,6})?"
_ISO_CLOCK: Final = r"\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|[+-]\d\d:\d\d)?"
_SYSLOG: Final = re.compile(
    # IOS, IOS-XE, NX-OS and IOS-XR: [sequence: ][node:][*]time[ zone]: [process: ]%FACILITY-SEVERITY-MNEMONIC:
    r"(?:\d{1,10}: )?(?:[A-Z0-9/]{1,40}:)?"
    rf"(?:[*.]?(?:{_CLOCK}(?: [\w+:-]{{1,8}})?|{_ISO_CLOCK}|\d\d:\d\d:\d\d|\d+[wdy]\d+[dhw]) ?: )?"
    r"(?:[\w-]{1,40}\[\d+\]: )?%[A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*-[0-7]-[A-Z0-9_]+ ?:"
    # VRP: [#][*]time host [%%01]MODULE/severity/BRIEF[(l)][[n]]: of logs, traps and debugging
    rf"|[#*]?{_CLOCK}(?:[+-]\d\d:\d\d)?(?: DST)? \S{{1,64}} (?:%%\d\d)?[A-Z][A-Z0-9_]*/\d/\w+(?:\(\w\))?(?:\[\d+\])?:"
    # IOS, of its revert timer, behind a prompt as well
    r"|(?:\S{1,80}[>#] ?)?Rollback Confirmed Change: Rollback will begin in "
    r"|Enter .configure confirm. if you wish to keep what you.ve configured"
    # What IOS (exec prompt timestamp) and IOS-XR print before every answer
    r"|Load for five secs: \d+%|Time source is [\w ]{1,30}, [*.]?\d\d:\d\d:\d\d\.\d"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d\.\d{3} \S{1,8}\Z"
)
_ABOVE_PROMPT: Final = re.compile(
    r"(?=[\[{])(?:\{[\w:-]{1,32}\})?(?:\[edit[^\]]*\])?|# commit confirmed will be rolled back .*"
)
"""Lines that Junos and VyOS print above every prompt; of a virtual chassis both on one line: `{master:0}[edit]`."""
_PAGER: Final = re.compile(r"\s*(?:-+ ?\(?more\b.{0,60}|<-+ ?more ?-+>.{0,20})", re.IGNORECASE)


def painted(line: str) -> str:
    """A line as a screen shows it after backspaces, returns, erasures and escape codes."""
    if not _PAINTED.search(line):
        return line
    cells: list[str] = []
    at = 0
    for token in _TOKEN.finditer(line):
        if text := token["text"]:
            cells += " " * (at - len(cells))
            cells[at : at + len(text)] = text
            at += len(text)
        elif back := token["back"]:
            at = 0 if back == "\r" else max(0, at - 1)
        elif move := token["move"]:
            count = int(token["count"] or 0)
            if move == "K":
                del cells[at if count == 0 else 0 :]
            else:
                at = max(0, at - max(1, count)) if move == "D" else min(at + max(1, count), _LONGEST_ECHO)
    return "".join(cells)


def is_pager(line: str) -> bool:
    """Whether the console waits for a key: --More--, ---- More ----, ---(more)---, <--- More --->."""
    return _PAGER.fullmatch(line) is not None


def is_syslog(line: str) -> bool:
    """Whether the line is a message of the router's log, or what else consoles print unasked in between."""
    return _SYSLOG.match(line) is not None


class Answer:
    """What was received since a command was sent with an empty line after it; fed as it comes, however divided."""

    def __init__(self, prompt: re.Pattern[str], command: str) -> None:
        """`prompt` matches from a line's start to its end; an empty command needs no echo."""
        self._prompt = prompt
        self._wanted = "".join(command.split())
        self._lines: list[str] = []  # painted
        self._last = ""  # as received
        self._seen = ""
        self._from: int | None = None if self._wanted else 0

    def feed(self, text: str) -> None:
        *whole, self._last = (self._last + text).split("\n")
        for line in whole:
            if self._from is None:
                self._look_for_echo(line)
            self._lines.append(painted(line))

    @property
    def last_line(self) -> str:
        """What stands on the line of the cursor."""
        return painted(self._last) if len(self._last) <= _LONGEST_PROMPT else ""

    @property
    def is_echoed(self) -> bool:
        return self._from is not None

    @property
    def is_prompted(self) -> bool:
        """A prompt stands at the very end."""
        return self._is_prompt(self.last_line)

    @property
    def has_prompt(self) -> bool:
        """A prompt came after the echo, whatever came after it: the answer may be over."""
        if self._from is None:
            return False
        lines = (*self._lines[self._from :][-_LOOKED_BACK:], self.last_line, self._one_of_two())
        return any(map(self._is_prompt, lines))

    @property
    def is_over(self) -> bool:
        """The same prompt stands twice at the very end; only messages of the log may come between or after."""
        return self._end() is not None

    def settle(self) -> bool:
        """Nothing follows for a while: whether that tells that the answer is over.

        A console that echoes what is typed while a command runs prints both prompts on one line.
        """
        if not self.is_over and self._is_prompt(prompt := self._one_of_two()):
            self._lines.append(prompt)
            self._last = prompt
        return self.is_over

    @property
    def body(self) -> str:
        """The lines between the echo and the prompts, without messages of the log; all of them before it is over."""
        begin, end = self._from or 0, self._end()
        lines = self._lines[begin:end] if end is not None else [*self._lines[begin:], self.last_line]
        return "\n".join(line for line in lines if not is_syslog(line) and not is_pager(line))

    def _look_for_echo(self, line: str) -> None:
        """A console wraps or repaints a long line, so blanks are left out, or shows only its end behind a mark."""
        self._seen = (self._seen + "".join(line.replace("\b", "").split()))[-2 * len(self._wanted) - _LONGEST_ECHO :]
        shown = "".join(painted(line).split())
        tail = shown.rpartition("$")[2]
        is_tail = "$" in shown and len(tail) >= _LEAST_TAIL and self._wanted.endswith(tail)
        if is_tail or self._wanted in self._seen or shown.endswith(self._wanted):
            self._from = len(self._lines) + 1

    def _end(self) -> int | None:
        """The number of the line after the answer; None while it is not over."""
        if self._from is None:
            return None
        at, prompt, logged = len(self._lines), self.last_line, False
        while not prompt.strip() or is_syslog(prompt):
            logged = logged or is_syslog(prompt)
            at -= 1
            if at < self._from:
                return None
            prompt = self._lines[at]
        if not self._is_prompt(prompt) or (at < len(self._lines) and not logged):
            return None
        first = None
        while at > self._from:
            at -= 1
            line = self._lines[at]
            if line.rstrip() == prompt.rstrip():
                first = at
            elif line.strip() and not is_syslog(line) and not _ABOVE_PROMPT.fullmatch(line.rstrip()):
                at += 1
                break
        # Lines above the first prompt that are blank or the log's answer nothing either.
        return None if first is None else min(at, first)

    def _one_of_two(self) -> str:
        """What stands twice on the last line; empty where nothing does."""
        line = self.last_line.rstrip()
        half = line[: len(line) // 2].rstrip()
        return half if line in (half * 2, f"{half} {half}") else ""

    def _is_prompt(self, line: str) -> bool:
        return bool(line.strip()) and self._prompt.match(line) is not None

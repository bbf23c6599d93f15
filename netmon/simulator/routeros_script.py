"""RouterOS scripting as far as netmon's templates use it: text -> a tree.

Source: MikroTik, Scripting (statements, `:if`, `:foreach`, `:local`, `:put`, `:error`, `:execute`, `:delay`,
`:len`, `:tostr`, `:toip`, `:toarray`, `:find`, `:pick`; operators `.`, `->`, `=`, `!=`, `<`, `>`, `and`, `or`, `in`;
arrays and blocks in braces).
As on the router, a command's name is looked up while the line is read, before anything of it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MOST_CHARACTERS = 16_384
_DEEPEST = 25
_BARE = re.compile(r"[^\s;\[\](){}\"$=!<>]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_ARGUMENT = re.compile(r"([A-Za-z][A-Za-z0-9-]*)=")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "_": " ", '"': '"', "\\": "\\", "$": "$", "?": "?"}
_OPERATORS = ("!=", "->", "&&", "||", "=", "<", ">", ".", "~")
_PRECEDENCE = (
    frozenset({"or", "||"}),
    frozenset({"and", "&&"}),
    frozenset({"=", "!=", "<", ">", "in", "~"}),
    frozenset({"."}),
)
GLOBAL_COMMANDS = frozenset(
    {
        "if",
        "foreach",
        "local",
        "set",
        "put",
        "error",
        "execute",
        "delay",
        "len",
        "tostr",
        "toip",
        "toarray",
        "find",
        "pick",
    }
)


class ScriptError(Exception):
    """What the router prints instead of an answer."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A string with $variables in it."""

    parts: tuple[str | Variable, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Property:
    """A bare word in a `where`: the row's property of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Block:
    text: str
    body: Script


@dataclass(frozen=True, slots=True)
class Inner:
    """A command in square brackets."""

    body: Script


@dataclass(frozen=True, slots=True)
class Operation:
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Negation:
    operand: Expression


Expression = Literal | Interpolated | Variable | Property | Block | Inner | Operation | Negation


@dataclass(frozen=True, slots=True)
class Command:
    """`path` is empty for the commands that begin with a colon."""

    path: tuple[str, ...]
    verb: str
    positional: tuple[Expression, ...]
    named: Mapping[str, Expression]
    where: Expression | None
    column: int


@dataclass(frozen=True, slots=True)
class Script:
    commands: tuple[Command, ...] = ()


Catalogue = Callable[[tuple[str, ...]], frozenset[str] | None]
"""The verbs and submenus of a menu; None where there is no such menu."""


@dataclass(slots=True)
class Parser:
    """Reads one line or script. Raises ScriptError as the router words it."""

    text: str
    catalogue: Catalogue
    _at: int = 0
    _depth: int = 0

    def parse(self) -> Script:
        if len(self.text) > MOST_CHARACTERS:
            raise ScriptError("failure: input too long")
        script = self._script("")
        if self._at < len(self.text):
            raise self._expected("end of command")
        return script

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ScriptError("failure: nested too deeply")

    def _script(self, closing: str) -> Script:
        self._deeper()
        commands = []
        while True:
            while self._peek() in (" ", "\t", "\n", "\r", ";"):
                self._at += 1
            if self._peek() in ("", closing):
                break
            if self._peek() == "#":
                end = self.text.find("\n", self._at)
                self._at = len(self.text) if end < 0 else end
                continue
            commands.append(self._command())
        self._depth -= 1
        return Script(tuple(commands))

    def _command(self) -> Command:
        start = self._at
        if self._peek() == ":":
            self._at += 1
            name = self._word()
            if name not in GLOBAL_COMMANDS:
                raise self._bad_name(name, start)
            return self._arguments((), name, start)
        if self._peek() == "/":
            self._at += 1
        path: tuple[str, ...] = ()
        while True:
            self._spaces()
            start = self._at
            word = self._word()
            names = self.catalogue(path)
            if names is None or not word or word not in names:
                raise self._bad_name(word or self.text[self._at : self._at + 1], start)
            if self.catalogue((*path, word)) is None:
                return self._arguments(path, word, start)
            path = (*path, word)
            if self._peek() == "/":
                self._at += 1

    def _arguments(self, path: tuple[str, ...], verb: str, column: int) -> Command:
        positional: list[Expression] = []
        named: dict[str, Expression] = {}
        where: Expression | None = None
        while True:
            self._spaces()
            if self._peek() in ("", ";", "\n", "\r", "]", "}"):
                break
            argument = _ARGUMENT.match(self.text, self._at)
            if argument is not None:
                self._at = argument.end()
                named[argument[1]] = self._value(self._braces)
            elif self._takes_word("where"):
                where = self._expression(0, self._property)
            else:
                positional.append(self._value(self._braces))
        return Command(path, verb, tuple(positional), named, where, column)

    # --- expressions -------------------------------------------------------------------------

    def _expression(self, level: int, bare: Callable[[], Expression]) -> Expression:
        if level == len(_PRECEDENCE):
            return self._arrow(bare)
        left = self._expression(level + 1, bare)
        while (operator := self._operator(_PRECEDENCE[level])) is not None:
            right_bare = self._plain if level == 2 and operator != "in" else bare
            left = Operation(operator, left, self._expression(level + 1, right_bare))
        return left

    def _arrow(self, bare: Callable[[], Expression]) -> Expression:
        self._spaces()
        if self._peek() == "!" or self._takes_word("not"):
            self._at += self._peek() == "!"
            self._deeper()
            negation = Negation(self._arrow(bare))
            self._depth -= 1
            return negation
        left = self._value(bare)
        while self.text.startswith("->", self._at):
            self._at += 2
            left = Operation("->", left, self._value(bare))
        return left

    def _operator(self, wanted: frozenset[str]) -> str | None:
        start = self._at
        self._spaces()
        for operator in _OPERATORS:
            if operator in wanted and self.text.startswith(operator, self._at):
                self._at += len(operator)
                return operator
        for operator in wanted:
            if operator.isalpha() and self._takes_word(operator):
                return operator
        self._at = start
        return None

    def _value(self, bare: Callable[[], Expression]) -> Expression:
        self._spaces()
        match self._peek():
            case '"':
                return self._string()
            case "$":
                self._at += 1
                return Variable(self._name())
            case "[":
                self._at += 1
                body = self._script("]")
                self._close("]")
                return Inner(body)
            case "(":
                self._at += 1
                self._deeper()
                # Inside a `where`, parentheses still speak of the row's properties.
                inner = self._expression(0, bare if bare == self._property else self._plain)
                self._spaces()
                self._close(")")
                self._depth -= 1
                return inner
            case _:
                return bare()

    def _braces(self) -> Expression:
        if self._peek() != "{":
            return self._plain()
        self._at += 1
        start = self._at
        body = self._script("}")
        text = self.text[start : self._at]
        self._close("}")
        return Block(text, body)

    def _plain(self) -> Expression:
        match = _BARE.match(self.text, self._at)
        if match is None:
            raise self._expected("end of command")
        self._at = match.end()
        return Literal(int(match[0]) if match[0].isdecimal() else match[0])

    def _property(self) -> Expression:
        match = _WORD.match(self.text, self._at)
        if match is None:
            raise self._expected("end of command")
        self._at = match.end()
        return Property(match[0])

    def _string(self) -> Expression:
        parts: list[str | Variable] = [""]
        self._at += 1

        def add(text: str) -> None:
            if isinstance(parts[-1], str):
                parts[-1] += text
            else:
                parts.append(text)

        while self._peek() != '"':
            character = self._peek()
            self._at += 1
            if character == "":
                raise self._expected("closing quote")
            if character == "$" and _NAME.match(self.text, self._at):
                parts.append(Variable(self._name()))
            elif character == "\\":
                add(self._escape())
            else:
                add(character)
        self._at += 1
        if len(parts) == 1 and isinstance(parts[0], str):
            return Literal(parts[0])
        return Interpolated(tuple(parts))

    def _escape(self) -> str:
        code = self.text[self._at : self._at + 2]
        if re.fullmatch(r"[0-9A-F]{2}", code):
            self._at += 2
            return chr(int(code, 16))
        if code[:1] not in _ESCAPES or not code:
            raise ScriptError(f"syntax error {self._place(self._at)}")
        self._at += 1
        return _ESCAPES[code[0]]

    # --- characters --------------------------------------------------------------------------

    def _peek(self) -> str:
        return self.text[self._at : self._at + 1]

    def _spaces(self) -> None:
        while self._peek() in (" ", "\t"):
            self._at += 1

    def _word(self) -> str:
        match = _WORD.match(self.text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _takes_word(self, word: str) -> bool:
        match = _WORD.match(self.text, self._at)
        if match is None or match[0] != word:
            return False
        self._at = match.end()
        return True

    def _name(self) -> str:
        match = _NAME.match(self.text, self._at)
        if match is None:
            raise self._expected("variable name")
        self._at = match.end()
        return match[0]

    def _close(self, character: str) -> None:
        if self._peek() != character:
            raise self._expected({"]": "closing bracket", "}": "closing brace"}.get(character, "closing parenthesis"))
        self._at += 1

    def _place(self, at: int) -> str:
        line = self.text.count("\n", 0, at) + 1
        return f"(line {line} column {at - (self.text.rfind(chr(10), 0, at) + 1) + 1})"

    def _expected(self, what: str) -> ScriptError:
        return ScriptError(f"expected {what} {self._place(self._at)}")

    def _bad_name(self, name: str, at: int) -> ScriptError:
        return ScriptError(f"bad command name {name} {self._place(at)}")

"""The grammar of the simulated Linux routers' shell: text -> a tree. A subset of POSIX.1-2017, chapter 2 of XCU.

Lists, pipelines, redirections with here-documents, groups, subshells, `if`, `while`, `until`, `for`, quoting,
parameter and command substitution. Not there: functions, `case`, aliases, arithmetic beyond integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from netmon.simulator.shell_tree import (
    AndOr,
    Arithmetic,
    Command,
    For,
    Group,
    HereDocument,
    If,
    Loop,
    Parameter,
    Pipeline,
    Redirect,
    Sequence,
    Simple,
    Substitution,
    Text,
    Word,
)

MOST_CHARACTERS = 65_536
_DEEPEST = 25
_META = frozenset(" \t\n|&;<>()")
_REDIRECT = re.compile(r"(\d?)(>>|>&|<<-?|<&|>|<)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_PARAMETER_OPERATOR = re.compile(r"%%|%|##|#|:-|:\+|-|\+")
_RESERVED = frozenset({"then", "else", "elif", "fi", "do", "done", "}"})


class ShellSyntaxError(Exception):
    """What the shell says after `Syntax error: `."""


class IncompleteError(ShellSyntaxError):
    """More lines are needed: an open quote, here-document or compound command."""


@dataclass(slots=True)
class Parser:
    """Reads one complete input. Raises ShellSyntaxError, or IncompleteError where it ends too early."""

    text: str
    _at: int = 0
    _depth: int = 0
    _documents: list[HereDocument] = field(default_factory=list)

    def parse(self) -> Sequence:
        if len(self.text) > MOST_CHARACTERS:
            raise ShellSyntaxError("input too long")
        tree = self._list(frozenset(), "")
        if self._at < len(self.text):
            raise ShellSyntaxError(f'"{self.text[self._at]}" unexpected')
        if self._documents:
            raise IncompleteError("here-document unterminated")
        return tree

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ShellSyntaxError("nested too deeply")

    def _list(self, until: frozenset[str], closing: str) -> Sequence:
        self._deeper()
        items: list[AndOr] = []
        while True:
            self._blank(lines=True)
            if self._at >= len(self.text) or self._starts(closing) or self._reserved() in until | _RESERVED:
                break
            parts = [("", self._pipeline())]
            while self._starts("&&", "||"):
                operator = self.text[self._at : self._at + 2]
                self._at += 2
                self._blank(lines=True)
                parts.append((operator, self._pipeline()))
            background = self._starts("&")
            items.append(AndOr(tuple(parts), background))
            if self._starts(";;"):
                raise ShellSyntaxError('";;" unexpected')
            if self._starts("&", ";"):
                self._at += 1
            elif not (self._at >= len(self.text) or self._starts("\n") or self._starts(closing)):
                raise ShellSyntaxError(f'"{self.text[self._at]}" unexpected')
        self._depth -= 1
        return Sequence(tuple(items))

    def _pipeline(self) -> Pipeline:
        self._blank()
        negated = self._reserved() == "!"
        if negated:
            self._take("!")
        commands = [self._command()]
        while self._starts("|") and not self._starts("||"):
            self._at += 1
            self._blank(lines=True)
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command:
        self._blank()
        if self._at >= len(self.text):
            raise IncompleteError("end of file unexpected")
        if self._starts("("):
            self._at += 1
            body = self._list(frozenset(), ")")
            self._close(")")
            return Group(body, subshell=True, redirects=self._redirects())
        word = self._reserved()
        if word == "{":
            self._take("{")
            body = self._list(frozenset("}"), "")
            self._take("}")
            return Group(body, subshell=False, redirects=self._redirects())
        if word == "if":
            return self._if()
        if word in ("while", "until"):
            self._take(word)
            condition = self._list(frozenset({"do"}), "")
            return Loop(condition, word == "until", self._do(), self._redirects())
        if word == "for":
            return self._for()
        return self._simple()

    def _if(self) -> If:
        self._take("if")
        branches = []
        otherwise = None
        while True:
            condition = self._list(frozenset({"then"}), "")
            self._take("then")
            branches.append((condition, self._list(frozenset({"elif", "else", "fi"}), "")))
            if self._reserved() != "elif":
                break
            self._take("elif")
        if self._reserved() == "else":
            self._take("else")
            otherwise = self._list(frozenset({"fi"}), "")
        self._take("fi")
        return If(tuple(branches), otherwise, self._redirects())

    def _for(self) -> For:
        self._take("for")
        self._blank()
        name = _NAME.match(self.text, self._at)
        if name is None:
            raise ShellSyntaxError("Bad for loop variable")
        self._at = name.end()
        self._take("in")
        words = []
        self._blank()
        while (word := self._word()) is not None:
            words.append(word)
            self._blank()
        if self._starts(";"):
            self._at += 1
        return For(name[0], tuple(words), self._do(), self._redirects())

    def _do(self) -> Sequence:
        self._blank(lines=True)
        self._take("do")
        body = self._list(frozenset({"done"}), "")
        self._take("done")
        return body

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect | HereDocument] = []
        while True:
            self._blank()
            redirect = self._redirect()
            if redirect is not None:
                redirects.append(redirect)
                continue
            assignment = None if words else _ASSIGNMENT.match(self.text, self._at)
            if assignment is not None:
                self._at = assignment.end()
                assignments.append((assignment[1], self._word() or Word(())))
                continue
            word = self._word()
            if word is None:
                break
            words.append(word)
        if not (assignments or words or redirects):
            raise ShellSyntaxError(f'"{self.text[self._at : self._at + 1] or "end of file"}" unexpected')
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _redirects(self) -> tuple[Redirect | HereDocument, ...]:
        found: list[Redirect | HereDocument] = []
        while True:
            self._blank()
            redirect = self._redirect()
            if redirect is None:
                return tuple(found)
            found.append(redirect)

    def _redirect(self) -> Redirect | HereDocument | None:
        match = _REDIRECT.match(self.text, self._at)
        if match is None:
            return None
        self._at = match.end()
        self._blank()
        target = self._word()
        if target is None:
            raise ShellSyntaxError("redirection unexpected")
        operator = match[2]
        descriptor = int(match[1] or (0 if operator[0] == "<" else 1))
        if not operator.startswith("<<"):
            return Redirect(descriptor, operator, target)
        delimiter = "".join(part.text for part in target.parts if isinstance(part, Text))
        document = HereDocument(descriptor, delimiter, target.plain() is not None, operator == "<<-")
        self._documents.append(document)
        return document

    def _read_documents(self) -> None:
        """Reads the bodies of pending here-documents; the position is just after a newline."""
        for document in self._documents:
            lines: list[str] = []
            while True:
                if self._at >= len(self.text):
                    raise IncompleteError("here-document unterminated")
                end = self.text.find("\n", self._at)
                line = self.text[self._at :] if end < 0 else self.text[self._at : end]
                self._at = len(self.text) if end < 0 else end + 1
                if document.strips:
                    line = line.lstrip("\t")
                if line == document.delimiter:
                    break
                lines.append(line + "\n")
            body = "".join(lines)
            document.body = Parser(body).inside_quotes() if document.expands else Word((Text(body, quoted=True),))
        self._documents.clear()

    def inside_quotes(self) -> Word:
        """The whole text read as if it stood between double quotes."""
        return Word(tuple(self._quoted(lambda: self._at >= len(self.text))))

    def _word(self) -> Word | None:
        parts: list[Text | Parameter | Substitution | Arithmetic] = []
        while self._at < len(self.text) and self.text[self._at] not in _META:
            character = self.text[self._at]
            if character == "'":
                parts.append(Text(self._single_quoted(), quoted=True))
            elif character == '"':
                self._at += 1
                parts.append(Text("", quoted=True))
                parts.extend(self._quoted(lambda: self._starts('"')))
                self._close('"')
            elif character == "\\":
                parts.append(Text(self.text[self._at + 1 : self._at + 2], quoted=True))
                self._at += 2
            elif character == "$":
                parts.append(self._dollar(quoted=False))
            else:
                start = self._at
                while self._at < len(self.text) and self.text[self._at] not in _META | frozenset("'\"\\$"):
                    self._at += 1
                parts.append(Text(self.text[start : self._at], quoted=False))
        return Word(tuple(parts)) if parts else None

    def _single_quoted(self) -> str:
        end = self.text.find("'", self._at + 1)
        if end < 0:
            raise IncompleteError("Unterminated quoted string")
        text = self.text[self._at + 1 : end]
        self._at = end + 1
        return text

    def _quoted(self, ended: Callable[[], bool]) -> Iterable[Text | Parameter | Substitution | Arithmetic]:
        literal = ""
        while not ended():
            if self._at >= len(self.text):
                raise IncompleteError("Unterminated quoted string")
            character = self.text[self._at]
            if character == "$":
                yield Text(literal, quoted=True)
                literal = ""
                yield self._dollar(quoted=True)
            elif character == "\\" and self.text[self._at + 1 : self._at + 2] in ('"', "\\", "$", "\n"):
                literal += self.text[self._at + 1].replace("\n", "")
                self._at += 2
            else:
                literal += character
                self._at += 1
        yield Text(literal, quoted=True)

    def _dollar(self, quoted: bool) -> Text | Parameter | Substitution | Arithmetic:
        self._deeper()
        part = self._expansion(quoted)
        self._depth -= 1
        return part

    def _expansion(self, quoted: bool) -> Text | Parameter | Substitution | Arithmetic:
        self._at += 1
        if self._starts("(("):
            end = self.text.find("))", self._at)
            if end < 0:
                raise IncompleteError("missing '))'")
            inner = self.text[self._at + 2 : end]
            self._at = end + 2
            return Arithmetic(Parser(inner).inside_quotes(), quoted)
        if self._starts("("):
            self._at += 1
            body = self._list(frozenset(), ")")
            self._close(")")
            return Substitution(body, quoted)
        if self._starts("{"):
            return self._braced(quoted)
        name = _NAME.match(self.text, self._at)
        if name is not None:
            self._at = name.end()
            return Parameter(name[0], None, None, quoted)
        special = self.text[self._at : self._at + 1]
        if special and special in "?$!#@*0123456789":
            self._at += 1
            return Parameter(special, None, None, quoted)
        return Text("$", quoted)

    def _braced(self, quoted: bool) -> Parameter:
        self._at += 1
        name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[?$!#@*0-9]").match(self.text, self._at)
        if name is None:
            raise ShellSyntaxError("Bad substitution")
        self._at = name.end()
        operator = _PARAMETER_OPERATOR.match(self.text, self._at)
        argument = None
        if operator is not None:
            self._at = operator.end()
            argument = Word(tuple(self._quoted(lambda: self._starts("}"))))
        self._close("}")
        return Parameter(name[0], operator[0] if operator else None, argument, quoted)

    def _blank(self, *, lines: bool = False) -> None:
        while self._at < len(self.text):
            character = self.text[self._at]
            if character in " \t":
                self._at += 1
            elif self._starts("\\\n"):
                self._at += 2
            elif character == "#":
                end = self.text.find("\n", self._at)
                self._at = len(self.text) if end < 0 else end
            elif character == "\n" and lines:
                self._at += 1
                self._read_documents()
            else:
                return

    def _starts(self, *texts: str) -> bool:
        return any(text and self.text.startswith(text, self._at) for text in texts)

    def _close(self, text: str) -> None:
        if not self._starts(text):
            if self._at >= len(self.text):
                raise IncompleteError(f'expecting "{text}"')
            raise ShellSyntaxError(f'"{self.text[self._at]}" unexpected (expecting "{text}")')
        self._at += len(text)

    def _reserved(self) -> str | None:
        """The word at this place if it could be a reserved one; not consumed."""
        end = self._at
        while end < len(self.text) and self.text[end] not in _META:
            end += 1
        return self.text[self._at : end]

    def _take(self, word: str) -> None:
        self._blank(lines=True)
        found = self._reserved()
        if found != word:
            if self._at >= len(self.text):
                raise IncompleteError(f'end of file unexpected (expecting "{word}")')
            raise ShellSyntaxError(f'"{found}" unexpected (expecting "{word}")')
        self._at += len(word)

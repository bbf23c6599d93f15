"""Reads YAML files strictly, and finds the line and column of any value in them afterwards.

Loading keeps plain data only, because nodes for thousands of routers are slow to hold; a file is composed into
nodes again only when a place in it must be named.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from netmon.config.errors import Loc, Problem, path_of

LARGEST_FILE: Final = 64 * 1024 * 1024
LEVELS: Final = 20
TOO_DEEP: Final = f"nested more than {LEVELS} levels deep; netmon's configuration needs fewer than ten"

NO_SUCH_VALUE: Final = "a date or number that does not exist; correct it, or put quotes around text"

_PLAIN_WORDS: Final = (
    (NO_SUCH_VALUE, NO_SUCH_VALUE),
    (TOO_DEEP, TOO_DEEP),
    ("found undefined alias", "an alias (*) without its anchor (&); put quotes around text that begins with *"),
    ("could not determine a constructor", "a tag (!) means nothing here; put quotes around text that begins with !"),
    (
        "cannot start any token",
        "a value begins with a tab or special character; indent with blanks, quote the value",
    ),
    ("mapping values are not allowed", "a colon where none may stand; put quotes around text that contains ': '"),
    ("did not find expected key", "the indentation does not fit, or a ':' is missing"),
    ("could not find expected ':'", "the indentation does not fit, or a ':' is missing"),
    ("but found another document", "a second document; write one document per file"),
    ("expected a single document", "a second document; write one document per file"),
    ("did not find expected ',' or", "a list or mapping in brackets is not closed or lacks a comma"),
    ("did not find expected node content", "a value is missing, or a bracket is not closed"),
    ("found unexpected end of stream", "a quote is not closed"),
    ("found unhashable key", "a key must be plain text; put quotes around text in braces or brackets"),
    ("unhashable key", "a key must be plain text; put quotes around text in braces or brackets"),
)

_QUOTED: Final = re.compile("['\"].*['\"]")


@dataclass(frozen=True, slots=True)
class Document:
    """One file's plain data: a mapping, empty for an empty file."""

    file: Path
    text: bytes = field(repr=False)
    data: dict[Any, Any] = field(repr=False)


class _StrictLoader(yaml.CSafeLoader):
    """Safe YAML by libyaml; notes keys that stand twice in one mapping instead of keeping the last."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self.repeated: list[tuple[yaml.ScalarNode, yaml.ScalarNode]] = []
        self._looked_at: set[int] = set()
        self._level = 0

    def descend_resolver(self, current_node: yaml.Node | None, current_index: object) -> None:
        # libyaml's composer recurses without a bound and would take the process along; it calls here at each level.
        self._level += 1
        if self._level > LEVELS:
            mark = current_node.start_mark if current_node is not None else None
            raise yaml.composer.ComposerError(problem=TOO_DEEP, problem_mark=mark)

    def ascend_resolver(self) -> None:
        self._level -= 1

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # Before `<<` is merged in: what a merge brings may legitimately be overridden.
        if id(node) not in self._looked_at:
            self._looked_at.add(id(node))
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len({key.value for key in keys}) != len(keys):
                first: dict[str, yaml.ScalarNode] = {}
                for key in keys:
                    if first.setdefault(key.value, key) is not key:
                        self.repeated.append((first[key.value], key))
        super().flatten_mapping(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        # A date such as 2026-13-45: the constructor's own error has no place.
        try:
            return super().construct_object(node, deep)
        except ValueError:
            raise yaml.constructor.ConstructorError(problem=NO_SUCH_VALUE, problem_mark=node.start_mark) from None


Read = tuple[Document | None, tuple[Problem, ...]]


def read(file: Path) -> Read:
    """The file's data, if it is YAML, and what is wrong with it; a document may have keys written twice."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            return _unread(file, f"larger than {LARGEST_FILE // 2**20} MiB; split it into a directory of files")
        text = file.read_bytes()
    except OSError as error:
        return _unread(file, f"cannot be read: {error.strerror}; check its path and owner")
    return parsed(file, text)


@contextmanager
def _without_collection() -> Iterator[None]:
    """The cyclic collector would scan hundreds of thousands of young nodes again and again: two thirds of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def parsed(file: Path, text: bytes) -> Read:
    """As `read`, of what the file holds or would hold."""
    loader = _StrictLoader(text)
    try:
        with _without_collection():
            data = loader.get_single_data()
    except yaml.YAMLError as error:
        return _unread(file, *_syntax(error, text))
    finally:
        loader.dispose()
    problems = tuple(
        Problem(
            file,
            again.start_mark.line + 1,
            again.start_mark.column + 1,
            again.value,
            f"the same key stands already in line {first.start_mark.line + 1}; keep one",
        )
        for first, again in loader.repeated
    )
    if data is not None and not isinstance(data, dict):
        return _unread(file, "must be a mapping, written as `key: value` lines")
    return Document(file, text, data or {}), problems


def _syntax(error: yaml.YAMLError, text: bytes) -> tuple[str, int, int]:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        column = error.position - (before.rfind(b"\n") + 1) + 1
        return "is not UTF-8 text, or holds control characters; save it as UTF-8", before.count(b"\n") + 1, column
    assert isinstance(error, yaml.MarkedYAMLError), "YAML has no others"
    mark = error.problem_mark or error.context_mark
    return (_plainly(error), mark.line + 1, mark.column + 1) if mark else (_plainly(error), 1, 1)


def _unread(file: Path, message: str, line: int = 1, column: int = 1) -> Read:
    return None, (Problem(file, line, column, "", message),)


def _plainly(error: yaml.MarkedYAMLError) -> str:
    # libyaml's own words may quote the text, which may be a secret: only what is known to be constant is shown.
    problem = error.problem or ""
    for words, plain in _PLAIN_WORDS:
        if words in problem or words in (error.context or ""):
            return plain
    return f"is not YAML: {_QUOTED.sub('...', problem)}"


class Locator:
    """Names the place of a value in documents whose top-level mappings were merged."""

    def __init__(self, documents: Iterable[Document], home: Path) -> None:
        self._documents = tuple(documents)
        self._home = home
        self._nodes: dict[Path, yaml.Node | None] = {}
        self._children: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}

    def problem(self, loc: Loc, message: str, *, at_key: bool = False) -> Problem:
        """The message at the value named by `loc`, at its key if so asked or if the value is a block.

        What is not written anywhere is placed at the nearest key above it.
        """
        file, mark = self._place(loc, at_key)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return Problem(file, line, column, path_of(loc), message)

    def _place(self, loc: Loc, at_key: bool) -> tuple[Path, yaml.Mark | None]:
        document = self._owner(loc)
        if document is None:
            return self._home, None
        key: yaml.Node | None = None
        node = self._root(document)
        for part in loc:
            step = self._child(node, part)
            if step is None:
                return document.file, key.start_mark if key is not None else None
            key, node = step
        if key is None or node is None:
            return document.file, None
        return document.file, key.start_mark if at_key or not isinstance(node, yaml.ScalarNode) else node.start_mark

    def _owner(self, loc: Loc) -> Document | None:
        for depth in (2, 1):
            for document in self._documents:
                if len(loc) >= depth and _holds(document.data, loc[:depth]):
                    return document
        return self._documents[0] if self._documents else None

    def _root(self, document: Document) -> yaml.Node | None:
        if document.file not in self._nodes:
            with _without_collection():
                self._nodes[document.file] = yaml.compose(document.text, Loader=yaml.CSafeLoader)
        return self._nodes[document.file]

    def _child(self, node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
        """The node's child: its key (for a list, the element itself) and its value."""
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._children:
                pairs = [pair for pair in node.value if isinstance(pair[0], yaml.ScalarNode)]
                self._children[id(node)] = {key.value: (key, value) for key, value in reversed(pairs)}
            return self._children[id(node)].get(str(part))
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            return node.value[part], node.value[part]
        return None

    def line(self, loc: Loc) -> int:
        """The 1-based line on which the value named by `loc` begins."""
        return self.problem(loc, "").line


def _holds(data: Any, loc: Loc) -> bool:
    for part in loc:
        if not isinstance(data, Mapping) or part not in data:
            return False
        data = data[part]
    return True

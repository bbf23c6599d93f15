"""Puts new entries into YAML that people wrote, and alters nothing of it: text is only ever inserted.

A parser says where a mapping ends; the new lines go there, indented as its entries are. So comments, order, quotes,
blanks and line ends stay as they were by construction, which no reading and writing back could promise. The one
thing ever taken away is an empty `{}` that gets its first entry. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line breaks as YAML 1.1 knows them (section 4.1.5)."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")
_NUMBER: Final = re.compile(r"\d+\.?\d*([eE]\d+)?|0o[0-7]+|[yYnN]")
"""What YAML 1.1 or 1.2 may take for a number, or YAML 1.1 for a truth."""
_STEP: Final = 2
_UNWRITTEN: Final = "tag:yaml.org,2002:null"


class InsertionError(ValueError):
    """A place where nothing can be inserted; one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value: text, a number, or a mapping."""

    key: str
    value: str | int | Block


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment on a line of its own; left out of a mapping written in braces."""

    text: str


Block = tuple["Entry | Remark", ...]


@dataclass(frozen=True, slots=True)
class Insertion:
    """Entries to be added at the end of the mapping at `path`; what is missing on the way is made."""

    path: tuple[str, ...]
    entries: Block


@dataclass(frozen=True, slots=True)
class _Edit:
    at: int
    until: int
    depth: int
    text: str


def inserted(text: str, insertions: Iterable[Insertion]) -> str:
    """The YAML with all insertions made. Raises InsertionError; `text` must be loadable, see documents.parsed."""
    mark, body = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    line_break = found.group() if (found := _BREAK.search(body)) else "\n"
    if body and not _BREAK.search(body[-1:]):
        body += line_break
    page = _Page(body)
    edits = [page.edit(insertion) for insertion in insertions]
    # What belongs further in comes first where two end at the same place.
    for edit in sorted(edits, key=lambda edit: (edit.at, -edit.depth), reverse=True):
        body = body[: edit.at] + edit.text.replace("\n", line_break) + body[edit.until :]
    return mark + body


class _Page:
    """A YAML text with the nodes it was composed into."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._root = yaml.compose(text, Loader=yaml.CSafeLoader)
        self._step = _step_of(self._root)

    def edit(self, insertion: Insertion) -> _Edit:
        node, column, depth, entries = self._place(insertion)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == _UNWRITTEN):
            return self._under(node, column, insertion.path[:depth], entries)
        if not isinstance(node, yaml.MappingNode):
            raise InsertionError(f"{'.'.join(insertion.path)} is no mapping; write it as `key: value` lines")
        if node.flow_style:
            return self._between_braces(node, column, insertion.path[:depth], entries)
        first = node.value[0][0].start_mark
        at, is_literal = self._end_of(node, first.column)
        # Behind a block scalar, a blank line would be one of it.
        apart = "\n" if not is_literal and (not depth or self._is_spaced(node)) else ""
        return _Edit(at, at, depth, apart + _lines(entries, first.column, self._step))

    def _place(self, insertion: Insertion) -> tuple[yaml.Node | None, int, int, Block]:
        """The deepest mapping on the path that is written, where its own key stands, its depth, what to put in."""
        node, column, path = self._root, -self._step, insertion.path
        for depth, part in enumerate(path):
            step = _child(node, part)
            if step is None:
                entries = insertion.entries
                for missing in reversed(path[depth:]):
                    entries = (Entry(missing, entries),)
                return node, column, depth, entries
            key, value = step
            if value.start_mark.index < key.end_mark.index:
                raise InsertionError(
                    f"{'.'.join(path[: depth + 1])} is an alias (*) of what stands elsewhere; write it out to add to it"
                )
            node, column = value, key.start_mark.column
        return node, column, len(path), insertion.entries

    def _under(self, node: yaml.Node | None, column: int, path: Sequence[str], entries: Block) -> _Edit:
        """For a key without a value, or a file without a key."""
        depth = len(path)
        if node is None:
            at = len(self._text)
            return _Edit(at, at, depth, _lines(entries, 0, self._step))
        at, until = node.start_mark.index, node.end_mark.index
        if self._text[at:until].lower() not in ("", "~", "null"):
            raise InsertionError(f"{'.'.join(path)} is no plain mapping; write it as `key: value` lines")
        if self._is_inside_braces(path):
            return _Edit(at, until, depth, f" {{{_in_braces(entries)}}}")
        if at != until:
            return self._on_lines(at, until, column, depth, entries)
        at = self._after_comments(at, column + 1)
        return _Edit(at, at, depth, _lines(entries, column + self._step, self._step))

    def _between_braces(self, node: yaml.MappingNode, column: int, path: Sequence[str], entries: Block) -> _Edit:
        """Behind the last entry in braces; empty ones give way to lines, unless they hold a comment."""
        depth, until = len(path), node.end_mark.index
        if node.value:
            at = node.value[-1][1].end_mark.index
            return _Edit(at, at, depth, f", {_in_braces(entries)}")
        at = self._text.rindex("{", node.start_mark.index, until)
        if self._text[at + 1 : until - 1].strip() or self._is_inside_braces(path):
            return _Edit(until - 1, until - 1, depth, _in_braces(entries))
        return self._on_lines(at, until, column, depth, entries)

    def _on_lines(self, at: int, until: int, column: int, depth: int, entries: Block) -> _Edit:
        """Instead of the `{}` in `routers: {}  # none yet`; the comment stays where it is."""
        end = self._line_end(until)
        kept = self._text[until:end]
        start = len(self._text[:at].rstrip(" "))
        return _Edit(start, end, depth, kept + _lines(entries, column + self._step, self._step))

    def _is_inside_braces(self, path: Sequence[str]) -> bool:
        """Whether any mapping above what stands at `path` is written in braces."""
        node = self._root
        for part in path:
            if isinstance(node, yaml.MappingNode) and node.flow_style:
                return True
            step = _child(node, part)
            node = step[1] if step is not None else None
        return False

    def _end_of(self, node: yaml.MappingNode, column: int) -> tuple[int, bool]:
        """The line after the last of a block mapping, and after the comments that are indented as its entries are.

        And whether a block scalar is that last.
        """
        last: yaml.Node = node
        while isinstance(last, yaml.CollectionNode) and not last.flow_style and last.value:
            # An alias is composed into the node it stands for, which was written further up.
            if isinstance(last, yaml.MappingNode):
                key, value = last.value[-1]
                if value.start_mark.index < key.end_mark.index:
                    last = key
                    break
                last = value
            else:
                *others, value = last.value
                written_after = max((one.start_mark.index for one in others), default=last.start_mark.index - 1)
                if value.start_mark.index <= written_after:
                    return self._after_comments(self._last_content(last.end_mark.index), column), False
                last = value
        end = last.end_mark.index
        is_literal = isinstance(last, yaml.ScalarNode) and last.style in ("|", ">")
        return self._after_comments(end - 1 if is_literal else end, column), is_literal

    def _last_content(self, index: int) -> int:
        """Where the last line before `index` begins that is neither blank nor a comment."""
        lines = [found.end() for found in _BREAK.finditer(self._text, 0, index)]
        for start in reversed((0, *lines)):
            bare = self._text[start : self._line_end(start)].strip()
            if start < index and bare and not bare.startswith("#"):
                return start
        return 0

    def _is_spaced(self, node: yaml.MappingNode) -> bool:
        """Whether a blank line stands before the mapping's second entry, or before the comments above it."""
        if len(node.value) < 2:
            return False
        between = self._text[node.value[0][0].start_mark.index : node.value[1][0].start_mark.index]
        for line in reversed(_BREAK.split(between)[:-1]):
            if not line.strip().startswith("#"):
                return not line.strip()
        return False

    def _after_comments(self, index: int, column: int) -> int:
        """Where the line of `index` ends, and the comment lines after it that stand at `column` or further in."""
        at = found = self._line_end(index)
        while at < len(self._text):
            end = self._line_end(at)
            line = self._text[at:end]
            bare = line.strip()
            if bare and not (bare.startswith("#") and len(line) - len(line.lstrip(" ")) >= column):
                break
            at = end
            found = end if bare else found
        return found

    def _line_end(self, index: int) -> int:
        """Behind the line break that ends the line of `index`."""
        found = _BREAK.search(self._text, index)
        return found.end() if found else len(self._text)


def _child(node: yaml.Node | None, part: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The pair with that key, if the node is a mapping that has it."""
    if not isinstance(node, yaml.MappingNode):
        return None
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    return next((pair for pair in pairs if isinstance(pair[0], yaml.ScalarNode) and pair[0].value == part), None)


def _step_of(root: yaml.Node | None) -> int:
    """By how much the first nested mapping is indented."""
    if isinstance(root, yaml.MappingNode) and not root.flow_style:
        for key, value in root.value:
            if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
                step: int = value.value[0][0].start_mark.column - key.start_mark.column
                return step
    return _STEP


# --- writing ---------------------------------------------------------------------------------


def _lines(block: Block, column: int, step: int) -> str:
    margin = " " * column
    written = ""
    for one in block:
        if isinstance(one, Remark):
            written += f"{margin}# {one.text}".rstrip() + "\n"
        elif isinstance(one.value, tuple):
            written += f"{margin}{scalar(one.key)}:\n{_lines(one.value, column + step, step)}"
        else:
            written += f"{margin}{scalar(one.key)}: {_value(one.value)}\n"
    return written


def lines(block: Block) -> list[str]:
    """The entries as they are written from the margin on."""
    return _lines(block, 0, _STEP).splitlines()


def _in_braces(block: Block) -> str:
    return ", ".join(f"{scalar(one.key)}: {_value(one.value)}" for one in block if isinstance(one, Entry))


def _value(value: str | int | Block) -> str:
    if isinstance(value, tuple):
        return f"{{{_in_braces(value)}}}"
    return scalar(value) if isinstance(value, str) else str(value)


def scalar(text: str) -> str:
    """Text as a scalar that every YAML reads as just this text, in quotes where it needs them."""
    if _PLAIN.fullmatch(text) and not _NUMBER.fullmatch(text) and yaml.load(text, yaml.CSafeLoader) == text:
        return text
    return json.dumps(text, ensure_ascii=False)

"""A configuration of `set` lines, as Junos and VyOS keep it: a grammar, a tree and what differs between two trees.

A setting is the path of its words: `set system host-name R1` is ("system", "host-name", "R1").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

Path = tuple[str, ...]

_BARE: Final = re.compile(r"[\w.:/@+*<>-]+\Z", re.ASCII)


class SettingError(Exception):
    """A line that the grammar does not have."""

    def __init__(self, said: str, at: int) -> None:
        """`said` in the vendor's words; `at` is the number of the word at fault, from 0."""
        super().__init__(said)
        self.said = said
        self.at = at


@dataclass(frozen=True, slots=True)
class Rule:
    """What may follow at one place of the tree. `value` makes it a leaf, `name` a list of named entries."""

    words: Mapping[str, Rule] = field(default_factory=dict)
    name: re.Pattern[str] | None = None
    below: Rule | None = None
    """Of a list: what may follow an entry's name."""
    value: re.Pattern[str] | None = None
    many: bool = False
    """A leaf that keeps all its values."""
    ends: bool = False
    """The setting may end here."""


def words(ends: bool = False, **below: Rule) -> Rule:
    """A container; an underscore stands for a dash."""
    return Rule({word.replace("_", "-"): rule for word, rule in below.items()}, ends=ends)


def named(name: str, below: Rule) -> Rule:
    """A list of entries, each called as the regular expression `name` says; an entry may be empty."""
    return Rule(name=re.compile(rf"(?:{name})\Z"), below=replace(below, ends=True))


def leaf(value: str, many: bool = False) -> Rule:
    return Rule(value=re.compile(rf"(?:{value})\Z"), many=many)


def flag() -> Rule:
    return Rule(ends=True)


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a line sets."""

    path: Path
    leaf: Path | None
    """Where a leaf with a single value begins: what was set there before goes."""


def settings_of(root: Rule, line: Sequence[str], several: bool = False) -> tuple[Setting, ...]:
    """What `set` followed by these words sets. Raises SettingError.

    With `several`, as in Junos, more leaves of the same place may follow a leaf's value.
    """
    found: list[Setting] = []
    rule, path, home = root, list[str](), (root, 0)
    at = 0
    while at < len(line):
        word = line[at]
        if rule.name is not None:
            if not rule.name.match(word):
                raise SettingError("value", at)
            rule, home = rule.below or Rule(ends=True), (rule.below or Rule(), len(path) + 1)
            path.append(word)
        elif rule.value is not None:
            if not rule.value.match(word):
                raise SettingError("value", at)
            found.append(Setting((*path, word), None if rule.many else tuple(path)))
            if at + 1 < len(line) and not several:
                raise SettingError("word", at + 1)
            rule, path = home[0], path[: home[1]]
        elif word in rule.words:
            rule = rule.words[word]
            path.append(word)
            if rule.words:
                home = (rule, len(path))
        else:
            raise SettingError("word", at)
        at += 1
    if not found or len(path) > home[1]:
        _ends(rule, path, len(line), found)
    return tuple(found)


def _ends(rule: Rule, path: list[str], at: int, found: list[Setting]) -> None:
    """A setting without a value: a flag, or an entry of a list."""
    if rule.value is not None or rule.name is not None or not rule.ends:
        raise SettingError("missing", at)
    found.append(Setting(tuple(path), None))


def known(root: Rule, line: Sequence[str]) -> None:
    """Raises SettingError unless these words lead somewhere in the grammar, as `delete` and `show` need."""
    rule = root
    for at, word in enumerate(line):
        if rule.name is not None:
            if not rule.name.match(word):
                raise SettingError("value", at)
            rule = rule.below or Rule()
        elif rule.value is not None:
            if not rule.value.match(word):
                raise SettingError("value", at)
            rule = Rule()
        elif word in rule.words:
            rule = rule.words[word]
        else:
            raise SettingError("word", at)


def rule_at(root: Rule, place: Sequence[str]) -> Rule:
    """What may follow a place that the grammar knows."""
    rule = root
    for word in place:
        rule = rule.words[word] if rule.name is None else rule.below or Rule()
    return rule


class Tree:
    """Settings in the order they were made."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._paths = dict.fromkeys(paths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and set(self._paths) == set(other._paths)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._paths)

    __hash__ = None  # type: ignore[assignment]  # it can be altered

    def copy(self) -> Tree:
        return Tree(self._paths)

    def put(self, setting: Setting) -> None:
        if setting.path in self._paths:
            return
        if setting.leaf is not None:
            self.delete(setting.leaf)
        if not self.has(setting.path):
            # An entry that was empty is shown by what it holds from now on.
            for end in range(1, len(setting.path)):
                self._paths.pop(setting.path[:end], None)
            self._paths[setting.path] = None

    def delete(self, start: Path) -> bool:
        """Whether there was anything that begins so."""
        gone = [path for path in self._paths if path[: len(start)] == start]
        for path in gone:
            del self._paths[path]
        return bool(gone)

    def has(self, start: Path) -> bool:
        return any(path[: len(start)] == start for path in self._paths)

    def under(self, start: Path) -> list[Path]:
        """The settings that begin so, without their beginning; grouped as the tree groups them."""
        return sorted_by_group(path[len(start) :] for path in self._paths if path[: len(start)] == start)

    def value(self, *leaf: str) -> str | None:
        """The first value of a leaf."""
        return next((path[len(leaf)] for path in self._paths if path[:-1] == leaf), None)

    def names(self, *place: str) -> list[str]:
        """The words that follow a place, in order."""
        return list(
            dict.fromkeys(path[len(place)] for path in self._paths if path[: len(place)] == place and path != place)
        )


def sorted_by_group(paths: Iterable[Path]) -> list[Path]:
    """The same paths, those with the same first words together, in the order these first came."""
    groups: dict[str, list[Path]] = {}
    found: list[Path] = []
    for path in paths:
        if path:
            groups.setdefault(path[0], []).append(path[1:])
        else:
            found.append(path)
    for word, rest in groups.items():
        found += [(word, *path) for path in sorted_by_group(rest)]
    return found


def differences(before: Tree, after: Tree) -> list[tuple[str, Path]]:
    """("-", path) of what is gone, then ("+", path) of what came."""
    had, has = set(before), set(after)
    return [("-", path) for path in before if path not in has] + [("+", path) for path in after if path not in had]


def split_words(line: str) -> list[str]:
    """The words of a line; quotation marks, single or double, keep blanks together. Raises SettingError."""
    found: list[str] = []
    word, quote, begun = "", "", False
    characters = iter(line)
    for character in characters:
        if quote:
            if character == "\\" and quote == '"':
                word += next(characters, "")
            elif character == quote:
                quote = ""
            else:
                word += character
        elif character in "\"'":
            quote, begun = character, True
        elif character.isspace():
            if word or begun:
                found.append(word)
            word, begun = "", False
        else:
            word += character
    if quote:
        raise SettingError("quote", len(found))
    if word or begun:
        found.append(word)
    return found


def is_bare(word: str) -> bool:
    """Whether a word is shown without quotation marks."""
    return _BARE.match(word) is not None

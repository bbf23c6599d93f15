"""Configurations in which a line belongs to the line it is indented below: IOS, IOS-XR, VRP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Path = tuple[str, ...]


@dataclass(slots=True)
class Block:
    """A line and what is indented below it; the root's line is empty."""

    line: str = ""
    below: list[Block] = field(default_factory=list)

    def find(self, *path: str) -> Block | None:
        """The block at the end of the path, from here."""
        block: Block | None = self
        for line in path:
            block = next((child for child in block.below if child.line == line), None) if block else None
        return block

    def enter(self, *path: str) -> Block:
        """The same, made where it is missing."""
        block = self
        for line in path:
            found = block.find(line)
            if found is None:
                block.below.append(found := Block(line))
            block = found
        return block

    def put(self, line: str, instead_of: str | None = None) -> Block:
        """`line`, below here, in place of the first line that begins with `instead_of`, else at the end."""
        for child in self.below:
            if child.line == line or (instead_of is not None and f"{child.line} ".startswith(f"{instead_of} ")):
                child.line = line
                return child
        return self.enter(line)

    def drop(self, beginning: str) -> bool:
        """Takes away every line below here that begins with these words; False if there was none."""
        kept = [child for child in self.below if not f"{child.line} ".startswith(f"{beginning} ")]
        gone = len(kept) < len(self.below)
        self.below = kept
        return gone

    def starting(self, beginning: str) -> list[Block]:
        return [child for child in self.below if f"{child.line} ".startswith(f"{beginning} ")]

    def value(self, beginning: str) -> str | None:
        """What follows these words on the first line below here that begins with them."""
        return next((child.line[len(beginning) :].strip() for child in self.starting(beginning)), None)

    def copy(self) -> Block:
        return Block(self.line, [child.copy() for child in self.below])

    def lines(self, depth: int = 0, step: int = 1) -> Iterator[str]:
        """All below here, each level indented by `step` blanks more."""
        for child in self.below:
            yield " " * (depth * step) + child.line
            yield from child.lines(depth + 1, step)

    def paths(self, above: Path = ()) -> Iterator[Path]:
        for child in self.below:
            yield (*above, child.line)
            yield from child.paths((*above, child.line))

    def has(self, path: Path) -> bool:
        return self.find(*path) is not None


def parsed(text: str) -> Block:
    """The configuration a text shows; lines that begin with ! separate only."""
    root = Block()
    open_blocks: list[tuple[int, Block]] = [(-1, root)]
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("!"):
            continue
        depth = len(line) - len(line.lstrip())
        while open_blocks[-1][0] >= depth:
            open_blocks.pop()
        block = Block(line.strip())
        open_blocks[-1][1].below.append(block)
        open_blocks.append((depth, block))
    return root


def differences(old: Block, new: Block) -> list[tuple[str, Path]]:
    """("+", path) for what only `new` has, ("-", path) for what only `old` has."""
    return [("+", path) for path in new.paths() if not old.has(path)] + [
        ("-", path) for path in old.paths() if not new.has(path)
    ]


def contextual(changes: Sequence[tuple[str, Path]]) -> list[str]:
    """The changes as lines: a sign before what changed, and above it, unsigned, the lines it belongs to."""
    lines: list[str] = []
    shown: Path = ()
    for sign, path in changes:
        same = next((i for i, (a, b) in enumerate(zip(shown, path[:-1], strict=False)) if a != b), None)
        known = min(len(shown), len(path) - 1) if same is None else same
        lines += [" " * depth + path[depth] for depth in range(known, len(path) - 1)]
        lines.append(" " * (len(path) - 1) + sign + path[-1])
        shown = path
    return lines

"""What the shell of a simulated Linux router stands on: streams, files and jobs, all in memory and bounded."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

MOST_OUTPUT = 262_144
MOST_JOBS = 64
MOST_FILES = 256
MOST_FILE_SIZE = 65_536


class Stream:
    """Text written by commands; what exceeds MOST_OUTPUT is dropped."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    def write(self, text: str) -> None:
        text = text[: MOST_OUTPUT - self._size]
        self._size += len(text)
        self._parts.append(text)

    @property
    def text(self) -> str:
        return "".join(self._parts)


class Sink(Protocol):
    def write(self, text: str) -> None: ...


class Nowhere:
    """/dev/null."""

    def write(self, text: str) -> None:
        pass


class Input(str):
    """Standard input that several commands read from, one line after another."""

    def __init__(self, text: str) -> None:
        self._taken = 0

    def line(self) -> str | None:
        """The next line, without its end; None when there is none left."""
        if self._taken >= len(self):
            return None
        end = self.find("\n", self._taken)
        line = self[self._taken : end if end >= 0 else len(self)]
        self._taken = end + 1 if end >= 0 else len(self)
        return line


@dataclass(frozen=True, slots=True)
class Streams:
    stdin: str
    out: Sink
    err: Sink


@dataclass(slots=True)
class Terminal:
    echo: bool = True


class FileError(Exception):
    """What a command says after the file's name, e.g. `No such file or directory`."""


@dataclass(slots=True)
class Files:
    """A file system of text: paths are absolute and normal."""

    texts: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/", "/etc", "/root", "/run", "/tmp"})  # noqa: S108 - not a real folder
    kernel: Callable[[str], str | None] = lambda _: None
    """What the kernel shows as a file, under /proc."""

    def read(self, path: str) -> str:
        if (shown := self.kernel(path)) is not None:
            return shown
        if path == "/dev/null":
            return ""
        if path in self.folders:
            raise FileError("Is a directory")
        if path not in self.texts:
            raise FileError("No such file or directory")
        return self.texts[path]

    def write(self, path: str, text: str, *, append: bool = False) -> None:
        if path in self.folders:
            raise FileError("Is a directory")
        if path.rpartition("/")[0] not in self.folders | {""} or not path.startswith("/"):
            raise FileError("No such file or directory")
        text = self.texts.get(path, "") + text if append else text
        if len(text) > MOST_FILE_SIZE or (path not in self.texts and len(self.texts) >= MOST_FILES):
            raise FileError("No space left on device")
        self.texts[path] = text

    def make_folder(self, path: str, *, parents: bool) -> None:
        above = path.rpartition("/")[0] or "/"
        if path in self.folders:
            if not parents:
                raise FileError("File exists")
            return
        if above not in self.folders:
            if not parents:
                raise FileError("No such file or directory")
            self.make_folder(above, parents=True)
        if len(self.folders) >= MOST_FILES:
            raise FileError("No space left on device")
        self.folders.add(path)

    def matching(self, pattern: str) -> list[str]:
        depth = pattern.count("/")
        return sorted(
            path
            for path in (*self.texts, *self.folders)
            if path.count("/") == depth and fnmatch.fnmatchcase(path, pattern)
        )

    def forget_volatile(self) -> None:
        """/run and /tmp are empty after a boot."""
        for top in ("/run/", "/tmp/"):  # noqa: S108 - not a real folder
            self.texts = {path: text for path, text in self.texts.items() if not path.startswith(top)}
            self.folders = {path for path in self.folders if not path.startswith(top)}


@dataclass(slots=True)
class Jobs:
    """Process numbers, and the tasks of every process group."""

    last_pid: int = 900
    groups: dict[int, set[asyncio.Task[int]]] = field(default_factory=dict)
    commands: dict[int, str] = field(default_factory=dict)
    """Of the leaders of process groups: their words, joined by NUL as in /proc/PID/cmdline."""

    def new_pid(self) -> int:
        self.last_pid += 1
        return self.last_pid

    def start(self, group: int, work: Coroutine[Any, Any, int]) -> asyncio.Task[int] | None:
        """Runs `work` as a member of a process group; None when too many run already."""
        if sum(len(tasks) for tasks in self.groups.values()) >= MOST_JOBS:
            work.close()
            return None
        task = asyncio.create_task(work)
        self.groups.setdefault(group, set()).add(task)
        task.add_done_callback(lambda done: self._ended(group, done))
        return task

    def kill(self, group: int) -> bool:
        """Ends a whole process group; False if there is none."""
        tasks = tuple(self.groups.get(group, ()))
        for task in tasks:
            task.cancel()
        return bool(tasks)

    def kill_all(self) -> list[asyncio.Task[int]]:
        tasks = [task for group in self.groups.values() for task in group]
        for task in tasks:
            task.cancel()
        return tasks

    def _ended(self, group: int, task: asyncio.Task[int]) -> None:
        members = self.groups.get(group)
        if members is not None:
            members.discard(task)
            if not members:
                del self.groups[group]
                self.commands.pop(group, None)

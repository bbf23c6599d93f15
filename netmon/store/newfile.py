"""A file that appears whole or not at all, and never in place of another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from netmon.store.errors import StoreError


@contextmanager
def new_path(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; with the block's end the file stands at `path`, on disk. Else it is gone.

    Raises StoreError if there is a file at `path`, or if it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    _refuse(path)
    try:
        try:
            yield partial
            synced(partial)
            try:
                # Unlike a rename, a link never replaces what came there meanwhile.
                os.link(partial, path)
            except FileExistsError:
                _refuse(path)
            except OSError:  # a file system without links
                _refuse(path)
                partial.rename(path)
            synced(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}; give another place, or make room") from error


@contextmanager
def new_file(path: Path, mode: int = 0o640) -> Iterator[BinaryIO]:
    """The same, open for writing."""
    with new_path(path) as partial:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            yield file


def synced(path: Path) -> None:
    """fsync(2) of a file, or of a directory's entries."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse(path: Path) -> None:
    if path.exists():
        raise StoreError(f"{path} exists already; nothing is overwritten, give another name")

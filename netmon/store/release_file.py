"""The file that says: netmon limits nothing. It stands beside the ledger and needs none.

Whole or not at all, and on disk before anybody acts on it. A file that cannot be read holds: what it says is not
known, and only the word "limit nothing" is ever written into one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from netmon.core.kill_switch import Noted, Release
from netmon.store.errors import StoreError
from netmon.store.newfile import synced
from netmon.store.settings import LedgerSettings
from netmon.store.values import dump, load

NAME: Final = "netmon.hold"
LARGEST: Final = 1 << 22
_NEVER = (0, 0, 0)


class ReleaseFile:
    """One file; looked at again only once it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._noted: Noted | None = None

    @classmethod
    def of(cls, settings: LedgerSettings) -> ReleaseFile:
        """In the directory of the ledger's file, whatever the ledger is called; with a ledger on a server, in the
        directory where its file would be.
        """
        return cls(settings.path.parent / NAME)

    def read(self) -> Noted | None:
        """What it says; None: there is none."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._noted = _NEVER, None
            return None
        except OSError as error:
            return _unreadable(self.path, error.strerror or str(error))
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            self._noted, self._seen = self._load(found.st_size), seen
        return self._noted

    def write(self, noted: Noted) -> None:
        """Puts it on disk in place of what it said. Raises StoreError."""
        partial = self.path.with_name(f".{NAME}.{os.getpid()}.partial")
        try:
            try:
                partial.write_text(dump(noted) + "\n", encoding="ascii")
                partial.chmod(0o644)
                synced(partial)
                partial.rename(self.path)
                synced(self.path.parent)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"the hold {self.path} cannot be written: {error.strerror}; make room, or become the directory's owner"
            ) from error

    def remove(self) -> None:
        """Takes it away, for good. Raises StoreError."""
        try:
            self.path.unlink(missing_ok=True)
            synced(self.path.parent)
        except OSError as error:
            raise StoreError(
                f"the hold {self.path} cannot be removed: {error.strerror}; become the directory's owner"
            ) from error

    def _load(self, size: int) -> Noted:
        if size > LARGEST:
            return _unreadable(self.path, "it is too large")
        try:
            return load(Noted, self.path.read_text(encoding="ascii"))
        except (OSError, ValueError, StoreError) as error:
            return _unreadable(self.path, str(error))


def _unreadable(path: Path, why: str) -> Noted:
    why = " ".join(why.split())
    return Noted(Release("unreadable", 0, "unknown", f"{path} cannot be read ({why}); netmon resume writes it anew"))

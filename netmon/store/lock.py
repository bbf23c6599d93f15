"""One writer per ledger (invariant 5): an exclusive flock(2) on a file beside it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from netmon.store.errors import LedgerLockedError, StoreError


class WriterLock:
    """Held from `take` to `release`, or until the process ends however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, ledger: Path) -> WriterLock:
        """Raises LedgerLockedError naming the holder, or StoreError if the lock file cannot be made."""
        path = ledger.with_name(ledger.name + ".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StoreError(
                f"the ledger's lock {path} cannot be opened: {error.strerror}; create its directory and give it to"
                " netmon's user, or correct ledger.path"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise LedgerLockedError(
                f"the ledger {ledger} is in use by process {holder}; give the command to that daemon over its control"
                " socket, or stop it first"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Gives the ledger up; the file stays, for removing it would let two writers in."""
        os.close(self._descriptor)

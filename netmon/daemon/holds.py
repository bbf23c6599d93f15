"""The global hold as a daemon keeps it: obeyed at once wherever it stands, recorded, told, and lifted by a word."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netmon.config.load import Configuration
from netmon.core import alerting, kill_switch
from netmon.core.alerts import Alert
from netmon.core.directives import objection_to_text
from netmon.core.guard_alerts import release_condition
from netmon.core.kill_switch import Ended, Noted, Release, Sweep
from netmon.daemon.control import CommandError
from netmon.daemon.ledger import LedgerService
from netmon.daemon.queries import rfc3339
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.store.release_file import ReleaseFile
from netmon.store.settings import LedgerSettings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
UNREADABLE = "unreadable"
"""The id under which the file's reader tells of a file that it cannot read."""


class GlobalHold:
    """File and ledger together. Without a ledger the file alone says what holds."""

    def __init__(self, file: ReleaseFile, ledger: LedgerService | None = None) -> None:
        self._file, self._ledger = file, ledger
        self._recorded: Release | None = None
        self._known: Noted | None = None
        """What the ledger has of the file."""

    @classmethod
    async def restored(cls, settings: LedgerSettings, ledger: LedgerService) -> GlobalHold:
        """As it stands at the start. Raises StoreError."""
        made = cls(ReleaseFile.of(settings), ledger)
        made._recorded = await ledger.write(Ledger.release)
        return made

    def in_force(self) -> Release | None:
        """The release that holds now, looked up anew: it may have been written a moment ago by anybody."""
        noted = self._file.read()
        return kill_switch.in_force(None if noted is None else noted.release, self._recorded)

    def begin(self, by: str, reason: object, now_ns: int) -> tuple[Release, str | None]:
        """The release that holds from now on, on disk; and why it could not be put there, None where it was.

        A second word while one holds changes nothing. Raises CommandError for what is no reason.
        """
        words = _words(reason)
        standing, noted = self.in_force(), self._file.read()
        if standing is not None and standing.id == UNREADABLE:
            standing = None
        if standing is not None and noted is not None and standing == noted.release:
            return standing, None
        release = standing or Release(_new_id(), now_ns, by, words)
        try:
            self._file.write(Noted(release))
        except StoreError as error:
            return release, str(error)
        return release, None

    async def enter(self, release: Release) -> None:
        """Puts it into the ledger alone, where the file cannot be written. Raises StoreError."""
        if self._ledger is None:
            raise StoreError("there is no ledger either")
        await self._ledger.write(Ledger.record_release, Noted(release))
        self._recorded = release

    def swept(self, sweep: Sweep) -> None:
        """Notes what a sweep did. Raises StoreError."""
        noted = self._file.read()
        if noted is not None and noted.release.id == sweep.release:
            self._file.write(noted.with_sweep(sweep))

    def end(self, by: str, reason: object, now_ns: int) -> Release:
        """The release that held, ended on disk. Raises CommandError where none holds, StoreError."""
        words, standing, noted = _words(reason), self.in_force(), self._file.read()
        if standing is None:
            raise CommandError("nothing is held: netmon may set limits; netmon status shows how things stand")
        sweeps = noted.sweeps if noted is not None and noted.release.id == standing.id else ()
        if standing.id == UNREADABLE:
            standing = replace(standing, id=_new_id(), at_ns=now_ns)
        ended = replace(standing, ended=Ended(now_ns, by, words))
        self._file.write(Noted(ended, sweeps))
        return ended

    async def record(self) -> None:
        """Puts into the ledger what the file tells; an ended file has then done its duty. Raises StoreError."""
        noted = self._file.read()
        if self._ledger is None or noted is None or noted.release.id == UNREADABLE:
            return
        if noted != self._known:
            await self._ledger.write(Ledger.record_release, noted)
            self._recorded, self._known = await self._ledger.write(Ledger.release), noted
        if noted.release.ended is not None:
            self._file.remove()


class HoldKeeper:
    """Records the hold and raises its alert."""

    def __init__(
        self,
        hold: GlobalHold,
        ledger: LedgerService,
        alerts: dict[str, Alert],
        now_ns: Callable[[], int],
        announced: Callable[[], None],
    ) -> None:
        """`alerts`: the last of each key, to be kept up."""
        self._hold, self._ledger, self._alerts = hold, ledger, alerts
        self._now_ns, self._announced = now_ns, announced
        self._obeyed: str | None = None
        self._trouble: str | None = None

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """One look: what changed is recorded and told. What the ledger does not take is tried again."""
        release = self._hold.in_force()
        if release is not None and release.id != self._obeyed:
            log.critical("%s has netmon limit nothing: %s; end it with netmon resume", release.by, release.reason)
        elif release is None and self._obeyed is not None:
            log.warning("the hold is ended: netmon may set limits again")
        self._obeyed = None if release is None else release.id
        try:
            await self._hold.record()
            await self._tell(release)
        except StoreError as error:
            if str(error) != self._trouble:
                log.error("the hold stands, but cannot be recorded now: %s", error)
            self._trouble = str(error)
        else:
            self._trouble = None

    async def _tell(self, release: Release | None) -> None:
        now_ns = self._now_ns()
        condition = release_condition(release)
        alert = alerting.transition(self._alerts.get(condition.key), condition, now_ns)
        if alert is not None:
            await self._ledger.write(Ledger.decide, (), (alert,), now_ns)
            self._alerts[alert.key] = alert
            self._announced()


def release_row(configuration: Configuration, reader: LedgerReader) -> dict[str, Any] | None:
    """The release that holds now as documents show it; None: netmon may limit. Raises StoreError."""
    noted = ReleaseFile.of(configuration.settings.ledger).read()
    release = kill_switch.in_force(None if noted is None else noted.release, reader.release())
    if release is None:
        return None
    sweeps = noted.sweeps if noted is not None and noted.release.id == release.id else ()
    newest = max((*sweeps, *reader.sweeps(release.id)), key=lambda one: one.at_ns, default=None)
    return {
        "id": release.id,
        "at": rfc3339(release.at_ns, configuration.settings.site.timezone),
        "by": release.by,
        "reason": release.reason,
        "remaining": None if newest is None else kill_switch.remaining(newest.routers),
    }


def _new_id() -> str:
    return f"hold-{secrets.token_hex(8)}"


def _words(reason: object) -> str:
    objection = objection_to_text("the reason", reason)
    if objection is not None:
        raise CommandError(objection)
    return str(reason)

"""Each configuration that netmon takes up becomes a link of the receipt chain, with what changed."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from netmon import __version__
from netmon.config.load import Configuration
from netmon.config.quantities import shown, told
from netmon.config.revision import revision_of
from netmon.core.revising import Alteration
from netmon.daemon.clock import Clock
from netmon.daemon.ledger import LedgerService
from netmon.daemon.queries import QueryError, instant, rfc3339
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.store.revisions import TakenUp

log = logging.getLogger(__name__)

RETRY_PAUSE_S = 5.0
LOGGED = 8
"""Changes that the log names; how many more there are it says."""
_LINK = re.compile(r"[0-9]{1,18}")
_DIGEST = re.compile(r"[0-9a-fA-F]{8,64}")


async def write_revision(ledger: LedgerService, configuration: Configuration, event: str, clock: Clock) -> TakenUp:
    """`event` is `start`, `reload` or `command`. Raises StoreError."""
    revision = await asyncio.get_running_loop().run_in_executor(None, revision_of, configuration)
    return await ledger.write(
        Ledger.record_configuration, revision.digest, revision.document, event, __version__, clock.now_ns()
    )


async def record_revision(ledger: LedgerService, configuration: Configuration, event: str, clock: Clock) -> None:
    """Returns once the ledger has it.

    A ledger that cannot take it cannot take an intent either: nothing is done on a router before it is recorded.
    """
    told = False
    while True:
        try:
            taken = await write_revision(ledger, configuration, event, clock)
        except StoreError as error:
            if not told:
                log.error("the configuration in force is not recorded yet: %s", error)
                told = True
            await asyncio.sleep(RETRY_PAUSE_S)
        else:
            _log_changes(taken)
            return


def _log_changes(taken: TakenUp) -> None:
    if taken.changes is None or not taken.changes.count:
        return
    for change in taken.changes.told[:LOGGED]:
        log.info("the configuration changed: %s", told(change))
    more = taken.changes.count - LOGGED
    if more > 0:
        log.info("... and at %d more places; netmon policies history --show %d lists them", more, taken.sequence)


# --- the history of configurations ----------------------------------------------------------------


def history_rows(
    reader: LedgerReader, zone: str, limit: int, since: str | None = None, which: str | None = None
) -> list[dict[str, Any]]:
    """The `data` of `netmon/policies-history/1`, newest first; `since` is a date or time, `which` the number of a link
    or the beginning of a digest. Raises QueryError for one there is none of, StoreError.
    """
    if which is not None:
        return [_row(_chosen(reader, which), zone)]
    since_ns = None if since is None else instant(since, zone)
    return [_row(taken, zone) for taken in reader.configurations(limit, since_ns)]


def _chosen(reader: LedgerReader, which: str) -> TakenUp:
    found = reader.configuration_of(int(which)) if _LINK.fullmatch(which) else None
    if found is None and _DIGEST.fullmatch(which):
        found = reader.configuration(which.lower())
    if found is None:
        raise QueryError(
            f"no configuration was taken up under {which!r}; give a number or a digest as netmon policies history"
            " lists them"
        )
    return found


def _row(taken: TakenUp, zone: str) -> dict[str, Any]:
    changes = taken.changes
    return {
        "link": taken.sequence,
        "at": rfc3339(taken.at_ns, zone),
        "event": taken.event,
        "version": taken.version,
        "digest": taken.digest,
        "change_count": None if changes is None else changes.count,
        "changes": None if changes is None else [_change(change) for change in changes.told],
    }


def _change(change: Alteration) -> dict[str, Any]:
    return {
        "path": change.path,
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
        "before_text": None if change.kind == "added" else shown(change.path, change.before),
        "after_text": None if change.kind == "removed" else shown(change.path, change.after),
    }

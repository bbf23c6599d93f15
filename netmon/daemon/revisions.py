"""Each configuration that netmon takes up becomes a link of the receipt chain."""

from __future__ import annotations

import asyncio
import logging

from netmon import __version__
from netmon.config.load import Configuration
from netmon.config.revision import revision_of
from netmon.daemon.clock import Clock
from netmon.daemon.ledger import LedgerService
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger

log = logging.getLogger(__name__)

RETRY_PAUSE_S = 5.0


async def write_revision(ledger: LedgerService, configuration: Configuration, event: str, clock: Clock) -> None:
    """`event` is `start`, `reload` or `command`. Raises StoreError."""
    revision = await asyncio.get_running_loop().run_in_executor(None, revision_of, configuration)
    await ledger.write(
        Ledger.record_configuration, revision.digest, revision.document, event, __version__, clock.now_ns()
    )


async def record_revision(ledger: LedgerService, configuration: Configuration, event: str, clock: Clock) -> None:
    """Returns once the ledger has it.

    A ledger that cannot take it cannot take an intent either: nothing is done on a router before it is recorded.
    """
    told = False
    while True:
        try:
            await write_revision(ledger, configuration, event, clock)
        except StoreError as error:
            if not told:
                log.error("the configuration in force is not recorded yet: %s", error)
                told = True
            await asyncio.sleep(RETRY_PAUSE_S)
        else:
            return

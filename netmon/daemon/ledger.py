"""The ledger as the event loop uses it: one writer's thread, one readers' thread, no blocking call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from netmon.core.alerts import Alert
from netmon.core.directives import Directive
from netmon.core.heads import Head, Visit
from netmon.store.ledger import Ledger
from netmon.store.reader import CommittedVisit, LedgerReader
from netmon.store.settings import LedgerSettings
from netmon.store.values import OutboxEntry

P = ParamSpec("P")
T = TypeVar("T")


class LedgerService:
    """Calls on the Ledger run one after the other in its own thread; queries in another."""

    def __init__(self, ledger: Ledger, reader: LedgerReader, now_ns: Callable[[], int]) -> None:
        self._ledger, self._reader, self._now_ns = ledger, reader, now_ns
        self._writing = ThreadPoolExecutor(1, "ledger-writer")
        self._reading = ThreadPoolExecutor(1, "ledger-reader")

    @classmethod
    def open(cls, settings: LedgerSettings, now_ns: Callable[[], int]) -> LedgerService:
        """Takes the writer's lock. Raises StoreError."""
        with ExitStack() as undo:
            ledger = Ledger.open(settings, now_ns())
            undo.callback(ledger.close)
            reader = LedgerReader.open(settings.location, settings.busy_timeout)
            undo.pop_all()
        return cls(ledger, reader, now_ns)

    async def write(self, call: Callable[Concatenate[Ledger, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`await service.write(Ledger.decide, verdicts, alerts, now_ns)`. Raises StoreError."""
        work = partial(call, self._ledger, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._writing, work)

    async def read(self, call: Callable[Concatenate[LedgerReader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`await service.read(LedgerReader.receipts, ...)`. Raises StoreError."""
        work = partial(call, self._reader, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._reading, work)

    async def close(self) -> None:
        """Waits for what is being written, then gives the lock back."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reading, self._reader.close)
        await loop.run_in_executor(self._writing, self._ledger.close)
        self._writing.shutdown()
        self._reading.shutdown()

    async def directives(self, also: Collection[str]) -> tuple[Directive, ...]:
        """Those that are not over now, and those of the ids in `also`. Raises StoreError."""
        return await self.write(Ledger.current_directives, self._now_ns(), also)

    # --- what accountant, MQTT and InfluxDB each ask for ---------------------------------------

    async def commit(self, visits: Sequence[Visit]) -> list[bool]:
        return await self.write(Ledger.commit, visits)

    async def head(self, router: str) -> Head | None:
        return await self.write(Ledger.head, router)

    async def unsent(self, limit: int) -> list[OutboxEntry]:
        return await self.write(Ledger.unsent, limit)

    async def mark_sent(self, positions: Sequence[int]) -> None:
        await self.write(Ledger.mark_sent, positions, self._now_ns())

    async def alerts(self) -> Mapping[str, Alert]:
        return await self.write(Ledger.alerts)

    async def visits_after(self, position: int, limit: int) -> list[CommittedVisit]:
        return await self.read(LedgerReader.visits_after, position, limit)

    async def cursor(self, name: str) -> int:
        return await self.write(Ledger.cursor, name)

    async def set_cursor(self, name: str, position: int) -> None:
        await self.write(Ledger.set_cursor, name, position)

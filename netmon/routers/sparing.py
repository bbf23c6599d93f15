"""Spares a router the walks that found nothing last time: one request asks whether any of it is there by now.

Of the tables that a profile knows most devices lack most, and each walk of a table that is not there costs the agent,
and netmon, as much as a visit's request for six interfaces does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from netmon.routers import mib
from netmon.snmp.client import Agent
from netmon.snmp.codec import VarBind
from netmon.snmp.errors import SnmpError, SnmpTimeoutError
from netmon.snmp.oid import Oid

Columns = tuple[Oid, ...]
"""Of one walk."""


class Prober(Protocol):
    """What is needed of the SNMP client; both raise SnmpError."""

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]: ...

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = ..., max_rows: int = ...
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]: ...


class SparingProber:
    """The prober of one reading of one agent."""

    def __init__(self, prober: Prober, empty: frozenset[Columns]) -> None:
        """`empty`: what the reading before found to hold no row."""
        self._prober = prober
        self._known = empty
        self._found: set[Columns] = set()

    @property
    def empty(self) -> frozenset[Columns]:
        """What was walked, or would have been, and holds no row."""
        return frozenset(self._found)

    async def ask_again(self, agent: Agent) -> None:
        """Asks for the first row of everything that was empty; where there is one now, nothing of it is spared.

        Raises SnmpError from an agent that answers nothing. One that does not answer this question is spared nothing.
        """
        if agent.is_v1:  # which ends one column with each reply: nothing is spared
            self._known = frozenset()
        if not self._known:
            return
        columns = tuple(dict.fromkeys(column for walk in sorted(self._known) for column in walk))
        try:
            first = await self._prober.walk(agent, columns, max_repetitions=1, max_rows=1)
        except SnmpTimeoutError:
            self._known = frozenset()
            await self._prober.get(agent, (mib.SYS_UPTIME,))
        except SnmpError:
            self._known = frozenset()
        else:
            self._known = frozenset(walk for walk in self._known if not any(first.get(column) for column in walk))

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        return await self._prober.get(agent, oids)

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]:
        """As the prober's, where `columns` are not known to be empty."""
        walk = tuple(columns)
        if walk in self._known:
            self._found.add(walk)
            return {column: {} for column in walk}
        rows = await self._prober.walk(agent, columns, max_repetitions=max_repetitions)
        if not any(rows.values()):
            self._found.add(walk)
        return rows

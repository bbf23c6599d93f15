"""Recordings of routers, and an agent that answers from one: what reads live routers reads these the same way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netmon.routers import mib
from netmon.routers.recording_rows import Rows, read_rows
from netmon.routers.recording_text import fault, read_octets
from netmon.routers.recording_walk import is_walk, walk_to_rows
from netmon.snmp.client import Agent
from netmon.snmp.codec import Tag, VarBind
from netmon.snmp.errors import SnmpTooManyRowsError
from netmon.snmp.limits import UNLIMITED
from netmon.snmp.oid import Oid, format_oid
from netmon.snmp.template import FRAME, GetTemplate, TemplateReply

_SUFFIXES: Final = frozenset({".bz2", ".gz", ".snmprec", ".snmpwalk", ".walk", ".txt"})
_LOOKED_AT: Final = 100
"""Lines by which the format is told."""
_NO_UPTIME: Final = "the recording has no sysUpTime.0 (1.3.6.1.2.1.1.3.0); its uptime is not known"


@dataclass(frozen=True, slots=True)
class Recording:
    """One agent's values at one time."""

    path: Path
    rows: Rows
    notes: tuple[str, ...]
    """What was left out of it and why, one sentence each."""
    at_ns: int
    """When the file was last written, Unix time."""

    @property
    def name(self) -> str:
        """The file's name without what it says of its form."""
        path = self.path
        while path.suffix in _SUFFIXES and path.stem:
            path = path.with_suffix("")
        return path.name

    @property
    def has_uptime(self) -> bool:
        return self.rows.has(mib.SYS_UPTIME)


def load_recording(path: Path) -> Recording:
    """Reads a *.snmprec file or the output of snmpwalk, either compressed by bzip2 or gzip or not.

    The form is told by the content, not the name. At most recording_text.LARGEST_FILE octets. Raises
    RecordingError, and OSError for a file that cannot be opened.
    """
    text = read_octets(path)
    notes: list[str] = []
    if _is_walk(text):
        text, notes = walk_to_rows(path, text)
    rows, more = read_rows(path, text)
    if not len(rows):
        raise fault(path, 1, "holds no values; record the device with snmpwalk -On, or as OID|TAG|VALUE")
    notes += more
    if not rows.has(mib.SYS_UPTIME):
        notes.append(_NO_UPTIME)
    return Recording(path, rows, tuple(notes), path.stat().st_mtime_ns)


def _is_walk(text: bytes) -> bool:
    """By the first line that is one form or the other."""
    for line in text[:65_536].decode("latin-1").splitlines()[:_LOOKED_AT]:
        oid, bar, _ = line.partition("|")
        if bar and oid.strip(".").replace(".", "").isdigit():
            return False
        if is_walk(line):
            return True
    return False


class RecordedAgent:
    """A Prober (netmon.routers.discovery) whose every agent is the recorded one.

    It answers as RFC 3416 has an agent answer: noSuchInstance where the object has other instances, noSuchObject
    where it has none. Without sysUpTime.0, which every agent has, that is 0: the recording's notes say so.
    """

    def __init__(self, recording: Recording, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._recording = recording
        self._rows = recording.rows
        self._monotonic_ns = monotonic_ns

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        return tuple(self._get(oid) for oid in oids)

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25, max_rows: int = 50_000
    ) -> dict[Oid, dict[Oid, VarBind]]:
        """Raises SnmpTooManyRowsError as the client does."""
        return {column: self._column(column, max_rows) for column in columns}

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> Sequence[TemplateReply]:
        now = self._monotonic_ns()
        return [
            template.read([self._get(oid) for oid in template.oids()], self._recording.name, now)
            for template in templates
        ]

    def most_varbinds(self, agent: Agent) -> int:
        return UNLIMITED

    def most_octets(self, agent: Agent) -> int:
        return FRAME

    def _get(self, oid: Oid) -> VarBind:
        position = self._rows.find(oid)
        if position < len(self._rows) and (row := self._rows.at(position)).oid == oid:
            return row
        if oid == mib.SYS_UPTIME:
            return VarBind(oid, Tag.TIME_TICKS, 0)
        tag = Tag.NO_SUCH_INSTANCE if self._rows.has(oid[:-1]) else Tag.NO_SUCH_OBJECT
        return VarBind(oid, tag, None)

    def _column(self, column: Oid, max_rows: int) -> dict[Oid, VarBind]:
        found: dict[Oid, VarBind] = {}
        for row in self._rows.below(column):
            if row.is_exception:
                continue
            if len(found) >= max_rows:
                raise SnmpTooManyRowsError(
                    f"{self._recording.name}: {format_oid(column)} has more than {max_rows} rows"
                )
            if row.oid != column:
                found[row.oid[len(column) :]] = row
        return found

"""Health: what a router says of its processors, memory, heat, fans and power.

Tables are walked; the rows of other tables that go with theirs are asked for one by one. A source's rows become
readings by a pure function over what was read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from netmon.routers import mib
from netmon.routers.health_profile import (
    UNITS,
    Cell,
    Condition,
    HealthKind,
    HealthSource,
    Measure,
    Name,
    Status,
    alternatives,
)
from netmon.routers.objects import object_name
from netmon.routers.profile_place import Place
from netmon.routers.profiles import Profile
from netmon.routers.views import Missing
from netmon.snmp.client import Agent
from netmon.snmp.codec import Value, VarBind
from netmon.snmp.errors import SnmpError, SnmpTimeoutError
from netmon.snmp.oid import Oid, format_oid

_MOST_READINGS: Final = 2000
"""Of one source: a chassis has hundreds."""
_MOST_ROUNDS: Final = 4
"""Of questions for joined rows: conditions, numbers, names."""
_VALUELESS: Final = frozenset({Status.UNKNOWN, Status.ABSENT})
_GRAVITY: Final = (Status.OK, Status.WARNING, Status.CRITICAL)


class Prober(Protocol):
    """What reading health needs of the SNMP client; both raise SnmpError."""

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]: ...

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = ...
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]: ...


@dataclass(frozen=True, slots=True)
class HealthReading:
    """One thing a router says of its own state."""

    name: str
    kind: HealthKind
    value: float | None
    unit: str | None
    """percent, celsius, rpm, volts, amperes or watts; None without a value."""
    status: Status | None
    """None: the device does not judge it."""
    place: Place | None = field(default=None, compare=False)
    """The line of the profile it was read by."""

    def document(self) -> dict[str, Any]:
        """As in `netmon/poll/1`."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "value": self.value,
            "unit": self.unit,
            "status": None if self.status is None else self.status.value,
        }


class Tables:
    """What was read of an agent: column -> index -> value."""

    def __init__(self, columns: Mapping[Oid, Mapping[Oid, Value]] | None = None) -> None:
        """`columns` were walked whole: what they lack, the agent lacks."""
        self._walked = {column: dict(rows) for column, rows in (columns or {}).items()}
        self._got: dict[Oid, Value] = {}

    def add_column(self, column: Oid, rows: Mapping[Oid, Value]) -> None:
        self._walked[column] = dict(rows)

    def add_instance(self, instance: Oid, value: Value) -> None:
        """None: the agent has no such instance."""
        self._got[instance] = value

    def has(self, column: Oid) -> bool:
        return column in self._walked

    def indexes(self, columns: Iterable[Oid]) -> list[Oid]:
        """Of every row that any of them has, in order."""
        return sorted({index for column in columns for index in self._walked.get(column, {})})

    def value(self, column: Oid, index: Oid, unread: set[Oid]) -> Value:
        """None where there is none; where that is not known yet, the instance is put among `unread`."""
        rows = self._walked.get(column)
        if rows is not None:
            return rows.get(index)
        instance = (*column, *index)
        if instance not in self._got:
            unread.add(instance)
        return self._got.get(instance)


# --- rows into readings ----------------------------------------------------------------------


def readings_of(kind: HealthKind, source: HealthSource, tables: Tables) -> tuple[tuple[HealthReading, ...], set[Oid]]:
    """What the source's rows say, and the instances it would have to know besides.

    The readings are final only where no instance is wanting.
    """
    unread: set[Oid] = set()
    rows = [_Row(source, index, tables, unread) for index in tables.indexes(c.object for c in source.primaries)]
    found = [reading for row in rows[:_MOST_READINGS] if row.is_wanted() and (reading := row.reading(kind)) is not None]
    if source.combine is not None:
        return _mean(kind, source, found), unread
    return _told_apart(found), unread


@dataclass(frozen=True, slots=True)
class _Found:
    """A reading and the index it has, by which it is told from others of its name."""

    reading: HealthReading
    index: Oid


@dataclass(frozen=True, slots=True)
class _Row:
    source: HealthSource
    index: Oid
    tables: Tables
    unread: set[Oid]

    def reading(self, kind: HealthKind) -> _Found | None:
        """None: the row holds neither a value nor a status."""
        (status, is_told), value = self._status(), self._value()
        if is_told and status in _VALUELESS:
            value = None
        if value is None and status is None:
            return None
        status = self._worse(value, status)
        measure = self.source.value
        unit = (measure.decoder.unit if measure is not None else None) or UNITS[kind][0]
        name = self._name(kind)
        return _Found(
            HealthReading(name, kind, value, None if value is None else unit, status, self.source.place), self.index
        )

    def is_wanted(self) -> bool:
        return all(self._holds(condition) for condition in self.source.where)

    def _holds(self, condition: Condition) -> bool:
        value = self._cell(condition)
        if condition.is_ and value not in condition.is_:
            return False
        if condition.above is not None and not (isinstance(value, int) and value > condition.above):
            return False
        text = _text(value) or ""
        if condition.like is not None and not re.search(condition.like, text):
            return False
        if condition.unlike is not None and re.search(condition.unlike, text):
            return False
        return condition.transceiver is None or condition.transceiver == mib.names_transceiver(text)

    def _cell(self, cell: Cell, column: Oid | None = None) -> Value:
        """The value of the cell's column (or of `column`) in the row that goes with this one."""
        index = self.index
        if cell.index is not None:
            index = index[: cell.index]
        elif cell.by is not None:
            number = self.tables.value(cell.by, self.index, self.unread)
            if not isinstance(number, int) or number <= 0:
                return None
            index = (number,)
        return self.tables.value(column or cell.object, index, self.unread)

    def _measure(self, measure: Measure) -> float | None:
        raw = self._cell(measure)
        if raw in measure.invalid:
            return None
        companions = tuple(self._cell(measure, other) for other in measure.with_)
        return mib.decode_measure(measure.decoder, raw, companions)

    def _sum(self, measures: tuple[Measure, ...]) -> float | None:
        """None where one of them is."""
        parts = [self._measure(measure) for measure in measures]
        known = [part for part in parts if part is not None]
        return sum(known) if known and len(known) == len(parts) else None

    def _value(self) -> float | None:
        if self.source.value is not None:
            return self._measure(self.source.value)
        used, free, total = (self._sum(part) for part in (self.source.used, self.source.free, self.source.total))
        if total is None and used is not None and free is not None:
            total = used + free
        if used is None and total is not None and free is not None:
            used = total - free
        if used is None or not total or not 0 <= used <= total:
            return None
        return round(100 * used / total, 1)

    def _status(self) -> tuple[Status | None, bool]:
        """As the device says, and whether the profile knows what it said; unknown where it does not."""
        said = None
        for enumeration in self.source.status:
            number = self._cell(enumeration)
            if isinstance(number, int):
                if number not in enumeration.values:
                    said = Status.UNKNOWN
                elif (status := enumeration.values[number]) is not None:
                    return status, True
        return said, False

    def _worse(self, value: float | None, status: Status | None) -> Status | None:
        """The status, or what the device's own thresholds make of the value where that is worse."""
        bounds = ((Status.WARNING, self.source.warning_above), (Status.CRITICAL, self.source.critical_above))
        judged = status
        for graver, measure in bounds:
            limit = self._measure(measure) if measure is not None else None
            # A threshold of 0 was never set.
            if value is None or limit is None or limit <= 0 or status in _VALUELESS:
                continue
            verdict = graver if value > limit else Status.OK
            judged = verdict if judged is None else max(judged, verdict, key=_GRAVITY.index)
        return judged

    def _name(self, kind: HealthKind) -> str:
        number = format_oid(self.index)
        for name in self.source.name:
            if isinstance(name, Name):
                text = _text(self._cell(name))
                part = re.search(name.match, text) if name.match and text else None
                text = part[0].strip() if part else text
            else:
                text = name if self.index == (0,) or self.source.combine else f"{name} {number}"
            if text:
                break
        else:
            text = f"{kind.value.replace('_', ' ')} {number}"
        whole = _text(self._cell(self.source.of)) if self.source.of is not None else None
        return f"{whole} {text}" if whole and not text.startswith(whole) else text


def _text(value: Value) -> str | None:
    return mib.decode_text(mib.DECODERS["text"], value)


def _told_apart(found: Sequence[_Found]) -> tuple[HealthReading, ...]:
    """Readings of one name get their index behind it."""
    often = Counter(one.reading.name for one in found)
    return tuple(
        replace(one.reading, name=f"{one.reading.name} ({format_oid(one.index)})")
        if often[one.reading.name] > 1
        else one.reading
        for one in found
    )


def _mean(kind: HealthKind, source: HealthSource, found: Sequence[_Found]) -> tuple[HealthReading, ...]:
    values = [one.reading.value for one in found if one.reading.value is not None]
    if not values:
        return ()
    name = next((name for name in source.name if isinstance(name, str)), kind.value)
    return (HealthReading(name, kind, round(sum(values) / len(values), 1), UNITS[kind][0], None, source.place),)


# --- asking ----------------------------------------------------------------------------------


async def read_health(
    prober: Prober, agent: Agent, profile: Profile
) -> tuple[tuple[HealthReading, ...], tuple[Missing, ...]]:
    """Everything the profile knows to read, by kind, and what was wanted and is not there.

    An agent that refuses some of it, or falls silent, yields the rest and says so in Missing; nothing is raised.
    """
    reader = _Reader(prober, agent, profile)
    groups = {kind: alternatives(sources) for kind, sources in profile.health.items()}
    found: dict[HealthKind, tuple[HealthReading, ...]] = {}
    for rank in range(max((len(ranked) for ranked in groups.values()), default=0)):
        now = {kind: ranked[rank] for kind, ranked in groups.items() if kind not in found and rank < len(ranked)}
        await reader.walk([source for group in now.values() for source in group])
        for kind, group in now.items():
            readings = [reading for source in group for reading in await reader.readings(kind, source)]
            if readings:
                found[kind] = tuple(readings)
    missing = tuple(
        Missing(f"health: {kind.value.replace('_', ' ')}", reader.reason(groups.get(kind, ())))
        for kind in profile.health_expected
        if kind not in found
    )
    return tuple(reading for kind in HealthKind for reading in found.get(kind, ())), missing


class _Reader:
    """Asks one agent, and remembers what it refused."""

    def __init__(self, prober: Prober, agent: Agent, profile: Profile) -> None:
        self._prober = prober
        self._agent = agent
        self._platform = profile.platform
        self._repetitions = profile.quirks.max_repetitions
        self._tables = Tables()
        self._failed: dict[Oid, SnmpError] = {}
        """Table -> why it could not be walked."""
        self._silent: SnmpError | None = None
        """The agent stopped answering; it is asked nothing more."""

    async def walk(self, sources: Iterable[HealthSource]) -> None:
        """Every column of theirs that was not walked yet, table by table."""
        wanted: dict[Oid, dict[Oid, None]] = {}
        for source in sources:
            for column in source.columns:
                if not self._tables.has(column):
                    wanted.setdefault(column[:-1], {})[column] = None
        for table, columns in wanted.items():
            if self._silent is not None:
                return
            try:
                walked = await self._prober.walk(self._agent, tuple(columns), max_repetitions=self._repetitions)
            except SnmpError as error:
                self._fail(table, error)
                walked = {}
            for column in columns:
                rows = walked.get(column, {})
                self._tables.add_column(
                    column, {index: varbind.value for index, varbind in rows.items() if not varbind.is_exception}
                )

    async def readings(self, kind: HealthKind, source: HealthSource) -> tuple[HealthReading, ...]:
        found, unread = readings_of(kind, source, self._tables)
        for _ in range(_MOST_ROUNDS):
            if not unread:
                break
            await self._ask(sorted(unread))
            found, unread = readings_of(kind, source, self._tables)
        return found

    async def _ask(self, instances: Sequence[Oid]) -> None:
        varbinds: Sequence[VarBind] = ()
        if self._silent is None:
            try:
                varbinds = await self._prober.get(self._agent, instances)
            except SnmpError as error:
                self._fail(instances[0], error)
        for at, instance in enumerate(instances):
            known = at < len(varbinds) and not varbinds[at].is_exception
            self._tables.add_instance(instance, varbinds[at].value if known else None)

    def _fail(self, where: Oid, error: SnmpError) -> None:
        self._failed[where] = error
        if isinstance(error, SnmpTimeoutError):
            self._silent = error

    def reason(self, groups: Sequence[Sequence[HealthSource]]) -> str:
        """Why none of these sources gave anything, with the remedy."""
        if not groups:
            return f"the profile {self._platform} names no object for it; add one, see docs/collectors.md"
        if self._silent is not None:
            return f"the agent stopped answering: {self._silent}"
        sources = [source for group in groups for source in group]
        named = ", ".join(f"{object_name(s.primaries[0].object)} ({s.place or 'profile'})" for s in sources)
        failed = {
            str(self._failed[table]) for source in sources if (table := source.primaries[0].object[:-1]) in self._failed
        }
        if failed:
            return f"cannot be read: {'; '.join(sorted(failed))} (tried {named})"
        return (
            f"the agent gives no usable value of {named}; it may have no such sensor,"
            f" else let its community read {format_oid(sources[0].primaries[0].object[:-1])}"
        )

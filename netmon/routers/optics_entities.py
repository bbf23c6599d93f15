"""Which interface a physical entity belongs to: ENTITY-MIB (RFC 6933, RFC 4133) against the interface table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from netmon.routers import mib
from netmon.routers.optics_values import Port
from netmon.snmp.codec import Value, VarBind
from netmon.snmp.oid import Oid

_ENTRY: Final[Oid] = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
DESCR: Final[Oid] = (*_ENTRY, 2)
CONTAINED_IN: Final[Oid] = (*_ENTRY, 4)
CLASS: Final[Oid] = (*_ENTRY, 5)
NAME: Final[Oid] = (*_ENTRY, 7)
MODEL: Final[Oid] = (*_ENTRY, 13)
ALIAS: Final[Oid] = (1, 3, 6, 1, 2, 1, 47, 1, 3, 2, 1, 2)
"""entAliasMappingIdentifier, indexed by entPhysicalIndex and entAliasLogicalIndexOrZero."""
ENTITY_COLUMNS: Final = (DESCR, CONTAINED_IN, CLASS, NAME, MODEL, ALIAS)

_IF_INDEX: Final[Oid] = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1)
_CHASSIS: Final = 3
_PORT: Final = 10
_STACK: Final = 11
_DEEPEST: Final = 16
_LANE: Final = re.compile(r"\blane\s*(\d{1,3})\b", re.IGNORECASE)
_NAMED: Final = re.compile(r"([A-Za-z][A-Za-z-]*)\s?(\d[\d/:.]*)\Z")
_WORD: Final = re.compile(r"[A-Za-z].*\d")
"""What inside a sentence may be the name of an interface."""
_OPTICS_PORT: Final = re.compile(r"optics(\d[\d/]*)\Z", re.IGNORECASE)

Walked = Mapping[Oid, Mapping[Oid, VarBind]]
"""Column -> index suffix -> value, as Prober.walk gives it."""


class Ports:
    """The router's interfaces, found by ifIndex or by any of the names a device has for them."""

    def __init__(self, interfaces: Iterable[Port]) -> None:
        ports = tuple(interfaces)
        self._by_index = {port.index: port.name for port in ports}
        self.order = {port.name: port.index for port in ports}
        """ifName -> ifIndex."""
        self._by_folded: dict[str, list[str]] = defaultdict(list)
        self._by_path: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for port in ports:
            self._by_folded[port.name.casefold()].append(port.name)
            if named := _NAMED.match(port.name):
                self._by_path[named[2]].append((named[1].casefold(), port.name))

    def at(self, index: int) -> str | None:
        """ifName of an ifIndex, of its port where IOS XR gives the optics an interface of their own."""
        name = self._by_index.get(index)
        return self._carrier(name) if name is not None else None

    def called(self, text: str) -> str | None:
        """The interface whose ifName this is, whole or with its type written out (Te1/1, TenGigabitEthernet1/1).

        A bare number is no name: slots and fans are called so too.
        """
        text = text.strip()
        if text.isdigit():
            return None
        same = self._by_folded.get(text.casefold(), [])
        if same:
            return self._carrier(same[0]) if len(same) == 1 else None
        named = _NAMED.match(text)
        if named is None:
            return None
        kind = named[1].casefold()
        alike = [
            name
            for other, name in self._by_path.get(named[2], [])
            if min(len(kind), len(other)) >= 2 and (kind.startswith(other) or other.startswith(kind))
        ]
        return alike[0] if len(alike) == 1 else self._carrier(text, or_else=None)

    def named_in(self, text: str) -> str | None:
        """The one interface that a description names (`DOM RX Power Sensor for Ethernet7`)."""
        whole = self.called(text)
        if whole:
            return whole
        found: list[str] = []
        for word in re.split(r"[\s,;()\[\]]+", text):
            parts = (word, word.rpartition("-")[0], word.partition("-")[0])
            named = (self.called(part) for part in parts if _WORD.search(part))
            name = next((name for name in named if name is not None), None)
            if name is not None and name not in found:
                found.append(name)
        return found[0] if len(found) == 1 else None

    def _carrier(self, name: str, *, or_else: str | None = "") -> str | None:
        """`Optics0/0/0/1` -> the port of that place; any other name, or where there is none or several: `or_else`.

        The default of `or_else` is the name itself.
        """
        place = _OPTICS_PORT.match(name)
        names = [port for kind, port in self._by_path.get(place[1], []) if kind != "optics"] if place else []
        return names[0] if len(names) == 1 else name if or_else == "" else or_else


class Entities:
    """A walked entPhysicalTable and entAliasMappingTable."""

    def __init__(self, walked: Walked, ports: Ports) -> None:
        self._walked = walked
        self._ports = ports
        self._alias = _aliases(walked)
        self._children: dict[int, list[int]] = defaultdict(list)
        for suffix, varbind in walked.get(CLASS, {}).items():
            parent = self._number(CONTAINED_IN, suffix[0]) if len(suffix) == 1 else None
            if varbind.value == _PORT and parent is not None:
                self._children[parent].append(suffix[0])

    def __contains__(self, index: int) -> bool:
        return any((index,) in self._walked.get(column, {}) for column in (DESCR, NAME, CLASS))

    def texts(self, index: int) -> tuple[str, ...]:
        """entPhysicalName, entPhysicalDescr and entPhysicalModelName, those that are there."""
        texts = (self._text(column, index) for column in (NAME, DESCR, MODEL))
        return tuple(text for text in texts if text)

    def chain(self, index: int) -> Iterator[int]:
        """The entity and what contains it, inner first, up to below the chassis; ends in a ring too."""
        seen: list[int] = []
        while index and index not in seen and len(seen) < _DEEPEST:
            if self._number(CLASS, index) in {_CHASSIS, _STACK}:
                return
            seen.append(index)
            yield index
            index = self._number(CONTAINED_IN, index) or 0

    def port_of(self, index: int) -> str | None:
        """ifName of the port an entity belongs to.

        Going outwards, the first entity decides that entAliasMappingTable ties to an interface, whose name or
        description is or names one, or, near the sensor, that holds exactly one port which is tied.
        """
        for hops, entity in enumerate(self.chain(index)):
            name = self._own_port(entity)
            if name is None and hops <= 2 and len(self._children[entity]) == 1:
                name = self._own_port(self._children[entity][0])
            if name is not None:
                return name
        return None

    def lane_of(self, index: int) -> int | None:
        """The lane that the entity or what contains it is named after."""
        for entity in self.chain(index):
            for text in self.texts(entity):
                if found := _LANE.search(text):
                    return int(found[1])
        return None

    def _own_port(self, entity: int) -> str | None:
        aliased = self._alias.get(entity)
        name = self._ports.at(aliased) if aliased is not None else None
        if name is not None:
            return name
        named = (self._ports.named_in(text) for text in (self._text(NAME, entity), self._text(DESCR, entity)) if text)
        return next((name for name in named if name is not None), None)

    def _value(self, column: Oid, index: int) -> Value:
        varbind = self._walked.get(column, {}).get((index,))
        return varbind.value if varbind is not None and not varbind.is_exception else None

    def _number(self, column: Oid, index: int) -> int | None:
        value = self._value(column, index)
        return value if isinstance(value, int) else None

    def _text(self, column: Oid, index: int) -> str:
        return mib.decode_text(mib.DECODERS["text"], self._value(column, index)) or ""


def _aliases(walked: Walked) -> dict[int, int]:
    """entPhysicalIndex -> ifIndex; of several logical entities the lowest, which is 0 where it holds for all."""
    found: dict[int, int] = {}
    for suffix, varbind in sorted(walked.get(ALIAS, {}).items()):
        target = varbind.value
        if (
            len(suffix) == 2
            and isinstance(target, tuple)
            and len(target) == len(_IF_INDEX) + 1
            and target[:-1] == _IF_INDEX
        ):
            found.setdefault(suffix[0], target[-1])
    return found

"""Configurations as Cisco prints them, line below line, and what of them shapes or carries an interface."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign, Ours
from netmon.routers.session import AnswerUnreadableError

WAYS: Final = {"input": Way.INGRESS, "output": Way.EGRESS}
SUFFIX: Final = {Way.INGRESS: "-IN", Way.EGRESS: "-OUT"}
"""After the circuit's object name: its policy-map of that way."""
POLICY: Final = re.compile(r"(NM-[0-9A-F]{8}-[A-Z0-9-]{1,20})-(IN|OUT)\Z")
_PORT: Final = re.compile(r"([A-Za-z][A-Za-z-]*) ?(\d[\d/.:A-Z]*)\Z")
_INTERFACE: Final = re.compile(r"interface (?:preconfigure )?(\S+)")
_SHAPERS: Final = (
    (re.compile(r"service-policy (input|output) (\S+)"), "service-policy"),
    (re.compile(r"rate-limit (input|output) (.+)"), "rate-limit"),
    (re.compile(r"(traffic-shape) (.+)"), "traffic-shape"),
    (re.compile(r"(srr-queue) (bandwidth (?:limit|shape) .+)"), "srr-queue"),
)


_AROUND: Final = re.compile(r"Building configuration|Current configuration|end\Z|% No such configuration item")
"""Lines that frame a configuration and are no part of it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A line and those indented below it."""

    line: str
    below: tuple[Section, ...] = ()

    def value(self, words: str) -> str | None:
        """What follows these words on the first line right below that begins with them; "" if nothing does."""
        found = next((one.line for one in self.below if f"{one.line} ".startswith(f"{words} ")), None)
        return None if found is None else found[len(words) :].strip()

    def every(self, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Section]]:
        """All below, however deep, each with the lines between."""
        for one in self.below:
            yield above, one
            yield from one.every((*above, one.line))


def sections(text: str) -> tuple[Section, ...]:
    """The configuration in an answer. Lines that begin with ! only separate."""
    lines = [
        (len(line) - len(line.lstrip()), line.strip())
        for line in text.replace("\r", "").split("\n")
        if line.strip() and not line.lstrip().startswith("!")
    ]
    return _below(lines, 0, len(lines))


def _below(lines: Sequence[tuple[int, str]], begin: int, end: int) -> tuple[Section, ...]:
    found, at = [], begin
    while at < end:
        depth, line = lines[at]
        last = at + 1
        while last < end and lines[last][0] > depth:
            last += 1
        found.append(Section(line, _below(lines, at + 1, last)))
        at = last
    return tuple(found)


def spellings(port: str) -> frozenset[str]:
    """Every name Cisco's consoles and MIBs may give this port: `GigabitEthernet0/1`, `Gi0/1` and all between."""
    found = _PORT.fullmatch(port)
    if found is None:
        return frozenset({port})
    kind, number = found[1], found[2]
    names = {kind[:length] + number for length in range(2, len(kind) + 1)}
    return frozenset(names | ({f"BE{number}"} if kind == "Bundle-Ether" else set()))


def same_port(one: str, other: str) -> bool:
    return one in spellings(other) or other in spellings(one)


def only(text: str, beginning: str) -> tuple[Section, ...]:
    """The sections of an answer that was asked for those that begin so.

    Raises AnswerUnreadableError for anything else: what came in between would take the lines after it to itself.
    """
    found = [one for one in sections(text) if not _AROUND.match(one.line)]
    if (strange := next((one.line for one in found if not one.line.startswith(beginning)), None)) is not None:
        raise AnswerUnreadableError(f"the router shows {strange[:80]!r} where its {beginning}sections were asked for")
    return tuple(found)


def interfaces(text: str) -> dict[str, Section]:
    """The interfaces of an answer by name, as configured: `GigabitEthernet0/1`. Raises AnswerUnreadableError."""
    return {match[1]: one for one in only(text, "interface ") if (match := _INTERFACE.match(one.line))}


def policy_maps(text: str) -> dict[str, Section]:
    """The policy-maps of an answer by name. Raises AnswerUnreadableError."""
    return {one.line.split()[-1]: one for one in only(text, "policy-map ")}


def applied(own: Section, policies: Mapping[str, Section], ours: Mapping[Way, str]) -> frozenset[Way]:
    """The ways in which a port has our policy. Raises AnswerUnreadableError where that is not among the policy-maps."""
    found = frozenset(way for word, way in WAYS.items() if own.value(f"service-policy {word}") == ours[way])
    if lost := sorted(ours[way] for way in found if ours[way] not in policies):
        raise AnswerUnreadableError(f"{lost[0]} is attached to the port and the router does not show what it is")
    return found


def related(port: str, ports: dict[str, Section]) -> dict[str, Section]:
    """The port's own section and those whose shaping it suffers or shares: parent, sub-interfaces, bundle, members."""
    own = next((name for name in ports if same_port(name, port)), port)
    parent = own.partition(".")[0]
    bundles = {f"{kind}{number}" for kind, number in _bundle_of(ports.get(parent))}
    return {
        name: section
        for name, section in ports.items()
        if name in {own, parent}
        or name.startswith(f"{own}.")
        or name in bundles
        or any(f"{kind}{number}" == parent for kind, number in _bundle_of(section))
    }


def _bundle_of(section: Section | None) -> list[tuple[str, str]]:
    group = None if section is None else section.value("channel-group") or section.value("bundle id")
    number = (group or "").partition(" ")[0]
    return [("Port-channel", number), ("Bundle-Ether", number)] if number else []


def foreigners(port: str, ports: dict[str, Section], ours: dict[Way, str]) -> tuple[Foreign, ...]:
    """All that shapes the port besides the policies in `ours`, each with the lines that put it back."""
    found = []
    for name, section in related(port, ports).items():
        is_port = same_port(name, port)
        for above, one in section.every():
            match = next(((m, kind) for shaper, kind in _SHAPERS if (m := shaper.match(one.line))), None)
            if match is None:
                continue
            way = WAYS.get(match[0][1], Way.EGRESS)
            if is_port and one in section.below and ours.get(way) == match[0][2] and match[1] == "service-policy":
                continue
            if not is_port and _is_ours(one.line):
                continue
            where = "" if is_port else f" on {name}"
            found.append(
                Foreign(match[1], f"{match[0][2]}{where}", way, "\n".join((f"interface {name}", *above, one.line)))
            )
    return tuple(found)


def nested(port: str, ports: dict[str, Section]) -> tuple[Ours, ...]:
    """Other circuits' policies where the port's packets pass too: at the port it is a VLAN of, or at its VLANs."""
    return tuple(
        Ours(policy[1], name, WAYS[match[1]], None)
        for name, section in related(port, ports).items()
        if not same_port(name, port)
        for _, one in section.every()
        if (match := _SHAPERS[0][0].match(one.line)) and (policy := POLICY.match(match[2]))
    )


def _is_ours(line: str) -> bool:
    match = _SHAPERS[0][0].match(line)
    return match is not None and POLICY.match(match[2]) is not None


def attached(ports: dict[str, Section]) -> dict[str, str]:
    """Policy-map -> the interface it is attached to."""
    return {
        match[2]: name
        for name, section in ports.items()
        for _, one in section.every()
        if (match := _SHAPERS[0][0].match(one.line))
    }

"""Reads Huawei VRP's answers: VRP5 as on AR, VRP8 as on NetEngine and CloudEngine.

Ours is a traffic policy `NM-<hash>-<SLUG>-I` (inbound) or `-O` (outbound) with a classifier and a behavior of the same
name; it counts only where the port applies it, the classifier matches everything and the rest is discarded. (unverified
on a real router: written from Huawei's command references.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from netmon.core.model import NANOSECONDS
from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readback_vrp_ports import OURS, Blocks, blocks, foreigners, nested, ports_beneath, related
from netmon.routers.readbacks import (
    OBJECT,
    UNBOUND,
    Answers,
    Expiry,
    Limit,
    Ours,
    Owner,
    PortIdentity,
    PortState,
    Survey,
    answer,
    blamed,
    if_readable,
    owner_in,
)
from netmon.routers.session import AnswerUnreadableError

_SUFFIX = {Way.INGRESS: "-I", Way.EGRESS: "-O"}
_WORD = {Way.INGRESS: "inbound", Way.EGRESS: "outbound"}
_NO_SUCH = re.compile(
    r"^[^\S\n]*(?:Error|Info): ?(?:The .*\b(?:policy|classifier|behavior)\b.*does not exist|There is no )",
    re.MULTILINE | re.IGNORECASE,
)
_STATE = re.compile(r"^[^\S\n]*(\S+) current state\s*:", re.MULTILINE)
_DESCRIPTION = re.compile(r"^[^\S\n]*Description:[ ]?(.*?)\s*$", re.MULTILINE)
_MAC = re.compile(r"Hardware address is ([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})", re.IGNORECASE)
_CAR = re.compile(r"^[^\S\n]*((?:CIR|PIR|Conform|Green|Yellow|Exceed|Red)\b.*)$", re.MULTILINE | re.IGNORECASE)
"""The lines that tell what is policed."""
_RATE = re.compile(r"\b(CIR|PIR)\s+(\d+)\s*\((Kbps|Mbps|Gbps)\)", re.IGNORECASE)
_UNITS = {"kbps": 10**3, "mbps": 10**6, "gbps": 10**9}
_ACTION = re.compile(r"\b(Yellow|Exceed|Red)\s+Action\s*:\s*(\w+)", re.IGNORECASE)
_RULE = re.compile(r"^[^\S\n]*(?:Rule\(s\)\s*:\s*)?(if-match \S+)", re.MULTILINE)
_NOTHING = re.compile(r"^[^\S\n]*(?:Rule\(s\)\s*:\s*)?-none-\s*$", re.MULTILINE)
_DENY = re.compile(r"^[^\S\n]*(?:\S+[^\S\n]*:[^\S\n]*)?deny[^\S\n]*$", re.MULTILINE | re.IGNORECASE)
_SELF = re.compile(r"^[^\S\n]*\+\s*(\d+)\s+(\S+\s*\d+)\s+\S+\s+\S+\s+(\S+)", re.MULTILINE)
_INDEX = re.compile(r"^[^\S\n]*User Index\s*:\s*(\d+)", re.MULTILINE)
_LOCKER = re.compile(r"^[^\S\n]*User Name\s*:\s*(\S+)", re.MULTILINE)
_TRIAL = re.compile(r"^[^\S\n]*Trial status\s*:\s*(\w+)", re.MULTILINE)
_PERSIST = re.compile(r"^[^\S\n]*Persist id\s*:\s*(\S+)", re.MULTILINE)
_PREFIX = re.compile(r"\s*[0-9.]+/(\d+)\s")
_HOP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z")
_PAIR6 = re.compile(r"\b(PrefixLength|Interface)\s*:\s*(\S+)")
_MARKER = re.compile(r"^[^\S\n]*description NM-OWNER (netmon:.*)$", re.MULTILINE)
_CLOCK = re.compile(r"^[^\S\n]*(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)([+-]\d\d:\d\d)?", re.MULTILINE)
_ZONE = re.compile(r"UTC\s*([+-]\d\d:\d\d)")
_VERSION = re.compile(r"Version\s+(.*?)\s*$", re.MULTILINE)


def name_of(names: Names, way: Way) -> str:
    """What a circuit's policy, classifier and behavior of one way are called; 31 characters at most, as VRP5 allows."""
    return names.object[:29] + _SUFFIX[way]


class VrpReadback:
    """What VRP5 and VRP8 print alike."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        text = answer(answers, 0)
        name = _STATE.search(text)
        if name is None:
            return None
        told, mac = _DESCRIPTION.search(text), _MAC.search(text)
        octets = "".join(mac.groups()).lower() if mac else ""
        return PortIdentity(
            name[1], told[1] if told else "", ":".join(octets[n : n + 2] for n in range(0, len(octets), 2))
        )

    def peer(self, answers: Answers) -> str | None:
        found = _SELF.search(answer(answers, 0))
        return None if found is None else found[3]

    def management(self, answers: Answers) -> frozenset[str]:
        if len(answers) < 3:
            return frozenset()
        routes = _routes(answers[1])
        longest = max((length for length, _ in routes), default=-1)
        return ports_beneath({port for length, port in routes if length == longest}, blocks(answers[2]))

    def owner(self, answers: Answers) -> Owner | None:
        found = _MARKER.search(answer(answers, 0))
        return None if found is None else owner_in(found[1])

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        lines = blocks(answer(read, 0)).get(interface)
        if lines is None:
            raise AnswerUnreadableError(f"the router does not show how {interface} is configured")
        ours = {name_of(names, way): way for way in Way}
        strangers = list(foreigners(lines, ours))
        ports = blocks(answer(foreign, 0)) if foreign else {}
        if foreign:
            strangers += related(interface, ports, answer(foreign, 1))
        limits = {}
        for number, way in enumerate((Way.INGRESS, Way.EGRESS)):
            name = name_of(names, way)
            classifier, policy = answer(read, 1 + 2 * number), answer(read, 2 + 2 * number)
            applied = f"traffic-policy {name} {_WORD[way]}" in lines
            bps = _rate(policy, name) if applied and _matches_all(classifier, name) else None
            there = applied or not (_NO_SUCH.search(classifier) and _NO_SUCH.search(policy))
            limits[way] = Limit(bps, there, blamed(strangers, way))
        around = nested(interface, ports)
        return PortState(limits[Way.INGRESS], limits[Way.EGRESS], foreigners=tuple(strangers), nested=around)

    def others(self, answers: Answers) -> str | None:
        me = _SELF.search(answer(answers, 0))
        lock = "\n".join((answer(answers, 1), *answers[5:]))
        index, who = _INDEX.search(lock), _LOCKER.search(lock)
        if index is not None and (me is None or me[1] != index[1]):
            return f"{who[1] if who else 'somebody'} holds the lock on the configuration"
        return _unsaved(answer(answers, 2), answer(answers, 3))

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry:
        return Expiry(present=False)

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        found: dict[str, Ours] = {}
        policies = answer(answers, 1)
        for port, lines in blocks(answer(answers, 0)).items():
            for line in lines:
                words = line.split()
                if words[:1] == ["traffic-policy"] and len(words) > 2 and (match := OURS.match(words[1])):
                    way = Way.INGRESS if words[2] == "inbound" else Way.EGRESS
                    if match[2] == _SUFFIX[way][1] and OBJECT.match(match[1]):
                        bps = if_readable(partial(_rate, policies, words[1]))
                        found[words[1]] = Ours(match[1], port, way, bps)
        for text in answers[1:4]:
            for name in re.findall(r"^[^\S\n]*(?:Policy|Behavior|Classifier)\s*:\s*(\S+)", text, re.MULTILINE):
                if name not in found and (match := OURS.match(name)) and OBJECT.match(match[1]):
                    way = Way.INGRESS if match[2] == "I" else Way.EGRESS
                    found[name] = Ours(match[1], UNBOUND, way, None)
        return tuple(found.values())

    def survey(self, answers: Answers) -> Survey:
        version = _VERSION.search(answer(answers, 0))
        if version is None:
            raise AnswerUnreadableError("the router does not tell its version")
        return Survey(version[1], _clock_ns(answer(answers, 1)), None, _bypasses(blocks(answer(answers, 2))))


class Vrp5Readback(VrpReadback):
    """AR: a command is in force at once and the router undoes nothing by itself."""

    def armed(self, answers: Answers, arm: str) -> Armed:
        return Armed.UNARMED


class Vrp8Readback(VrpReadback):
    """NetEngine, CloudEngine: the undo is a trial that bears our name."""

    def armed(self, answers: Answers, arm: str) -> Armed:
        status, persist = _TRIAL.search(answer(answers, 0)), _PERSIST.search(answer(answers, 0))
        if status is None:
            raise AnswerUnreadableError("the router does not tell whether a configuration is on trial")
        if status[1] == "INACTIVE" or persist is None or persist[1] != f"NM-{arm}":
            return Armed.UNARMED
        return Armed.ARMED

    def others(self, answers: Answers) -> str | None:
        status, persist = _TRIAL.search(answer(answers, 4)), _PERSIST.search(answer(answers, 4))
        if status is None:
            raise AnswerUnreadableError("the router does not tell whether a configuration is on trial")
        if status[1] != "INACTIVE" and not (persist and persist[1].startswith("NM-")):
            return "somebody else's configuration is on trial"
        return super().others(answers)


def _routes(text: str) -> list[tuple[int, str]]:
    """Prefix length and port of each next hop shown; IPv6 routes are shown a value on each line."""
    found: list[tuple[int, str]] = []
    length = -1
    for line in text.split("\n"):
        if (prefix := _PREFIX.match(line)) is not None:
            length = int(prefix[1])
        words = line.split()
        if length >= 0 and len(words) > 4 and _HOP.match(words[-2]):
            found.append((length, words[-1]))
    for key, value in _PAIR6.findall(text):
        if key == "PrefixLength":
            length = int(value)
        else:
            found.append((length, value))
    return found


def _matches_all(classifier: str, name: str) -> bool:
    """Raises AnswerUnreadableError where the router does not tell."""
    if _NO_SUCH.search(classifier):
        return False
    section = _section(classifier, "Classifier", name)
    rules = _RULE.findall(section)
    if not rules and not _NOTHING.search(section):
        raise AnswerUnreadableError(f"the router does not tell what classifier {name} matches")
    return rules == ["if-match any"]


def _rate(text: str, name: str) -> int | None:
    """What our policy lets through; None where the router tells that it lets everything through.

    Raises AnswerUnreadableError where it does not tell: a rate in per cent, another release's layout, half an answer.
    """
    if _NO_SUCH.search(text):
        return None
    policy = _section(text, "Policy", name)
    classifiers = set(re.findall(r"^[^\S\n]*Classifier[^\S\n]*:[^\S\n]*(\S+)", policy, re.MULTILINE))
    if strange := classifiers - {name, "default-class"}:
        raise AnswerUnreadableError(f"somebody put {min(strange)} into netmon's policy {name}; take it out")
    section = _section(policy, "Classifier", name)
    if _DENY.search(section):
        raise AnswerUnreadableError(f"somebody made netmon's behavior {name} deny everything; take that out")
    told = "\n".join(_CAR.findall(section))
    rates = [(key.upper(), int(number) * _UNITS[unit.lower()]) for key, number, unit in _RATE.findall(told)]
    actions = {colour.lower(): action.lower() for colour, action in _ACTION.findall(told)}
    exceed = actions.get("exceed", actions.get("red"))
    if not told and _NOTHING.search(section):
        return None
    if [key for key, _ in rates] not in (["CIR"], ["CIR", "PIR"]) or exceed is None:
        raise AnswerUnreadableError(f"the router does not tell what policy {name} lets through")
    if exceed != "discard":
        return None
    # What is between the two rates is yellow.
    committed, peak = rates[0][1], rates[-1][1]
    return committed if actions.get("yellow") == "discard" else max(committed, peak)


def _section(text: str, word: str, name: str) -> str:
    """What follows `word: name` up to the next `word:`."""
    parts = re.split(rf"^[^\S\n]*{word}\s*:\s*(\S+)", text, flags=re.MULTILINE)
    return next((body for found, body in zip(parts[1::2], parts[2::2], strict=True) if found == name), "")


def _unsaved(saved: str, running: str) -> str | None:
    """Names the first line that runs and is not saved, or the other way round; netmon's own are passed over."""
    if not re.search(r"^[^\S\n]*sysname ", saved, re.MULTILINE):
        return "there is no saved configuration to compare with; save once by hand"
    before, now = set(_places(saved)), set(_places(running))
    for place, line in sorted(now - before):
        return f"{line!r} ({place}) is in force and was not saved"
    for place, line in sorted(before - now):
        return f"{line!r} ({place}) was taken off and that was not saved"
    return None


def _places(text: str) -> Iterator[tuple[str, str]]:
    """(view, line) of everything but netmon's."""
    view = ""
    for raw in text.replace("\r", "").split("\n"):
        line = raw.strip()
        if line in ("", "#", "return") or line.startswith(("!", "[V")):
            view = "" if line == "#" else view
            continue
        if not raw.startswith(" "):
            view = line
        if "NM-" not in view and "NM-" not in line:
            yield (view if raw.startswith(" ") else "") or "system view", line


def _clock_ns(text: str) -> int | None:
    """The clock with its zone, which older releases print on a line of its own."""
    clock, zone = _CLOCK.search(text), _ZONE.search(text)
    if clock is None or not (clock[2] or zone):
        return None
    offset = clock[2] or (zone[1] if zone else "")
    return int(datetime.fromisoformat(f"{clock[1]}{offset}").timestamp()) * NANOSECONDS


def _bypasses(found: Blocks) -> tuple[str, ...]:
    tunnels = sorted(port for port in found if port.startswith(("Tunnel", "Dialer", "Virtual-Template")))
    if not tunnels:
        return ()
    return (f"{', '.join(tunnels)} carry traffic over other ports: a limit counts what crosses the port itself",)

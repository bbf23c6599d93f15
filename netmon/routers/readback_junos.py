"""Reads Junos' answers: `display set`, `show interfaces`, `show route`, `show system commit`.

Ours is the policer `<object>-IN` or `<object>-OUT` of a logical interface; it limits only where every family of the
interface applies it and it is one policer for all of them. (unverified on a real router: written from Juniper's CLI
Reference.)
"""

from __future__ import annotations

import ipaddress
import re
from itertools import pairwise
from typing import Final

from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.junos_commits import clock_in, commits_in, scheduled_in
from netmon.routers.junos_strangers import strangers_on
from netmon.routers.junos_survey import survey_of
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
    beneath,
    blamed,
    owner_in,
)
from netmon.routers.session import AnswerUnreadableError
from netmon.routers.settings_shown import Words, below, settings_in, value

FAMILIES: Final = ("inet", "inet6")
"""What is policed; a family the port does not have is not given to it."""
SUFFIX: Final = {Way.INGRESS: "-IN", Way.EGRESS: "-OUT"}
WORD: Final = {Way.INGRESS: "input", Way.EGRESS: "output"}
_OURS: Final = re.compile(r"(NM-[0-9A-F]{8}-[A-Z0-9-]{1,20})-(IN|OUT)\Z")
_RATE: Final = re.compile(r"(\d+)(?:\.(\d+))?([kmg]?)\Z")
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_PHYSICAL: Final = re.compile(r"^Physical interface: ([\w/:-]+)", re.MULTILINE)
_LOGICAL: Final = re.compile(r"^ {2}Logical interface ([\w/:.-]+)", re.MULTILINE)
_DESCRIPTION: Final = re.compile(r"^ +Description: ?(.*?) *$", re.MULTILINE)
_MAC: Final = re.compile(r"\bCurrent address: ([0-9a-f]{2}(?::[0-9a-f]{2}){5})", re.IGNORECASE)
_USER: Final = re.compile(r"^\S+ +\S+ +(\S+) ", re.MULTILINE)
_VIA: Final = re.compile(r"\bvia ([\w/:.-]+)")
_EDITING: Final = re.compile(
    r"^Users currently editing the configuration:(?:\s+(\S+)(?: terminal \S+)? +\(pid (\d+)\))?", re.MULTILINE
)
_SHOWN: Final = re.compile(r"(?:set|activate|deactivate|protect) |#|/\*|\*/|\{[\w:-]{1,32}\}\Z|warning: |\Z")
"""What a line of `display set` begins with."""


def expiry_of(names: Names, way: Way) -> str:
    """The generated event, and the event policy, that ends a circuit's limit: one of eight, as `expire` writes it."""
    return f"nm-expiry-{int(names.object[3], 16) % 4 * 2 + (way is Way.EGRESS)}"


class JunosReadback:
    """One policer per way of a logical interface; a physical port's name means its unit 0."""

    def identity(self, answers: Answers) -> PortIdentity | None:
        physical = answer(answers, 0)
        port, mac = _PHYSICAL.search(physical), _MAC.search(physical)
        if port is None:
            return None
        name, described = port[1], _LOGICAL.split(physical)[0]
        units = [unit for unit in _LOGICAL.findall(physical) if not unit.endswith((".0", ".16383", ".32767"))]
        if len(answers) == 1 and units:
            raise AnswerUnreadableError(
                f"{name} has {units[0]} besides unit 0, and a policer holds for one unit alone; name the circuit's unit"
            )
        if len(answers) > 1:
            unit = _LOGICAL.search(answers[1])
            if unit is None:
                return None
            name, described = unit[1], answers[1]
        told = _DESCRIPTION.search(described)
        return PortIdentity(name, told[1] if told else "", mac[1].lower() if mac else "")

    def peer(self, answers: Answers) -> str | None:
        """None also where sessions of our login come from several addresses: which one is this is not told."""
        found = set(_USER.findall(answer(answers, 0)))
        (one,) = found if len(found) == 1 else ("",)
        try:
            return str(ipaddress.ip_address(one))
        except ValueError:
            return None

    def management(self, answers: Answers) -> frozenset[str]:
        if len(answers) < 3:
            return frozenset()
        found = set(_VIA.findall(answer(answers, 1)))
        lower: list[tuple[str, str]] = [(port, port.partition(".")[0]) for port in found if "." in port]
        bridged: list[str] = []
        for words in below(shown(answer(answers, 2)), "interfaces"):
            if words[2:3] == ("802.3ad",) and len(words) == 4:
                lower += [(words[3], words[0]), (words[0], f"{words[0]}.0")]
            elif words[1:2] == ("unit",) and words[4:5] in (("ethernet-switching",), ("bridge",)):
                bridged += [f"{words[0]}.{words[2]}", words[0]]
        # Which of the bridged ports a routed VLAN uses is not looked into: any of them may carry it.
        lower += [(port, under) for port in found if port.startswith(("irb", "vlan")) for under in bridged]
        return beneath(found, lower)

    def owner(self, answers: Answers) -> Owner | None:
        marker = value(shown(answer(answers, 0)), "firewall", "apply-macro", "NM-OWNER", "marker")
        return None if marker is None else owner_in(marker)

    def others(self, answers: Answers) -> str | None:
        first = commits_in(answer(answers, 0))[0]
        if first.is_pending(clock_in(answers[3:])) and first.arm is None:
            return f"{first.user} has committed on trial and not confirmed yet"
        if scheduled := scheduled_in(answer(answers, 0)):
            return f"{scheduled} has a commit that waits for its time"
        editing = _EDITING.search(answer(answers, 1))
        who = f"{editing[1]} (pid {editing[2]})" if editing is not None and editing[1] else "somebody"
        return None if editing is None else f"{who} is in configuration mode"

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        device, _, number = interface.partition(".")
        unit = below(shown(answer(read, 0)), "interfaces", device, "unit", number or "0")
        ours = {way: names.object + SUFFIX[way] for way in Way}
        families = tuple(family for family in FAMILIES if _has(unit, family, ours))
        if not families:
            raise AnswerUnreadableError(
                f"{interface} has neither family inet nor inet6, so there is nothing to police; limit a routed unit"
            )
        found = strangers_on(interface, unit, shown("\n".join(foreign)), frozenset(ours.values()))
        limits = {}
        for index, way in enumerate((Way.INGRESS, Way.EGRESS)):
            policer = below(shown(answer(read, 1 + index)), "firewall", "policer", ours[way])
            applied = [value(unit, "family", f, "policer", WORD[way]) == ours[way] for f in FAMILIES]
            everywhere = all(value(unit, "family", f, "policer", WORD[way]) == ours[way] for f in families)
            if any(applied) and not policer:
                raise AnswerUnreadableError(f"{ours[way]} is applied, and the router does not show what it is")
            rate = _rate_of(policer) if everywhere else None
            limits[way] = Limit(rate, bool(policer) or any(applied), blamed(found, way))
        return PortState(limits[Way.INGRESS], limits[Way.EGRESS], foreigners=found, facts=(("families", families),))

    def armed(self, answers: Answers, arm: str) -> Armed:
        commits = commits_in(answer(answers, 0))
        if commits[0].arm == arm and commits[0].is_pending(clock_in(answers[1:])):
            return Armed.ARMED
        for later, trial in pairwise(commits):
            if trial.arm == arm and later.via == "other":
                return Armed.FIRED
        return Armed.UNARMED

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry:
        settings = shown(answer(answers, 0))
        event = expiry_of(names, way)
        policy = below(settings, "event-options", "policy", event)
        interval = value(settings, "event-options", "generate-event", event, "time-interval")
        removal = ("then", "change-configuration", "commands", f"delete firewall policer {names.object}{SUFFIX[way]}")
        return Expiry(interval is not None and ("events", event) in policy and removal in policy)

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        firewall, found = shown(answer(answers, 0)), list[Ours]()
        applied = set[str]()
        for words in below(shown(answer(answers, 1)), "interfaces"):
            match = _OURS.match(words[-1])
            if match is None or words[1:2] != ("unit",) or words[5:6] != ("policer",):
                continue
            way = Way.INGRESS if match[2] == "IN" else Way.EGRESS
            one = Ours(
                match[1], f"{words[0]}.{words[2]}", way, _rate_of(below(firewall, "firewall", "policer", words[-1]))
            )
            applied.add(words[-1])
            if one not in found:
                found.append(one)
        for name in dict.fromkeys(words[0] for words in below(firewall, "firewall", "policer") if words):
            if name not in applied and (match := _OURS.match(name)) and OBJECT.match(match[1]):
                found.append(Ours(match[1], UNBOUND, Way.INGRESS if match[2] == "IN" else Way.EGRESS, None))
        return tuple(found)

    def survey(self, answers: Answers) -> Survey:
        return survey_of(answers)


def shown(text: str) -> tuple[Words, ...]:
    """The settings of a `display set`. Raises AnswerUnreadableError for other lines, and for what is kept back."""
    if "ACCESS-DENIED" in text:
        raise AnswerUnreadableError("the login may not see the whole configuration; give it netmon's permissions")
    if (strange := next((line for line in text.splitlines() if not _SHOWN.match(line.strip())), None)) is not None:
        raise AnswerUnreadableError(f"the router shows {strange.strip()[:80]!r} among its settings")
    return settings_in(text)


def _has(unit: tuple[Words, ...], family: str, ours: dict[Way, str]) -> bool:
    """Whether the port has the family for more than our own policers' sake."""
    settings = below(unit, "family", family)
    return any(words[:1] != ("policer",) or words[-1] not in ours.values() for words in settings)


def _rate_of(policer: tuple[Words, ...]) -> int | None:
    """bit/s of a policer that is whole: one for all families, discarding what exceeds."""
    if ("logical-interface-policer",) not in policer or ("then", "discard") not in policer:
        return None
    text = value(policer, "if-exceeding", "bandwidth-limit")
    if text is None or value(policer, "if-exceeding", "burst-size-limit") is None:
        return None
    match = _RATE.match(text)
    if match is None:
        raise AnswerUnreadableError(f"Junos wrote a rate as {text!r}, which netmon cannot read")
    fraction = match[2] or ""
    return int(match[1] + fraction) * _UNITS[match[3]] // int(10 ** len(fraction)) or None

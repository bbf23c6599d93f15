"""Reads what VyOS and EdgeOS print: `show configuration commands`, `ip link`, `ip route get`, `compare saved`.

Ours is the shaper `<object>-OUT` or the limiter `<object>-IN` with its binding to the port. (unverified on a real
router: written from VyOS' and Ubiquiti's documentation.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from netmon.core.model import NANOSECONDS
from netmon.core.resolving import Armed
from netmon.routers.dialects import Names, Way
from netmon.routers.readbacks import (
    OBJECT,
    UNBOUND,
    Answers,
    Expiry,
    Foreign,
    Limit,
    Ours,
    Owner,
    PortIdentity,
    PortState,
    Survey,
    answer,
    beneath,
    blamed,
    if_readable,
    owner_in,
)
from netmon.routers.session import AnswerUnreadableError
from netmon.routers.settings_shown import Words, below, settings_in, value

SUFFIX: Final = {Way.INGRESS: "-IN", Way.EGRESS: "-OUT"}
KIND: Final = {Way.INGRESS: "limiter", Way.EGRESS: "shaper"}
_OURS: Final = re.compile(r"(NM-[0-9A-F]{8}-[A-Z0-9-]{1,20})-(IN|OUT)\Z")
_LINK: Final = re.compile(r"^\d+: ([^:@\s]+)(?:@([^:\s]+))?: (.*)$", re.MULTILINE)
_MAC: Final = re.compile(r"^ +link/\S+ ([0-9a-f]{2}(?::[0-9a-f]{2}){5})\b", re.MULTILINE)
_ALIAS: Final = re.compile(r"^ +alias (.*?) *$", re.MULTILINE)
_MASTER: Final = re.compile(r"\bmaster (\S+)")
_DEVICE: Final = re.compile(r"\bdev (\S+)")
_UNFOLLOWED: Final = ("pppoe", "tun", "vtun", "vti", "wg", "l2tp", "gre", "sit", "ipsec", "openvpn")
"""Begins the names of ports whose packets leave by another."""
_SESSION: Final = re.compile(r"^session=(\d+)\s*$", re.MULTILINE)
_WHERE: Final = re.compile(r"^\[(?:edit\b ?)?([^\]]*)\]$")
_CHANGE: Final = re.compile(r"^([+>-])? *(.*)")
_RATE: Final = re.compile(r"(\d+)(bit|kbit|mbit|gbit)\Z")
_SHARE: Final = re.compile(r"([1-9]\d?|100)%\Z")
_UNITS: Final = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
_QDISC: Final = re.compile(r"^qdisc (\S+) (\S+)(?: dev \S+)? (root|ingress|parent)", re.MULTILINE)
_DEFAULT: Final = frozenset({"pfifo_fast", "fq_codel", "mq", "noqueue", "fq", "pfifo"})
_VERSION: Final = re.compile(r"^Version: +(.*?) *$", re.MULTILINE)
_CLOCK: Final = re.compile(r"^clock=(\d+)", re.MULTILINE)


class VyosReadback:
    """VyOS 1.4 and later: `qos policy`, bound under `qos interface`."""

    policies: tuple[str, ...] = ("qos", "policy")

    def bindings(self, settings: tuple[Words, ...]) -> Iterator[tuple[str, Way, str]]:
        """(port, way, policy) of each that is bound."""
        for words in below(settings, "qos", "interface"):
            if len(words) == 3 and words[1] in tuple(Way):
                yield words[0], Way(words[1]), words[2]

    def identity(self, answers: Answers) -> PortIdentity | None:
        text = answer(answers, 0)
        link, mac, alias = _LINK.search(text), _MAC.search(text), _ALIAS.search(text)
        if link is None:
            return None
        return PortIdentity(link[1], alias[1] if alias else "", mac[1] if mac else "")

    def management(self, answers: Answers) -> frozenset[str]:
        found = _DEVICE.search(answer(answers, 0))
        lower = []
        for link in _LINK.finditer(answer(answers, 1)):
            if link[2]:
                lower.append((link[1], link[2]))
            if master := _MASTER.search(link[3]):
                lower.append((master[1], link[1]))
        lower += [pair for text in answers[2:] for pair in _carried(settings_in(text))]
        if found is not None and found[1].startswith(_UNFOLLOWED) and found[1] not in {above for above, _ in lower}:
            raise AnswerUnreadableError(f"the way back goes by {found[1]}, and what lies beneath that is not told")
        return frozenset() if found is None else beneath({found[1]}, lower)

    def owner(self, answers: Answers) -> Owner | None:
        marker = value(settings_in(answer(answers, 0)), *self.policies, "limiter", "NM-OWNER", "description")
        return None if marker is None else owner_in(marker)

    def others(self, answers: Answers) -> str | None:
        if session := _SESSION.search(answer(answers, 0)):
            return f"somebody (process {session[1]}) is in configuration mode"
        for words in _unsaved(answer(answers, 2)):
            if not any(word.startswith("NM-") for word in words):
                return f"somebody changed {' '.join(words[:4])} and has not saved it"
        return None

    def state(self, read: Answers, foreign: Answers, names: Names, interface: str) -> PortState:
        settings = settings_in(answer(read, 0))
        bindings = [one for one in self.bindings(settings) if _is_near(one[0], interface)]
        bound = {way: name for port, way, name in bindings if port == interface}
        limits, found = {}, list[Foreign]()
        for way in Way:
            ours = names.object + SUFFIX[way]
            policy = below(settings, *self.policies, KIND[way], ours)
            if (other := bound.get(way, ours)) != ours:
                found.append(Foreign("traffic-policy", other, way, f"{interface} {way} {other}"))
            is_bound = bound.get(way) == ours
            limits[way] = (_rate_of(policy, way) if is_bound else None, bool(policy) or is_bound)
        found += _strangers(foreign, interface, frozenset((port, way) for port, way, _ in bindings))
        around = list[Ours]()
        for port, way, name in bindings:
            match = _OURS.match(name)
            if port != interface and match and OBJECT.match(match[1]):
                around.append(Ours(match[1], port, way, None))
            elif port != interface:
                found.append(Foreign("traffic-policy", f"{name} on {port}", way, f"{port} {way} {name}"))
        ingress, egress = (Limit(*limits[way], blamed(found, way)) for way in (Way.INGRESS, Way.EGRESS))
        return PortState(ingress, egress, foreigners=tuple(found), nested=tuple(around))

    def armed(self, answers: Answers, arm: str) -> Armed:
        return Armed.UNARMED

    def expiry(self, answers: Answers, names: Names, way: Way) -> Expiry:
        return Expiry(present=False)

    def ours(self, answers: Answers) -> tuple[Ours, ...]:
        settings = settings_in(answer(answers, 0))
        found: dict[str, Ours] = {}
        for port, way, name in self.bindings(settings):
            if (match := _OURS.match(name)) and OBJECT.match(match[1]) and name.endswith(SUFFIX[way]):
                policy = below(settings, *self.policies, KIND[way], name)
                bps = if_readable(partial(_rate_of, policy, way))
                found[name] = Ours(match[1], port, way, bps)
        for way in Way:
            for words in below(settings, *self.policies, KIND[way]):
                match = _OURS.match(words[0])
                if words[0] not in found and match and OBJECT.match(match[1]) and words[0].endswith(SUFFIX[way]):
                    found[words[0]] = Ours(match[1], UNBOUND, way, None)
        return tuple(found.values())

    def survey(self, answers: Answers) -> Survey:
        version, clock = _VERSION.search(answer(answers, 0)), _CLOCK.search(answer(answers, 1))
        groups = answer(answers, 2).split()
        return Survey(
            version[1] if version else "",
            int(clock[1]) * NANOSECONDS if clock else None,
            None if not groups else "vyattacfg" in groups,
            self.warnings(answers),
        )

    def warnings(self, answers: Answers) -> tuple[str, ...]:
        return ()


class EdgeosReadback(VyosReadback):
    """EdgeOS, and VyOS before 1.4: `traffic-policy`, bound under the port's own settings."""

    policies: tuple[str, ...] = ("traffic-policy",)

    def bindings(self, settings: tuple[Words, ...]) -> Iterator[tuple[str, Way, str]]:
        for words in below(settings, "interfaces"):
            if words[-3:-2] != ("traffic-policy",) or words[-2] not in ("in", "out"):
                continue
            port = f"{words[1]}.{words[3]}" if words[2:3] == ("vif",) else words[1]
            yield port, Way.INGRESS if words[-2] == "in" else Way.EGRESS, words[-1]

    def warnings(self, answers: Answers) -> tuple[str, ...]:
        if any("forwarding" in words for words in settings_in(answer(answers, 3)) if words[-1] == "enable"):
            return ("packets are offloaded to hardware and may pass by traffic policies; see `show ubnt offload`",)
        return ()


def _carried(settings: tuple[Words, ...]) -> Iterator[tuple[str, str]]:
    """(port, what carries it): VyOS names it in the port's own settings, EdgeOS has PPPoE under it."""
    for words in below(settings, "interfaces"):
        if words[-2:-1] == ("source-interface",):
            yield words[1], words[-1]
        elif "pppoe" in words[2:-1]:
            port = f"{words[1]}.{words[3]}" if words[2] == "vif" else words[1]
            yield f"pppoe{words[words.index('pppoe', 2) + 1]}", port


def _rate_of(policy: tuple[Words, ...], way: Way) -> int | None:
    """bit/s of a policy that is bound; None for the port's own speed. Raises AnswerUnreadableError."""
    if any(words[:1] == ("class",) for words in policy):
        raise AnswerUnreadableError("somebody put classes into netmon's policy; take them out")
    if way is Way.INGRESS:
        return _bps(value(policy, "default", "bandwidth"))
    text, ceiling = value(policy, "bandwidth"), value(policy, "default", "ceiling") or "100%"
    if text == "auto":
        return None
    rate = _bps(text)
    share = _SHARE.match(ceiling)
    return rate * int(share[1]) // 100 if share else min(rate, _bps(ceiling))


def _bps(text: str | None) -> int:
    """Raises AnswerUnreadableError."""
    if text is None:  # the router commits no such thing, so not all of it was shown
        raise AnswerUnreadableError("the router does not show the rate of a policy that a port uses")
    match = _RATE.match(text)
    if match is None or not int(match[1]):
        raise AnswerUnreadableError(f"the router wrote a rate as {text!r}, which netmon cannot read")
    return int(match[1]) * _UNITS[match[2]]


def _is_near(port: str, interface: str) -> bool:
    """Whether it is the port itself, the one it is a VLAN of, or one of its VLANs."""
    return port == interface or interface.startswith(f"{port}.") or port.startswith(f"{interface}.")


def _strangers(foreign: Answers, interface: str, bound: frozenset[tuple[str, Way]]) -> Iterator[Foreign]:
    """What else shapes the port; a discipline beneath a policy that is bound there is that policy's."""
    if not foreign:
        return
    for words in settings_in(answer(foreign, 0)):
        port = f"{words[2]}.{words[4]}" if words[3:4] == ("vif",) else words[2] if len(words) > 2 else ""
        if words[0] == "interfaces" and _is_near(port, interface) and words[-2] == "redirect":
            yield Foreign("redirect", f"{words[-1]}{_on(port, interface)}", Way.INGRESS, f"set {' '.join(words)}")
        elif "smart-queue" in words and words[-2] == "wan-interface" and _is_near(words[-1], interface):
            yield Foreign("smart-queue", f"{words[2]}{_on(words[-1], interface)}", None, f"set {' '.join(words)}")
    texts, parent = {interface: answer(foreign, 1)}, interface.partition(".")[0]
    if parent != interface:
        texts[parent] = answer(foreign, 2)
    for port, text in texts.items():
        for qdisc in _QDISC.finditer(text):
            is_policed = qdisc[3] == "ingress" or qdisc[1] in ("ingress", "clsact")
            way = Way.INGRESS if is_policed else Way.EGRESS
            if (port, way) not in bound and (is_policed or (qdisc[3] == "root" and qdisc[1] not in _DEFAULT)):
                yield Foreign("qdisc", f"{qdisc[1]}{_on(port, interface)}", way, qdisc[0])


def _on(port: str, interface: str) -> str:
    return "" if port == interface else f" on {port}"


def _unsaved(text: str) -> Iterator[Words]:
    """The settings that differ in an answer of `compare saved`: lines under `[edit ...]`, or in braces."""
    place: Words = ()
    depth: list[Words] = []
    for line in text.splitlines():
        if where := _WHERE.match(line.strip()):
            place, depth = tuple(where[1].split()), []
            continue
        change = _CHANGE.match(line.rstrip())
        if change is None or not change[2] or line.startswith("No changes"):
            continue
        words = tuple(change[2].rstrip("{").split())
        if change[2] == "}":
            depth = depth[:-1]
        elif change[2].endswith("{"):
            depth.append(words)
        elif change[1]:
            yield (*place, *(word for above in depth for word in above), *words)

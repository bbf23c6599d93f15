"""Which of somebody else's shapers can be set aside and put back exactly, and what the two verbs are told of it. Pure.

Only what a router itself printed is put back, taken apart word for word by the forms below. Whatever has another form,
or shapes more than the circuit's own port, is left to its owner.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from netmon.routers.dialects import Way
from netmon.routers.readback_ios_config import same_port
from netmon.routers.readbacks import Foreign

BOTH_WAYS: Final = "both"


class IrreversibleError(Exception):
    """netmon could not put it back as it was; the message is a sentence that names it."""


@dataclass(frozen=True, slots=True)
class Reversible:
    """What `set_aside` and `put_back` are told of one thing."""

    kind: str
    name: str
    interface: str
    """The circuit's port."""
    way: str
    """ingress, egress or both."""
    setting: tuple[str, ...]
    """The words that put it back, as far as the platform needs them."""

    def matches(self, other: Reversible) -> bool:
        """Whether it is the same thing; Linux keeps a burst as a time of 64 ns each, so it is read a little off."""
        return (
            replace(self, setting=()) == replace(other, setting=())
            and len(self.setting) == len(other.setting)
            and all(map(_alike, self.setting, other.setting))
        )


def _alike(one: str, two: str) -> bool:
    sizes = [int(size[1]) for word in (one, two) if (size := re.fullmatch(r"(\d+)b", word))]
    return one == two or (len(sizes) == 2 and abs(sizes[0] - sizes[1]) <= max(16, sizes[0] // 500))


def reversible(reader: str, foreign: Foreign, interface: str) -> Reversible:
    """What the reader (`readback` of a dialect.yaml) found on a circuit's port. Raises IrreversibleError."""
    form = _FORMS.get(reader)
    found = None if form is None else form(foreign, interface)
    if isinstance(found, tuple):
        kind, name, setting = found
        return Reversible(kind, name, interface, BOTH_WAYS if foreign.way is None else foreign.way.value, setting)
    why = found or "netmon cannot put such a thing back exactly as it was"
    raise IrreversibleError(f"{foreign.named} cannot be set aside: {why}; take it off by hand")


_Found = tuple[str, str, tuple[str, ...]] | str | None
"""Kind, name and words; or a sentence why not."""
ELSEWHERE: Final = "it shapes more than the circuit's own port, or only a part of it"


# --- Linux ---------------------------------------------------------------------------------------

_RATE, _SIZE, _TIME = r"\d+(?:\.\d+)?[KMGT]?i?bit", r"\d+(?:\.\d+)?(?:b|Kb|Mb)", r"\d+(?:\.\d+)?(?:us|ms|s)"
_PERCENT = r"\d+(?:\.\d+)?%"
_ROOT: Final = re.compile(
    r"qdisc (?P<kind>[a-z_]+) (?P<handle>[0-9a-f]{1,4}:)(?: dev \S+)? root(?: refcnt \d+)? (?P<rest>.*\S)\s*\Z"
)
_QDISCS: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = MappingProxyType(
    {
        # (as printed, form, as written; {} is the value): in the order in which tc prints them.
        "tbf": (("rate", _RATE, "rate {}"), ("burst", r"(\d+(?:\.\d+)?)(b|Kb|Mb)", ""), ("lat", _TIME, "latency {}")),
        "sfq": (
            ("limit", r"(\d+)p", "limit {}"),
            ("quantum", _SIZE, "quantum {}"),
            ("depth", r"\d+", "depth {}"),
            ("headdrop", "", "headdrop"),
            ("divisor", r"\d+", "divisor {}"),
            ("perturb", r"(\d+)sec", "perturb {}"),
        ),
        "pfifo": (("limit", r"(\d+)p", "limit {}"),),
        "bfifo": (("limit", _SIZE, "limit {}"),),
        "fq": (
            ("limit", r"(\d+)p", "limit {}"),
            ("flow_limit", r"(\d+)p", "flow_limit {}"),
            ("buckets", r"\d+", "buckets {}"),
            ("orphan_mask", r"\d+", "orphan_mask {}"),
            ("nopacing", "", "nopacing"),
            ("quantum", r"(\d+)b", "quantum {}"),
            ("initial_quantum", r"(\d+)b", "initial_quantum {}"),
            ("maxrate", _RATE, "maxrate {}"),
            ("defrate", _RATE, "defrate {}"),
            ("low_rate_threshold", _RATE, "low_rate_threshold {}"),
            ("refill_delay", _TIME, "refill_delay {}"),
            ("ce_threshold", _TIME, "ce_threshold {}"),
            ("timer_slack", _TIME, "timer_slack {}"),
            ("horizon", _TIME, "horizon {}"),
            ("horizon_drop", "", "horizon_drop"),
            ("horizon_cap", "", "horizon_cap"),
        ),
        "netem": (
            ("limit", r"\d+", "limit {}"),
            ("delay", rf"{_TIME}", "delay {}"),
            ("loss", rf"{_PERCENT}(?:\s+{_PERCENT})?", "loss {}"),
            ("duplicate", rf"{_PERCENT}(?:\s+{_PERCENT})?", "duplicate {}"),
            ("corrupt", rf"{_PERCENT}(?:\s+{_PERCENT})?", "corrupt {}"),
            ("rate", _RATE, "rate {}"),
        ),
    }
)
"""Classless queues that tc, given what it prints, makes again the same."""


def _tc(foreign: Foreign, interface: str) -> _Found:
    line = _ROOT.match(foreign.setting)
    if foreign.kind != "qdisc" or line is None or line["kind"] not in _QDISCS:
        return "only a port's own queue of kind " + ", ".join(_QDISCS) + " can be put back"
    words, rest = [line["kind"]], line["rest"].strip()
    for printed, form, written in _QDISCS[line["kind"]]:
        found = re.match(rf"{printed} {form}(?:\s+|\Z)" if form else rf"{printed}(?:\s+|\Z)", rest)
        if found is None:
            continue
        if printed == "burst":
            words += ["burst", f"{_bytes(found[1], found[2]) + 1}b"]
            rest = rest[found.end() :]
            continue
        whole = found[0].strip()[len(printed) :].strip()
        words += written.format(found[1] if found.re.groups else whole).split()
        rest = rest[found.end() :]
    if rest:
        return f"netmon does not know how tc is to be told {rest[:60]!r}"
    if line["kind"] == "tbf" and ("latency" not in words or re.fullmatch(r"0+(\.0+)?us", words[-1])):
        return "tc does not print how long its queue may grow"
    return line["kind"], line["handle"], tuple(words)


def _bytes(number: str, unit: str) -> int:
    """tc takes a burst for the time it lasts and rounds that down: told a byte more it keeps what it printed."""
    whole, _, fraction = number.partition(".")
    factor = {"b": 1, "Kb": 1024, "Mb": 1024**2}[unit]
    return int(whole + fraction) * factor // int(10 ** len(fraction))


# --- RouterOS ------------------------------------------------------------------------------------


def _routeros(foreign: Foreign, interface: str) -> _Found:
    """Nothing but `disabled` is altered, so that nothing has to be written again."""
    told = dict(word.partition("=")[::2] for word in foreign.setting.split(" "))
    if told.get("dynamic") in {"true", "yes"}:
        return "it is dynamic, made by a server of the router's, which would make it again"
    if foreign.kind == "queue-tree":
        return (foreign.kind, foreign.name, ()) if told.get("parent") == interface else ELSEWHERE
    if foreign.kind != "simple-queue":
        return None
    if told.get("wider") == "true":
        return ELSEWHERE
    target = told.get("target", "")
    if target != interface and (_is_everything(target) or told.get("dst") == interface):
        return ELSEWHERE
    return foreign.kind, foreign.name, ()


def _is_everything(target: str) -> bool:
    """Whether a queue's target is anything but one network of hosts."""
    try:
        return ipaddress.ip_network(target, strict=False).prefixlen == 0
    except ValueError:
        return True


# --- Cisco, Juniper, Huawei, VyOS ----------------------------------------------------------------


def _cisco(foreign: Foreign, interface: str) -> _Found:
    if foreign.kind != "service-policy":
        return None
    place, _, line = foreign.setting.partition("\n")
    word = "input" if foreign.way is Way.INGRESS else "output"
    if line != f"service-policy {word} {foreign.name}" or not same_port(place.removeprefix("interface "), interface):
        return ELSEWHERE
    return foreign.kind, foreign.name, ()


_POLICER: Final = re.compile(
    r"set interfaces (\S+) unit (\d+) family inet6? policer (?:input|output) [A-Za-z0-9_.:-]+\Z"
)
_FILTER: Final = re.compile(
    r"set interfaces (\S+) unit (\d+) family [a-z0-9-]+ filter (?:input|output) [A-Za-z0-9_.:-]+\Z"
)
_OF_UNIT: Final = re.compile(r"set class-of-service interfaces (\S+) unit (\d+) [a-z-]+ [A-Za-z0-9_.:-]+\Z")


def _junos(foreign: Foreign, interface: str) -> _Found:
    """A policer stands where netmon's own has to, so it is taken off and set again; the rest is deactivated."""
    forms = {"policer": _POLICER, "filter": _FILTER, "class-of-service": _OF_UNIT}
    if foreign.kind not in forms:
        return None
    found, (device, _, unit) = forms[foreign.kind].match(foreign.setting), interface.partition(".")
    if found is None or (found[1], found[2]) != (device, unit or "0"):
        return ELSEWHERE
    return foreign.kind, foreign.name, tuple(foreign.setting.split()[1:])


_VRP_CAR: Final = re.compile(
    r"qos car (?:inbound|outbound) cir \d+(?: pir \d+)?(?: cbs \d+)?(?: pbs \d+)?(?: mode color-(?:blind|aware))?"
    r"(?: (?:green|yellow|red) (?:pass|discard))*\Z"
)


def _vrp(foreign: Foreign, interface: str) -> _Found:
    word = "inbound" if foreign.way is Way.INGRESS else "outbound"
    if foreign.kind == "qos car":
        fits = foreign.name == "" and _VRP_CAR.match(foreign.setting) is not None
    elif foreign.kind == "traffic-policy":
        fits = foreign.setting == f"traffic-policy {foreign.name} {word}"
    else:
        return None
    return (foreign.kind, foreign.name or "-", tuple(foreign.setting.split())) if fits else ELSEWHERE


def _vyos(foreign: Foreign, interface: str) -> _Found:
    if foreign.kind != "traffic-policy":
        return None
    way = "" if foreign.way is None else foreign.way.value
    return (foreign.kind, foreign.name, ()) if foreign.setting == f"{interface} {way} {foreign.name}" else ELSEWHERE


_FORMS: Final[Mapping[str, Callable[[Foreign, str], _Found]]] = MappingProxyType(
    {
        "tc": _tc,
        "simple_queue": _routeros,
        "ios": _cisco,
        "iosxr": _cisco,
        "junos": _junos,
        "vrp5": _vrp,
        "vrp8": _vrp,
        "vyos": _vyos,
        "edgeos": _vyos,
    }
)
"""By the reader that found the thing."""

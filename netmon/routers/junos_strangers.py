"""What shapes or polices a Junos interface and was not made by netmon, from `set` lines. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Final

from netmon.routers.dialects import Way
from netmon.routers.readbacks import Foreign
from netmon.routers.settings_shown import Words, below

_POLICER_WAYS: Final = {
    "input": Way.INGRESS,
    "output": Way.EGRESS,
    "input-policer": Way.INGRESS,
    "output-policer": Way.EGRESS,
    "input-three-color": Way.INGRESS,
    "output-three-color": Way.EGRESS,
}
_FILTER_WAYS: Final = {
    "input": Way.INGRESS,
    "input-list": Way.INGRESS,
    "output": Way.EGRESS,
    "output-list": Way.EGRESS,
}
_POLICING: Final = frozenset({"policer", "three-color-policer", "hierarchical-policer"})
_SHAPING: Final = frozenset(
    {
        "shaping-rate",
        "logical-interface-aggregate-shaping-rate",
        "scheduler-map",
        "scheduler-map-chassis",
        "output-traffic-control-profile",
        "output-traffic-control-profile-remaining",
        "input-shaping-rate",
        "input-scheduler-map",
        "input-traffic-control-profile",
    }
)


def strangers_on(
    interface: str, unit: Iterable[Words], foreign: tuple[Words, ...], ours: frozenset[str]
) -> tuple[Foreign, ...]:
    """`unit` is what is set below the logical interface, `foreign` all of firewall and class-of-service interfaces."""
    device, _, number = interface.partition(".")
    place = f"set interfaces {device} unit {number or '0'}"
    found: list[Foreign] = []
    for words in unit:
        setting = f"{place} {' '.join(words)}"
        if words[-1] in ours:
            continue
        if (way := _policed(words)) is not None:
            found.append(Foreign("policer", words[-1], way, setting))
        elif words[2:3] == ("filter",) and words[3] in _FILTER_WAYS and _polices(foreign, words[1], words[4]):
            found.append(Foreign("filter", words[4], _FILTER_WAYS[words[3]], setting))
    return (*found, *_class_of_service(device, number or "0", foreign))


def _policed(words: Words) -> Way | None:
    """The way of a policer's application; one for ARP limits nobody's traffic."""
    if words[0] == "layer2-policer":
        return _POLICER_WAYS.get(words[1])
    return _POLICER_WAYS.get(words[3]) if len(words) > 4 and words[2] == "policer" else None


def _polices(foreign: tuple[Words, ...], family: str, name: str) -> bool:
    for place in (("firewall", "filter", name), ("firewall", "family", family, "filter", name)):
        if any(_POLICING.intersection(words) for words in below(foreign, *place)):
            return True
    return False


def _class_of_service(device: str, unit: str, foreign: tuple[Words, ...]) -> list[Foreign]:
    """Class of service names ports, or patterns of them; what it does on the port it does to every unit."""
    found = []
    for words in below(foreign, "class-of-service", "interfaces"):
        name, *rest = words
        if not rest or not fnmatch.fnmatchcase(device, name):
            continue
        if rest[0] == "unit" and len(rest) > 2:
            if rest[1] not in (unit, "*"):
                continue
            rest = rest[2:]
        if rest[0] in _SHAPING:
            way = Way.INGRESS if rest[0].startswith("input-") else Way.EGRESS
            setting = f"set class-of-service interfaces {' '.join(words)}"
            found.append(Foreign("class-of-service", " ".join(rest), way, setting))
    return found

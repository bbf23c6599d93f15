"""What of VyOS' and EdgeOS' configuration a simulated router knows.

Sources: VyOS 1.4 documentation, "Traffic Policy" and "Interfaces"; Ubiquiti, EdgeOS User Guide.
"""

from __future__ import annotations

from typing import Final

from netmon.simulator.settree import Rule, flag, leaf, named, words

NAME: Final = r"[\w.-]{1,64}"
PORT: Final = r"(?:eth|bond|br|switch|lo)\d*(?:\.\d+)?"
TEXT: Final = r"[^'\n]{1,255}"
NUMBER: Final = r"\d{1,10}"
RATE: Final = r"\d{1,12}(?:bit|kbit|mbit|gbit|kbps|mbps|gbps)?"
SHARE: Final = rf"{RATE}|\d{{1,3}}%"
SIZE: Final = r"\d{1,12}(?:kb|mb|gb|k|m)?"
PREFIX: Final = r"[0-9a-fA-F.:]+/\d{1,3}|dhcp"
ADDRESS: Final = r"[0-9a-fA-F.:]+"


def _policies() -> dict[str, Rule]:
    default = words(bandwidth=leaf(SHARE), ceiling=leaf(SHARE), burst=leaf(SIZE), queue_type=leaf(NAME))
    return {
        "shaper": named(NAME, words(description=leaf(TEXT), bandwidth=leaf(rf"auto|{RATE}"), default=default)),
        "limiter": named(NAME, words(description=leaf(TEXT), default=words(bandwidth=leaf(RATE), burst=leaf(SIZE)))),
    }


def _port(policies: Rule | None = None, vifs: Rule | None = None) -> Rule:
    below = {
        "description": leaf(TEXT),
        "address": leaf(PREFIX, many=True),
        "disable": flag(),
        "redirect": leaf(NAME),
    }
    return Rule(below | ({"traffic-policy": policies} if policies else {}) | ({"vif": vifs} if vifs else {}))


def _interfaces(policies: Rule | None = None) -> Rule:
    port = _port(policies, named(NUMBER, _port(policies)))
    return words(
        ethernet=named(PORT, port),
        bonding=named(PORT, port),
        bridge=named(PORT, port),
        switch=named(PORT, port),
        loopback=named("lo", words(address=leaf(PREFIX, many=True))),
    )


def _system() -> Rule:
    return words(
        host_name=leaf(NAME), domain_name=leaf(NAME), offload=words(ipv4=words(forwarding=leaf("enable|disable")))
    )


_STATIC: Final = words(static=words(route=named(PREFIX, words(next_hop=named(ADDRESS, words())))))

VYOS: Final = Rule(
    {
        "system": _system(),
        "interfaces": _interfaces(),
        "protocols": _STATIC,
        "qos": Rule(
            {
                "policy": Rule(_policies()),
                "interface": named(PORT, words(egress=leaf(NAME), ingress=leaf(NAME))),
            }
        ),
    }
)
"""VyOS 1.4 and later."""

EDGEOS: Final = Rule(
    {
        "system": _system(),
        "interfaces": _interfaces(Rule({"in": leaf(NAME), "out": leaf(NAME)})),
        "protocols": _STATIC,
        "traffic-policy": Rule(_policies()),
        "traffic-control": words(smart_queue=named(NAME, words(wan_interface=leaf(PORT)))),
    }
)
"""EdgeOS, and VyOS before 1.4."""

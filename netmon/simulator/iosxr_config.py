"""Configuration mode of a simulated IOS XR router: what its lines do to the target configuration.

Written from Cisco's command references for ASR 9000 and NCS (Modular QoS, Interfaces, Access Lists).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from netmon.simulator.cisco_grammar import Grammar, Take, read_inside
from netmon.simulator.indented import Block, Path

RATES: Final = "<1-4294967295>"
_TOP: Final[Mapping[str, str]] = MappingProxyType(
    {
        "interface <interface>": "enter interface",
        "policy-map <word>": "enter policy-map",
        "no policy-map <word>": "drop policy-map",
        "ipv4 access-list <word>": "enter ipv4 access-list",
        "no ipv4 access-list <word>": "drop ipv4 access-list",
        "hostname <word>": "put hostname",
    }
)
_BELOW: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "interface": {
            "description <rest>": "put description",
            "no description": "drop description",
            "ipv4 address <word> <word>": "put ipv4 address",
            "vrf <word>": "put vrf",
            "encapsulation dot1q <1-4094>": "put encapsulation dot1q",
            "bundle id <1-65535> mode <word>": "bundle",
            "shutdown": "put shutdown",
            "no shutdown": "drop shutdown",
            "service-policy input <word>": "put service-policy input",
            "service-policy output <word>": "put service-policy output",
            "no service-policy input <word>": "drop service-policy input",
            "no service-policy output <word>": "drop service-policy output",
        },
        "policy-map": {"class <word>": "enter class", "no class <word>": "drop class", "end-policy-map": "leave"},
        "class": {
            f"shape average {RATES} <unit>": "put shape average",
            f"shape average {RATES}": "put shape average",
            "no shape average": "drop shape average",
            f"police rate {RATES} <unit> burst <1-4294967295> <size>": "police",
            f"police rate {RATES} <unit>": "police",
            "no police": "drop police rate",
            "bandwidth percent <1-100>": "put bandwidth percent",
        },
        "police": {"conform-action transmit": "put conform-action", "exceed-action drop": "put exceed-action"},
        "ipv4": {"<1-2147483646> remark <rest>": "remark"},
    }
)
MODES: Final[Mapping[str, str]] = MappingProxyType(
    {"interface": "if", "policy-map": "pmap", "class": "pmap-c", "police": "pmap-c-police", "ipv4": "ipv4-acl"}
)
"""First word of the block that is being edited -> what the prompt calls it."""
UNITS: Final[Mapping[str, int]] = MappingProxyType({"bps": 1, "kbps": 10**3, "mbps": 10**6, "gbps": 10**9})


class Editor:
    """Reads the lines of configuration mode and applies them to a target configuration."""

    def __init__(self, kinds: Mapping[str, Take]) -> None:
        every = {
            **kinds,
            "unit": lambda word: word if word in UNITS else None,
            "size": lambda word: word if word in {"bytes", "kbytes", "ms"} else None,
        }
        self._grammars = {mode: Grammar(commands, every) for mode, commands in _BELOW.items()}
        self._top = Grammar(_TOP, every)

    def run(self, target: Block, at: Path, line: str, shift: int) -> Path:
        """Applies one line; where the next one is read. Raises RefusedError."""
        if not at:
            return self._apply(target, (), *self._top.read(line, shift))
        name, values, is_top = read_inside(self._grammars[at[-1].split()[0]], self._top, line, shift)
        return self._apply(target, () if is_top else at, name, values)

    def _apply(self, target: Block, at: Path, name: str, values: list[str]) -> Path:
        block = target.enter(*at)
        verb, _, words = name.partition(" ")
        match verb:
            case "enter":
                block.enter(f"{words} {values[0]}")
                return (*at, f"{words} {values[0]}")
            case "put":
                block.put(" ".join([words, *values]), instead_of=words)
            case "drop":
                block.drop(" ".join([words, *values]))
            case "leave":
                return ()
            case "police":
                burst = f" burst {values[2]} {values[3]}" if len(values) > 2 else ""
                line = block.put(f"police rate {values[0]} {values[1]}{burst}", instead_of="police rate").line
                return (*at, line)
            case "remark":
                block.put(f"{values[0]} remark {values[1]}", instead_of=values[0])
            case _:
                block.put(f"bundle id {values[0]} mode {values[1]}", instead_of="bundle id")
        return at


def semantic_error(target: Block) -> tuple[str, str] | None:
    """What a commit is refused for: the interface's line, and the router's words; None: it is sound."""
    for interface in target.starting("interface"):
        for attached in interface.starting("service-policy"):
            policy = target.find(f"policy-map {attached.line.split()[2]}")
            if policy is None:
                return f"{interface.line}\n {attached.line}", (
                    "!!% 'qos-ma' detected the 'warning' condition 'Policy-map does not exist'"
                )
            if " input " in attached.line and any(one.starting("shape average") for one in policy.below):
                return f"{interface.line}\n {attached.line}", (
                    "!!% 'qos-ma' detected the 'warning' condition 'Shaping is not supported in ingress direction'"
                )
    return None


def limit_of(running: Block, interface: str, outward: bool) -> int | None:
    """What the policy attached to one way of an interface lets through, bit/s."""
    block = running.find(f"interface {interface}")
    policy = None if block is None else block.value(f"service-policy {'output' if outward else 'input'}")
    default = running.find(f"policy-map {policy}", "class class-default")
    rates = [] if default is None else [default.value(words) for words in ("shape average", "police rate")]
    found = [re.match(r"(\d+)(?: ([kmg]?bps))?", rate) for rate in rates if rate is not None]
    return min((int(m[1]) * UNITS[m[2] or "bps"] for m in found if m is not None), default=None)

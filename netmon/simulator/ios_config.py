"""Configuration mode of a simulated IOS router: what its lines do to the running configuration.

Written from Cisco's command references (Quality of Service, Configuration Fundamentals, Embedded Event Manager).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from netmon.simulator.cisco_grammar import Grammar, RefusedError, Take, read_inside
from netmon.simulator.indented import Block, Path

RATES: Final = "<8000-100000000000>"
_ACTIONS: Final = "conform-action transmit exceed-action drop"

GLOBAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "interface <interface>": "enter interface",
        "policy-map <word>": "enter policy-map",
        "no policy-map <word>": "no policy-map",
        "archive": "enter archive",
        "no archive": "no archive",
        "alias exec <word> <rest>": "put alias exec",
        "no alias exec <word>": "no alias exec",
        "hostname <word>": "put hostname",
        "configuration mode exclusive auto": "exclusive auto",
        "configuration mode exclusive manual": "exclusive manual",
        "ip route <word> <word> <word>": "put ip route",
    }
)
EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "event manager applet <word>": "enter applet",
        "no event manager applet <word>": "no event manager applet",
        "event manager environment <word> <rest>": "put event manager environment",
    }
)
BELOW: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "interface": {
            "description <rest>": "put description",
            "no description": "drop description",
            "ip address <word> <word>": "put ip address",
            "encapsulation dot1q <1-4094>": "put encapsulation dot1Q",
            "shutdown": "put shutdown",
            "no shutdown": "drop shutdown",
            "bandwidth <1-10000000>": "put bandwidth",
            "service-policy input <word>": "attach input",
            "service-policy output <word>": "attach output",
            "no service-policy input <word>": "detach input",
            "no service-policy output <word>": "detach output",
            "no service-policy input": "detach input",
            "no service-policy output": "detach output",
            f"rate-limit input {RATES} <1000-512000000> <2000-1024000000> {_ACTIONS}": "rate-limit input",
            f"rate-limit output {RATES} <1000-512000000> <2000-1024000000> {_ACTIONS}": "rate-limit output",
            "no rate-limit input": "drop rate-limit input",
            "no rate-limit output": "drop rate-limit output",
            f"traffic-shape rate {RATES}": "put traffic-shape rate",
            "no traffic-shape rate": "drop traffic-shape rate",
            "channel-group <1-255> mode <word>": "channel-group",
        },
        "policy-map": {
            "class <word>": "enter class",
            "no class <word>": "no class",
            "description <rest>": "put description",
        },
        "class": {
            f"shape average {RATES}": "put shape average",
            f"no shape average {RATES}": "drop shape average",
            "no shape average": "drop shape average",
            f"police cir {RATES} bc <1000-512000000> {_ACTIONS}": "police bc",
            f"police cir {RATES} {_ACTIONS}": "police",
            "no police": "drop police cir",
            "bandwidth percent <1-100>": "put bandwidth percent",
            "priority percent <1-100>": "put priority percent",
        },
        "archive": {"path <word>": "put path", "maximum <1-14>": "put maximum", "no path": "drop path"},
        "event": {
            "event timer countdown time <1-4294967295>": "put event timer countdown time",
            "event none": "put event",
            "action <word> cli command <rest>": "action cli",
            "action <word> syslog msg <rest>": "action syslog",
            "no action <word>": "no action",
            "description <rest>": "put description",
        },
    }
)
MODES: Final[Mapping[str, str]] = MappingProxyType(
    {"interface": "if", "policy-map": "pmap", "class": "pmap-c", "archive": "archive", "event": "applet"}
)
"""First word of the block that is being edited -> what the prompt calls it."""


class Editor:
    """Reads the lines of configuration mode and applies them."""

    def __init__(self, kinds: Mapping[str, Take], refuses_output: str | None, has_events: bool) -> None:
        """`refuses_output`: the router's words where its hardware cannot limit what leaves a port."""
        self._grammars = {mode: Grammar(commands, kinds) for mode, commands in BELOW.items()}
        self._global = Grammar({**GLOBAL, **(EVENTS if has_events else {})}, kinds)
        self._refuses_output = refuses_output

    def run(self, running: Block, at: Path, line: str, shift: int) -> Path:
        """Applies one line; where the next one is read. Raises RefusedError."""
        block = running.find(*at)
        if not at or block is None:
            return self._globally(running, *self._global.read(line, shift))
        name, values, is_global = read_inside(self._grammars[at[-1].split()[0]], self._global, line, shift)
        if is_global:
            return self._globally(running, name, values)
        return self._inside(running, at, block, name, values)

    def _globally(self, running: Block, name: str, values: list[str]) -> Path:
        verb, _, words = name.partition(" ")
        match verb:
            case "enter":
                beginning = "event manager applet" if words == "applet" else words
                at = (" ".join([beginning, *values]),)
                running.enter(*at)
                return at
            case "no":
                self._drop(running, words, values)
            case "put":
                beginning = f"{words} {values[0]}" if len(values) > 1 else words
                running.put(" ".join([words, *values]), instead_of=beginning)
            case _:
                running.put(f"configuration mode {name}", instead_of="configuration mode exclusive")
        return ()

    def _drop(self, running: Block, words: str, values: list[str]) -> None:
        attached = [child for block in running.starting("interface") for child in block.starting("service-policy")]
        if words == "policy-map" and any(child.line.endswith(f" {values[0]}") for child in attached):
            raise RefusedError(f"% policy-map {values[0]} is in use; detach it first")
        if running.drop(" ".join([words, *values])):
            return
        if words == "policy-map":
            raise RefusedError(f"% policy-map {values[0]} does not exist")
        if words == "event manager applet":
            raise RefusedError(f"%EEM: No such applet {values[0]}")

    def _inside(self, running: Block, at: Path, block: Block, name: str, values: list[str]) -> Path:
        verb, _, words = name.partition(" ")
        match verb:
            case "enter":
                block.enter(f"{words} {values[0]}")
                return (*at, f"{words} {values[0]}")
            case "put":
                block.put(" ".join([words, *values]), instead_of=words)
            case "drop":
                block.drop(words)
            case "attach":
                self._attach(running, block, words, values[0])
            case "detach":
                if not block.drop(" ".join(["service-policy", words, *values])):
                    raise RefusedError(f"%Service policy {' '.join(values)} is not attached")
            case "rate-limit":
                block.put(f"{name} {' '.join(values)} {_ACTIONS}", instead_of=name)
            case "police":
                burst = f" bc {values[1]}" if words else ""
                police = block.put(f"police cir {values[0]}{burst}", instead_of="police cir")
                police.below = [Block("conform-action transmit"), Block("exceed-action drop")]
            case "action":
                kind = "cli command" if words == "cli" else "syslog msg"
                block.put(f"action {values[0]} {kind} {values[1]}", instead_of=f"action {values[0]}")
            case "no":
                block.drop(f"{words} {values[0]}")
            case _:
                block.put(f"channel-group {values[0]} mode {values[1]}", instead_of="channel-group")
        return at

    def _attach(self, running: Block, block: Block, way: str, policy: str) -> None:
        there = block.value(f"service-policy {way}")
        if there == policy:
            return
        if there is not None:
            raise RefusedError(f"Policy map {there} is already attached")
        if (found := running.find(f"policy-map {policy}")) is None:
            raise RefusedError(f"% policy map {policy} not configured")
        if way == "output" and self._refuses_output is not None:
            raise RefusedError(self._refuses_output)
        if way == "input" and any(child.starting("shape") for child in found.below):
            raise RefusedError("shape command is not supported in input direction for this interface")
        block.put(f"service-policy {way} {policy}")


def limit_of(running: Block, interface: str, outward: bool) -> int | None:
    """What the policy attached to one way of an interface lets through, bit/s."""
    block = running.find(f"interface {interface}")
    if block is None:
        return None
    policy = block.value(f"service-policy {'output' if outward else 'input'}")
    default = running.find(f"policy-map {policy}", "class class-default")
    rates = [] if default is None else [default.value(words) for words in ("shape average", "police cir")]
    rates += [block.value(f"rate-limit {'output' if outward else 'input'}")]
    rates += [block.value("traffic-shape rate")] if outward else []
    found = [int(match[0]) for rate in rates if rate is not None and (match := re.match(r"\d+", rate))]
    return min(found, default=None)

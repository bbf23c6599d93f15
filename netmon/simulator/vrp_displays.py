"""What the `display` commands of a simulated Huawei VRP print."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from netmon.simulator.device import Port, Router
from netmon.simulator.vrp_configuration import Configuration, name_in
from netmon.simulator.vrp_grammar import WRONG, MisspeltError, RefusedError

VERSIONS: Final = {
    5: "VRP (R) software, Version 5.170 (AR2200 V200R010C00SPC500)",
    8: "VRP (R) software, Version 8.180 (NetEngine 8000 V800R011C00SPC200)",
}
_DASHES: Final = "-" * 78


def heading(release: int) -> str:
    return "[V200R010C00SPC500]" if release == 5 else "!Software Version V800R011C00SPC200"


def piped(text: str, filters: list[str]) -> str:
    """The lines that the filters after `|` leave. Raises MisspeltError."""
    lines = text.splitlines()
    for one in filters:
        word, _, pattern = one.strip().partition(" ")
        try:
            found = re.compile(pattern.strip())
        except re.error:
            raise MisspeltError(WRONG, 0) from None
        match word:
            case "include":
                lines = [line for line in lines if found.search(line)]
            case "exclude":
                lines = [line for line in lines if not found.search(line)]
            case "begin":
                at = next((n for n, line in enumerate(lines) if found.search(line)), len(lines))
                lines = lines[at:]
            case _:
                raise MisspeltError(WRONG, 0)
    return "".join(f"{line}\n" for line in lines)


def interfaces(config: Configuration, name: str | None) -> Iterator[str]:
    """`display current-configuration interface [NAME]`."""
    if name is not None and f"interface {name}" not in config.views:
        raise MisspeltError(WRONG, len("display current-configuration interface "))
    for view in sorted(config.views):
        if view.startswith("interface ") and name in (None, name_in(view)):
            yield from config.section(view)
    yield "#"
    yield "return"


def interface(router: Router, config: Configuration, name: str) -> Iterator[str]:
    """`display interface NAME`."""
    lines = config.views.get(f"interface {name}")
    if lines is None:
        raise MisspeltError(WRONG, len("display interface "))
    port: Port | None = router.port(name.partition(".")[0])
    state = "DOWN" if name in router.down else "UP"
    told = lines.get("description", "").removeprefix("description ")
    yield f"{name} current state : {state}" + (" (ifindex: 5)" if config.release == 8 else "")
    yield f"Line protocol current state : {state}"
    yield f"Description:{told or f'HUAWEI, AR Series, {name} Interface' if config.release == 5 else ' ' + told}"
    yield "Route Port,The Maximum Transmit Unit is 1500"
    yield "Internet protocol processing : disabled"
    if port is not None:
        octets = port.mac.hex()
        mac = "-".join(octets[n : n + 4] for n in (0, 4, 8))
        yield f"IP Sending Frames' Format is PKTFMT_ETHNT_2, Hardware address is {mac}"
    yield f"Current system time: 2024-05-14 09:12:00{'+07:00' if config.release == 8 else ''}"


def classifiers(config: Configuration, name: str | None) -> Iterator[str]:
    yield "  User Defined Classifier Information:"
    for view in _named(config, "classifier", name):
        lines = config.views[view]
        yield f"    Classifier: {name_in(view)}"
        yield f"      Operator: {lines.get('', ' operator and').split()[-1].upper()}"
        rules = [line for key, line in lines.items() if key]
        yield f"      Rule(s) : {'' if rules else '-none-'}"
        yield from (f"        {rule}" for rule in rules)


def behaviors(config: Configuration, name: str | None) -> Iterator[str]:
    yield "  User Defined Behavior Information:"
    for view in _named(config, "behavior", name):
        yield f"    Behavior: {name_in(view)}"
        yield from _behavior(config, name_in(view), "      ")


def policies(config: Configuration, name: str | None) -> Iterator[str]:
    yield "  User Defined Traffic Policy Information:"
    for view in _named(config, "policy", name):
        yield f"    Policy: {name_in(view)}"
        if config.release == 8:
            yield f"      Total: 5120  Used: {len(config.views[view]) + 1}  Free: {5119 - len(config.views[view])}"
            yield "      Description: "
            yield "      Step: 1"
            yield "      Share-mode"
        for number, (key, pair) in enumerate(config.views[view].items(), 1):
            if not key:
                continue
            _, classifier, _, behavior = pair.split()[:4]
            yield f"      Classifier: {classifier}" + (f" Precedence: {number}" if config.release == 8 else "")
            yield f"        Behavior: {behavior}"
            yield from _behavior(config, behavior, "          ")
        if config.release == 8:
            yield "      Classifier: default-class Precedence: 65535"
            yield "        Behavior: be"
            yield "          -none-"


def _behavior(config: Configuration, name: str, indent: str) -> Iterator[str]:
    lines = config.views.get(f"traffic behavior {name}", {})
    if not lines:
        yield f"{indent}-none-"
    for key, line in lines.items():
        if key != "car cir":
            yield f"{indent}{line}"
            continue
        words = line.split()
        values = {word: words[at + 1] for at, word in enumerate(words[:-1])}
        pir, pbs = values.get("pir", "0"), values.get("pbs", "0")
        yield f"{indent}Committed Access Rate:"
        yield f"{indent}  CIR {values['cir']} (Kbps), PIR {pir} (Kbps), CBS {values['cbs']} (byte), PBS {pbs} (byte)"
        yield f"{indent}    Conform Action: pass  Yellow Action: pass  Exceed Action: {values['red']}"


def _named(config: Configuration, kind: str, name: str | None) -> list[str]:
    views = [view for view in config.views if view.startswith(f"traffic {kind} ")]
    if name is None:
        return views or _none(kind)
    if f"traffic {kind} {name}" not in views:
        raise RefusedError(f"Error: The {kind} does not exist.")
    return [f"traffic {kind} {name}"]


def _none(kind: str) -> list[str]:
    raise RefusedError(f"Info: There is no {kind} exists.")


def route(config: Configuration, address: str, management: str) -> Iterator[str]:
    """`display ip routing-table ADDRESS`: the longest matching route, else by way of the management port."""
    peer = ipaddress.ip_address(address)
    found = (ipaddress.ip_network("0.0.0.0/0"), "Static", management)
    for view, lines in config.views.items():
        if view.startswith("interface ") and (line := lines.get("ip address")) is not None:
            network = ipaddress.ip_network("/".join(line.split()[2:4]), strict=False)
            if peer in network and network.prefixlen > found[0].prefixlen:
                found = (network, "Direct", name_in(view))
    yield "Route Flags: R - relay, D - download to fib, T - to vpn-instance, B - black hole route"
    yield _DASHES
    yield "Routing Table : Public"
    yield "Summary Count : 1"
    yield "Destination/Mask    Proto   Pre  Cost        Flags NextHop         Interface"
    yield ""
    yield f"{found[0]!s:>18}  {found[1]:7} 60   0             D  10.0.0.1        {found[2]}"

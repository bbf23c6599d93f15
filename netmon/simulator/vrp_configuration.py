"""The configuration of a simulated Huawei VRP: lines in views, what may be written there, what it does to traffic.

Written from Huawei's command references for AR (VRP5) and NetEngine (VRP8): basic configuration, MQC and interfaces.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from netmon.simulator.vrp_grammar import WRONG, MisspeltError, RefusedError, parsed

View = str | None
"""The first words of a view's line, such as `interface GigabitEthernet0/0/1`; None is the system view."""

_CAR: Final = re.compile(
    r"(\d+)(?: pir (\d+))?(?: cbs (\d+))?(?: pbs (\d+))?(?: green (pass|discard))?(?: yellow (pass|discard))?"
    r"(?: red (pass|discard))?\Z"
)
_LEAST_KBPS, _MOST_KBPS = 8, 4_294_967_295
_VIRTUAL = re.compile(r"(Eth-Trunk|LoopBack|Vlanif|Tunnel|Dialer)\d+(?:/\d+)*(\.\d+)?\Z")
_ORDER: Final = ("acl", "traffic classifier", "traffic behavior", "traffic policy", "qos-profile", "interface")

_SYSTEM: Final = (
    "sysname <name>",
    "interface <port>",
    "interface <type> <slot>",
    "undo interface <port>",
    "acl name <name> basic|advance",
    "acl name <name>",
    "undo acl name <name>",
    "traffic classifier|behavior|policy <name>",
    "traffic classifier <name> operator and|or",
    "undo traffic classifier|behavior|policy <name>",
    "ip route-static <ip> <ip> <ip>",
    "undo ip route-static <ip> <ip> <ip>",
)
_INTERFACE: Final = (
    "description <text>",
    "undo description",
    "ip address <ip> <ip>",
    "undo ip address",
    "mtu <number>",
    "shutdown",
    "undo shutdown",
    "eth-trunk <number>",
    "undo eth-trunk",
    "dialer bundle <number>",
    "pppoe-client dial-bundle-number <number>",
    "port link-type access|trunk",
    "port default vlan <number>",
    "port trunk allow-pass vlan <text>",
    "traffic-policy <name> inbound|outbound",
    "undo traffic-policy inbound|outbound",
    "undo traffic-policy <name> inbound|outbound",
)
_ONLY: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {
        5: (
            "qos car inbound|outbound cir <text>",
            "undo qos car inbound|outbound",
            "qos gts cir <kbps>",
            "undo qos gts",
            "dot1q termination vid <number>",
        ),
        8: (
            "qos-profile <name> inbound|outbound",
            "undo qos-profile <name> inbound|outbound",
            "port shaping <number>",
            "vlan-type dot1q <number>",
        ),
    }
)
_OTHER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "acl": ("description <text>", "undo description", "rule permit|deny", "rule <number> permit|deny"),
        "traffic classifier": ("if-match any", "if-match acl <name>", "undo if-match any", "undo if-match acl <name>"),
        "traffic behavior": ("car cir <text>", "undo car", "remark dscp <name>", "permit", "deny"),
        "traffic policy": ("classifier <name> behavior <name>", "undo classifier <name>"),
        "qos-profile": ("car cir <text>", "undo car"),
    }
)


def kind_of(view: str) -> str:
    """`traffic policy NM-X` -> `traffic policy`."""
    return view.rsplit(" ", 1)[0] if not view.startswith("acl ") else "acl"


def name_in(view: str) -> str:
    return view.rsplit(" ", 1)[1]


@dataclass(slots=True)
class Configuration:
    """Lines by what they set, so that a second one replaces the first."""

    release: int
    """5 or 8."""
    ports: Collection[str]
    """The router's own, which are always there."""
    lines: dict[str, str] = field(default_factory=dict)
    views: dict[str, dict[str, str]] = field(default_factory=dict)

    def copy(self) -> Configuration:
        return Configuration(self.release, self.ports, dict(self.lines), {v: dict(x) for v, x in self.views.items()})

    def same(self, other: Configuration) -> bool:
        return self.lines == other.lines and self.views == other.views

    @property
    def sysname(self) -> str:
        return self.lines.get("sysname", "sysname HUAWEI").split()[1]

    def text(self) -> Iterator[str]:
        yield "#"
        yield f" {self.lines.get('sysname', 'sysname HUAWEI')}"
        for view in sorted(self.views, key=lambda v: (_ORDER.index(kind_of(v)), v)):
            yield from self.section(view)
        yield "#"
        yield from (f" {line}" for key, line in self.lines.items() if key != "sysname")
        yield "#"
        yield "return"

    def section(self, view: str) -> Iterator[str]:
        """The view's lines after a number sign."""
        yield "#"
        yield view + self.views[view].get("", "")
        yield from (f" {line}" for key, line in self.views[view].items() if key)

    # --- what is written -------------------------------------------------------------------------

    def write(self, view: View, line: str) -> View:
        """Does one configuration command in a view; the view afterwards. Raises MisspeltError, RefusedError."""
        if view is not None:
            self._write_in(view, line)
            return view
        form, values = parsed(line, (*_SYSTEM, *(("qos-profile <name>",) if self.release == 8 else ())))
        match form.split()[:2]:
            case ["interface", _]:
                return self._interface("".join(values), line)
            case ["sysname", _]:
                self.lines["sysname"] = line
            case ["qos-profile", _]:
                return self._entered(f"qos-profile {values[0]}")
            case ["acl", _]:
                return self._acl(values)
            case ["traffic", _]:
                return self._traffic(form, values)
            case ["undo", "traffic"]:
                self._take_off(*values)
            case ["undo", "acl"]:
                if self.views.pop(f"acl name {values[0]}", None) is None:
                    raise RefusedError("Error: The specified ACL does not exist.")
            case ["undo", "interface"]:
                self._drop_interface(values[0])
            case ["ip", _]:
                self.lines[line] = line
            case _:
                self.lines.pop(line.removeprefix("undo "), None)
        return None

    def _entered(self, view: str) -> str:
        self.views.setdefault(view, {})
        return view

    def _interface(self, name: str, line: str) -> str:
        parent = name.partition(".")[0]
        if parent not in self.ports and not _VIRTUAL.match(name):
            raise MisspeltError(WRONG, line.rindex(line.rsplit(maxsplit=1)[-1]))
        return self._entered(f"interface {name}")

    def _drop_interface(self, name: str) -> None:
        if name in self.ports:
            raise RefusedError("Error: The physical interface cannot be deleted.")
        self.views.pop(f"interface {name}", None)

    def _acl(self, values: tuple[str, ...]) -> str:
        view = f"acl name {values[0]}"
        if view not in self.views and len(values) == 1:
            raise RefusedError("Error: The type of the ACL must be specified when it is created.")
        self._entered(view).split()
        if len(values) == 2:
            number = {"basic": 2999, "advance": 3999}[values[1]]
            self.views[view].setdefault("", f" {number if self.release == 5 else values[1]}")
        return view

    def _traffic(self, form: str, values: tuple[str, ...]) -> str:
        if "operator" in form:
            view = self._entered(f"traffic classifier {values[0]}")
            self.views[view][""] = f" operator {values[1]}"
            return view
        view = self._entered(f"traffic {values[0]} {values[1]}")
        if values[0] == "classifier":
            self.views[view].setdefault("", " operator and")
        return view

    def _take_off(self, kind: str, name: str) -> None:
        view = f"traffic {kind} {name}"
        if view not in self.views:
            raise RefusedError(f"Error: The {kind} does not exist.")
        if kind == "policy":
            users = [v for v, lines in self.views.items() if v.startswith("interface ") and name in _bound(lines)]
            if users:
                raise RefusedError("Error: The policy has been applied to an interface.")
        else:
            at = 1 if kind == "classifier" else 3
            for other, lines in self.views.items():
                if other.startswith("traffic policy ") and any(line.split()[at] == name for line in lines.values()):
                    raise RefusedError(f"Error: The {kind} is used by policy {name_in(other)}.")
        del self.views[view]

    def _write_in(self, view: str, line: str) -> None:
        kind, lines = kind_of(view), self.views[view]
        form, values = parsed(line, (*_INTERFACE, *_ONLY[self.release]) if kind == "interface" else _OTHER[kind])
        if form.startswith("undo "):
            self._undo_in(lines, form, values)
            return
        key = _key(form, values)
        if form.endswith("cir <text>"):
            self._check_rate(values[-1], line)
            line = line if "qos" in form else self._car(values[-1])
        elif form.startswith("traffic-policy"):
            if f"traffic policy {values[0]}" not in self.views:
                raise RefusedError("Error: The policy does not exist.")
            if self.release == 5 and lines.get(key, line) != line:
                raise RefusedError("Error: Another policy has been applied in this direction.")
        elif form.startswith("classifier"):
            key = f"classifier {values[0]}"
            for what, name in zip(("classifier", "behavior"), values, strict=True):
                if f"traffic {what} {name}" not in self.views:
                    raise RefusedError(f"Error: The {what} does not exist.")
        lines[key] = line

    def _undo_in(self, lines: dict[str, str], form: str, values: tuple[str, ...]) -> None:
        key = _key(form.removeprefix("undo "), values)
        if key.startswith("traffic-policy"):
            there = lines.get(key)
            if there is None or (len(values) == 2 and there.split()[1] != values[0]):
                raise RefusedError("Error: The policy is not applied in this direction.")
        if form == "undo classifier <name>":
            key = f"classifier {values[0]}"
        for written in [written for written in lines if written == key or written.startswith(f"{key} cir")]:
            del lines[written]
        if key == "car":
            lines.pop("car cir", None)

    def _check_rate(self, text: str, line: str) -> None:
        match = _CAR.match(text)
        at = len(line) - len(text)
        if match is None or not _LEAST_KBPS <= int(match[1]) <= _MOST_KBPS:
            raise MisspeltError(WRONG, at)

    def _car(self, text: str) -> str:
        """As VRP writes it down: with the burst and the actions it chose."""
        match = _CAR.match(text)
        assert match is not None
        cir, red = int(match[1]), match[7] or "discard"
        if self.release == 8:
            return f"car cir {cir} cbs {match[3] or cir * 187} green pass red {red}"
        pir = int(match[2] or cir)
        return (
            f"car cir {cir} pir {pir} cbs {match[3] or cir * 188} pbs {match[4] or pir * 313}"
            f" mode color-blind green pass yellow pass red {red}"
        )

    # --- what it does ----------------------------------------------------------------------------

    def limit_bps(self, interface: str, way: str) -> int | None:
        """The least rate that holds for everything on one way, `inbound` or `outbound`, of an interface."""
        lines = self.views.get(f"interface {interface}", {})
        rates = [int(lines[key].split()[4]) for key in (f"qos car {way} cir",) if key in lines]
        if (applied := lines.get(f"traffic-policy {way}")) is not None:
            for pair in self.views.get(f"traffic policy {applied.split()[1]}", {}).values():
                _, classifier, _, behavior = pair.split()[:4]
                everything = "if-match any" in self.views.get(f"traffic classifier {classifier}", {}).values()
                car = self.views.get(f"traffic behavior {behavior}", {}).get("car cir")
                if everything and car is not None and car.endswith("red discard"):
                    rates.append(int(car.split()[2]))
        return min(rates) * 1000 if rates else None


def _bound(lines: Mapping[str, str]) -> list[str]:
    return [line.split()[1] for line in lines.values() if line.startswith("traffic-policy ")]


def _key(form: str, values: tuple[str, ...]) -> str:
    """The form's words with what was chosen, without its parameters: lines of one key replace each other."""
    given = iter(values)
    words = []
    for word in form.split():
        value = next(given, "") if "<" in word or "|" in word else word
        if "<" not in word or form.startswith(("if-match", "rule", "port trunk")):
            words.append(value)
    return " ".join(words)

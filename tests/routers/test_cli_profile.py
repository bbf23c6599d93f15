"""The command-line part of a profile, and what is wrong with one."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError
from support.cli_collectors import PLATFORMS, shipped_collectors, shipped_templates, shipped_terminal

from netmon.routers.cli_profile import CliCollector
from netmon.routers.terminal import Terminal

GOOD: dict[str, Any] = {
    "command": "show policy-map interface",
    "parse": {"textfsm": "cisco_ios_policy_map_interface.textfsm"},
    "readings": [
        {
            "kind": "queue",
            "where": {"DIRECTION": ["output"]},
            "has": ["SENT_OCTETS"],
            "facts": {
                "name": {"field": ["POLICY", "CLASS"], "decoder": "text"},
                "limit_bps": {"field": "SHAPE", "decoder": "bits_per_second"},
                "direction": {"value": "egress"},
            },
        }
    ],
}


def without(path: str, value: object) -> dict[str, Any]:
    """GOOD with one thing replaced."""
    changed = copy.deepcopy(GOOD)
    node: Any = changed
    *above, last = path.split(".")
    for key in above:
        node = node[int(key)] if key.isdecimal() else node[key]
    node[last] = value
    return changed


def test_a_collector_knows_its_fields() -> None:
    collector = CliCollector.model_validate(GOOD)
    assert collector.readings[0].fields == {"POLICY", "CLASS", "SHAPE", "DIRECTION", "SENT_OCTETS"}
    assert collector.readings[0].facts["name"].fields == ("POLICY", "CLASS")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("command", "show run\nreload", "one line of printable ASCII"),
        ("command", " show run", "one line of printable ASCII"),
        ("command", "", "one line"),
        ("command", "reload in 5", "'reload' may alter"),
        ("command", "configure terminal", "may alter"),
        ("command", "conf t", "may alter"),
        ("command", "system-view", "may alter"),
        ("command", "show running-config | redirect flash:x", "may alter"),
        ("command", "show configuration | save x", "may alter"),
        ("command", "tc qdisc show; rm -rf /", "'; rm' may alter"),
        ("command", "tc qdisc show > /etc/passwd", "may alter"),
        ("command", "/queue simple set [find] max-limit=1/1", "may alter"),
        (
            "command",
            ":foreach i in=[/queue simple find] do={/queue simple remove $i}",
            "may alter",
        ),
        ("command", "no ip routing", "may alter"),
        ("command", "show " + "x" * 400, "at most 400"),
        ("parse", {"textfsm": "../../etc/passwd"}, "should match pattern"),
        ("parse", {"textfsm": "a.textfsm", "json": "."}, "in one way"),
        ("parse", {}, "in one way"),
        ("parse", {"json": "a..b"}, "should match pattern"),
        ("readings", [], "at least 1"),
        ("readings.0.kind", "queues", "'queue', 'policer' or 'configuration'"),
        ("readings.0.facts", {"limit_bps": {"field": "SHAPE", "decoder": "bits_per_second"}}, "needs a name"),
        ("readings.0.facts.limit", {"field": "SHAPE", "decoder": "integer"}, "did you mean limit_bps"),
        ("readings.0.facts.colour", {"field": "SHAPE", "decoder": "integer"}, "use name, target"),
        ("readings.0.facts.octets", {"field": "SHAPE", "decoder": "text"}, "cannot be decoded by text; use integer"),
        ("readings.0.facts.octets", {"field": "SHAPE", "decoder": "float"}, "not a decoder of texts; use one of"),
        ("readings.0.facts.octets", {"field": "SHAPE"}, "give field and decoder"),
        ("readings.0.facts.octets", {"value": "5"}, "cannot be '5' for every row"),
        ("readings.0.facts.direction", {"value": "up"}, "cannot be 'up' for every row"),
        ("readings.0.facts.name", {"field": "A", "decoder": "text", "value": "x"}, "needs no field"),
        ("readings.0.facts.name", {"field": "A B", "decoder": "text"}, "should match pattern"),
    ],
)
def test_a_collector_that_cannot_work_is_refused_with_the_remedy(path: str, value: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CliCollector.model_validate(without(path, value))


@pytest.mark.parametrize(
    "command",
    [
        "show running-config | include ^! (Last configuration change|No configuration change)",
        "display changed-configuration time",
        "show configuration commit list 1",
        "show system commit | display json",
        ':foreach i in=[/queue simple find] do={:local a [/queue simple get $i]; :put ($a->"bytes")}',
    ],
)
def test_commands_that_only_show_are_let_through(command: str) -> None:
    assert CliCollector.model_validate(without("command", command)).command == command


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_shipped_collector_fits_its_template(platform: str) -> None:
    collectors = shipped_collectors(platform)
    assert shipped_templates().faults(collectors) == []
    commands = [collector.command for collector in collectors]
    assert len(set(commands)) == len(commands)
    terminal = shipped_terminal(platform)
    assert (terminal is None) is (platform in {"linux", "routeros"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "#"}, r"end it with \\Z"),
        ({"prompt": r"[\Z"}, "not a regular expression"),
        ({"errors": ["Error"]}, "begin it with"),
        ({"completion": "; echo {n}"}, "belong together"),
        ({"completion": "; echo", "completed": "x{n}=(0)$"}, "put {n} into it"),
        ({"completion": "; echo {n}", "completed": "x{n}$"}, "one group"),
    ],
)
def test_a_terminal_that_cannot_work_is_refused_with_the_remedy(change: dict[str, Any], said: str) -> None:
    good: dict[str, Any] = {"device_type": "cisco_ios", "prompt": r"\S+[>#]\Z", "errors": ["^%"]}
    assert Terminal.model_validate(good).completed is None
    with pytest.raises(ValidationError, match=said):
        Terminal.model_validate({**good, **change})

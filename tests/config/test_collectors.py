"""Templates of collectors, checked without a router."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netmon import bundled
from netmon.config.collectors import check_templates
from netmon.config.load import load
from netmon.routers.profiles import load_profiles

PROFILE = """\
description: Example
cli:
  - command: show queues
    parse: {textfsm: example.textfsm}
    readings: [{kind: queue, facts: {name: {field: NAME, decoder: text}}}]
"""
WORKS = "Value NAME (\\S+)\n\nStart\n  ^${NAME} -> Record\n  ^. -> Error\n"

Check = Callable[[dict[str, str]], list[str]]


@pytest.fixture
def faults(tmp_path: Path) -> Check:
    """The faults of a configuration with these files in collectors/, places counted from there."""

    def check(files: dict[str, str]) -> list[str]:
        (tmp_path / "netmon.yaml").write_text("site: {name: sulteng}\n", encoding="utf-8")
        configuration = load(tmp_path / "netmon.yaml")
        for name, text in files.items():
            path = tmp_path / "collectors" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        profiles = load_profiles((tmp_path / "collectors", bundled.folder("collectors")))
        return [str(one).replace(f"{tmp_path}/collectors/", "") for one in check_templates(configuration, profiles)]

    return check


def test_what_netmon_ships_with_is_sound(faults: Check) -> None:
    assert faults({}) == []


def test_a_collector_and_a_template_that_fit_are_sound(faults: Check) -> None:
    assert faults({"example.yaml": PROFILE, "templates/example.textfsm": WORKS}) == []


def test_a_template_that_is_not_there_is_named_where_the_profile_asks_for_it(faults: Check) -> None:
    (fault,) = faults({"example.yaml": PROFILE})
    assert fault.startswith("example.yaml:3:5: cli: example.textfsm is missing (searched templates or ")
    assert fault.endswith("; add it or correct the collector")


def test_a_broken_template_is_named_with_its_line_once_for_every_profile_that_uses_it(faults: Check) -> None:
    heir = "description: Heir\nextends: example\n"
    broken = WORKS.replace("${NAME}", "${NAMES}")
    (fault,) = faults({"example.yaml": PROFILE, "heir.yaml": heir, "templates/example.textfsm": broken})
    assert fault.startswith("templates/example.textfsm:4:1: ")
    assert fault.endswith("; correct the template")


def test_a_field_that_the_template_has_not_is_named_at_the_command(faults: Check) -> None:
    files = {"example.yaml": PROFILE.replace("field: NAME", "field: TITLE"), "templates/example.textfsm": WORKS}
    assert faults(files) == [
        "example.yaml:3:5: cli: TITLE cannot be read by templates/example.textfsm; use NAME",
    ]


def test_a_template_beside_the_configuration_that_spoils_a_shipped_profile_is_named(faults: Check) -> None:
    found = faults({"templates/linux_tc_class.textfsm": WORKS})
    assert [Path(fault.partition(":")[0]).name for fault in found] == ["linux.yaml", "vyos.yaml"]
    assert all(fault.endswith("templates/linux_tc_class.textfsm; use NAME") for fault in found)

"""`snmp.discover`: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.config.errors import ConfigError
from netmon.config.load import load

SITE = """\
site: {name: sulteng}
snmp:
  credentials: {default: {community: {file: community}}, watch: {version: 3, user: watcher}}
  discover: DISCOVER
"""


def loaded(directory: Path, discover: str) -> Path:
    path = directory / "netmon.yaml"
    path.write_text(SITE.replace("DISCOVER", discover), encoding="utf-8")
    return path


def test_everything_has_a_default_and_may_be_set(tmp_path: Path) -> None:
    assert load(loaded(tmp_path, "{}")).settings.snmp.discover.rate == 100
    text = "{credentials: [watch], rate: 20, in_flight: 8, timeout: 500ms, retries: 0, uplink_patterns: []}"
    settings = load(loaded(tmp_path, text)).settings.snmp.discover
    assert (settings.credentials, settings.timeout, settings.uplink_patterns) == (("watch",), 500_000_000, ())


@pytest.mark.parametrize(
    ("discover", "sentence"),
    [
        ("{credentials: [wach]}", "4:28: snmp.discover.credentials[0]: no SNMP credential is named wach; did you mean"),
        ("{rate: 5000}", "4:20: snmp.discover.rate: must be at most 1000"),
        ("{alias_patterns: ['^OPD']}", "4:31: snmp.discover.alias_patterns[0]: has no group named agency; mark the"),
        ("{alias_patterns: ['(']}", "4:31: snmp.discover.alias_patterns[0]: not a regular expression: missing )"),
        ("{uplink_patterns: ['[']}", "4:32: snmp.discover.uplink_patterns[0]: not a regular expression: unterminated"),
        ("{alias_pattern: x}", "4:14: snmp.discover.alias_pattern: unknown key; did you mean alias_patterns?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(discover: str, sentence: str, tmp_path: Path) -> None:
    path = loaded(tmp_path, discover)
    with pytest.raises(ConfigError) as told:
        load(path)
    assert str(told.value).startswith(f"{path}:{sentence}")

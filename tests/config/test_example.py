"""The example configuration of the documentation is a configuration."""

from __future__ import annotations

from pathlib import Path

from netmon import bundled
from netmon.config.load import load
from netmon.config.messages import keys_of
from netmon.config.settings import NetmonSettings
from netmon.core.model import Mode

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "netmon.yaml"


def test_the_example_loads_as_it_stands() -> None:
    configuration = load(EXAMPLE)
    assert {circuit.mode for circuit in configuration.circuits} == {Mode.OBSERVE, Mode.ENFORCE}
    assert configuration.policies["archive-download"].rule.file == "quotas/archive.yaml"


def test_the_example_shows_every_top_level_key_but_the_discouraged_one() -> None:
    shown = {line.split(":")[0] for line in EXAMPLE.read_text().splitlines() if line[:1].isalpha()}
    assert shown == set(keys_of(NetmonSettings)) - {"allow_plaintext_secrets"}


def test_the_reference_names_every_top_level_key() -> None:
    text = (DOCS / "configuration.md").read_text()
    assert [key for key in keys_of(NetmonSettings) if f"`{key}`" not in text] == []


def test_the_standard_policies_of_the_example_are_the_bundled_ones() -> None:
    shipped = bundled.folder("policies") / "quotas" / "standard.yaml"
    assert (EXAMPLE.parent / "policies" / "quotas" / "standard.yaml").read_text() == shipped.read_text()

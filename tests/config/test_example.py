"""The example configuration of the documentation is a configuration."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

from netmon import bundled
from netmon.config.load import load
from netmon.config.messages import keys_of
from netmon.config.review import review
from netmon.config.settings import ControlSettings, NetmonSettings
from netmon.config.supply_settings import EntitlementSettings, PoolSettings, UplinkSettings
from netmon.core.model import Mode
from netmon.core.periods import to_ns

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


def test_the_reference_names_every_key_of_pools_entitlements_and_control() -> None:
    text = (DOCS / "configuration.md").read_text()
    kinds = (PoolSettings, UplinkSettings, EntitlementSettings, ControlSettings)
    keys = [key for kind in kinds for key in keys_of(kind)]
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_the_example_gives_no_warning_and_is_soundly_promised() -> None:
    found = review(load(EXAMPLE), to_ns(datetime(2026, 3, 1, tzinfo=UTC)))
    assert (found.problems, [one.path for one in found.warnings]) == ((), [])


def test_the_province_of_the_documentation_comes_to_what_stands_below_it(tmp_path: Path) -> None:
    section = (DOCS / "sharing.md").read_text().split("## Who is entitled to what")[1]
    example = re.search(r"(?:^    .*\n)+", section, re.MULTILINE)
    assert example is not None
    path = tmp_path / "netmon.yaml"
    path.write_text(dedent(example[0]), encoding="utf-8")
    found = review(load(path), to_ns(datetime(2026, 3, 1, tzinfo=UTC)))
    assert (found.problems, found.warnings) == ((), ())
    rows = re.findall(r"^    internet .* (\d\.\d):1 +(\d+) Mb/s +(\d+) Mb/s +(\w+)$", section, re.MULTILINE)
    assert rows == [
        (
            f"{float(one.oversubscription):.1f}",
            str(one.floors_bps // 1_000_000),
            str((one.left_bps or 0) // 1_000_000),
            one.worst,
        )
        for one in found.admission.promised
    ]

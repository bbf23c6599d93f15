"""The damping of limits as it is written, and what of it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.config.errors import ConfigError
from netmon.config.load import load
from netmon.core.damping import Damping
from netmon.core.model import NANOSECONDS

BASE = "site: {name: sulteng}\ncontrol: {damping: {%s}}\n"


def damping(directory: Path, written: str) -> Damping:
    path = directory / "netmon.yaml"
    path.write_text(BASE % written, encoding="utf-8")
    return load(path).settings.control.damping.value()


def test_what_is_not_written_is_as_the_core_has_it(tmp_path: Path) -> None:
    assert damping(tmp_path, "") == Damping()


def test_every_part_of_it_can_be_set(tmp_path: Path) -> None:
    written = "deadband: 12.5%, hold: 1h, step: 2, changes: 10, routers: 3"
    assert damping(tmp_path, written) == Damping(125, 3600 * NANOSECONDS, 2, 10, 3)


@pytest.mark.parametrize("written", ["deadband: 1%", "deadband: 50%", "hold: 0", "hold: 0s", "hold: 1d", "routers: 1"])
def test_its_bounds_are_allowed(tmp_path: Path, written: str) -> None:
    assert damping(tmp_path, written) != Damping()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("deadband: 0.9%", "2:31: control.damping.deadband: must be 1% to 50%"),
        ("deadband: 51%", "2:31: control.damping.deadband: must be 1% to 50%"),
        ("deadband: 10", "2:31: control.damping.deadband: a number without a unit; write for example 80%"),
        ("hold: 25h", "2:27: control.damping.hold: must be at most 1d"),
        ("hold: -1m", "2:27: control.damping.hold: '-1m' is not a duration; write for example 30s, 5m or 1h30m"),
        ("step: 1", "2:27: control.damping.step: must be at least 2"),
        ("changes: 0", "2:30: control.damping.changes: must be at least 1"),
        ("routers: 0", "2:30: control.damping.routers: must be at least 1"),
        ("dwell: 15m", "2:21: control.damping.dwell: unknown key; known here: changes, deadband, hold, routers, step"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(tmp_path: Path, written: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        damping(tmp_path, written)
    assert str(caught.value) == f"{tmp_path}/netmon.yaml:{sentence}"

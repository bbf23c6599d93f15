"""The command-line part of the shipped profiles, as the tests of the reading need it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from netmon.routers.cli_profile import CliCollector
from netmon.routers.cli_templates import Templates
from netmon.routers.terminal import Terminal

COLLECTORS = Path(__file__).parents[2] / "collectors"
PLATFORMS = (
    "cisco-ios",
    "cisco-ios-xr",
    "cisco-nx-os",
    "huawei-vrp",
    "junos",
    "linux",
    "nokia-timos",
    "routeros",
    "vyos",
)


def shipped_templates() -> Templates:
    return Templates([Path(__file__).parents[2] / "collectors" / "templates"])


@cache
def shipped_collectors(platform: str) -> tuple[CliCollector, ...]:
    """In the order of the profile."""
    return tuple(CliCollector.model_validate(entry) for entry in _profile(platform)["cli"])


def shipped_terminal(platform: str) -> Terminal | None:
    """None: the one of the platform's enforcement dialect."""
    written = _profile(platform).get("terminal")
    return None if written is None else Terminal.model_validate(written)


def _profile(platform: str) -> dict[str, Any]:
    profile: dict[str, Any] = yaml.safe_load((COLLECTORS / f"{platform}.yaml").read_text(encoding="utf-8"))
    return profile

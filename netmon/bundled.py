"""Finds the data folders that ship with netmon: collectors, policies, systemd and grafana."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

FOLDERS: Final = ("collectors", "policies", "systemd", "grafana")


def folder(name: str) -> Path:
    """The bundled data folder: inside an installed wheel, or at the top of a source checkout.

    Raises FileNotFoundError for a damaged installation.
    """
    package = Path(str(resources.files("netmon")))
    for candidate in (package / "_bundled" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"netmon's own data folder {name} is missing; install netmon again")

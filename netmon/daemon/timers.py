"""How long routers' own timers run: some count in minutes."""

from __future__ import annotations

from pathlib import Path

from netmon.bundled import folder
from netmon.core.model import NANOSECONDS
from netmon.routers.dialects import DialectError, DialectSettings, load_settings


class Timers:
    """By platform; each dialect is read once."""

    def __init__(self, directory: Path) -> None:
        """`directory`: the configuration's, whose policies/enforcement come before the bundled ones."""
        self._folders = (directory / "policies" / "enforcement", folder("policies") / "enforcement")
        self._settings: dict[str, DialectSettings | None] = {}

    def lasts_ns(self, platform: str, ns: int) -> int:
        """Within how long of now an undo asked for after `ns` has fired for sure."""
        settings = self._of(platform)
        return ns if settings is None else max(ns, settings.revert.lasts_s(-(-ns // NANOSECONDS)) * NANOSECONDS)

    def keeps_ends(self, platform: str) -> bool:
        """Whether its routers can end a limit by themselves."""
        settings = self._of(platform)
        return settings is not None and settings.expiry

    def _of(self, platform: str) -> DialectSettings | None:
        if platform not in self._settings:
            try:
                self._settings[platform] = load_settings(platform, self._folders)
            except DialectError:  # whoever talks to the router tells of it
                self._settings[platform] = None
        return self._settings[platform]

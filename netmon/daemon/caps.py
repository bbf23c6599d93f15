"""What the configuration lets a plan do: caps, floors, approvals and windows, as a PlanContext takes them."""

from __future__ import annotations

from dataclasses import replace

from netmon.config.control_settings import windows_of
from netmon.config.load import Configuration
from netmon.core import windows
from netmon.core.model import NANOSECONDS, Direction
from netmon.core.planning import PlanContext

LOOK_AHEAD_NS = 8 * 86_400 * NANOSECONDS
"""A window that is open for longer has no end that is worth telling."""


class Capped:
    """Under one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        settings = configuration.settings
        self._windows = windows_of(settings.control.freeze_windows)
        self._zone = settings.site.timezone
        self._guaranteed = [
            one for one in configuration.entitlements if one.floor.download_bps > 0 or one.floor.upload_bps > 0
        ]
        self._timed = any(one.from_ns is not None or one.until_ns is not None for one in self._guaranteed)
        self._floors = self._reckoned(0)
        control = settings.control
        self._context = PlanContext(
            now_ns=0,
            agencies_total=len(configuration.agencies),
            max_tightened_permille=control.max_tightened_ratio,
            enforce_ready={},
            uplinks=frozenset((name, port) for name, router in settings.routers.items() for port in router.uplinks),
            max_tightened_bps=control.max_tightened_bps,
            max_routers=control.max_routers_per_cycle,
            approvals=control.plan_approval.policy(),
        )

    def at(self, now_ns: int) -> tuple[PlanContext, int | None]:
        """Without anything that depends on routers or people, and without the time; and when the window in which
        changes are frozen closes, None: none is open, or it stays open.
        """
        is_open, closes_ns = False, None
        if self._windows:
            standing = windows.standing(self._windows, self._zone, now_ns, now_ns + LOOK_AHEAD_NS)
            is_open, closes_ns = standing.is_open, standing.until_ns if standing.is_open else None
        floors = self._reckoned(now_ns) if self._timed else self._floors
        return replace(self._context, floors=floors, freeze_window=is_open), closes_ns

    def _reckoned(self, now_ns: int) -> dict[tuple[str, Direction], int]:
        floors: dict[tuple[str, Direction], int] = {}
        for one in self._guaranteed:
            if one.in_force(now_ns):
                for way, bps in (
                    (Direction.DOWNLOAD, one.floor.download_bps),
                    (Direction.UPLOAD, one.floor.upload_bps),
                ):
                    floors[one.agency, way] = floors.get((one.agency, way), 0) + bps
        return floors

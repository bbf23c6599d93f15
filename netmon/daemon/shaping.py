"""What the configuration says of shaping points, as planning and the enforcer ask for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from netmon.config.load import Configuration
from netmon.core.capacity import InForce
from netmon.core.code_points import excepted
from netmon.core.model import Place, VerdictReason
from netmon.core.planning import Share
from netmon.core.shaping import NOTHING_FAILED, Shaped, hierarchies, tiers
from netmon.routers.port import Sharing


class Trees:
    """What the trees behind shaping points have for each circuit there, compiled anew when something is another."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._known: tuple[object, Mapping[Place, Shaped]] | None = None

    def at(self, now_ns: int, there_is: Mapping[str, InForce] = NOTHING_FAILED) -> Mapping[Place, Shaped]:
        """After the entitlements in force, and what is left of pools."""
        configured = self._configuration
        rests_on = tuple(one.in_force(now_ns) for one in configured.entitlements), dict(there_is)
        if self._known is None or self._known[0] != rests_on:
            shaped = hierarchies(
                configured.circuits, configured.agencies, configured.pools, configured.entitlements, now_ns, there_is
            )
            self._known = rests_on, shaped
        return self._known[1]


def lending(shares: Mapping[Place, Share], ceilings: Mapping[Place, int]) -> Mapping[Place, Share]:
    """The shares; but where the device shares by itself, its tree's ceiling in place of what would be due to it."""
    ours = {
        place: replace(share, bps=ceiling_bps)
        for place, ceiling_bps in ceilings.items()
        if (share := shares.get(place)) is not None and share.bps is not None and share.reason is VerdictReason.SHARED
    }
    return {**shares, **ours} if ours else shares


def sharings(configuration: Configuration) -> dict[str, Sharing]:
    """By circuit that shares a shaping point: what tells it from the others there."""
    points: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    circuits = {circuit.id: circuit for circuit in configuration.circuits if circuit.limited_at is not None}
    for name, circuit in circuits.items():
        points[circuit.limiting.router, circuit.limiting.interface].append(name)
    parents = {agency.id: agency.parent for agency in configuration.agencies}
    found = {}
    for names in points.values():
        members = [circuits[name] for name in names]
        agencies = tiers(members, parents)
        for one in members:
            point = one.limiting
            found[one.id] = Sharing(point.prefixes, tuple(names), agencies, point.dscp, excepted(one, members))
    return found

"""Whether the platforms on which circuits share a port have a hierarchy of their own, and what it cannot hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from netmon import bundled
from netmon.config.checks import Finding
from netmon.config.errors import Problem
from netmon.config.load import Configuration
from netmon.config.places import locator_of
from netmon.core.model import Circuit, Direction
from netmon.core.shaping import hierarchies
from netmon.routers.dialects import DialectError, load_dialect, load_settings
from netmon.routers.profiles import Profiles


def check_hierarchies(configuration: Configuration, profiles: Profiles) -> tuple[Problem, ...]:
    """Every circuit that shares a port of a router whose configured platform cannot tell circuits apart.

    Where no platform is configured, the enforcer refuses the change.
    """
    found = list(_without(configuration, profiles))
    if not found:
        return ()
    locator = locator_of(configuration)
    return tuple(sorted(locator.problem(loc, message) for loc, message in found))


def unheard_weights(configuration: Configuration, profiles: Profiles, now_ns: int) -> tuple[Problem, ...]:
    """Every shared port of a platform that has no weights, if its circuits' now differ: a warning, at the first."""
    members: defaultdict[tuple[str, str], list[Circuit]] = defaultdict(list)
    for circuit in configuration.circuits:
        if circuit.limited_at is not None:
            members[circuit.limited_at.router, circuit.limited_at.interface].append(circuit)
    weightless = {point: of for point, of in members.items() if _has_no_weights(configuration, profiles, point[0])}
    if not weightless:
        return ()
    shaped = hierarchies(
        configuration.circuits, configuration.agencies, configuration.pools, configuration.entitlements, now_ns
    )
    locator = locator_of(configuration)
    return tuple(
        locator.problem(
            ("routers", of[0].router, "circuits", of[0].id, "limited_at", "router"),
            f"the weights of the circuits behind {interface} differ, and platform"
            f" {configuration.settings.routers[router].platform} has none: what is lent there goes by priority alone;"
            " give whom it matters a floor or a priority, or limit at a Linux router",
        )
        for (router, interface), of in weightless.items()
        if any(len({shaped[one.id, direction].placement.weight for one in of}) > 1 for direction in Direction)
    )


def _has_no_weights(configuration: Configuration, profiles: Profiles, router: str) -> bool:
    platform = configuration.settings.routers[router].platform
    dialect = None if platform is None else profiles.named(platform).enforcement
    if dialect is None:
        return False
    try:
        return load_settings(dialect, _folders(configuration)).hierarchy == "queue_tree"
    except DialectError:  # told by check_hierarchies
        return False


def _folders(configuration: Configuration) -> tuple[Path, Path]:
    return configuration.directory / "policies" / "enforcement", bundled.folder("policies") / "enforcement"


def _without(configuration: Configuration, profiles: Profiles) -> Iterator[Finding]:
    said: dict[str, str | None] = {}
    for circuit in configuration.circuits:
        point = circuit.limited_at
        platform = configuration.settings.routers[point.router].platform if point is not None else None
        if point is None or platform is None:
            continue
        if platform not in said:
            said[platform] = _problem(configuration, profiles, platform)
        if problem := said[platform]:
            yield ("routers", circuit.router, "circuits", circuit.id, "limited_at", "router"), problem


def _problem(configuration: Configuration, profiles: Profiles, platform: str) -> str | None:
    dialect = profiles.named(platform).enforcement
    if dialect is None:
        return f"limits cannot be set on platform {platform}; limit the circuit on another router"
    try:
        if load_dialect(dialect, _folders(configuration)).settings.hierarchy is not None:
            return None
    except DialectError as error:
        return str(error)
    return (
        f"platform {platform} has no hierarchy of its own, so circuits cannot share a port there; limit each at a port"
        " of its own (leave limited_at out), or on another router"
    )

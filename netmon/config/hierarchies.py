"""Whether the platforms on which circuits share a port have a hierarchy of their own."""

from __future__ import annotations

from collections.abc import Iterator

from netmon import bundled
from netmon.config.checks import Finding
from netmon.config.errors import Problem
from netmon.config.load import Configuration
from netmon.config.places import locator_of
from netmon.routers.dialects import DialectError, load_dialect
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
    folders = (configuration.directory / "policies" / "enforcement", bundled.folder("policies") / "enforcement")
    try:
        if load_dialect(dialect, folders).settings.hierarchy is not None:
            return None
    except DialectError as error:
        return str(error)
    return (
        f"platform {platform} has no hierarchy of its own, so circuits cannot share a port there; limit each at a port"
        " of its own (leave limited_at out), or on another router"
    )

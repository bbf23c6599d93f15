"""What stands in the way of a first limit: a survey of a router judged, as the contracts' `data` of preflight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from netmon.bundled import folder
from netmon.config.load import Configuration
from netmon.core.model import NANOSECONDS
from netmon.routers.dialects import DialectError, DialectSettings, RevertKind, load_settings, objects_of
from netmon.routers.readbacks import Limit, Ours, Owner
from netmon.routers.session import Failure
from netmon.routers.upkeep import Surveyed, SurveyedPort

MOST_OFF_NS: Final = 300 * NANOSECONDS
"""A router's clock that is farther off misleads whoever compares logs; limits' ends do not go by it."""

PRIVILEGES: Final[Mapping[str, str]] = {
    "linux": "uid 0: it runs tc and ip, and keeps undos in /run/netmon",
    "routeros": "a group with the policies read, write, policy, test and ssh",
    "ios": "privilege level 15, or a command set with show, configure, policy-map, interface, archive and write",
    "iosxr": "a task group with qos, interface, config-services and basic-services, read and write",
    "junos": "a class with configure, view, view-configuration, interface-control and firewall-control",
    "vrp5": "user level 3: system-view, traffic policies, interfaces and save",
    "vrp8": "user level 3: system-view, traffic policies, interfaces, commit and save",
    "vyos": "an account of level admin: configure, commit and save",
    "edgeos": "an account of level admin: configure, commit and save",
}
"""The least that a login must be given, by the folder under policies/enforcement; see docs/preflight.md."""


def row_of(
    configuration: Configuration, router: str, platform: str | None, found: Surveyed, owner: Owner | None, now_ns: int
) -> dict[str, Any]:
    """One router of `netmon/preflight/1`. `owner`: this netmon; None: it is not known which."""
    settings = configuration.settings.routers[router]
    dialect, trouble = _dialect(configuration, platform)
    survey = found.survey
    obstacles = [] if trouble is None else [trouble]
    obstacles += _obstacles(found, dialect, owner, allow_unguarded=settings.allow_unguarded)
    circuits = [_circuit(port, obstacles) for port in found.ports]
    offset_ns = None if survey is None or survey.clock_ns is None else survey.clock_ns - now_ns
    warnings = list(() if survey is None else survey.warnings)
    if offset_ns is not None and abs(offset_ns) > MOST_OFF_NS:
        warnings.append(f"its clock is {abs(offset_ns) // NANOSECONDS} s {'ahead' if offset_ns > 0 else 'behind'}")
    return {
        "router": router,
        "platform": platform,
        "ready": not obstacles and all(one["ready"] for one in circuits),
        "obstacles": obstacles,
        "host_key": _host_key(found.failure),
        "version": None if survey is None else survey.version,
        "clock_offset_seconds": None if offset_ns is None else round(offset_ns / NANOSECONDS),
        "privileged": None if survey is None else survey.privileged,
        "privileges_needed": PRIVILEGES.get(platform or ""),
        "undo": None if dialect is None else dialect.revert.kind.value,
        "ends_limits": None if dialect is None else dialect.expiry,
        "allow_unguarded": settings.allow_unguarded,
        "owner": None if found.owner is None else _owner(found.owner, owner),
        "others": found.others,
        "left_behind": sorted({thing.object for thing in left_behind(configuration, router, found.ours)}),
        "warnings": [*warnings, *found.problems],
        "circuits": circuits,
    }


def left_behind(configuration: Configuration, router: str, ours: Sequence[Ours]) -> list[Ours]:
    """Of what bears netmon's mark on a router, what belongs to no circuit limited there."""
    known = {
        name
        for one in configuration.circuits
        if one.limiting.router == router
        for name in objects_of(one.id, one.limiting.interface)
    }
    return [thing for thing in ours if thing.object not in known]


def _dialect(configuration: Configuration, platform: str | None) -> tuple[DialectSettings | None, str | None]:
    if platform is None:
        return None, None
    try:
        folders = (configuration.directory / "policies" / "enforcement", folder("policies") / "enforcement")
        return load_settings(platform, folders), None
    except DialectError as error:
        return None, " ".join(str(error).splitlines())


def _obstacles(
    found: Surveyed, dialect: DialectSettings | None, owner: Owner | None, *, allow_unguarded: bool
) -> Iterator[str]:
    """What keeps every limit off the router, one sentence each."""
    if found.failure is not None:
        yield f"{found.failure}: {found.detail}"
        return
    if found.survey is not None and found.survey.privileged is False:
        yield "this login may not do what it takes; give it the privileges that are needed"
    if found.owner is not None and owner is not None and found.owner.name != owner.name:
        yield f"the router bears the marker of another netmon, {found.owner.marker}"
    if found.others is not None:
        yield f"somebody else is configuring it: {found.others}"
    if dialect is not None and not allow_unguarded:
        if dialect.revert.kind is RevertKind.NONE:
            yield "it cannot undo a change by itself; set allow_unguarded: true to have limits set all the same"
        if not dialect.expiry:
            yield "it cannot end a limit by itself; set allow_unguarded: true to have limits set all the same"


def _host_key(failure: Failure | None) -> str:
    match failure:
        case Failure.UNKNOWN_HOST_KEY:
            return "unknown"
        case Failure.HOST_KEY_MISMATCH:
            return "another"
        case Failure.UNREACHABLE | Failure.DIALECT:
            return "not_seen"
        case _:
            return "known"


def _owner(marker: Owner, ours: Owner | None) -> dict[str, Any]:
    is_ours = None if ours is None else marker.name == ours.name
    return {"name": marker.name, "revision": marker.revision, "is_ours": is_ours}


def _circuit(port: SurveyedPort, obstacles: list[str]) -> dict[str, Any]:
    return {
        "circuit": port.circuit,
        "interface": port.interface,
        "ready": port.reason is None and not obstacles,
        "reason": None if port.reason is None else port.reason.value,
        "detail": port.detail if port.reason is not None else obstacles[0] if obstacles else None,
        "ingress": _limit(port.ingress),
        "egress": _limit(port.egress),
        "foreigners": [
            {
                "kind": one.kind,
                "name": one.name,
                "way": None if one.way is None else one.way.value,
                "setting": one.setting,
                "adoptable": objection is None,
                "objection": objection,
            }
            for one, objection in zip(port.foreigners, port.objections, strict=True)
        ],
        "warnings": list(port.warnings),
    }


def _limit(limit: Limit | None) -> dict[str, Any] | None:
    return None if limit is None else {"bps": limit.bps, "is_ours": limit.ours, "foreign": limit.foreign}

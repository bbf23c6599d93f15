"""What is wrong between circuits that are limited at the same port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from netmon.config import prefix_checks, supply
from netmon.config.checks import Finding, Known, Names
from netmon.config.prefix_checks import Member
from netmon.config.settings import NetmonSettings
from netmon.core.model import Direction, Mode
from netmon.core.shaping import capacity_bps, compiled, tiers
from netmon.core.sharing_tree import SharingError
from netmon.core.supply import Pool
from netmon.routers.dialects import Names as DeviceNames
from netmon.routers.readback_htb import RESERVED, tier_minor
from netmon.routers.settings import LONGEST_LIMITED_NAME, RouterSettings, can_be_limited


def check(settings: NetmonSettings, known: Known) -> Iterator[Finding]:
    """Everything wrong, shaping point by shaping point; nothing here depends on the time."""
    names = Names()
    points: defaultdict[tuple[str, str], list[Member]] = defaultdict(list)
    for router, there in settings.routers.items():
        for circuit in there.circuit_values(router):
            if (at := circuit.limited_at) is not None:
                loc = ("routers", router, "circuits", circuit.id, "limited_at")
                points[at.router, at.interface].append(Member(loc, circuit, at))
    if not points:
        return
    parents = {name: agency.parent for name, agency in settings.agencies.items()}
    pools = supply.pools_of(settings)
    is_tree = not _goes_round(parents)
    for (router, _), members in points.items():
        if router in settings.routers:
            yield from _point(settings.routers[router], members)
            read = [member for member in members if not known.is_broken(*map(str, member.loc), "dscp")]
            yield from prefix_checks.check(read)
            if is_tree and all(member.circuit.agency in parents for member in members):
                yield from _tree(members, parents, pools)
        elif router not in known.routers:
            for member in members:
                yield (*member.loc, "router"), names.unknown("router", router, known.routers, "routers")


def _point(router: RouterSettings, members: list[Member]) -> Iterator[Finding]:
    first = members[0]
    port, name = first.at.interface, first.at.router
    owner = next((c for c, of in router.circuits.items() if of.interface == port and of.limited_at is None), None)
    for member in members:
        if port in router.uplinks:
            yield (
                (*member.loc, "interface"),
                (
                    f"{port} is an uplink of router {name}, and uplinks are never limited; take the port on the side of"
                    " the agencies"
                ),
            )
        if owner is not None:
            yield (
                (*member.loc, "interface"),
                f"{port} of router {name} is limited as a whole for circuit {owner}; give {owner} a limited_at, too",
            )
        if member.at.faces is not first.at.faces:
            yield (
                (*member.loc, "faces"),
                f"circuit {first.circuit.id} has {port} of router {name} face the {first.at.faces}; write the same",
            )
        if member.circuit.mode is Mode.ENFORCE:
            yield from _enforceable(router, member)


def _enforceable(router: RouterSettings, member: Member) -> Iterator[Finding]:
    if router.ssh is None:
        yield (
            (*member.loc, "router"),
            f"cannot be enforced: router {member.at.router} has no ssh credential; add ssh, or use mode: observe",
        )
    if not can_be_limited(member.at.interface):
        yield (
            (*member.loc, "interface"),
            (
                "cannot be enforced: limits are set on ports whose names are ASCII of at most"
                f" {LONGEST_LIMITED_NAME} characters; rename the port, or use mode: observe"
            ),
        )


def _tree(members: list[Member], parents: Mapping[str, str | None], pools: Mapping[str, Pool]) -> Iterator[Finding]:
    """Whether a device can hold it: enough capacity, not too deep, and a class of its own for everybody."""
    first = members[0]
    circuits = [member.circuit for member in members]
    try:
        for direction in Direction:
            compiled(circuits, circuits, parents, (), direction, capacity_bps(circuits, pools, direction))
    except SharingError as error:
        yield first.loc, str(error)
    taken = dict.fromkeys(RESERVED, "the port itself")
    for agency in tiers(circuits, parents):
        taken.setdefault(tier_minor(agency), f"agency {agency}")
    for member in members:
        mine = f"circuit {member.circuit.id}"
        other = taken.setdefault(DeviceNames.of(member.circuit.id).minor, mine)
        if other != mine:
            yield (
                member.loc,
                (
                    f"on router {first.at.router} {mine} would have the same class as {other} (numbers are made from"
                    " names); give the circuit another name, or limit it at another port"
                ),
            )


def _goes_round(parents: Mapping[str, str | None]) -> bool:
    for start in parents:
        seen, at = {start}, parents[start]
        while at is not None:
            if at in seen:
                return True
            seen.add(at)
            at = parents.get(at)
    return False

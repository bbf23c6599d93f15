"""What is wrong between circuits that are limited at the same port."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netmon.config import supply
from netmon.config.checks import Finding, Known, Names
from netmon.config.errors import Loc
from netmon.config.settings import NetmonSettings
from netmon.core.model import Circuit, Direction, Mode
from netmon.core.shaping import capacity_bps, compiled, tiers
from netmon.core.sharing_tree import SharingError
from netmon.core.supply import Pool
from netmon.routers.dialects import Names as DeviceNames
from netmon.routers.readback_htb import RESERVED, tier_minor
from netmon.routers.settings import LONGEST_LIMITED_NAME, RouterSettings, ShapingPointSettings, can_be_limited


@dataclass(frozen=True, slots=True)
class _Member:
    loc: Loc
    """Of its `limited_at`."""
    circuit: Circuit
    of: ShapingPointSettings


def check(settings: NetmonSettings, known: Known) -> Iterator[Finding]:
    """Everything wrong, shaping point by shaping point; nothing here depends on the time."""
    names = Names()
    points: defaultdict[tuple[str, str], list[_Member]] = defaultdict(list)
    for router, there in settings.routers.items():
        for circuit in there.circuit_values(router):
            of = there.circuits[circuit.id].limited_at
            if of is not None:
                points[of.router, of.interface].append(
                    _Member(("routers", router, "circuits", circuit.id, "limited_at"), circuit, of)
                )
    if not points:
        return
    parents = {name: agency.parent for name, agency in settings.agencies.items()}
    pools = supply.pools_of(settings)
    is_tree = not _goes_round(parents)
    for (router, _), members in points.items():
        if router in settings.routers:
            yield from _point(settings.routers[router], members)
            if is_tree and all(member.circuit.agency in parents for member in members):
                yield from _tree(members, parents, pools)
        elif router not in known.routers:
            for member in members:
                yield (*member.loc, "router"), names.unknown("router", router, known.routers, "routers")


def _point(router: RouterSettings, members: list[_Member]) -> Iterator[Finding]:
    first = members[0]
    port, name = first.of.interface, first.of.router
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
        if member.of.faces is not first.of.faces:
            yield (
                (*member.loc, "faces"),
                f"circuit {first.circuit.id} has {port} of router {name} face the {first.of.faces}; write the same",
            )
        if member.circuit.mode is Mode.ENFORCE:
            yield from _enforceable(router, member)
    yield from _overlaps(members)


def _enforceable(router: RouterSettings, member: _Member) -> Iterator[Finding]:
    if router.ssh is None:
        yield (
            (*member.loc, "router"),
            f"cannot be enforced: router {member.of.router} has no ssh credential; add ssh, or use mode: observe",
        )
    if not can_be_limited(member.of.interface):
        yield (
            (*member.loc, "interface"),
            (
                "cannot be enforced: limits are set on ports whose names are ASCII of at most"
                f" {LONGEST_LIMITED_NAME} characters; rename the port, or use mode: observe"
            ),
        )


def _overlaps(members: list[_Member]) -> Iterator[Finding]:
    """A packet belongs to one circuit."""
    spans = []
    for member in members:
        for position, prefix in enumerate(member.of.prefixes):
            network = ipaddress.ip_network(prefix)
            start, end = int(network.network_address), int(network.broadcast_address)
            spans.append((network.version, start, -end, prefix, position, member))
    widest: tuple[int, int, str, _Member] | None = None
    for version, start, back, prefix, position, member in sorted(spans, key=lambda span: span[:3]):
        if widest is not None and widest[0] == version and start <= widest[1]:
            whose = "this circuit" if widest[3] is member else f"circuit {widest[3].circuit.id}"
            yield (*member.loc, "prefixes", position), f"{prefix} lies within {widest[2]} of {whose}; keep one of them"
        else:
            widest = version, -back, prefix, member


def _tree(members: list[_Member], parents: Mapping[str, str | None], pools: Mapping[str, Pool]) -> Iterator[Finding]:
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
                    f"on router {first.of.router} {mine} would have the same class as {other} (numbers are made from"
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

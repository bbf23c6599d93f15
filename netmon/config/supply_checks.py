"""What is wrong between pools, uplinks, backhauls, circuits and entitlements; nothing here depends on the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from netmon.config.checks import Finding, Known, Names
from netmon.config.errors import Loc
from netmon.config.settings import NetmonSettings
from netmon.config.supply import entitlement
from netmon.config.supply_settings import EntitlementSettings, begins_ns, ends_ns
from netmon.core.ladder import QuotaPolicy
from netmon.core.model import Direction, TrafficClass
from netmon.core.supply import Entitlement
from netmon.routers.settings import CircuitSettings

_COUNTED_APART = {
    TrafficClass.INTERNET: {TrafficClass.INTERNET},
    TrafficClass.DOMESTIC: {TrafficClass.DOMESTIC, TrafficClass.INTERNET},
    TrafficClass.INTERNATIONAL: {TrafficClass.INTERNATIONAL, TrafficClass.INTERNET},
}
"""Class of a counter -> those of the pools, besides all, that such traffic draws on."""


def check(settings: NetmonSettings, known: Known, policies: Mapping[str, QuotaPolicy]) -> Iterator[Finding]:
    """Everything wrong between the entries, section by section; `policies` by name, as far as they could be read."""
    names = Names()
    yield from _pools(settings, known, names)
    yield from _names(settings)
    yield from _circuits(settings, known, names)
    yield from _entitlements(settings, known, names)
    yield from classes(settings, policies, all_circuits=not known.is_broken("routers"))


# --- pools and what is crossed ---------------------------------------------------------------


def _pools(settings: NetmonSettings, known: Known, names: Names) -> Iterator[Finding]:
    zone = settings.site.timezone
    ports: dict[tuple[str, str], str] = {}
    for name, pool in settings.pools.items():
        yield from _term(("pools", name), pool.begins, pool.until, zone)
        for uplink, of in pool.uplinks.items():
            here: Loc = ("pools", name, "uplinks", uplink)
            if of.router not in known.routers:
                yield (*here, "router"), names.unknown("router", of.router, known.routers, "routers")
            twin = ports.setdefault((of.router, of.interface), uplink)
            if twin != uplink:
                yield (
                    (*here, "interface"),
                    f"{of.interface} of {of.router} is uplink {twin} already; a port's counter cannot tell two apart",
                )


def _term(loc: Loc, begins: str | None, until: str | None, zone: str) -> Iterator[Finding]:
    start, end = begins_ns(begins, zone), ends_ns(until, zone)
    if start is not None and end is not None and end <= start:
        yield (*loc, "until"), "ends before it begins; correct from or until"


def _names(settings: NetmonSettings) -> Iterator[Finding]:
    """Pools, uplinks and backhauls are told apart by their names alone."""
    told: dict[str, str] = dict.fromkeys(settings.pools, "a pool")
    uplinks: Iterator[tuple[Loc, str]] = (
        (("pools", pool, "uplinks", name), f"an uplink of pool {pool}")
        for pool, of in settings.pools.items()
        for name in of.uplinks
    )
    for loc, what in uplinks:
        yield from _name(loc, what, told)
    for router, there in settings.routers.items():
        for name in there.backhauls:
            yield from _name(("routers", router, "backhauls", name), f"a backhaul of router {router}", told)


def _name(loc: Loc, what: str, told: dict[str, str]) -> Iterator[Finding]:
    name = str(loc[-1])
    first = told.setdefault(name, what)
    if first is not what:
        yield loc, f"{first} is named {name} already; names of pools, uplinks and backhauls are unique together"


# --- circuits --------------------------------------------------------------------------------


def _circuits(settings: NetmonSettings, known: Known, names: Names) -> Iterator[Finding]:
    pool_of = {uplink: name for name, pool in settings.pools.items() for uplink in pool.uplinks}
    links_known = not (known.is_broken("pools") or known.is_broken("routers"))
    for router, there in settings.routers.items():
        for name, circuit in there.circuits.items():
            if circuit.crosses or circuit.traffic_class is not TrafficClass.ALL or circuit.classifier is not None:
                loc: Loc = ("routers", router, "circuits", name)
                if not known.is_broken("routers", router, "circuits", name):
                    yield from _class(loc, circuit, settings)
                for position, link in enumerate(circuit.crosses):
                    here: Loc = (*loc, "crosses", position)
                    if link not in known.links:
                        if links_known:
                            yield here, names.unknown("uplink or backhaul", link, known.links, "pools or routers")
                    elif link in circuit.crosses[:position]:
                        yield here, f"{link} stands twice; keep one"
                    elif link in pool_of and pool_of[link] not in circuit.pools:
                        yield (
                            here,
                            (
                                f"{link} is an uplink of pool {pool_of[link]}, on which the circuit does not draw;"
                                f" add {pool_of[link]} to pools, or take {link} out"
                            ),
                        )


def _class(loc: Loc, circuit: CircuitSettings, settings: NetmonSettings) -> Iterator[Finding]:
    counted = circuit.traffic_class
    if counted is TrafficClass.ALL:
        if circuit.classifier is not None:
            yield (*loc, "classifier"), "separates nothing while class is all; add class, or take it out"
        return
    if circuit.classifier is None:
        yield (
            (*loc, "class"),
            (
                f"a port counts all that passes it; name what keeps {counted.value} traffic apart as"
                " classifier: port, vlan or vrf, or take class out"
            ),
        )
    for position, name in enumerate(circuit.pools):
        pool = settings.pools.get(name)
        if pool is not None and pool.traffic_class not in {TrafficClass.ALL, *_COUNTED_APART[counted]}:
            yield (
                (*loc, "pools", position),
                (
                    f"{name} is a pool of {pool.traffic_class.value} traffic, and the circuit counts"
                    f" {counted.value} traffic alone; take one of the two out"
                ),
            )


# --- entitlements ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Drawing:
    """Who draws on a pool, and whose counters cannot tell its traffic apart."""

    agencies: set[str] = field(default_factory=set)
    """With a circuit of its own or of a descendant."""
    blind: dict[str, list[str]] = field(default_factory=dict)
    """Agency -> such circuits, of its own or of a descendant."""


def _entitlements(settings: NetmonSettings, known: Known, names: Names) -> Iterator[Finding]:
    if not any(agency.entitlements for agency in settings.agencies.values()):
        return
    drawing = _drawing(settings)
    whole = not (known.is_broken("routers") or known.is_broken("agencies"))
    for name, agency in settings.agencies.items():
        for position, of in enumerate(agency.entitlements):
            loc: Loc = ("agencies", name, "entitlements", position)
            if of.pool not in known.pools:
                yield (*loc, "pool"), names.unknown("pool", of.pool, known.pools, "pools")
            elif of.pool in settings.pools:
                yield from _drawn(loc, name, of, drawing[of.pool], whole)
            yield from _rates(loc, of)
            yield from _term(loc, of.begins, of.until, settings.site.timezone)
        yield from _overlaps(name, agency.entitlements, settings.site.timezone)


def _drawn(loc: Loc, agency: str, of: EntitlementSettings, drawing: _Drawing, whole: bool) -> Iterator[Finding]:
    if agency not in drawing.agencies:
        if whole:
            yield (
                (*loc, "pool"),
                (
                    f"no circuit of {agency}, or of an agency below it, draws on {of.pool};"
                    f" add {of.pool} to the pools of its circuits, or take the entitlement out"
                ),
            )
        return
    blind = drawing.blind.get(agency, [])
    if blind:
        others = f" and {len(blind) - 1} more" if len(blind) > 1 else ""
        yield (
            (*loc, "pool"),
            (
                f"no counter tells traffic of {of.pool} apart on circuit {blind[0]}{others}; measure it apart (class,"
                " and classifier: port, vlan or vrf), or take the entitlement out"
            ),
        )


def _rates(loc: Loc, of: EntitlementSettings) -> Iterator[Finding]:
    if of.ceiling is not None:
        floor, ceiling = of.floor.value(), of.ceiling.value()
        below = [way.value for way in Direction if ceiling.of(way) < floor.of(way)]
        if below:
            yield (*loc, "ceiling"), f"is below the floor of the {' and '.join(below)}; raise it, or lower the floor"


def _overlaps(agency: str, written: Iterable[EntitlementSettings], zone: str) -> Iterator[Finding]:
    by_pool: dict[str, list[Entitlement]] = {}
    for position, of in enumerate(written):
        by_pool.setdefault(of.pool, []).append(entitlement(agency, position, of, zone))
    for pool, several in by_pool.items():
        several.sort(key=lambda one: (one.from_ns if one.from_ns is not None else -1, one.position))
        for earlier, later in pairwise(several):
            if earlier.until_ns is None or later.from_ns is None or later.from_ns < earlier.until_ns:
                first, second = sorted((earlier.position, later.position))
                yield (
                    ("agencies", agency, "entitlements", second),
                    (f"overlaps entitlements[{first}], also to {pool}; end one before the other begins, or join them"),
                )


def classes(
    settings: NetmonSettings, policies: Mapping[str, QuotaPolicy], *, all_circuits: bool = True
) -> Iterator[Finding]:
    """Policies on a class, for agencies whose counters do not tell it apart on every circuit that may carry it.

    `all_circuits`: every circuit that was written could be read.
    """
    apart = {name: of.traffic_class for name, of in policies.items() if of.traffic_class is not TrafficClass.ALL}
    if apart.keys().isdisjoint(quota for agency in settings.agencies.values() for quota in agency.quotas):
        return
    circuits: dict[str, list[tuple[str, CircuitSettings]]] = {}
    for router in settings.routers.values():
        for name, circuit in router.circuits.items():
            circuits.setdefault(circuit.agency, []).append((name, circuit))
    for agency, written in settings.agencies.items():
        for position, quota in enumerate(written.quotas):
            if quota not in apart:
                continue
            kind, ours = apart[quota], circuits.get(agency, [])
            blind = next((name for name, circuit in ours if _may_carry(circuit, kind, settings)), None)
            if blind is not None:
                why = f"circuit {blind} counts all traffic"
            elif not all_circuits or any(circuit.traffic_class is kind for _, circuit in ours):
                continue
            else:
                why = f"no circuit of {agency} counts it"
            yield (
                ("agencies", agency, "quotas", position),
                (
                    f"{quota} is a policy on {kind.value} traffic alone, and {why}; measure it apart (class, and"
                    " classifier: port, vlan or vrf), or take the policy out"
                ),
            )


def _may_carry(circuit: CircuitSettings, kind: TrafficClass, settings: NetmonSettings) -> bool:
    """Whether such traffic may be hidden in what a circuit counts: it counts all, and its pools do not rule it out."""
    if circuit.traffic_class is not TrafficClass.ALL:
        return False
    pools = {settings.pools[pool].traffic_class for pool in circuit.pools if pool in settings.pools}
    carrying = set(TrafficClass) if kind is TrafficClass.INTERNET else {TrafficClass.ALL, TrafficClass.INTERNET, kind}
    return not pools or not pools.isdisjoint(carrying)


def _drawing(settings: NetmonSettings) -> Mapping[str, _Drawing]:
    lines = _Lines(settings)
    found: dict[str, _Drawing] = {name: _Drawing() for name in settings.pools}
    for router in settings.routers.values():
        for name, circuit in router.circuits.items():
            if not circuit.pools:
                continue
            pools = {pool: settings.pools[pool].traffic_class for pool in circuit.pools if pool in settings.pools}
            mixed = circuit.traffic_class is TrafficClass.ALL and len(set(pools.values())) > 1
            for pool, kind in pools.items():
                line = lines.of(circuit.agency)
                found[pool].agencies.update(line)
                if mixed or (
                    kind in {TrafficClass.DOMESTIC, TrafficClass.INTERNATIONAL} and circuit.traffic_class is not kind
                ):
                    for agency in line:
                        found[pool].blind.setdefault(agency, []).append(name)
    return found


class _Lines:
    """Agencies with all that are above them."""

    def __init__(self, settings: NetmonSettings) -> None:
        self._parents = {name: agency.parent for name, agency in settings.agencies.items()}
        self._found: dict[str, tuple[str, ...]] = {}

    def of(self, agency: str) -> tuple[str, ...]:
        """The agency first. Where parents form a loop, once round it."""
        if agency not in self._found:
            line: dict[str, None] = {}
            current: str | None = agency
            while current is not None and current not in line:
                line[current] = None
                current = self._parents.get(current)
            self._found[agency] = tuple(line)
        return self._found[agency]

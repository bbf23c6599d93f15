"""What a sound configuration comes to at a time: whether what is promised fits, what has ended or soon will."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from netmon.config.checks import Finding
from netmon.config.errors import Loc, Problem
from netmon.config.load import Configuration
from netmon.config.places import locator_of
from netmon.core.admission import Admission, Shortage, Shortfall, admit, later_starts
from netmon.core.model import NANOSECONDS, Direction, TrafficClass
from netmon.core.periods import from_ns
from netmon.core.supply import Entitlement, Pool, Sharing

SOON_NS: Final = 30 * 86_400 * NANOSECONDS
"""What ends within so long is told beforehand."""
FORESEEN: Final = 100
"""Later instants at which entitlements begin, for which floors are added up, the next ones."""
_PREFIXES: Final = (("G", 10**9), ("M", 10**6), ("k", 10**3))


@dataclass(frozen=True, slots=True)
class Review:
    """Problems are to be put right before the configuration is used; warnings may stand."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    admission: Admission
    """As of now."""


def review(configuration: Configuration, now_ns: int) -> Review:
    """Everything about pools and entitlements that depends on the time, or that a configuration may well say."""
    problems: list[Finding] = []
    warnings = [
        *_pools(configuration, now_ns),
        *_classes(configuration),
        *_entitlements(configuration, now_ns),
        *_weak_algorithms(configuration),
    ]
    admission = _admitted(configuration, now_ns)
    told: set[tuple[Shortage, str, str | None, Direction]] = set()
    starts = later_starts(configuration.entitlements, now_ns)[:FORESEEN]
    for at_ns in (now_ns, *starts):
        for short in (admission if at_ns == now_ns else _admitted(configuration, at_ns)).shortfalls:
            key = (short.reason, short.subject, short.pool, short.direction)
            if key not in told:
                told.add(key)
                is_warning = (
                    short.reason is Shortage.UPLINK_FAILED
                    and configuration.settings.control.floors_after_failure == "warn"
                )
                since = None if at_ns == now_ns else _day(configuration, at_ns)
                (warnings if is_warning else problems).append(_shortfall(configuration, short, at_ns, since))
    return Review(_placed(configuration, problems), _placed(configuration, warnings), admission)


def _admitted(configuration: Configuration, at_ns: int) -> Admission:
    return admit(
        configuration.pools.values(),
        configuration.backhauls.values(),
        configuration.circuits,
        configuration.agencies,
        configuration.entitlements,
        at_ns,
    )


def _placed(configuration: Configuration, findings: Iterable[Finding]) -> tuple[Problem, ...]:
    found = tuple(findings)
    if not found:
        return ()
    locator = locator_of(configuration)
    return tuple(sorted({locator.problem(loc, message) for loc, message in found}))


# --- what does not fit -----------------------------------------------------------------------


def _shortfall(configuration: Configuration, short: Shortfall, at_ns: int, since: str | None) -> Finding:
    needed, there, way = _exact(short.needed_bps), _exact(short.available_bps), short.direction.value
    when = "" if since is None else f"from {since} on, "
    owed = f"floors of {needed} are guaranteed for {way}"
    match short.reason:
        case Shortage.PURCHASED:
            return ("pools", short.subject, way), f"{when}{owed}, of {there}; lower floors, or buy more"
        case Shortage.UPLINKS:
            message = f"{when}{owed}, and its uplinks carry {there}; lower floors, or add an uplink"
            return ("pools", short.subject, "uplinks"), message
        case Shortage.UPLINK_FAILED:
            message = (
                f"{when}{owed}, and {there} are left if this uplink fails; lower floors, or add an uplink with"
                " standby: true"
            )
            return _link(configuration, short.subject), message
        case Shortage.CROSSED:
            message = (
                f"{when}{owed} to agencies whose circuits all cross it, and it carries {there}; lower floors,"
                " or widen it"
            )
            return _link(configuration, short.subject), message
    loc = _entitlement_loc(configuration, short.subject, short.pool, at_ns)
    if short.reason is Shortage.WAYS:
        message = (
            f"{when}a floor of {needed} is guaranteed for {way}, and all that its circuits cross carries {there};"
            " lower the floor, or widen that"
        )
        return (*loc, "floor"), message
    return (*loc, "ceiling"), f"{when}{owed} below it, and it is {there}; raise it, or lower floors below"


def _link(configuration: Configuration, name: str) -> Loc:
    backhaul = configuration.backhauls.get(name)
    if backhaul is not None:
        return ("routers", backhaul.router, "backhauls", name)
    pool = next(pool.id for pool in configuration.pools.values() if name in {uplink.id for uplink in pool.uplinks})
    return ("pools", pool, "uplinks", name)


def _entitlement_loc(configuration: Configuration, agency: str, pool: str | None, at_ns: int) -> Loc:
    held = next(
        one for one in configuration.entitlements if one.agency == agency and one.pool == pool and one.in_force(at_ns)
    )
    return _loc(held)


def _loc(entitlement: Entitlement) -> Loc:
    return ("agencies", entitlement.agency, "entitlements", entitlement.position)


def _exact(bps: int) -> str:
    """`20 Mb/s`, `1.0005 Gb/s`: all digits, for two that differ are to look different."""
    prefix, factor = next((one for one in _PREFIXES if bps >= one[1]), ("", 1))
    return f"{(Decimal(bps) / factor).normalize():f} {prefix}b/s"


# --- what may stand --------------------------------------------------------------------------


def _pools(configuration: Configuration, now_ns: int) -> Iterator[Finding]:
    for pool in configuration.pools.values():
        if pool.until_ns is not None and pool.until_ns <= now_ns + SOON_NS:
            ended = "ended" if pool.until_ns <= now_ns else "ends"
            yield (
                ("pools", pool.id, "until"),
                (
                    f"the contract's term {ended} {_end(configuration, pool.until_ns)}; its capacity counts until it is"
                    " taken out of the configuration"
                ),
            )
        elif pool.from_ns is not None and pool.from_ns > now_ns:
            yield (
                ("pools", pool.id, "from"),
                "the contract's term has not begun; its capacity counts already, so add the pool once it is there",
            )
        yield from _narrow(pool)


def _narrow(pool: Pool) -> Iterator[Finding]:
    """Uplinks that cannot carry what was purchased."""
    serving = [uplink for uplink in pool.uplinks if not uplink.standby] or list(pool.uplinks)
    for way in Direction:
        carried = sum(uplink.capacity.of(way) for uplink in serving)
        if pool.uplinks and carried < pool.purchased.of(way):
            yield (
                ("pools", pool.id, "uplinks"),
                (
                    f"they carry {_exact(carried)} of {way.value}, less than the {_exact(pool.purchased.of(way))}"
                    " purchased; correct them, or the pool"
                ),
            )


def _classes(configuration: Configuration) -> Iterator[Finding]:
    """Pools of internet traffic that is counted with all the rest."""
    entitled = {entitlement.pool for entitlement in configuration.entitlements}
    for pool in configuration.pools.values():
        if pool.traffic_class is not TrafficClass.INTERNET or pool.id not in entitled:
            continue
        mixed = [
            circuit.id
            for circuit in configuration.circuits
            if pool.id in circuit.pools and circuit.traffic_class is TrafficClass.ALL
        ]
        if mixed:
            others = f" and {len(mixed) - 1} more" if len(mixed) > 1 else ""
            yield (
                ("pools", pool.id, "class"),
                (
                    f"all traffic is counted on circuit {mixed[0]}{others}, that between agencies too, and is limited"
                    " with the rest; give it class: internet and a classifier where it is separate, or make this all"
                ),
            )


def _entitlements(configuration: Configuration, now_ns: int) -> Iterator[Finding]:
    last = _last_of(configuration.entitlements)
    for entitlement in configuration.entitlements:
        loc, until_ns = _loc(entitlement), entitlement.until_ns
        pool = configuration.pools[entitlement.pool]
        is_last = last[entitlement.agency, entitlement.pool] is entitlement
        if until_ns is not None and until_ns <= now_ns + SOON_NS and is_last:
            ended = "it ended" if until_ns <= now_ns else "it ends"
            yield (
                (*loc, "until"),
                (
                    f"{ended} {_end(configuration, until_ns)}, and nothing follows it; add an entitlement that begins"
                    " then, or take this one out"
                ),
            )
        if pool.sharing is Sharing.NEVER:
            yield (*loc, "pool"), f"has no effect while {pool.id} is never shared (share: never); alter one of them"
        ceiling = entitlement.ceiling
        # One rate for both directions may well be above the lesser one of a pool.
        if ceiling is not None and all(ceiling.of(way) > pool.purchased.of(way) for way in Direction):
            yield (*loc, "ceiling"), "is more than was purchased; nobody can have it"


def _weak_algorithms(configuration: Configuration) -> Iterator[Finding]:
    for name, router in configuration.settings.routers.items():
        if router.ssh_legacy_algorithms:
            listed = ", ".join(router.ssh_legacy_algorithms)
            yield (
                ("routers", name, "ssh_legacy_algorithms"),
                f"{listed} can be broken by who is on the way; upgrade the router's software, then take this out",
            )


def _last_of(entitlements: Iterable[Entitlement]) -> dict[tuple[str, str], Entitlement]:
    """Of each agency's to each pool, the one that ends last."""
    found: dict[tuple[str, str], Entitlement] = {}
    for one in sorted(entitlements, key=lambda one: (one.until_ns is None, one.until_ns or 0)):
        found[one.agency, one.pool] = one
    return found


def _end(configuration: Configuration, until_ns: int) -> str:
    """The last moment before a half-open end, as its day."""
    return f"with {_day(configuration, until_ns - 1)}"


def _day(configuration: Configuration, at_ns: int) -> str:
    return from_ns(at_ns, configuration.settings.site.timezone).date().isoformat()

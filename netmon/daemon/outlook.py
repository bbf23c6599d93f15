"""How things stand, as plain values: the contracts' `data` of plan and status, from ledger and configuration.

Nothing here decides: plans come from `decisions.decide`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from netmon.config.load import Configuration
from netmon.core.alerts import AlertState
from netmon.core.closing import Port
from netmon.core.directives import frozen
from netmon.core.guard_alerts import twins
from netmon.core.ladder import Claim, QuotaUsage, carried_over
from netmon.core.model import Circuit, Direction
from netmon.core.periods import Period, add_usage, period_before
from netmon.core.planning import Observed, Share
from netmon.core.port_state import PortStatus
from netmon.core.shaping import lent
from netmon.daemon import percentiles
from netmon.daemon.caps import Capped
from netmon.daemon.clock import Clock
from netmon.daemon.decisions import Question, claims, previous_verdicts
from netmon.daemon.figures import Reckoning, Wanted
from netmon.daemon.holds import release_row
from netmon.daemon.percentiles import certain
from netmon.daemon.queries import rfc3339
from netmon.daemon.shaping import Trees, lending
from netmon.daemon.sharing import supply_of
from netmon.store.reader import LedgerReader

END_OF_TIME_NS = 2**63 - 1
# --- plan ------------------------------------------------------------------------------------


def question_of(
    configuration: Configuration,
    reader: LedgerReader,
    now_ns: int,
    clock: Clock,
    observation_ns: int,
    live: Mapping[str, Any] | None = None,
) -> Question:
    """All that a decision would rest on now; `live` is the running daemon's status. Raises StoreError."""
    settings = configuration.settings
    circuits: dict[str, list[Circuit]] = {}
    for circuit in configuration.circuits:
        circuits.setdefault(circuit.agency, []).append(circuit)
    newest = newest_ns(reader, configuration.circuits)
    reckoning = Reckoning(reader, now_ns)

    def used(claim: Claim, ours: Sequence[Circuit]) -> QuotaUsage:
        policy, period = claim.policy, claim.period
        read_ns = [newest[c.id] for c in ours if c.id in newest]
        read_at = min(read_ns, default=None), max(read_ns, default=None)
        if policy.volume_bytes is None:
            row = Wanted(claim.agency, None, tuple(ours), claim.direction, period)
            return percentiles.usage(certain(reader, [row]).get(row.key), period, read_at, now_ns)
        carried = 0
        if policy.rollover_permille:
            before = period_before(policy.period, period, claim.zone)
            carried = carried_over(policy, proven(policy.counts, ours, before))
        return QuotaUsage(proven(policy.counts, ours, period), read_at[0], carried, read_at[1])

    def proven(directions: Sequence[Direction], ours: Sequence[Circuit], period: Period) -> int:
        reckoning.prepare(configuration.circuits, period)
        ports = (Port(c.id, c.router, c.interface, c.way(way)) for c in ours for way in directions)
        return add_usage([reckoning.usage(port, period) for port in ports]).proven_bytes

    counting = reader.verdicts()
    trees = Trees(configuration).at(now_ns)
    limits = reader.limit_states()
    directives = tuple(reader.directives(now_ns))
    first = reader.first_visits_ns(settings.routers)
    return Question(
        now_ns=now_ns,
        claims=claims(configuration.agencies, configuration.policies, circuits, used, now_ns),
        previous=previous_verdicts(counting.values()),
        counting=counting,
        stale_after_ns=settings.control.stale_after,
        ease_stale_after_ns=settings.control.ease_stale_after,
        directives=directives,
        circuits=configuration.circuits,
        observed={
            (circuit.id, direction): Observed(state.bps, state.known)
            if (state := limits.get((circuit.id, direction))) is not None
            else Observed(None, known=True)
            for circuit in configuration.circuits
            for direction in Direction
        },
        context=replace(
            Capped(configuration).at(now_ns)[0],
            now_ns=now_ns,
            given=reader.plan_approvals(now_ns),
            open_breakers=frozenset(() if live is None else live["rollout"]["left_alone"]),
            halted=live is not None and live["rollout"]["halted"] is not None,
            enforce_ready={
                name: router.override_observation is not None or now_ns - first.get(name, now_ns) >= observation_ns
                for name, router in settings.routers.items()
            },
            clock_trusted=bool(clock.trust(max(newest.values(), default=None))),
            held_circuits=_held(configuration, reader, now_ns),
            twin_routers=twins(reader.alerts()),
            contested=frozenset(place for place, one in reader.contests().items() if one.stopped),
            doubtful_routers=frozenset(intent.change.router for intent in reader.open_intents()),
            placements={place: one.placement for place, one in trees.items()},
            shares=lending(_shares(configuration, reader), lent(configuration.circuits, trees)),
            down_circuits=_down(configuration, reader),
            frozen_agencies=frozen((agency.id for agency in configuration.agencies), directives, now_ns),
        ),
    )


def _held(configuration: Configuration, reader: LedgerReader, now_ns: int) -> frozenset[str]:
    """Circuits that operators freed of limits: some, or all at once."""
    if release_row(configuration, reader) is not None:
        return frozenset(circuit.id for circuit in configuration.circuits)
    return frozenset(reader.holds(now_ns))


def _down(configuration: Configuration, reader: LedgerReader) -> frozenset[str]:
    """Circuits whose port was positively down when it was last recorded."""
    newest = reader.newest_port_spans()
    down = {port for port, span in newest.items() if span.status is PortStatus.DOWN}
    return frozenset(circuit.id for circuit in configuration.circuits if (circuit.router, circuit.interface) in down)


def _shares(configuration: Configuration, reader: LedgerReader) -> dict[tuple[str, Direction], Share]:
    """As they were recorded last: what circuits want is known to the running daemon alone."""
    supply = supply_of(configuration)
    if supply is None:
        return {}
    ours = {circuit.id for circuit in supply.inventory.circuits}
    return {place: one.share() for place, one in reader.dues().items() if place[0] in ours}


def newest_ns(reader: LedgerReader, circuits: Sequence[Circuit], at_ns: int = END_OF_TIME_NS) -> dict[str, int]:
    """When each circuit was read last, by `at_ns`; none for one that never was."""
    routers = sorted({circuit.router for circuit in circuits})
    places = reader.places(routers)
    # At the end of time: where the clock was set back, the newest reading lies in the future.
    last = reader.openings((router, at_ns) for router in routers)
    found: dict[str, int] = {}
    for circuit in circuits:
        at, opening = places.get((circuit.router, circuit.interface)), last.get((circuit.router, at_ns))
        if at is not None and opening is not None and (read_ns := opening.before_ns[at]) is not None:
            found[circuit.id] = read_ns
    return found


# --- status ----------------------------------------------------------------------------------


def status_data(
    configuration: Configuration, reader: LedgerReader, live: Mapping[str, Any] | None, now_ns: int
) -> dict[str, Any]:
    """The `data` of `netmon/status/1`; `live` is the running daemon's own answer, None where none runs.

    Raises StoreError.
    """
    zone = configuration.settings.site.timezone
    routers = dict(live["routers"]) if live is not None else {}
    state = {name: _router_state(routers.get(name)) for name in configuration.settings.routers}
    release = release_row(configuration, reader)
    problems = [
        *_released(release),
        *_daemon_problems(configuration, live, routers),
        *_ledger_problems(reader, zone),
    ]
    limits = reader.limit_states()
    return {
        "healthy": not problems,
        "site": configuration.settings.site.name,
        "problems": problems,
        "routers": {
            name: [router for router, now in state.items() if now == name] for name in ("up", "down", "unknown")
        },
        "circuits": len(configuration.circuits),
        "agencies": len(configuration.agencies),
        "limits": [
            {"circuit": circuit, "direction": direction.value, "bps": limit.bps, "since": rfc3339(limit.at_ns, zone)}
            for (circuit, direction), limit in sorted(limits.items())
            if limit.known and limit.bps is not None
        ],
        "holds": [
            {
                "circuit": hold.circuit,
                "reason": hold.reason,
                "by": hold.by,
                "until": None if hold.until_ns is None else rfc3339(hold.until_ns, zone),
            }
            for hold in reader.holds(now_ns).values()
        ],
        "release": release,
        "alerts_firing": sum(alert.state is AlertState.FIRING for alert in reader.alerts().values()),
        "http_port": None if live is None else live["http_port"],
    }


def _released(release: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:
    if release is None:
        return
    what = f"EVERYTHING IS RELEASED: netmon limits nothing, by {release['by']}: {release['reason']}"
    yield _problem(what, release["at"], "when what made it necessary is over: netmon resume --reason WHY")
    if release["remaining"]:
        names = ", ".join(release["remaining"])
        yield _problem(
            f"limits may still be in force on {names}", None, "mend what keeps netmon from them; release again"
        )


def _router_state(of: Mapping[str, Any] | None) -> str:
    if of is None or (of["problem"] is None and of["last_ok"] is None):
        return "unknown"
    return "up" if of["problem"] is None else "down"


def _daemon_problems(
    configuration: Configuration, live: Mapping[str, Any] | None, routers: Mapping[str, Mapping[str, Any]]
) -> Iterable[dict[str, Any]]:
    if live is None:
        socket = configuration.settings.control.socket
        yield _problem(f"no daemon listens on {socket}", None, "start it: systemctl start netmon, or netmon run")
        return
    if live["ledger_problem"] is not None:
        yield _problem(live["ledger_problem"], None, "mend what it names; nothing polled is lost yet")
    elif live["unready"] is not None:
        yield _problem(live["unready"], None, "see the routers below, and the daemon's log")
    if live["clock_objection"] is not None:
        yield _problem(
            live["clock_objection"],
            None,
            "start a time service (chrony, systemd-timesyncd); until then no period rolls",
        )
    for name, router in routers.items():
        if router["problem"] is not None:
            yield _problem(
                router["problem"], router["last_ok"], f"netmon poll {name} shows what it answers; check power and link"
            )


def _ledger_problems(reader: LedgerReader, zone: str) -> Iterable[dict[str, Any]]:
    for (circuit, direction), limit in sorted(reader.limit_states().items()):
        if not limit.known:
            yield _problem(
                f"it is not known which {direction} limit is in force on {circuit}",
                rfc3339(limit.at_ns, zone),
                "look at netmon receipts, then have it read again with netmon apply",
            )
    for alert in reader.alerts().values():
        if alert.state is AlertState.FIRING and alert.kind == "limit":
            yield _problem(alert.summary, rfc3339(alert.since_ns, zone), "netmon plan shows what is withheld and why")


def _problem(what: str, since: str | None, following: str) -> dict[str, Any]:
    return {"what": what, "since": since, "next": following}

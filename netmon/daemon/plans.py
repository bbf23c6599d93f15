"""The contracts' `data` of `netmon plan`: what would be altered, why, what it comes to, and what would be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netmon.bundled import folder
from netmon.config.load import Configuration
from netmon.core import planning, rollout
from netmon.core.changes import Action, Change
from netmon.core.model import NANOSECONDS, Circuit, Direction
from netmon.core.planning import Observed
from netmon.core.refusals import Finding
from netmon.daemon.approving import approval_row
from netmon.daemon.caps import Capped
from netmon.daemon.clock import Clock
from netmon.daemon.decisions import Question, decide
from netmon.daemon.holds import release_row
from netmon.daemon.outlook import question_of
from netmon.daemon.queries import rfc3339
from netmon.daemon.shaping import sharings
from netmon.routers.dialects import Dialect, DialectError, Way, load_dialect
from netmon.routers.port import RefusedError, Target
from netmon.routers.profiles import ProfileError, Profiles, load_profiles
from netmon.routers.quoting import UnsafeValueError
from netmon.routers.readbacks import Limit, Owner, PortState
from netmon.routers.rendering import commands_of
from netmon.store.reader import LedgerReader


def plan_data(
    configuration: Configuration,
    reader: LedgerReader,
    now_ns: int,
    clock: Clock,
    observation_ns: int,
    live: Mapping[str, Any] | None = None,
    *,
    commands: bool = False,
) -> dict[str, Any]:
    """The `data` of `netmon/plan/1`: what would be done now, judged from the ledger; `live` is the running daemon's
    status. With `commands` each change tells what would be sent. Raises StoreError, ProfileError.
    """
    question = question_of(configuration, reader, now_ns, clock, observation_ns, live)
    decision, zone = decide(question), configuration.settings.site.timezone
    asked = decision.verdicts, question.circuits, question.observed, question.context
    why, plan = planning.withheld(*asked), decision.plan
    rendered = Rendering(configuration, reader, question) if commands else None
    rows = [
        _row(change, why.get((change.circuit, change.direction))) | ({} if rendered is None else rendered.of(change))
        for change in plan.changes
    ]
    _, closes_ns = Capped(configuration).at(now_ns)
    rolling = {} if live is None else live["rollout"]
    halted = rolling.get("halted")
    return {
        "hash": plan.hash,
        "totals": _totals(plan.changes, why, configuration.circuits),
        "changes": rows,
        "refused": None if plan.refused is None else {"rule": plan.refused.rule, "detail": plan.refused.detail},
        "checks": [_check(one) for one in planning.checks(*asked)],
        "approval": approval_row(plan.awaited, question.context.given, zone, now_ns),
        "freeze_window": {"until": None if closes_ns is None else rfc3339(closes_ns, zone)}
        if question.context.freeze_window
        else None,
        "halted": None
        if halted is None
        else {
            "router": halted["router"],
            "circuit": halted["circuit"],
            "until": rfc3339(halted["until_ns"], zone),
        },
        "left_alone": [
            {"router": name, "until": None if until_ns is None else rfc3339(until_ns, zone)}
            for name, until_ns in sorted(rolling.get("left_alone", {}).items())
        ],
        "release": release_row(configuration, reader),
    }


def _row(change: Change, withheld: planning.Withheld | None) -> dict[str, Any]:
    return {
        "router": change.router,
        "circuit": change.circuit,
        "agency": change.agency,
        "direction": change.direction.value,
        "action": change.action.value,
        "from_bps": change.from_bps,
        "to_bps": change.to_bps,
        "to_floor_bps": None if change.to_placement is None else change.to_placement.floor_bps,
        "reason": change.reason.value,
        "rule": None if change.rule is None else {"file": change.rule.file, "line": change.rule.line},
        "withheld": None if withheld is None else withheld.value,
    }


def _check(one: Finding) -> dict[str, Any]:
    return {
        "rule": one.rule.value,
        "holds": one.detail is None,
        "found": one.found,
        "most": one.most,
        "unit": one.unit.value,
        "detail": one.detail,
    }


def _totals(
    changes: Sequence[Change], withheld: Mapping[tuple[str, Direction], object], circuits: Sequence[Circuit]
) -> dict[str, int]:
    pending = [change for change in changes if change.action is not Action.KEEP]
    lowered = [change for change in pending if rollout.tightens(change)]
    removed = [change for change in pending if change.action is Action.REMOVE]
    speeds = {circuit.id: circuit.port_speed_bps for circuit in circuits}
    taken = 0
    for change in lowered:
        before = change.from_bps if change.from_bps is not None else speeds.get(change.circuit)
        taken += max(0, (before or 0) - (change.to_bps or 0))
    return {
        "lowered": len(lowered),
        "raised": len(pending) - len(lowered) - len(removed),
        "removed": len(removed),
        "withheld": len(withheld),
        "agencies_lowered": len({change.agency for change in lowered}),
        "routers": len({change.router for change in pending}),
        "tightened_bps": taken,
    }


class Rendering:
    """What changes would send, as far as that can be told without asking a router."""

    def __init__(self, configuration: Configuration, reader: LedgerReader, question: Question) -> None:
        """Raises ProfileError, StoreError."""
        self._configuration, self._observed = configuration, question.observed
        self._profiles: Profiles = load_profiles((configuration.directory / "collectors", folder("collectors")))
        self._folders = (configuration.directory / "policies" / "enforcement", folder("policies") / "enforcement")
        self._circuits = {circuit.id: circuit for circuit in configuration.circuits}
        self._sharings = sharings(configuration)
        self._dialects: dict[str, Dialect] = {}
        name, revision = reader.marker()
        self._owner = Owner(name, revision + 1)

    def of(self, change: Change) -> dict[str, Any]:
        """`commands`, and in `commands_objection` why they cannot be told: a field of the change's row each."""
        if change.action is Action.KEEP:
            return {"commands": [], "commands_objection": None}
        try:
            return {"commands": list(self._commands(change)), "commands_objection": None}
        except (DialectError, UnsafeValueError, RefusedError, ProfileError, LookupError) as error:
            return {"commands": [], "commands_objection": " ".join(str(error).splitlines())}

    def _commands(self, change: Change) -> tuple[str, ...]:
        circuit, settings = self._circuits[change.circuit], self._configuration.settings
        router, place = settings.routers[change.router], circuit.limiting
        if router.platform is None:
            raise LookupError(f"{change.router} has no platform in the configuration, which only the router can tell")
        if router.ssh is None:
            raise LookupError(f"{change.router} has no ssh credential in the configuration")
        target = Target(
            circuit=circuit.id,
            interface=place.interface,
            faces=place.faces,
            uplinks=router.uplinks,
            shared=self._sharings.get(circuit.id),
            allow_unguarded=router.allow_unguarded,
            owner=self._owner,
        )
        limits = {target.way(direction): self._limit(circuit, direction) for direction in Direction}
        control = settings.control
        return commands_of(
            change,
            target,
            self._dialect(router.platform),
            PortState(limits[Way.INGRESS], limits[Way.EGRESS]),
            username=settings.ssh.credentials[router.ssh].username,
            revert_s=control.revert_after // NANOSECONDS,
            expires_s=control.limit_expiry // NANOSECONDS,
        )

    def _limit(self, circuit: Circuit, direction: Direction) -> Limit:
        seen = self._observed.get((circuit.id, direction), Observed(None, known=False))
        return Limit(seen.bps, seen.bps is not None, None, seen.placement)

    def _dialect(self, platform: str) -> Dialect:
        named = self._profiles.named(platform).enforcement
        if named is None:
            raise LookupError(f"{platform} has no enforcement dialect")
        if named not in self._dialects:
            self._dialects[named] = load_dialect(named, self._folders)
        return self._dialects[named]

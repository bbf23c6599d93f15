"""What was last decided and observed: the control loop's memory, restored from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netmon.core.alerts import Alert, AlertState
from netmon.core.approval import PlanApproval
from netmon.core.changes import Plan
from netmon.core.directives import ALERT_KEY, Directive
from netmon.core.guard_alerts import twins
from netmon.core.kill_switch import Release
from netmon.core.model import Direction, Verdict
from netmon.core.planning import Observed
from netmon.core.shares import Due
from netmon.daemon.clock import Trust
from netmon.daemon.decisions import Memory, previous_verdicts
from netmon.daemon.holds import GlobalHold
from netmon.daemon.ledger import LedgerService
from netmon.store.ledger import Ledger


@dataclass(slots=True)
class Standing:
    """What was last decided and observed, as the ledger has it."""

    counting: Mapping[tuple[str, Direction], Verdict]
    alerts: dict[str, Alert]
    limits: dict[tuple[str, Direction], Observed]
    directives: tuple[Directive, ...] = ()
    """Those in force, and those whose end is yet to be told."""
    previous: Mapping[Memory, Verdict] = field(default_factory=dict)
    dues: dict[tuple[str, Direction], Due] = field(default_factory=dict)
    """What was last due to each circuit that shares, or did."""
    approvals: tuple[PlanApproval, ...] = ()
    """Those given to tightenings; some may have expired since."""
    plan: Plan | None = None
    trust: Trust = field(default_factory=lambda: Trust(None))
    turns: int = 0
    hold: GlobalHold | None = None
    """None: nobody has looked whether everything is released."""

    contested: frozenset[tuple[str, Direction]] = frozenset()
    """Places where somebody undoes what netmon does: nothing is set there until a person says so."""

    @property
    def twin_routers(self) -> frozenset[str]:
        """Routers that bear the marker of another netmon, as was told."""
        return twins(self.alerts)

    @property
    def released(self) -> Release | None:
        """The word that netmon limits nothing, while it holds."""
        return None if self.hold is None else self.hold.in_force()

    @classmethod
    async def restored(cls, ledger: LedgerService) -> Standing:
        """As the daemon that ran before left it."""
        counting = await ledger.write(Ledger.verdicts)
        states = await ledger.write(Ledger.limit_states)
        standing = cls(
            counting=counting,
            alerts=await ledger.write(Ledger.alerts),
            limits={key: Observed(state.bps, state.known) for key, state in states.items()},
            previous=previous_verdicts(counting.values()),
            dues=await ledger.write(Ledger.dues),
            approvals=await ledger.write(Ledger.plan_approvals, 0),
        )
        await standing.renew_directives(ledger)
        return standing

    async def renew_directives(self, ledger: LedgerService) -> None:
        """Takes up what was given, and lets go of what was ended, since. Raises StoreError."""
        told = {
            key.removeprefix(ALERT_KEY)
            for key, alert in self.alerts.items()
            if key.startswith(ALERT_KEY) and alert.state is not AlertState.RESOLVED
        }
        self.directives = await ledger.directives(told)

"""What was last decided and observed: the control loop's memory, restored from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netmon.core.model import Alert, Direction, Plan, Verdict
from netmon.core.planning import Observed
from netmon.daemon.clock import Trust
from netmon.daemon.decisions import previous_verdicts
from netmon.daemon.ledger import LedgerService
from netmon.store.ledger import Ledger


@dataclass(slots=True)
class Standing:
    """What was last decided and observed, as the ledger has it."""

    counting: Mapping[tuple[str, Direction], Verdict]
    alerts: dict[str, Alert]
    limits: dict[tuple[str, Direction], Observed]
    previous: Mapping[tuple[str, str], Verdict] = field(default_factory=dict)
    plan: Plan | None = None
    trust: Trust = field(default_factory=lambda: Trust(None))
    turns: int = 0

    @classmethod
    async def restored(cls, ledger: LedgerService) -> Standing:
        """As the daemon that ran before left it."""
        counting = await ledger.write(Ledger.verdicts)
        states = await ledger.write(Ledger.limit_states)
        return cls(
            counting=counting,
            alerts=await ledger.write(Ledger.alerts),
            limits={key: Observed(state.bps, state.known) for key, state in states.items()},
            previous=previous_verdicts(counting.values()),
        )

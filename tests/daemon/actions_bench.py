"""The bench on which Actions is tested: a real ledger, and an enforcer that is a router of two dictionaries."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from daemon.world import FaultyLedger, Hands, a_configuration, faulty_ledger
from support.ledgers import audited
from support.processes import PATIENCE_S

from netmon.core.changes import Action, Change, Intent, Outcome, Plan, Proof, Receipt
from netmon.core.model import Direction, VerdictReason
from netmon.core.planning import Observed
from netmon.core.resolving import Armed, ResolveAction
from netmon.daemon.actions import Actions
from netmon.daemon.enforcer import Order
from netmon.daemon.processes import ChildDiedError
from netmon.daemon.standing import Standing
from netmon.outputs.process import ProcessMetrics
from netmon.routers.enforcement import Inspection, Reading, Result
from netmon.routers.session import Failure
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

DOWN = Direction.DOWNLOAD
MBPS = 1_000_000
PLACES = {"dinkes-fo": ("palu", "dinkes"), "arsip-fo": ("palu", "arsip"), "dishub-fo": ("gowa", "dishub")}
DIED = ChildDiedError("the enforcer process ended before it answered")
UNKNOWN = Result(Outcome.UNKNOWN, Proof.NOT_TESTABLE, "the session was lost", Failure.CANCELLED, None, known=False)


def failed(detail: str, read_bps: int | None = None) -> Result:
    return Result(Outcome.FAILED, Proof.READ_BACK, detail, Failure.CANCELLED, read_bps, known=True)


def a_change(
    circuit: str, to_bps: int | None, from_bps: int | None = None, direction: Direction = Direction.DOWNLOAD
) -> Change:
    router, agency = PLACES[circuit]
    action = Action.REMOVE if to_bps is None else Action.SET
    return Change(router, circuit, agency, direction, action, from_bps, to_bps, VerdictReason.OVER_QUOTA, None)


def a_plan(*changes: Change) -> Plan:
    return Plan(changes, None, "0" * 64)


def kind_of(order: Order) -> str:
    if order.intent is None:
        return "read"
    if order.apply:
        return "apply"
    return "inspect" if order.action is None else f"{order.action}"


class Routers:
    """What the enforcer process would find, and a record of what it was told to do."""

    def __init__(self) -> None:
        self.limits: dict[tuple[str, Direction], int | None] = {}
        self.armed = Armed.UNARMED
        self.orders: list[Order] = []
        self.script: dict[tuple[str, str], deque[Any]] = {}
        """(kind, circuit) -> what comes instead: an answer, an exception, or a function of the order."""
        self.before: Callable[[Order], Any] = lambda order: None

    def will(self, kind: str, circuit: str, *answers: Any) -> None:
        self.script.setdefault((kind, circuit), deque()).extend(answers)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(kind_of(order), order.target.circuit) for order in self.orders]

    async def request(self, order: Order) -> Any:
        self.orders.append(order)
        found = self.before(order)
        if asyncio.iscoroutine(found):
            await found
        waiting = self.script.get((kind_of(order), order.target.circuit))
        answer = waiting.popleft() if waiting else self.obey(order)
        if callable(answer):
            answer = answer(order)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def obey(self, order: Order) -> Any:
        if order.intent is None:
            assert order.direction is not None
            bps = self.limits.get((order.target.circuit, order.direction))
            return Reading(bps, bps is not None, None)
        change = order.intent.change
        key = (change.circuit, change.direction)
        if order.apply:
            self.limits[key] = change.to_bps
            return Result(Outcome.CONFIRMED, Proof.READ_BACK, "was read back", None, change.to_bps, True, 7)
        if order.action is ResolveAction.REVERT:
            self.limits[key], self.armed = change.from_bps, Armed.FIRED
        elif order.action is ResolveAction.DISARM:
            self.armed = Armed.UNARMED
        return Inspection(True, self.limits.get(key), self.armed, "it was read", 5)

    def dying_after_effect(self, order: Order) -> Exception:
        self.obey(order)
        return ChildDiedError("the enforcer process ended before it answered")


class Bench:
    """One Actions with everything around it; `restarted` is the daemon started again."""

    def __init__(self, directory: Path, ledger: FaultyLedger) -> None:
        self.configuration = a_configuration(directory)
        self.hands, self.ledger, self.routers = Hands(), ledger, Routers()
        self.standing = Standing({}, {}, {})
        self.receipts: list[Receipt] = []
        self.platforms: dict[str, str] = {"palu": "linux", "gowa": "linux"}
        self.actions = self.made()

    def made(self) -> Actions:
        return Actions(
            self.configuration,
            self.hands.clock(),
            self.ledger,
            self.routers,
            self.standing,
            self.platforms.get,
            lambda router, interface: None,
            ProcessMetrics("sulteng", "0"),
            self.receipts.append,
        )

    async def restarted(self) -> None:
        self.standing = await Standing.restored(self.ledger)
        self.actions = self.made()
        await self.actions.restore()

    async def carry_out(self, *changes: Change) -> list[Receipt]:
        self.actions.offer(a_plan(*changes))
        return await asyncio.wait_for(self.actions.finished(), PATIENCE_S)

    async def settle(self, after_s: float = 0) -> None:
        self.hands.pass_s(after_s)
        await asyncio.wait_for(self.actions.settler.settle(), PATIENCE_S)

    async def open_intents(self) -> list[Intent]:
        return await self.ledger.write(Ledger.open_intents)

    async def recorded(self) -> list[Receipt]:
        """Oldest first."""
        links = await self.ledger.read(LedgerReader.receipts, 1000)
        return [link.receipt for link in reversed(links)]

    async def believed(self, circuit: str, direction: Direction = DOWN) -> Observed:
        """What the daemon believes; the ledger must say the same."""
        state = (await self.ledger.write(Ledger.limit_states))[circuit, direction]
        seen = self.standing.limits[circuit, direction]
        assert seen == Observed(state.bps, state.known)
        return seen


@asynccontextmanager
async def sound(directory: Path) -> AsyncIterator[Bench]:
    """A bench which, in the end, leaves a chain without a flaw and nothing half done."""
    async with faulty_ledger(directory) as ledger:
        one = Bench(directory, ledger)
        yield one
        assert audited(directory / "ledger.db").ok
        assert one.actions.settler._in_hand == set()

"""A state-changing verb while no daemon runs: takes the writer's lock, does it, and gives the lock back."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

from netmon.bundled import folder
from netmon.config.load import Configuration
from netmon.core.changes import Plan
from netmon.daemon import alone
from netmon.daemon.approving import APPROVE_PLAN, approval_given, approval_row
from netmon.daemon.bookkeeping import CLOSE_PERIOD, Books
from netmon.daemon.clock import Clock
from netmon.daemon.control import CommandError, ControlRefusedError, person
from netmon.daemon.decisions import OBSERVATION_NS, decide
from netmon.daemon.desk import Desk
from netmon.daemon.ledger import LedgerService
from netmon.daemon.operations import OPERATIONS
from netmon.daemon.orders import Order
from netmon.daemon.outlook import question_of
from netmon.daemon.plane import ControlPlane
from netmon.daemon.platforms import platforms_of
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.daemon.revisions import write_revision
from netmon.daemon.standing import Standing
from netmon.outputs.prometheus import Metrics
from netmon.routers.profiles import load_profiles
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.supervision import Supervisor

log = logging.getLogger(__name__)

PATIENCE_S = 300.0
_ORDERS = frozenset(order.value for order in Order)


def perform(configuration: Configuration, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """`apply`, `revert`, `close_period` or an Order as the daemon would do it, with what the ledger knows.

    Raises ControlRefusedError with one sentence, StoreError (LedgerLockedError where a writer runs after
    all), ProfileError and SecretUnavailableError.
    """
    try:
        return asyncio.run(_perform(configuration, verb, {**args, "by": person(os.getuid())}))
    except (CommandError, ChildDiedError, ChildFailedError) as error:
        raise ControlRefusedError(str(error)) from error
    except TimeoutError as error:
        raise ControlRefusedError(f"not finished after {PATIENCE_S:.0f} s; see netmon receipts") from error


async def _perform(configuration: Configuration, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
    if verb in OPERATIONS:
        return await alone.perform(configuration, verb, args)
    if verb == CLOSE_PERIOD:
        return await _close_period(configuration, args)
    if verb == APPROVE_PLAN:
        return await _approve_plan(configuration, args)
    if verb in _ORDERS:
        return await _hand_in(configuration, Order(verb), args)
    settings = configuration.settings
    clock = Clock(settings.control.require_synchronised_clock)
    profiles = load_profiles((configuration.directory / "collectors", folder("collectors")))
    ledger = LedgerService.open(settings.ledger, clock.now_ns)
    supervisor = Supervisor()
    try:
        standing = await Standing.restored(ledger)
        platforms = await platforms_of(configuration, profiles, _touched(configuration, standing, args))
        plane = ControlPlane(
            configuration,
            clock,
            ledger,
            await ledger.write(Ledger.heads),
            standing,
            {},
            Metrics(settings.site.name),
            platforms.get,
            lambda router, interface: None,
            lambda: None,
        )
        await plane.restore()
        supervisor.leaf("worker", plane.worker.run)
        supervisor.leaf("enforcer", plane.enforcer.run)
        verbs = {"apply": plane.apply, "revert": plane.revert}
        async with asyncio.timeout(PATIENCE_S):
            await write_revision(ledger, configuration, "command", clock)
            await plane.actions.settler.settle()
            return await verbs[verb](args)
    finally:
        await supervisor.stop()
        await ledger.close()


async def _close_period(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing on any router depends on it: ledger and clock are all it takes."""
    settings = configuration.settings
    clock = Clock(settings.control.require_synchronised_clock)
    ledger = LedgerService.open(settings.ledger, clock.now_ns)
    try:
        heads = await ledger.write(Ledger.heads)
        newest_ns = max((head.at_ns for head in heads.values()), default=None)
        return await Books(configuration, ledger, clock.now_ns, lambda: clock.trust(newest_ns)).close(args)
    finally:
        await ledger.close()


async def _approve_plan(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    """The same: what is approved is carried out by the daemon, or by netmon apply."""
    clock = Clock(configuration.settings.control.require_synchronised_clock)
    ledger = LedgerService.open(configuration.settings.ledger, clock.now_ns)
    try:
        now_ns = clock.now_ns()
        plan = await ledger.read(_plan_now, configuration, now_ns, clock)
        before = await ledger.write(Ledger.plan_approvals, now_ns)
        given = approval_given(configuration, plan.awaited, before, args, now_ns)
        await ledger.write(Ledger.approve_plan, given)
        zone = configuration.settings.site.timezone
        return {"approval": approval_row(plan.awaited, (*before, given), zone, now_ns)}
    finally:
        await ledger.close()


def _plan_now(reader: LedgerReader, configuration: Configuration, now_ns: int, clock: Clock) -> Plan:
    return decide(question_of(configuration, reader, now_ns, clock, OBSERVATION_NS)).plan


async def _hand_in(configuration: Configuration, order: Order, args: Mapping[str, Any]) -> dict[str, Any]:
    """The same: the daemon reads at its start what was ordered while it was down."""
    clock = Clock(configuration.settings.control.require_synchronised_clock)
    ledger = LedgerService.open(configuration.settings.ledger, clock.now_ns)
    try:
        return await Desk(configuration, ledger, clock.now_ns, _nobody_to_tell).carry_out(order, args)
    finally:
        await ledger.close()


async def _nobody_to_tell() -> None:
    """No control loop runs."""


def _touched(configuration: Configuration, standing: Standing, args: Mapping[str, Any]) -> set[str]:
    """Routers that the verb may have to talk to."""
    limited = {circuit for (circuit, _), seen in standing.limits.items() if seen.bps is not None or not seen.known}
    over = {verdict.agency for verdict in standing.counting.values() if verdict.limit is not None}
    return {
        c.limiting.router
        for c in configuration.circuits
        if c.id in limited or c.agency in over or c.id == args.get("circuit")
    }

"""What people have done on whole routers while no daemon runs: with an enforcer in this process.

A release needs the configuration and the credentials alone: the hold goes to disk first, and into the ledger where that
can be had; else the next daemon records it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from netmon.bundled import folder
from netmon.config.load import Configuration
from netmon.core import alerting
from netmon.core.adoption import any_in_doubt
from netmon.core.changes import Step
from netmon.core.guard_alerts import twin_condition
from netmon.core.kill_switch import Release
from netmon.core.model import Direction
from netmon.daemon.adopting import ADOPT, GIVE_BACK, Adopter, circuit_named
from netmon.daemon.clock import Clock
from netmon.daemon.enforcer import AnyOrder, Setup, job_of, make_enforcer
from netmon.daemon.holds import GlobalHold
from netmon.daemon.kill_switch import clear
from netmon.daemon.ledger import LedgerService
from netmon.daemon.operations import (
    ORPHANS,
    RESUME,
    SURVEY,
    SWEEP,
    TAKE_OVER,
    asides_of,
    ownerless,
    release_document,
)
from netmon.daemon.platforms import platforms_of
from netmon.daemon.processes import ChildFailedError
from netmon.daemon.reached import Reached, reason_of, router_named, routers_named
from netmon.routers.enforcer import EnforcerBusyError
from netmon.routers.profiles import load_profiles
from netmon.routers.readbacks import Owner
from netmon.settings import SecretUnavailableError
from netmon.store.chain import Kind
from netmon.store.errors import StoreError
from netmon.store.ledger import Ledger
from netmon.store.release_file import ReleaseFile

log = logging.getLogger(__name__)

THREADS = 32
"""Nobody else has sessions open now."""


async def perform(configuration: Configuration, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """One of the daemon's operations. Raises CommandError, StoreError, ProfileError."""
    verbs = {
        SWEEP: _release,
        RESUME: _resume,
        SURVEY: _survey,
        ORPHANS: _orphans,
        TAKE_OVER: _take_over,
        ADOPT: _adopt,
        GIVE_BACK: _give_back,
    }
    return await verbs[verb](configuration, args)


class _Here:
    """The enforcer's threads in this process."""

    def __init__(self, configuration: Configuration) -> None:
        self._ssh = configuration.settings.ssh.model_copy(update={"threads": THREADS})
        self._enforcer = make_enforcer(Setup(self._ssh, configuration.directory), _no_change)

    async def request(self, payload: AnyOrder) -> Any:
        try:
            future = self._enforcer.submit(job_of(payload, self._ssh))
        except (EnforcerBusyError, SecretUnavailableError, LookupError) as error:
            raise ChildFailedError(str(error)) from error
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._enforcer.close)


def _no_change(intent: str, step: Step) -> None:
    raise AssertionError(f"{intent} came to {step}, but no change is carried out here")


@asynccontextmanager
async def _reached(configuration: Configuration, *routers: str) -> AsyncIterator[Reached]:
    """Of these routers, or all that netmon can log in to."""
    profiles = load_profiles((configuration.directory / "collectors", folder("collectors")))
    wanted = routers or [name for name, one in configuration.settings.routers.items() if one.ssh is not None]
    platforms = await platforms_of(configuration, profiles, wanted)
    here = _Here(configuration)
    try:
        yield Reached(configuration, here, platforms.get, lambda router, interface: None)
    finally:
        await here.close()


@asynccontextmanager
async def _ledger(configuration: Configuration, clock: Clock) -> AsyncIterator[LedgerService | None]:
    """None where it cannot be had; none is made anew where its file is gone."""
    location, ledger = configuration.settings.ledger.location, None
    try:
        if not isinstance(location, Path) or location.exists():
            ledger = LedgerService.open(configuration.settings.ledger, clock.now_ns)
        else:
            log.warning("there is no ledger at %s", location)
    except (StoreError, SecretUnavailableError) as error:
        log.warning("the ledger cannot be had: %s", error)
    try:
        yield ledger
    finally:
        if ledger is not None:
            await ledger.close()


async def _hold(configuration: Configuration, ledger: LedgerService | None) -> GlobalHold:
    """What holds, by file and ledger, as far as the ledger can be read."""
    if ledger is not None:
        try:
            return await GlobalHold.restored(configuration.settings.ledger, ledger)
        except StoreError as error:
            log.warning("the ledger cannot be read: %s", error)
    return GlobalHold(ReleaseFile.of(configuration.settings.ledger))


async def _entered(hold: GlobalHold, release: Release, trouble: str) -> str | None:
    """Why the hold stands nowhere; None: it stands in the ledger at least."""
    try:
        await hold.enter(release)
    except StoreError as error:
        return f"{trouble}; {error}"
    log.warning("%s; it stands in the ledger alone", trouble)
    return None


async def _recorded(hold: GlobalHold) -> None:
    try:
        await hold.record()
    except StoreError as error:
        log.warning("the ledger takes nothing now; the next daemon records it: %s", error)


async def _release(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    """The hold first, whatever else can be had; then every router."""
    clock, by = Clock(require_synchronised=False), str(args["by"])
    file = GlobalHold(ReleaseFile.of(configuration.settings.ledger))
    release, trouble = file.begin(by, args.get("reason"), clock.now_ns())
    async with _ledger(configuration, clock) as ledger, _reached(configuration) as reached:
        hold = file if ledger is None else await _hold(configuration, ledger)
        if trouble is not None:
            trouble = await _entered(hold, release, trouble)
        await _recorded(hold)
        undos_ns = None if await _settled(ledger) else reached.undos_fire_ns()
        swept = await clear(hold, release, by, reached.brooms(), clock.now_ns, undos_ns)
        await _recorded(hold)
        if ledger is not None:
            await _believe(configuration, ledger, {one.router for one in swept if one.is_free}, clock.now_ns())
        asides = await asides_of(ledger)
    return release_document(release, swept, trouble, asides)


async def _settled(ledger: LedgerService | None) -> bool:
    """Whether it is known that no change was under way."""
    asides = await asides_of(ledger)
    if ledger is None or asides is None or any_in_doubt(asides.values()):
        return False
    try:
        return not await ledger.write(Ledger.open_intents)
    except StoreError:
        return False


async def _believe(configuration: Configuration, ledger: LedgerService, free: set[str], now_ns: int) -> None:
    try:
        states = await ledger.write(Ledger.limit_states)
        for circuit in configuration.circuits:
            for direction in Direction if circuit.limiting.router in free else ():
                state = states.get((circuit.id, direction))
                if state is not None and (state.bps is not None or not state.known):
                    await ledger.write(Ledger.note_limit, circuit.id, direction, None, True, now_ns)
    except StoreError as error:
        log.warning("the next daemon finds the limits gone by itself: %s", error)


async def _resume(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    clock = Clock(require_synchronised=False)
    async with _ledger(configuration, clock) as ledger:
        hold = await _hold(configuration, ledger)
        release = hold.end(str(args["by"]), args.get("reason"), clock.now_ns())
        await _recorded(hold)
    return release_document(release, (), None)


async def _survey(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    """The ledger is only asked which netmon this is."""
    clock, routers = Clock(require_synchronised=False), routers_named(configuration, args.get("routers"))
    async with _ledger(configuration, clock) as ledger, _reached(configuration, *routers) as reached:
        owner = None if ledger is None else Owner(*await ledger.write(Ledger.marker))
        rows = await asyncio.gather(*(reached.preflight(router, owner, clock.now_ns()) for router in routers))
    return {"routers": list(rows)}


async def _orphans(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    router, reason = router_named(configuration, args.get("router")), reason_of(args)
    clock = Clock(require_synchronised=False)
    ledger = LedgerService.open(configuration.settings.ledger, clock.now_ns)
    try:
        async with _reached(configuration, router) as reached:
            gone, left = await reached.remove(router, await reached.orphans(router))
        if gone or left:
            word = {"at_ns": clock.now_ns(), "by": str(args["by"]), "reason": reason, "removed": gone, "left": left}
            await ledger.write(Ledger.record_word, Kind.ORPHANS, router, word)
        for place in ownerless(await ledger.write(Ledger.limit_states), configuration, gone):
            await ledger.write(Ledger.note_limit, *place, None, True, clock.now_ns())
    finally:
        await ledger.close()
    return {"router": router, "removed": gone, "left": left}


async def _take_over(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    router, reason = router_named(configuration, args.get("router")), reason_of(args)
    clock = Clock(require_synchronised=False)
    ledger = LedgerService.open(configuration.settings.ledger, clock.now_ns)
    try:
        owner = Owner(*await ledger.write(Ledger.marker))
        async with _reached(configuration, router) as reached:
            taken = await reached.take_over(router, owner)
        before = None if taken.before is None else taken.before.marker
        now_ns = clock.now_ns()
        word = {"at_ns": now_ns, "by": str(args["by"]), "reason": reason, "before": before, "after": owner.marker}
        await ledger.write(Ledger.record_word, Kind.TAKE_OVER, router, word)
        condition = twin_condition(router, None)
        alert = alerting.transition((await ledger.write(Ledger.alerts)).get(condition.key), condition, now_ns)
        await ledger.write(Ledger.decide, (), () if alert is None else (alert,), now_ns)
    finally:
        await ledger.close()
    return {"router": router, "before": before, "after": owner.marker, "detail": taken.detail}


@asynccontextmanager
async def _adopter(
    configuration: Configuration, args: Mapping[str, Any]
) -> AsyncIterator[tuple[Adopter, LedgerService]]:
    """For the router of the circuit that is named."""
    router = circuit_named(configuration, args.get("circuit")).limiting.router
    clock = Clock(require_synchronised=False)
    ledger = LedgerService.open(configuration.settings.ledger, clock.now_ns)
    try:
        owner = Owner(*await ledger.write(Ledger.marker))
        async with _reached(configuration, router) as reached:
            yield Adopter(reached, ledger, owner, clock.now_ns), ledger
    finally:
        await ledger.close()


async def _in_doubt(ledger: LedgerService) -> set[str]:
    return {intent.change.router for intent in await ledger.write(Ledger.open_intents)}


async def _adopt(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    async with _adopter(configuration, args) as (adopter, ledger):
        released = (await _hold(configuration, ledger)).in_force()
        return await adopter.adopt(args, await _in_doubt(ledger), is_released=released is not None)


async def _give_back(configuration: Configuration, args: Mapping[str, Any]) -> dict[str, Any]:
    async with _adopter(configuration, args) as (adopter, ledger):
        return await adopter.give_back(args, await _in_doubt(ledger))

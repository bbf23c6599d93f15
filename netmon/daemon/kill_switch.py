"""Sweeps every router free of netmon's limits. Needs inventory and credentials; neither ledger nor daemon."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from netmon.core.kill_switch import Release, Sweep, Swept, SweptState, judged, pause_ns
from netmon.core.model import NANOSECONDS
from netmon.daemon.enforcer import ListOursOrder, WipeOrder
from netmon.daemon.holds import GlobalHold
from netmon.daemon.processes import ChildDiedError, ChildFailedError
from netmon.routers.readbacks import Ours
from netmon.routers.session import Failure
from netmon.routers.settings import RouterSettings
from netmon.routers.upkeep import Belongings, Wiped
from netmon.store.errors import StoreError

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Routers of which a sweep has something in hand; how many sessions are open at once is the enforcer's to say."""
HOPELESS = frozenset({Failure.HOST_KEY_MISMATCH, Failure.UNKNOWN_HOST_KEY, Failure.LOGIN_REFUSED, Failure.DIALECT})
"""What another attempt does not mend; a changed host key must not even be tried again."""

Sleep = Callable[[float], Awaitable[None]]


class Asked(Protocol):
    """The enforcer, in a process of its own or in this one."""

    async def request(self, payload: ListOursOrder | WipeOrder) -> Any:
        """Raises ChildFailedError and ChildDiedError."""


class NotReadError(Exception):
    """The router could not be asked; the message says why."""

    def __init__(self, detail: str, *, hopeless: bool = False) -> None:
        """`hopeless`: another attempt mends nothing."""
        super().__init__(detail)
        self.hopeless = hopeless


class Broom(Protocol):
    """What a sweep needs of one router."""

    async def ours(self) -> Sequence[str]:
        """The names of all that is netmon's there. Raises NotReadError."""

    async def wipe(self) -> str | None:
        """Takes off all that was listed last; why not all of it went, or for good. Raises NotReadError."""


class RouterBroom:
    """The enforcer's sessions with one router."""

    def __init__(self, enforcer: Asked, router: str, settings: RouterSettings, platform: str | None) -> None:
        """`platform`: folder under policies/enforcement; None: not known."""
        self._enforcer, self._router, self._settings, self._platform = enforcer, router, settings, platform
        self._things: tuple[Ours, ...] = ()

    async def ours(self) -> Sequence[str]:
        order = ListOursOrder(self._router, self._settings, self._known())
        found: Belongings = await self._ask(order)
        if found.failure is not None:
            raise NotReadError(f"{found.failure}: {found.detail}", hopeless=found.failure in HOPELESS)
        self._things = found.ours
        return [named(thing) for thing in found.ours]

    async def wipe(self) -> str | None:
        trouble = None
        for thing in self._things:
            wiped: Wiped = await self._ask(WipeOrder(self._router, self._settings, self._known(), thing))
            if not wiped.gone:
                trouble = f"{wiped.reason}: {wiped.detail}"
            elif not wiped.saved:
                trouble = trouble or wiped.detail
        return trouble

    def _known(self) -> str:
        if self._platform is None:
            detail = "its platform is not known; write routers.<name>.platform, or have it answer SNMP"
            raise NotReadError(detail, hopeless=True)
        return self._platform

    async def _ask(self, order: ListOursOrder | WipeOrder) -> Any:
        try:
            return await self._enforcer.request(order)
        except ChildDiedError as error:
            raise NotReadError(str(error)) from error
        except ChildFailedError as error:
            raise NotReadError(str(error), hopeless=True) from error


def named(thing: Ours) -> str:
    """`NM-0A1B2C3D-DINKES ether1 egress`."""
    return " ".join(part for part in (thing.object, thing.interface, thing.way) if part)


async def sweep(release: str, by: str, brooms: Mapping[str, Broom], now_ns: int, sleep: Sleep = asyncio.sleep) -> Sweep:
    """One pass over all routers: what is ours there, each wiped, none read back; bounded in time by attempts."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(router: str, broom: Broom) -> Swept:
        async with gate:
            return await _one(router, broom, sleep)

    swept = await asyncio.gather(*(one(router, brooms[router]) for router in sorted(brooms)))
    return Sweep(f"sweep-{secrets.token_hex(8)}", release, now_ns, by, tuple(swept))


async def clear(
    hold: GlobalHold,
    release: Release,
    by: str,
    brooms: Mapping[str, Broom],
    now_ns: Callable[[], int],
    undos_fire_ns: int | None,
    sleep: Sleep = asyncio.sleep,
) -> tuple[Swept, ...]:
    """Sweeps once; and, where undos may be armed, which put old limits back, once more when all have fired.

    `undos_fire_ns`: within how long of now they have; None: none is armed. What was done is noted beside the hold.
    """
    began_ns = now_ns()
    first = await sweep(release.id, by, brooms, began_ns, sleep)
    _note(hold, first)
    if undos_fire_ns is None:
        return first.routers
    await sleep(max(0, began_ns + undos_fire_ns - now_ns()) / NANOSECONDS)
    second = await sweep(release.id, by, brooms, now_ns(), sleep)
    _note(hold, second)
    return _joined(first, second)


def _note(hold: GlobalHold, done: Sweep) -> None:
    try:
        hold.swept(done)
    except StoreError as error:
        log.error("what was swept cannot be noted: %s", error)


def _joined(first: Sweep, second: Sweep) -> tuple[Swept, ...]:
    """How the routers were left by the second of two sweeps, with all that both took off."""
    before = {one.router: one for one in first.routers}
    found = []
    for one in second.routers:
        earlier = before[one.router]
        removed = tuple(sorted({*one.removed, *earlier.removed}))
        state, detail = one.state, one.detail
        if state is SweptState.CLEAR and removed:
            state, detail = SweptState.CLEARED, earlier.detail if earlier.is_free else ""
        found.append(Swept(one.router, state, removed, one.left, detail))
    return tuple(found)


async def _one(router: str, broom: Broom, sleep: Sleep) -> Swept:
    """Until nothing is read back, or attempts are used up."""
    found: set[str] = set()
    trouble: str | None = None
    attempt = 1
    while True:
        try:
            there = await broom.ours()
            found.update(there)
            if there:
                trouble = await broom.wipe()
                there = await broom.ours()
            swept = judged(router, sorted(found), there, trouble)
            hopeless = False
        except NotReadError as error:
            swept = Swept(router, SweptState.NOT_READ, detail=str(error))
            hopeless = error.hopeless
        pause = pause_ns(attempt)
        if swept.is_free or hopeless or pause is None:
            return swept
        await sleep(pause / NANOSECONDS)
        attempt += 1

"""The desk where directives and requests are handed in: checked, recorded, and the control loop told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from netmon.config.load import Configuration
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.requests import Objection, Request, RequestState, Word
from netmon.daemon import orders
from netmon.daemon.bookkeeping import Rooms
from netmon.daemon.control import CommandError
from netmon.daemon.orders import Order
from netmon.daemon.queries import directive_row, request_row, rfc3339
from netmon.store.directives import Decided, Given
from netmon.store.ledger import Ledger

_GIVEN: Mapping[Order, Callable[[Configuration, Mapping[str, Any], int], Directive]] = {
    Order.BOOST: orders.boost,
    Order.EXEMPT: orders.exemption,
    Order.FREEZE: orders.freeze,
    Order.DEGRADE: orders.degradation,
}


class Desk:
    """Every Order, under one configuration. `changed` is awaited once other directives are in force."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: Rooms,
        now_ns: Callable[[], int],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._configuration, self._ledger, self._now_ns, self._changed = configuration, ledger, now_ns, changed
        self._zone = configuration.settings.site.timezone
        self._needed = configuration.settings.control.approvals

    async def carry_out(self, order: Order, args: Mapping[str, Any]) -> dict[str, Any]:
        """With the arguments that the functions of `orders` name. Raises CommandError with one sentence, StoreError."""
        match order:
            case Order.END:
                return await self._end(str(args.get("id")), args)
            case Order.RESTORE:
                return await self._restore(args)
            case Order.REQUEST:
                asked = orders.request(self._configuration, args, self._now_ns())
                return {"request": self._request_row(await self._ledger.write(Ledger.record_request, asked))}
            case Order.APPROVE:
                return await self._approve(str(args.get("id")), args)
            case Order.REFUSE:
                return await self._refuse(str(args.get("id")), args)
            case _:
                directive = _GIVEN[order](self._configuration, args, self._now_ns())
                given = await self._ledger.write(Ledger.give_directive, directive)
                await self._changed()
                return self._given(given)

    async def _end(self, directive_id: str, args: Mapping[str, Any]) -> dict[str, Any]:
        said = orders.word(args, self._now_ns())
        ended = await self._ledger.write(Ledger.end_directive, directive_id, said.by, said.reason or "", self._now_ns())
        await self._changed()
        return {"directive": directive_row(ended, self._zone, self._now_ns())}

    async def _restore(self, args: Mapping[str, Any]) -> dict[str, Any]:
        name = str(args.get("name"))
        standing = await self._ledger.write(Ledger.directives, self._now_ns())
        ours = (one.id for one in standing if one.kind is DirectiveKind.DEGRADATION and one.subject == name)
        directive_id = next(ours, None)
        if directive_id is None:
            orders.capacity_named(self._configuration, args)
            raise CommandError(f"{name} is not degraded; netmon directives lists what is in force")
        return await self._end(directive_id, args)

    async def _approve(self, request_id: str, args: Mapping[str, Any]) -> dict[str, Any]:
        said = orders.word(args, self._now_ns(), needs_reason=False)
        asked = await self._ledger.write(Ledger.request, request_id)
        orders.affordable(self._configuration, asked.rates)
        if all(agency.id != asked.agency for agency in self._configuration.agencies):
            raise CommandError(f"there is no agency {asked.agency} any more; refuse {request_id}")
        found = await self._ledger.write(Ledger.approve_request, request_id, said, self._needed)
        return await self._decided(found, asked, said)

    async def _refuse(self, request_id: str, args: Mapping[str, Any]) -> dict[str, Any]:
        said = orders.word(args, self._now_ns())
        asked = await self._ledger.write(Ledger.request, request_id)
        return await self._decided(await self._ledger.write(Ledger.refuse_request, request_id, said), asked, said)

    async def _decided(self, found: Decided | Objection, asked: Request, said: Word) -> dict[str, Any]:
        match found:
            case Objection.OWN_REQUEST:
                raise CommandError(f"{asked.id} was asked for by {_names(asked.asked)}; another person must approve it")
            case Objection.APPROVED_ALREADY:
                raise CommandError(f"{_names(said)} approved {asked.id} already; another person must approve it, too")
            case Objection.NOT_PENDING:
                raise CommandError(self._too_late(asked, said.at_ns))
            case Decided(request, given):
                if given is not None:
                    await self._changed()
                return {"request": self._request_row(request), **({} if given is None else self._given(given))}

    def _too_late(self, asked: Request, now_ns: int) -> str:
        state = asked.state(now_ns)
        if state is RequestState.EXPIRED:
            return f"{asked.id} expired on {rfc3339(asked.expires_ns, self._zone)}; it must be asked for anew"
        return f"{asked.id} is decided already; netmon requests --all shows how"

    def _request_row(self, one: Request) -> dict[str, Any]:
        return request_row(one, self._zone, self._now_ns(), self._needed)

    def _given(self, given: Given) -> dict[str, Any]:
        return {
            "directive": directive_row(given.directive, self._zone, self._now_ns()),
            "replaced": None if given.replaced is None else given.replaced.id,
        }


def check(configuration: Configuration, order: Order, args: Mapping[str, Any], now_ns: int) -> None:
    """What can be said of an order without the ledger. Raises OrderError."""
    said = {"by": "", **args}
    match order:
        case Order.REQUEST:
            orders.request(configuration, said, now_ns)
        case Order.END | Order.REFUSE | Order.APPROVE:
            orders.word(said, now_ns, needs_reason=order is not Order.APPROVE)
        case Order.RESTORE:
            orders.word(said, now_ns)
        case _:
            _GIVEN[order](configuration, said, now_ns)


def _names(said: Word) -> str:
    return said.by if said.on_behalf is None else f"{said.by} for {said.on_behalf}"

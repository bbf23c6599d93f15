"""The command line of a simulated IOS XR router: target configurations, exclusive sessions, commits on trial.

Written from Cisco's documents (Getting Started: Managing Configuration Sessions, System Management), and from what
operators report of commits on trial: only the session that sent one can confirm it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from netmon.simulator.cisco_grammar import RefusedError
from netmon.simulator.device import PortRole, Router
from netmon.simulator.faults import Rejecting
from netmon.simulator.indented import Block, differences, parsed
from netmon.simulator.iosxr_config import limit_of, semantic_error
from netmon.simulator.iosxr_seat import IosXrSeat

_FAILED = (
    "% Failed to commit one or more configuration items during a pseudo-atomic operation. All changes made have been"
    " reverted. Please issue 'show configuration failed [inheritance]' from this session to view the errors"
)
_ERRORS = (
    "!! SEMANTIC ERRORS: This configuration was rejected by\n!! the system due to semantic errors. The individual\n"
    "!! errors with each failed configuration command can be\n!! found below.\n\n\n"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A configuration session in the router's table."""

    number: int
    line: str
    username: str
    client: str
    since: datetime


class IosXr(Rejecting):
    """One router. `refuses` is a fault: the words in which its hardware refuses the next commits."""

    def __init__(self, router: Router, second_s: float = 1.0) -> None:
        """`second_s`: real seconds for each second of the router's timers."""
        self.router = router
        self._second_s = second_s
        self.banner = "\n\nAuthorised use only.\n\n"
        self.refuses: str | None = None
        self.always_timed = False
        """The time stands before every answer, whatever the terminal is told."""
        self.logins: list[IosXrSeat] = []
        self.sessions: dict[IosXrSeat, Row] = {}
        self.locked_by: IosXrSeat | None = None
        self.running = parsed(_factory(router))
        self.trial_of: IosXrSeat | None = None
        self._trial: tuple[Row, Block, asyncio.Task[None]] | None = None
        """Its row, what it is rolled back to, and the timer."""
        self._numbers = 0x3590

    # --- what the rest of the simulation sees ------------------------------------------------

    def seat(self, username: str, peer: str) -> IosXrSeat:
        used = {seat.line for seat in self.logins}
        seat = IosXrSeat(self, next(f"vty{n}" for n in range(1000) if f"vty{n}" not in used), username, peer)
        self.logins.append(seat)
        return seat

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return limit_of(self.running, interface, outward)

    def reboot(self) -> None:
        """A commit is kept, one on trial is not."""
        self.router.settle()
        self.roll_back()
        self.sessions.clear()
        self.locked_by = None

    # --- faults ------------------------------------------------------------------------------

    def operator_enters(self) -> IosXrSeat:
        """Someone else has an exclusive session with edits that are not committed."""
        seat = self.seat("operator", "10.99.0.7")
        port = next(port for port in self.router.ports if port.role is PortRole.UPLINK)
        for line in ("configure exclusive", f"interface {port.name}", "description being rewired"):
            seat.type(line)
        return seat

    # --- sessions and commits ----------------------------------------------------------------

    def open(self, seat: IosXrSeat, exclusive: bool) -> None:
        """Raises RefusedError."""
        if exclusive and self.locked_by is not None:
            raise RefusedError("Cannot enter exclusive mode. The Configuration Namespace is locked by another agent.")
        if exclusive and self._trial is not None:
            raise RefusedError(
                "Cannot enter exclusive mode. A trial commit is underway in another configuration session."
            )
        self.sessions[seat] = self._row(seat, "CLI")
        if exclusive:
            self.locked_by = seat

    def shut(self, seat: IosXrSeat) -> None:
        self.sessions.pop(seat, None)
        if self.locked_by is seat:
            self.locked_by = None

    def commit(self, seat: IosXrSeat, base: Block, target: Block, trial_s: int | None) -> str:
        """Makes the target's differences from `base` the running configuration. Raises RefusedError."""
        changes = differences(base, target)
        if self.trial_of is seat and trial_s is None:
            self._end_trial()
            if not changes:
                return "% Confirming commit for trial session.\n"
        elif not changes:
            raise RefusedError("No configuration changes to commit.")
        elif self._trial is not None:
            raise RefusedError(
                f"% Cannot commit because there is an unexpired trial/rollback session '{self._number()}'."
            )
        if self.locked_by not in (None, seat):
            raise RefusedError("% Failed to commit .. As the configuration namespace is locked by another session.")
        merged = _merged(self.running, base, target)
        error = semantic_error(merged)
        if self.refuses is not None:
            error = ("\n".join(path[-1] for sign, path in changes if sign == "+"), f"!!% {self.refuses}")
        if error is not None:
            seat.failed = f"{_ERRORS}{error[0]}\n{error[1]}\n!\nend\n"
            raise RefusedError(_FAILED)
        self.router.settle()
        before, self.running = self.running, merged
        if trial_s is not None:
            self._try(seat, before, trial_s)
        return ""

    def roll_back(self) -> None:
        if self._trial is not None:
            self.router.settle()
            self.running = self._trial[1]
            self._end_trial()

    def table(self) -> str:
        """`show configuration sessions detail`."""
        rows = [(row, "Reserved" if seat is self.locked_by else "None") for seat, row in self.sessions.items()]
        rows += [(self._trial[0], "None")] if self._trial is not None else []
        return "".join(
            f"\n  {n}) Session: 00001000-0000{row.number:04x}-00000000  {row.since:%a %b %d %H:%M:%S %Y}\n"
            f"     Line: {row.line:<30} Lock: {lock}\n     User: {row.username:<30} Client: {row.client}\n"
            f"     Process: config                      PID: {row.number}\n"
            "     Node:                                Elapsed Time: unknown\n"
            for n, (row, lock) in enumerate(rows, 1)
        )

    def _row(self, seat: IosXrSeat, client: str) -> Row:
        self._numbers += 1
        return Row(self._numbers, seat.line, seat.username, client, datetime.now(UTC))

    def _number(self) -> str:
        return "" if self._trial is None else f"00001000-0000{self._trial[0].number:04x}-00000000"

    def _try(self, seat: IosXrSeat, before: Block, seconds: int) -> None:
        async def fire() -> None:
            await asyncio.sleep(seconds * self._second_s)
            self.roll_back()

        self._trial = (self._row(seat, "commit-confirm"), before, asyncio.create_task(fire()))
        self.trial_of = seat
        if self.locked_by is seat:
            self.locked_by = None  # the trial keeps others out from here on

    def _end_trial(self) -> None:
        assert self._trial is not None
        if (timer := self._trial[2]) is not asyncio.current_task():
            timer.cancel()
        self._trial = self.trial_of = None


def _merged(running: Block, base: Block, target: Block) -> Block:
    """The target, if nothing was committed since; else its changes on what is running."""
    if list(running.paths()) == list(base.paths()):
        return target.copy()
    merged = running.copy()
    for sign, path in differences(base, target):
        above = merged.enter(*path[:-1]) if sign == "+" else merged.find(*path[:-1])
        if sign == "+":
            above = merged.enter(*path)
        elif above is not None:
            above.below = [one for one in above.below if one.line != path[-1]]
    return merged


def _factory(router: Router) -> str:
    lines = [f"hostname {router.name}"]
    for port in router.ports:
        lines.append(f"interface {port.name}")
        lines += [f" description {port.alias}"] if port.alias else []
        lines += [f" encapsulation dot1q {port.vlan}"] if port.parent else []
        if port.role is PortRole.MANAGEMENT:
            lines.append(f" ipv4 address {router.address} 255.0.0.0")
        elif port.role is PortRole.UPLINK:
            lines.append(f" ipv4 address 10.255.{port.index}.2 255.255.255.252")
        else:
            lines.append(f" ipv4 address 10.{port.mac[-2]}.{port.index}.1 255.255.255.0")
    return "\n".join(lines)

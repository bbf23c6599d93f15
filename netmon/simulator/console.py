"""What a simulated router is to the server that carries its command line."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Logout(Exception):  # noqa: N818 - a jump, not an error
    """The operator left."""

    def __init__(self, said: str = "", status: int = 0) -> None:
        """`said` is what the router still prints; `status` the session's exit status."""
        super().__init__(said, status)
        self.said = said
        self.status = status


class Seat(Protocol):
    """The command line of one login."""

    @property
    def prompt(self) -> str:
        """As it is printed before the next line; it may hold newlines, as Junos' `[edit]` does."""

    async def run(self, line: str) -> str:
        """What the router prints for one line typed, lines ended by newlines. Raises Logout."""

    def close(self) -> None:
        """The link dropped or the operator left: locks and candidates go as they do on the vendor's box."""


@runtime_checkable
class Silent(Protocol):
    """A seat that can stop echoing what is typed."""

    @property
    def echo(self) -> bool: ...


class System(Protocol):
    """A router's running and startup configuration, as its command line alters it."""

    @property
    def banner(self) -> str:
        """Printed after login, before the first prompt."""

    def seat(self, username: str, peer: str) -> Seat:
        """A login from the address `peer`."""

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        """What the running configuration lets through; None: everything."""

    def reboot(self) -> None:
        """Forgets what was not saved, and every timer and job that was waiting."""


@runtime_checkable
class Executing(Protocol):
    """A system that tells the exit status of a single command (`ssh router COMMAND`)."""

    async def execute(self, username: str, peer: str, command: str) -> tuple[str, str, int]:
        """Standard output, standard error and status."""

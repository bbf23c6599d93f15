"""Which two ports are the ends of one fibre: what routers hear of each other. Pure.

Nothing is guessed: a port that hears several systems, or one that says something else of it, has no far end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Port = tuple[str, str]
"""Router and ifName."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A system heard at a port, by the protocol that knows its neighbours best there."""

    interface: str
    """ifName of the port."""
    router: str | None
    """The configured router it is; None: none of them."""
    port: str | None
    """ifName of the router's port; None: it does not say, or no port there is called so."""


def far_ports(router: str, heard: Mapping[str, Sequence[Heard]]) -> dict[str, Port | None]:
    """ifName -> the port at the other end, of all ports of `router` at which something is heard.

    None: what is there is not one port of a configured router. A port that is left out is undecided: what was known
    of it before may stand. `heard` is by router, as far as they were asked.
    """
    at: defaultdict[str, list[Heard]] = defaultdict(list)
    for one in heard.get(router, ()):
        at[one.interface].append(one)
    found: dict[str, Port | None] = {}
    for interface, ones in at.items():
        systems = {one.router for one in ones}
        ports = {one.port for one in ones if one.port is not None}
        (system,) = systems if len(systems) == 1 else (None,)
        if system is None or system == router or len(ports) > 1:
            found[interface] = None
            continue
        port = next(iter(ports), None) or _only_port_between(router, system, heard)
        if port is not None:
            found[interface] = (system, port) if _agrees((router, interface), (system, port), heard) else None
    claimed = Counter(far for far in found.values() if far is not None)
    return {interface: far if far is None or claimed[far] == 1 else None for interface, far in found.items()}


def _only_port_between(router: str, system: str, heard: Mapping[str, Sequence[Heard]]) -> str | None:
    """The system's port at which it hears the router, where there is one link between them and no second."""
    ours = {one.interface for one in heard.get(router, ()) if one.router == system}
    theirs = {one.interface for one in heard.get(system, ()) if one.router == router}
    return next(iter(theirs)) if len(ours) == len(theirs) == 1 else None


def _agrees(near: Port, far: Port, heard: Mapping[str, Sequence[Heard]]) -> bool:
    """Whether the far port hears the near one, or nothing at all."""
    return all(
        one.router == near[0] and one.port in {near[1], None}
        for one in heard.get(far[0], ())
        if one.interface == far[1]
    )

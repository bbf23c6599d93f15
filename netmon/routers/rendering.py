"""What a change would send, without a session: the lines that alter the router, in their order.

They are rendered against a state that was read some time ago, or is only believed; what is sent follows from what is
read then.
"""

from __future__ import annotations

from typing import Never

from netmon.core.changes import Change
from netmon.routers.dialects import Dialect, RevertKind, Verb
from netmon.routers.port import Target, Wanted
from netmon.routers.readbacks import PortState
from netmon.routers.session import UnreachableError
from netmon.routers.shared_port import open_port

ARM = "nm-0000000000000000"
"""Stands for the change's own id, which it is given when it is begun."""


class _NoSession:
    def __init__(self, username: str) -> None:
        self.username = username

    def run(self, command: str) -> Never:
        raise UnreachableError("nothing is sent here")

    def transcript(self) -> str:
        return ""

    def close(self) -> None:
        """There is nothing to close."""


def commands_of(
    change: Change,
    target: Target,
    dialect: Dialect,
    state: PortState,
    *,
    username: str,
    revert_s: int,
    expires_s: int,
) -> tuple[str, ...]:
    """The undo armed, the change, the undo disarmed, saved; without what only reads.

    `state`: both ways of the port as they are believed to be. Raises DialectError, UnsafeValueError and RefusedError
    where such a change cannot be written.
    """
    port, settings, way = (
        open_port(target, _NoSession(username), dialect),
        dialect.settings,
        target.way(change.direction),
    )
    wanted = Wanted(change.to_bps, change.to_placement)
    port.check_possible(wanted)
    apply, restore = port.to_have(way, wanted, state), port.to_restore(way, wanted, state)
    if settings.expiry and expires_s > 0:
        removal, unexpire = port.to_end(way, wanted, state), port.commands(Verb.UNEXPIRE, way=way.value)
        had = state.limit(way).bps is not None
        apply += unexpire if change.to_bps is None else port.to_expire(way, expires_s, ARM, removal)
        restore += port.to_expire(way, expires_s, f"{ARM}-r", removal) if had else unexpire
    if target.owner is not None:
        apply += port.commands(Verb.OWN, owner=target.owner.name, revision=target.owner.revision)
    revert = settings.revert
    seconds = revert.fits(revert.lasts_s(revert_s)) or revert.least_s
    timer = {"arm": ARM, "seconds": seconds, "units": seconds // revert.unit_s}
    guarded = revert.kind is RevertKind.COMMIT
    lines: tuple[str, ...] = ()
    if revert.kind in (RevertKind.JOB, RevertKind.TIMER):
        lines += port.commands(Verb.ARM, **timer, restore=restore)
    lines += port.commands(Verb.BEGIN) + apply + port.commands(Verb.END, **timer, guarded=int(guarded))
    if revert.kind is not RevertKind.NONE:
        lines += port.commands(Verb.CONFIRM, arm=ARM)
    return lines + port.commands(Verb.SAVE) + port.commands(Verb.FORGET, arm=ARM)

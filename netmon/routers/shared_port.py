"""A conversation about a port that several circuits share: one node of its hierarchy is altered, the others stay.

A circuit's class or queue and what sends packets there are found by name again (`Names`), so that whatever is
sent may be sent twice. What was read before a change is put back by an undo with the same values, classes above the
circuit's included; a class above goes when nothing hangs from it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from netmon.core.code_points import Packets, of_version
from netmon.core.model import Direction, Placement, Tier
from netmon.core.planning import same_placement
from netmon.core.shaping import LEAST_BPS
from netmon.routers.dialects import Dialect, Names, Verb, Way
from netmon.routers.port import Port, RefusedError, Sharing, Target, Wanted
from netmon.routers.readback_htb import HtbReadback
from netmon.routers.readback_queue_tree import QueueTreeReadback
from netmon.routers.readbacks import Answers, Limit, PortState, readable
from netmon.routers.session import Failure, Session


class Hierarchy(Protocol):
    """How a platform holds the tree of one shared port, as it concerns one circuit."""

    @property
    def above_root(self) -> str:
        """From what the point's own node hangs."""

    @property
    def weighs(self) -> bool:
        """Whether what is lent is shared by weight; if not, a placement read has weight 0."""

    def node(self, agency: str | None) -> str:
        """The name of an agency's node above circuits; of the whole point's for None."""

    def state(self, read: Answers, sides: Mapping[Way, str]) -> PortState:
        """`read` are the answers of `read_shared`; `sides` tell circuits apart. Raises AnswerUnreadableError."""


HIERARCHIES: Final[Mapping[str, Callable[[str, Sharing, str], Hierarchy]]] = MappingProxyType(
    {"htb": HtbReadback, "queue_tree": QueueTreeReadback}
)
"""By what `hierarchy` of a dialect.yaml may name; made of the circuit, the sharing and the port."""


def open_port(target: Target, session: Session, dialect: Dialect) -> Port:
    """The conversation that fits the target. Raises RefusedError where the platform has no hierarchy."""
    if target.shared is None:
        return Port(target, session, dialect)
    return SharedPort(target, target.shared, session, dialect)


class SharedPort(Port):
    """A port with a class for each circuit, told apart by prefixes."""

    def __init__(self, target: Target, shared: Sharing, session: Session, dialect: Dialect) -> None:
        if dialect.settings.hierarchy is None:
            raise RefusedError(
                Failure.HIERARCHY,
                f"{dialect.platform} has no hierarchy of its own, so {target.interface} cannot be shared;"
                f" limit circuit {target.circuit} at a port of its own",
            )
        super().__init__(target, session, dialect)
        self._shared = shared
        self._hierarchy = HIERARCHIES[dialect.settings.hierarchy](target.circuit, shared, target.interface)
        ours = Names.of(f"port {target.interface}")
        self._port_values = {
            "device": ours.device,
            "object": ours.object,
            "leaf": self.names.object,
            "ipv4": of_version(4, shared.prefixes),
            "ipv6": of_version(6, shared.prefixes),
        }
        self._packets = {
            "told": tuple(
                (of_version(4, some), of_version(6, some), tuple((value << 2, mask << 2) for value, mask in parts))
                for some, parts in shared.told
            ),
            "marks": tuple(
                (Names.of(one.circuit).object, of_version(4, one.prefixes), of_version(6, one.prefixes), one.dscp)
                for one in (*shared.excepted, Packets(target.circuit, shared.prefixes, shared.dscp))
            ),
        }

    def check_possible(self, wanted: Wanted) -> None:
        if wanted.bps is not None and wanted.placement is None:
            raise RefusedError(
                Failure.HIERARCHY, f"it is not known where {self.target.circuit} hangs in {self.target.interface}"
            )

    def state(self) -> PortState:
        answers = self.ask(Verb.READ_SHARED, **self._port_values)
        with readable(self.dialect.platform):
            return self._hierarchy.state(answers, {way: self._side(way) for way in Way})

    def to_have(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        limit = state.limit(way)
        above = wanted.placement.above if wanted.placement is not None else ()
        self._check_tiers(above, limit)
        gone = self._remove(way, limit.tiers) if self._moves(wanted.placement, limit) else ()
        if wanted.bps is None or wanted.placement is None:
            return self._remove(way, limit.tiers)
        return gone + self._set(way, wanted.bps, wanted.placement)

    def to_restore(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        limit = state.limit(way)
        asked = wanted.placement.above if wanted.placement is not None else ()
        there = {tier.agency: tier for tier in limit.tiers}
        again = tuple(there[tier.agency] for tier in asked if tier.agency in there)
        commands: tuple[str, ...] = ()
        if limit.bps is None or limit.placement is None:
            commands += self._remove(way, (*limit.tiers, *asked))
        else:
            if self._moves(wanted.placement, limit):
                commands += self._remove(way, (*limit.tiers, *asked))
            commands += self._set(way, limit.bps, limit.placement)
        if again:
            commands += self._set(way, None, Placement(0, 1, 0, again))
        return commands

    def to_end(self, way: Way, wanted: Wanted, state: PortState) -> tuple[str, ...]:
        asked = wanted.placement.above if wanted.placement is not None else ()
        return self._remove(way, (*state.limit(way).tiers, *asked))

    def to_expire(self, way: Way, seconds: int, token: str, removal: tuple[str, ...]) -> tuple[str, ...]:
        return self.commands(Verb.EXPIRE, way=way.value, seconds=seconds, token=token, removal=removal, shared=1)

    def in_place(self, wanted: Wanted, limit: Limit) -> bool:
        if not super().in_place(wanted, limit) or wanted.bps is None or wanted.placement is None:
            return super().in_place(wanted, limit)
        asked, read = wanted.placement, limit.placement
        return (
            read is not None
            and asked.priority == read.priority
            and (asked.weight == read.weight or not self._hierarchy.weighs)
            and self.same_rate(_floor(asked.floor_bps, wanted.bps), read.floor_bps)
            and [tier.agency for tier in asked.above] == [tier.agency for tier in read.above]
            and all(
                self.same_rate(one.ceiling_bps, other.ceiling_bps)
                and self.same_rate(_floor(one.floor_bps, one.ceiling_bps), other.floor_bps)
                for one, other in zip(asked.above, read.above, strict=True)
            )
        )

    def unaltered(self, before: Limit, after: Limit) -> bool:
        permille = self.dialect.settings.rate.tolerance_permille
        return super().unaltered(before, after) and same_placement(before.placement, after.placement, permille)

    # --- what is sent ----------------------------------------------------------------------------

    def _side(self, way: Way) -> str:
        """A download is told by where it goes, an upload by where it comes from, whichever way the port looks."""
        return "dst" if self.target.way(Direction.DOWNLOAD) is way else "src"

    def _check_tiers(self, above: Sequence[Tier], limit: Limit) -> None:
        """A class in use cannot be hung elsewhere: the agencies' tree was altered while limits were in force."""
        parents = dict(zip((t.agency for t in above[1:]), (t.agency for t in above), strict=False))
        for tier, parent in zip(limit.tiers, limit.tier_parents, strict=True):
            if tier.agency in parents and parent != parents[tier.agency]:
                raise RefusedError(
                    Failure.HIERARCHY,
                    f"on {self.target.interface} {tier.agency} hangs from {parent or 'the root'}, wanted from"
                    f" {parents[tier.agency] or 'the root'}; take the limits behind that port off first",
                )

    def _moves(self, wanted: Placement | None, limit: Limit) -> bool:
        if wanted is None or limit.placement is None:
            return False
        return [tier.agency for tier in wanted.above] != [tier.agency for tier in limit.placement.above]

    def _set(self, way: Way, bps: int | None, placed: Placement) -> tuple[str, ...]:
        """With `bps` None only the tiers above."""
        on_device = self.dialect.settings.rate.on_device
        floor = 0 if bps is None else on_device(_floor(placed.floor_bps, bps))
        nodes = [self._hierarchy.node(tier.agency) for tier in placed.above]
        tiers = tuple(
            (node, parent, rate, ceil, self._burst(rate), self._burst(ceil))
            for tier, node, parent in zip(placed.above, nodes, [self._hierarchy.above_root, *nodes], strict=False)
            for ceil in (on_device(tier.ceiling_bps),)
            for rate in (on_device(_floor(tier.floor_bps, tier.ceiling_bps)),)
        )
        return self.commands(
            Verb.SET_SHARED,
            **self._port_values,
            **self._packets,
            **self.dialect.values_for(way, bps),
            floor_bps=floor,
            floor_burst_bytes=self._burst(floor),
            weight=placed.weight,
            priority=placed.priority,
            parent=nodes[-1],
            tiers=tiers,
            preference=int(self.names.minor, 16),
            side=self._side(way),
        )

    def _remove(self, way: Way, tiers: Sequence[Tier]) -> tuple[str, ...]:
        """The circuit's class, and from below each of `tiers` from which nothing hangs any more."""
        node = self._hierarchy.node
        below_first = dict.fromkeys(node(tier.agency) for tier in reversed(tiers) if tier.agency is not None)
        return self.commands(
            Verb.REMOVE_SHARED,
            **self._port_values,
            way=way.value,
            preference=int(self.names.minor, 16),
            emptied=(*below_first, node(None)),
        )

    def _burst(self, bps: int) -> int:
        burst = self.dialect.settings.burst
        return burst.at(bps) if burst is not None else 0


def _floor(floor_bps: int, ceiling_bps: int) -> int:
    return min(max(floor_bps, LEAST_BPS), ceiling_bps)

"""Reads a port that several circuits share on RouterOS: queue trees, and the mangle rules that mark packets for them.

Ours are the tree queues and rules that bear a name made from the point's ids together with netmon's comment. Whatever
else hangs from the same parent, marks the same packets or catches them first is named and left alone. RouterOS has no
weights, so a placement read has 0. (unverified on a real router: written from MikroTik's manual, Queues, Mangle and
Packet Flow.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netmon.core.code_points import Packets
from netmon.core.model import Placement, Tier
from netmon.routers.dialects import Names, Way
from netmon.routers.port import Sharing
from netmon.routers.readback_simple_queue import (
    FASTTRACK,
    TREE_COMMENT,
    Network,
    blocks,
    bps_of,
    network_of,
    overlaps,
    pairs,
    setting,
)
from netmon.routers.readbacks import Answers, Foreign, Limit, PortState, answer
from netmon.routers.session import AnswerUnreadableError

GLOBAL: Final = "global"
"""From what the queues for packets that enter hang: RouterOS shapes those once they are routed."""
ABOVE_ROOT: Final = "root"
"""By which templates know that a queue hangs from the port itself."""
_STRAY: Final = "queue "
"""Begins what stands for the agency of a queue that is no agency's any more; no id has a space."""
_ENDING: Final = frozenset({"accept", "return", "jump"})
"""What keeps packets from the rules after it, or may."""
_ELSEWHERE: Final = frozenset({"input", "output"})
"""Chains of what is not forwarded."""
_NEW_MARK: Final = "new-packet-mark"
_MATCHED: Final = ("in-interface", "out-interface", "src-address", "dst-address")
_ROOT: Final = re.compile(r"NM-[0-9A-F]{8}-[A-Z0-9-]{1,20}\.ingress\Z")

_Block = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Queue:
    name: str
    parent: str
    mark: str
    floor_bps: int
    ceiling_bps: int | None
    priority: int
    enabled: bool
    comment: str
    setting: str


class QueueTreeReadback:
    """One circuit's part of a shared port, and whose the rest is."""

    above_root = ABOVE_ROOT
    weighs = False

    def __init__(self, circuit: str, shared: Sharing, interface: str) -> None:
        self._object = Names.of(circuit).object
        self._interface = interface
        self._prefixes = {found for one in shared.prefixes if (found := network_of(one)) is not None}
        self._packets = (*shared.excepted, Packets(circuit, shared.prefixes, shared.dscp))
        self._circuits = {Names.of(one).object for one in shared.circuits}
        self._agencies: dict[str, str | None] = {self.node(agency): agency for agency in (None, *shared.agencies)}

    def node(self, agency: str | None) -> str:
        """The queue of an agency above circuits, without its way; of the port as a whole for None."""
        if agency is None:
            return Names.of(f"port {self._interface}").object
        if agency.startswith(_STRAY):
            return agency.removeprefix(_STRAY)
        return Names.of(f"agency {agency} at {self._interface}").object

    def state(self, read: Answers, sides: Mapping[Way, str]) -> PortState:
        """`read` are the answers of `read_shared`. Raises AnswerUnreadableError."""
        queues = [_queue(one) for one in blocks(answer(read, 0), "tree")]
        simple = [*blocks(answer(read, 1), "queue")]
        fast = any(key == "fasttrack" and value not in {"", "0"} for key, value in pairs(answer(read, 2)))
        tables = {4: [*blocks(answer(read, 3), "rule")], 6: [*blocks(read[4], "rule")] if len(read) > 4 else []}
        limits, foreigners = {}, list[Foreign]()
        for way in Way:
            found = [*self._simple(simple), *self._strays(queues, way)]
            for version, rules in tables.items():
                found += self._marking(rules, way, sides[way], version)
            named = f"{found[0].kind.replace('-', ' ')} {found[0].name} on {self._interface}" if found else None
            limits[way] = self._limit(queues, [*tables[4], *tables[6]], way, sides[way], named)
            foreigners += [one for one in found if one not in foreigners]
        return PortState(limits[Way.INGRESS], limits[Way.EGRESS], (FASTTRACK,) if fast else (), tuple(foreigners))

    # --- ours ------------------------------------------------------------------------------------

    def _limit(
        self, queues: Sequence[_Queue], rules: Sequence[_Block], way: Way, side: str, foreign: str | None
    ) -> Limit:
        tree = {one.name: one for one in self._tree(queues, way) if self._is_ours(one)}
        parents = {one.parent for one in tree.values()}
        inner = [one for name, one in tree.items() if self._bare(name, way) in self._agencies or name in parents]
        tiers = tuple(self._tier(one, way) for one in inner)
        above = tuple(None if one.parent not in tree else self._whose(one.parent, way) for one in inner)
        name = f"{self._object}.{way}"
        own = tree.get(name)
        marking = [one for one in rules if one.get("comment") == self._comment(name)]
        if own is None:
            stays = any(one.name == name and self._is_ours(one) for one in queues)
            return Limit(None, stays or bool(marking), foreign, None, tiers, above)
        path = self._path(own, tree, way)
        placement = Placement(own.floor_bps, 0, own.priority - 1, tuple(self._tier(one, way) for one in path))
        works = all(one.enabled for one in (own, *path)) and own.mark == name
        complete = works and self._marks(marking, name, way, side)
        return Limit(own.ceiling_bps if complete else None, True, foreign, placement, tiers, above)

    def _tree(self, queues: Sequence[_Queue], way: Way) -> list[_Queue]:
        """What hangs from this port's own root, each after its parent."""
        root = f"{self.node(None)}.{way}"
        found = [one for one in queues if one.name == root and one.parent == self._hook(way)]
        for one in found:
            found += [below for below in queues if below.parent == one.name and below not in found]
        return found

    def _path(self, own: _Queue, tree: Mapping[str, _Queue], way: Way) -> list[_Queue]:
        """From the root to what `own` hangs from."""
        found: list[_Queue] = []
        at = own.parent
        while at in tree and len(found) < len(tree):
            found.append(tree[at])
            at = tree[at].parent
        return found[::-1]

    def _marks(self, rules: Sequence[_Block], mark: str, way: Way, side: str) -> bool:
        """Whether just the circuit's packets get its mark: what others have of its prefixes is marked before."""
        told = dict.fromkeys(_MATCHED, "")
        told |= {_facing(way): self._interface, "chain": "forward", "rule": "mark-packet"}
        del told[f"{side}-address"]
        exact = all(
            all(rule.get(key, "") == value for key, value in told.items())
            and not _yes(rule, "passthrough")
            and not _yes(rule, "disabled")
            for rule in rules
        )
        found = [
            (network_of(rule.get(f"{side}-address", "")), rule.get("dscp", ""), rule.get(_NEW_MARK)) for rule in rules
        ]
        wanted = {
            (network_of(prefix), point, f"{Names.of(one.circuit).object}.{way}")
            for one in self._packets
            for prefix in one.prefixes
            for point in [str(point) for point in one.dscp] or [""]
        }
        return exact and len(found) == len(wanted) and set(found) == wanted and _come_last(mark, found)

    def _tier(self, queue: _Queue, way: Way) -> Tier:
        return Tier(self._whose(queue.name, way), queue.ceiling_bps or 0, queue.floor_bps)

    def _whose(self, name: str, way: Way) -> str | None:
        bare = self._bare(name, way)
        return self._agencies.get(bare, f"{_STRAY}{bare}")

    @staticmethod
    def _bare(name: str, way: Way) -> str:
        return name.removesuffix(f".{way}")

    def _is_ours(self, queue: _Queue) -> bool:
        return queue.comment == f"{TREE_COMMENT}{self._interface}"

    def _comment(self, name: str) -> str:
        """Of the rules that give the mark `name`."""
        return f"{TREE_COMMENT}{self._interface}: {name}"

    def _hook(self, way: Way) -> str:
        return self._interface if way is Way.EGRESS else GLOBAL

    # --- not ours --------------------------------------------------------------------------------

    def _simple(self, queues: Sequence[_Block]) -> list[Foreign]:
        """Simple queues take packets before or after the tree, and limit them again."""
        return [
            Foreign("simple-queue", one["queue"], None, setting(dict(one), "target", "dst", "max-limit"))
            for one in queues
            if overlaps(one.get("target", ""), self._interface, list(self._prefixes))
            or one.get("dst") == self._interface
        ]

    def _strays(self, queues: Sequence[_Queue], way: Way) -> list[Foreign]:
        """What hangs beside our tree, or in it without being a circuit's or an agency's of this point."""
        tree = self._tree(queues, way)
        names = {one.name for one in tree}
        known = {f"{one}.{way}" for one in (*self._circuits, *self._agencies)}
        parents = {one.parent for one in tree if self._is_ours(one) and one.enabled}
        mine = f"{self._object}.{way}"
        found = []
        for one in queues:
            if one.name in names:
                stray = not self._is_ours(one) or (one.name not in known and one.name not in parents)
            elif one.name in known and not self._is_ours(one):
                stray = True
            elif one.name == mine or not one.enabled:
                stray = False
            else:
                others = way is Way.INGRESS and _is_netmons(one)
                stray = one.parent == self._hook(way) and not others
            if stray:
                found.append(Foreign("queue-tree", one.name, way, one.setting))
        return found

    def _marking(self, rules: Sequence[_Block], way: Way, side: str, version: int) -> list[Foreign]:
        """Rules that mark the same packets, or keep them from ours in the chain."""
        own = self._comment(f"{self._object}.{way}")
        ours = {self._comment(f"{one}.{any_way}") for one in self._circuits for any_way in Way}
        last = max((at for at, one in enumerate(rules) if one.get("comment") == own), default=len(rules))
        found = []
        for at, one in enumerate(rules):
            chain, action, comment = one.get("chain"), one["rule"], one.get("comment", "")
            if comment in ours or _yes(one, "disabled") or chain in _ELSEWHERE or (chain == "forward" and at > last):
                continue
            keeps = chain == "forward" and (action in _ENDING or one.get("passthrough") in {"false", "no"})
            if (keeps or action == "mark-packet") and self._meets(one, way, side, version):
                what = setting({**one, "action": action}, "chain", "action", *_MATCHED, _NEW_MARK, "passthrough")
                found.append(Foreign("mangle-rule", comment or f"{action} in chain {chain}", way, what))
        return found

    def _meets(self, rule: _Block, way: Way, side: str, version: int) -> bool:
        """Whether a rule may match packets of the circuit's."""
        at = rule.get(_facing(way), "")
        if at not in {"", self._interface} and not at.startswith("!"):
            return False
        network = network_of(rule.get(f"{side}-address", ""))
        own = [one for one in self._prefixes if one.version == version]
        return bool(own) and (network is None or any(_overlap(one, network) for one in own))


def _come_last(mark: str, rules: Sequence[tuple[Network | None, str, str | None]]) -> bool:
    """Whether in each family's chain rules with this mark follow those with others."""
    families = ([own == mark for at, _, own in rules if at is not None and at.version == version] for version in (4, 6))
    return all(order == sorted(order) for order in families)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _queue(block: _Block) -> _Queue:
    priority = block.get("priority", "")
    if not re.fullmatch("[1-8]", priority):
        raise AnswerUnreadableError(f"queue tree {block['tree']} has priority {priority!r}, which netmon cannot read")
    return _Queue(
        block["tree"],
        block.get("parent", ""),
        block.get("packet-mark", ""),
        bps_of(block.get("limit-at", "")) or 0,
        bps_of(block.get("max-limit", "")),
        int(priority),
        not _yes(block, "disabled"),
        block.get("comment", ""),
        setting(dict(block), "parent", "packet-mark", "limit-at", "max-limit", "priority"),
    )


def _facing(way: Way) -> str:
    return "in-interface" if way is Way.INGRESS else "out-interface"


def _yes(block: _Block, key: str) -> bool:
    return block.get(key, "") in {"true", "yes"}


def _is_netmons(queue: _Queue) -> bool:
    """The root of another shared port hangs from the same place, and gets no packet with our marks."""
    return _ROOT.match(queue.name) is not None and queue.comment.startswith(TREE_COMMENT)

"""Circuits that share a port of a simulated RouterOS router: queue trees, and the rules that mark packets for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from support import contract_routeros
from support.consoles import ServedLogin, at_once
from support.processes import wait_until

from netmon.core.changes import Action, Change, Intent, Outcome, Step
from netmon.core.code_points import Packets
from netmon.core.model import NANOSECONDS, Direction, Faces, Placement, Tier, VerdictReason
from netmon.core.planning import same_placement
from netmon.routers.dialects import Names, Way, load_dialect
from netmon.routers.enforcement import Result, carry_out
from netmon.routers.port import Sharing, Target
from netmon.routers.readbacks import Ours
from netmon.routers.session import Failure, Session
from netmon.routers.ssh import open_session
from netmon.routers.upkeep import Renewal, list_ours, renew, wipe
from netmon.simulator.routeros_cli import RouterOs

T = TypeVar("T")
MBPS = 1_000_000
DIALECT = load_dialect("routeros", [Path(__file__).parents[2] / "policies" / "enforcement"])
PORT = contract_routeros.PORT
PREFIXES = {"a": ("10.1.0.0/16", "2001:db8:1::/48"), "b": ("10.2.0.0/16", "10.3.0.1/32")}
ABOVE = (Tier(None, 20 * MBPS, 20 * MBPS), Tier("district", 15 * MBPS, 10 * MBPS))
PLACED = Placement(5 * MBPS, 3, 4, ABOVE)
SENT = count(1)
EVERYWHERE = pytest.mark.parametrize("direction", Direction)


@dataclass
class Bed:
    """A router to which changes are made over SSH."""

    login: ServedLogin
    system: RouterOs

    def by_hand(self, line: str) -> str:
        return self.login.do(lambda: at_once(self.system.run(line)))

    def shown(self) -> str:
        menus = ("queue tree", "ip firewall mangle", "ipv6 firewall mangle", "queue simple")
        return "".join(self.by_hand(f"/{menu} print") for menu in menus)

    def talk(self, what: Callable[[Session], T]) -> T:
        session = open_session(self.login, DIALECT)
        try:
            return what(session)
        finally:
            session.close()

    def change(
        self,
        circuit: str,
        placed: Placement | None,
        direction: Direction = Direction.DOWNLOAD,
        *,
        to: Target | None = None,
        expires_s: int = 0,
        progress: Callable[[Step], None] = lambda _: None,
    ) -> Result:
        bps = None if placed is None else 10 * MBPS
        action = Action.REMOVE if placed is None else Action.SET
        change = Change(
            "r1", circuit, circuit, direction, action, None, bps, VerdictReason.OVER_QUOTA, None, None, placed
        )
        now = time.time_ns()
        intent = Intent(f"i{next(SENT)}", change, now, now + 60 * NANOSECONDS, expires_s=expires_s)
        where = to or target(circuit)

        def go(session: Session) -> Result:
            def begun(_: str, step: Step) -> None:
                progress(step)

            return carry_out(intent, where, session, DIALECT, begun, time.time_ns, time.monotonic_ns)

        return self.talk(go)


def target(circuit: str, faces: Faces = Faces.AGENCY, circuits: tuple[str, ...] = ("a", "b")) -> Target:
    return Target(circuit, PORT, faces, shared=Sharing(PREFIXES[circuit], circuits, ("district", "province")))


@pytest.fixture(params=[6, 7])
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    with contract_routeros.bed(release=request.param) as opened:
        assert isinstance(opened.login, ServedLogin)
        assert isinstance(opened.system, RouterOs)
        yield Bed(opened.login, opened.system)


def confirmed(result: Result, placed: Placement | None = PLACED) -> bool:
    assert result.outcome is Outcome.CONFIRMED, result
    assert result.read_bps == (None if placed is None else 10 * MBPS)
    assert placed is None or result.placement == replace(placed, weight=0), "RouterOS tells no weight"
    return True


@pytest.mark.parametrize("faces", Faces)
@EVERYWHERE
def test_a_queue_tree_is_built_kept_moved_and_taken_down(bed: Bed, direction: Direction, faces: Faces) -> None:
    empty, outward = bed.shown(), target("a", faces).way(direction) is Way.EGRESS
    for circuit in PREFIXES:
        assert confirmed(bed.change(circuit, PLACED, direction, to=target(circuit, faces)))
    rules = bed.by_hand("/ip firewall mangle print") + bed.by_hand("/ipv6 firewall mangle print")
    side, facing = ("dst" if direction is Direction.DOWNLOAD else "src"), "out" if outward else "in"
    for prefix in ("10.1.0.0/16", "2001:db8:1::/48", "10.2.0.0/16", "10.3.0.1"):
        assert f'{facing}-interface="{PORT}" {side}-address="{prefix}"' in rules
    tree = bed.by_hand("/queue tree print")
    assert f'parent="{PORT if outward else "global"}"' in tree
    assert tree.count('priority="5"') == len(PREFIXES), "4 of 0 to 7 is 5 of 1 to 8"
    before = bed.shown()
    again = bed.change("a", replace(PLACED, weight=9), direction, to=target("a", faces))
    assert "nothing was sent" in again.detail, "there are no weights"
    assert bed.shown() == before
    higher = replace(PLACED, above=ABOVE[:1])
    assert confirmed(bed.change("a", higher, direction, to=target("a", faces)), higher)
    stranger = bed.change("a", PLACED, direction, to=target("a", faces, circuits=("a",)))
    assert stranger.reason is Failure.FOREIGN_SHAPER
    assert f"queue tree {Names.of('b').object}" in stranger.detail
    for circuit in PREFIXES:
        assert confirmed(bed.change(circuit, None, direction, to=target(circuit, faces)), None)
    assert bed.shown() == empty


CLASSES = {
    "world": Sharing(PREFIXES["a"], ("world", "rest"), ("district", "province"), (8, 10)),
    "rest": Sharing(
        PREFIXES["a"], ("world", "rest"), ("district", "province"), (), (Packets("world", PREFIXES["a"], (8, 10)),)
    ),
}


@EVERYWHERE
@pytest.mark.parametrize("order", [("world", "rest"), ("rest", "world")])
def test_two_classes_of_one_agency_are_told_apart_by_code_points(
    bed: Bed, direction: Direction, order: tuple[str, str]
) -> None:
    empty, where = bed.shown(), {name: Target(name, PORT, Faces.AGENCY, shared=of) for name, of in CLASSES.items()}
    way = where["rest"].way(direction)
    for name in order:
        assert confirmed(bed.change(name, PLACED, direction, to=where[name]))
    for name in order:
        assert "nothing was sent" in bed.change(name, PLACED, direction, to=where[name]).detail
    world, rest = (Names.of(name).object for name in ("world", "rest"))
    for menu in ("ip", "ipv6"):
        rules = bed.by_hand(f"/{menu} firewall mangle print").splitlines()
        to_world = [line for line in rules if f'new-packet-mark="{world}.{way}"' in line]
        assert sorted(line.split('dscp="')[1].split('"')[0] for line in to_world) == ["10", "10", "8", "8"]
        (to_rest,) = [line for line in rules if f'new-packet-mark="{rest}.{way}"' in line]
        assert "dscp" not in to_rest
        named_by_the_rest = [line for line in to_world if f": {rest}.{way}" in line]
        assert max(map(rules.index, named_by_the_rest)) < rules.index(to_rest)
    altered = f'/ip firewall mangle set [/ip firewall mangle find where comment~"{world}"] dscp=12'
    assert bed.by_hand(altered) == ""
    again = bed.change("world", PLACED, direction, to=where["world"])
    assert confirmed(again)
    assert "nothing was sent" not in again.detail, "what somebody altered is seen and set right"
    for name in order:
        assert confirmed(bed.change(name, None, direction, to=where[name]), None)
    assert bed.shown() == empty


def test_an_undo_puts_code_points_back_and_an_end_takes_one_class_alone(bed: Bed) -> None:
    where = {name: Target(name, PORT, Faces.AGENCY, shared=of) for name, of in CLASSES.items()}
    assert confirmed(bed.change("world", PLACED, to=where["world"]))
    alone = bed.shown()
    assert confirmed(bed.change("rest", PLACED, to=where["rest"]))
    before = sorted(line[5:] for line in bed.shown().splitlines())

    def sabotage(step: Step) -> None:
        if step is Step.READ_BACK:
            rest = f'[/ip firewall mangle find where new-packet-mark="{Names.of("rest").object}.egress"]'
            assert bed.by_hand(f"/ip firewall mangle set {rest} dscp=0") == ""

    undone = bed.change("rest", replace(PLACED, floor_bps=3 * MBPS), to=where["rest"], progress=sabotage)
    assert (undone.outcome, undone.reason) == (Outcome.REVERTED, Failure.READ_BACK_MISMATCH), undone
    assert sorted(line[5:] for line in bed.shown().splitlines()) == before
    other = replace(PLACED, floor_bps=4 * MBPS)
    assert confirmed(bed.change("rest", other, to=where["rest"], expires_s=2), other)
    wait_until(lambda: bed.shown() == alone, "the limit has ended")
    assert "nothing was sent" in bed.change("world", PLACED, to=where["world"]).detail


def test_the_two_directions_of_a_circuit_keep_each_other(bed: Bed) -> None:
    empty = bed.shown()
    for direction in Direction:
        assert confirmed(bed.change("a", PLACED, direction))
    assert confirmed(bed.change("a", None, Direction.UPLOAD), None)
    assert "nothing was sent" in bed.change("a", PLACED, Direction.DOWNLOAD).detail
    assert confirmed(bed.change("a", None, Direction.DOWNLOAD), None)
    assert bed.shown() == empty


@pytest.mark.parametrize(
    ("by_hand", "named", "direction"),
    [
        (f"/queue tree add name=boss parent={PORT} max-limit=9M", "queue tree boss", Direction.DOWNLOAD),
        ("/queue tree add name=boss parent=global max-limit=9M", "queue tree boss", Direction.UPLOAD),
        ("/queue simple add name=boss target=10.1.2.0/24 max-limit=9M/9M", "simple queue boss", Direction.UPLOAD),
        (f"/queue simple add name=boss target={PORT} max-limit=9M/9M", "simple queue boss", Direction.DOWNLOAD),
        (
            "/ip firewall mangle add chain=forward action=accept comment=boss",
            "mangle rule boss",
            Direction.DOWNLOAD,
        ),
        (
            "/ip firewall mangle add chain=prerouting action=mark-packet new-packet-mark=x src-address=10.0.0.0/8",
            "mangle rule mark-packet in chain prerouting",
            Direction.UPLOAD,
        ),
        (
            "/ipv6 firewall mangle add chain=forward action=mark-connection new-connection-mark=x passthrough=no",
            "mangle rule mark-connection in chain forward",
            Direction.DOWNLOAD,
        ),
    ],
)
def test_what_would_share_or_take_the_packets_is_named_and_left_alone(
    bed: Bed, by_hand: str, named: str, direction: Direction
) -> None:
    assert bed.by_hand(by_hand) == ""
    before = bed.shown()
    refused = bed.change("a", PLACED, direction)
    assert (refused.outcome, refused.reason) == (Outcome.FAILED, Failure.FOREIGN_SHAPER)
    assert f"{named} on {PORT} was not made by netmon" in refused.detail
    assert bed.shown() == before


@pytest.mark.parametrize(
    "by_hand",
    [
        "/queue tree add name=boss parent=ether1 max-limit=9M",
        "/queue simple add name=boss target=192.0.2.0/24 max-limit=9M/9M",
        "/ip firewall mangle add chain=forward action=mark-connection new-connection-mark=x",
        "/ip firewall mangle add chain=forward action=accept dst-address=192.0.2.0/24",
        "/ip firewall mangle add chain=forward action=accept out-interface=ether1",
        "/ip firewall mangle add chain=input action=mark-packet new-packet-mark=x",
        "/ip firewall mangle add chain=forward action=accept disabled=yes",
    ],
)
def test_what_meets_no_packet_of_the_circuits_does_not_hinder(bed: Bed, by_hand: str) -> None:
    assert bed.by_hand(by_hand) == ""
    assert confirmed(bed.change("a", PLACED))


def test_fasttrack_is_told(bed: Bed) -> None:
    bed.by_hand("/ip firewall filter add chain=forward action=fasttrack-connection")
    assert "FastTrack is on" in bed.change("a", PLACED).detail


def test_an_agencys_queue_in_use_is_not_hung_elsewhere(bed: Bed) -> None:
    assert confirmed(bed.change("a", PLACED))
    deeper = (ABOVE[0], Tier("province", 20 * MBPS, 10 * MBPS), ABOVE[1])
    refused = bed.change("b", replace(PLACED, above=deeper))
    assert (refused.outcome, refused.reason) == (Outcome.FAILED, Failure.HIERARCHY)
    assert "district hangs from the root, wanted from province" in refused.detail


@EVERYWHERE
def test_a_change_that_does_not_hold_is_undone_to_what_was_read(bed: Bed, direction: Direction) -> None:
    assert confirmed(bed.change("a", PLACED, direction))
    assert confirmed(bed.change("b", PLACED, direction))
    before = sorted(line[5:] for line in bed.shown().splitlines())
    other = Placement(3 * MBPS, 3, 2, ABOVE[:1])

    def sabotage(step: Step) -> None:
        if step is Step.READ_BACK:
            name = f"{Names.of('a').object}.{target('a').way(direction)}"
            assert bed.by_hand(f'/queue tree set [/queue tree find where name="{name}"] packet-mark=""') == ""

    undone = bed.change("a", other, direction, progress=sabotage)
    assert (undone.outcome, undone.reason) == (Outcome.REVERTED, Failure.READ_BACK_MISMATCH), undone
    assert same_placement(undone.placement, PLACED, 0)
    assert sorted(line[5:] for line in bed.shown().splitlines()) == before


def test_a_limit_ends_by_itself_and_takes_nothing_of_a_neighbours(bed: Bed) -> None:
    assert confirmed(bed.change("b", PLACED))
    before = bed.shown()
    assert confirmed(bed.change("a", PLACED, expires_s=2))
    wait_until(lambda: bed.shown() == before, "the limit has ended")
    assert "nothing was sent" in bed.change("b", PLACED).detail


def test_a_limits_end_is_put_off(bed: Bed) -> None:
    put = bed.change("a", PLACED, expires_s=600)
    assert confirmed(put)
    assert put.placement is not None

    def go(session: Session) -> Renewal:
        return renew(target("a"), Direction.DOWNLOAD, 10 * MBPS, put.placement, 600, "renewed-1", session, DIALECT)

    assert bed.talk(go).renewed


def test_all_of_it_is_told_and_wiped_leaf_by_leaf(bed: Bed) -> None:
    empty = bed.shown()
    assert confirmed(bed.change("a", PLACED))
    assert confirmed(bed.change("a", PLACED, Direction.UPLOAD))
    assert confirmed(bed.change("b", PLACED))
    ours = bed.talk(lambda session: list_ours(session, DIALECT)).ours
    assert set(ours) == {
        Ours(Names.of("a").object, PORT, Way.EGRESS, 10 * MBPS),
        Ours(Names.of("a").object, PORT, Way.INGRESS, 10 * MBPS),
        Ours(Names.of("b").object, PORT, Way.EGRESS, 10 * MBPS),
    }
    for thing in ours:
        assert bed.talk(partial(wipe, thing, dialect=DIALECT)).gone
    wait_until(lambda: bed.shown() == empty, "the job for IPv6 is done")


def test_a_circuit_on_a_port_of_its_own_is_not_hindered_by_another_ports_tree(bed: Bed) -> None:
    assert confirmed(bed.change("a", PLACED, Direction.UPLOAD))
    alone = bed.change("c", PLACED, to=Target("c", "ether1", Faces.AGENCY))
    assert alone.outcome is Outcome.CONFIRMED, alone
    whole = bed.change("c", PLACED, to=Target("c", PORT, Faces.AGENCY))
    assert whole.reason is Failure.FOREIGN_SHAPER

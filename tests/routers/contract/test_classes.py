"""An agency's traffic classes on VLANs of one port, on every platform: each is limited for itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from support.contract_classes import CIRCUITS, SITES, Classes, classes_on, real_classes
from support.testbed import Port, missing

from netmon.core.changes import Outcome
from netmon.core.model import Direction
from netmon.routers.dialects import Way
from netmon.routers.enforcement import Result
from netmon.routers.session import Failure

M = 1_000_000
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
NOTHING = {(place, way): None for place in CIRCUITS for way in Way}
REAL = pytest.param(
    "real-linux",
    marks=(pytest.mark.system, pytest.mark.skipif(missing() is not None, reason=str(missing()))),
)


@pytest.fixture(params=[*SITES, REAL])
def classes(request: pytest.FixtureRequest) -> Iterator[Classes]:
    if request.param == "real-linux":
        with real_classes() as (made, _):
            yield made
        return
    with classes_on(SITES[request.param]) as made:
        yield made


def confirmed(result: Result) -> None:
    assert (result.outcome, result.reason) == (Outcome.CONFIRMED, None), result


def refused(classes: Classes, result: Result, reason: Failure, *said: str) -> None:
    assert (result.outcome, result.reason, classes.bench.steps) == (Outcome.FAILED, reason, []), result
    for words in said:
        assert words in result.detail


def held(classes: Classes, expected: dict[tuple[str, Way], int | None]) -> None:
    """What every place lets through either way; None: everything."""
    rate = classes.bench.dialect.settings.rate
    for (place, way), bps in {**NOTHING, **expected}.items():
        has = classes.measured(place, way)
        same = has is None if bps is None else has is not None and rate.same(bps, has)
        assert same, f"{place} {way}: expected {bps}, has {has}"


def test_each_class_is_limited_down_and_up_and_the_others_keep_what_they_have(classes: Classes) -> None:
    expected: dict[tuple[str, Way], int | None] = {}
    for place, direction, bps in [
        ("first", DOWN, 8 * M),
        ("second", DOWN, 6 * M),
        ("second", UP, 4 * M),
        ("first", UP, 3 * M),
        ("first", DOWN, 2 * M),
        ("second", UP, None),
        ("first", DOWN, None),
    ]:
        confirmed(classes.change(place, bps, direction, expires_s=0 if bps is None else 600))
        expected[place, Way.EGRESS if direction is DOWN else Way.INGRESS] = bps
        held(classes, expected)
    again = classes.change("second", 6 * M, expires_s=600)
    assert "nothing was sent" in again.detail
    assert (classes.read("first", DOWN), classes.read("port", UP)) == (None, None)
    assert classes.read("second", DOWN) == classes.measured("second", Way.EGRESS)


def test_what_is_ours_on_a_vlan_is_told_with_its_place_and_wiped(classes: Classes) -> None:
    confirmed(classes.change("first", 8 * M, expires_s=600))
    confirmed(classes.change("first", 3 * M, UP, expires_s=600))
    confirmed(classes.change("second", 6 * M, expires_s=600))
    assert {one.interface for one in classes.bench.ours()} == {classes.site.first, classes.site.second}
    classes.bench.wipe()
    assert classes.bench.ours() == ()
    held(classes, {})


def test_the_end_of_one_class_is_its_own(classes: Classes) -> None:
    confirmed(classes.change("first", 8 * M, expires_s=600))
    confirmed(classes.change("second", 6 * M, expires_s=900))
    confirmed(classes.change("first", None))
    with classes.bench.port(classes.target("second")) as port:
        assert port.expiry(Way.EGRESS).present is classes.bench.dialect.settings.expiry
    held(classes, {("second", Way.EGRESS): 6 * M})


def test_a_vlan_that_is_not_the_one_meant_is_refused(classes: Classes) -> None:
    target = classes.target("first")
    for wrong, said in [
        ({"alias": "dinkes second"}, "dinkes second"),
        ({"mac": "02:00:00:00:00:01"}, "02:00:00:00:00:01"),
        ({"interface": target.interface[:-1] + "9"}, target.interface[:-1] + "9"),
    ]:
        result = classes.bench.change(8 * M, target=dataclasses.replace(target, **wrong))  # type: ignore[arg-type]
        refused(classes, result, Failure.IDENTITY_MISMATCH, said)


@pytest.mark.parametrize("direction", [DOWN, UP])
def test_somebody_elses_shaper_on_the_port_is_named_and_one_on_the_other_vlan_is_not(
    classes: Classes, direction: Direction
) -> None:
    way = Way.EGRESS if direction is DOWN else Way.INGRESS
    classes.foreign("second", way)
    confirmed(classes.change("first", 8 * M, direction))
    confirmed(classes.change("first", None, direction))


@pytest.mark.parametrize("direction", [DOWN, UP])
def test_somebody_elses_shaper_on_the_port_holds_for_its_vlans(classes: Classes, direction: Direction) -> None:
    name = classes.foreign("port", Way.EGRESS if direction is DOWN else Way.INGRESS)
    result = classes.change("first", 8 * M, direction)
    if not classes.site.nests:
        confirmed(result)
        return
    refused(classes, result, Failure.FOREIGN_SHAPER, name.split(" on ")[0], f"on {_called(classes, 'port')}")


@pytest.mark.parametrize("direction", [DOWN, UP])
def test_somebody_elses_shaper_on_the_port_does_not_keep_a_limit_on_its_vlan(
    classes: Classes, direction: Direction
) -> None:
    confirmed(classes.change("first", 8 * M, direction))
    classes.foreign("port", Way.EGRESS if direction is DOWN else Way.INGRESS)
    confirmed(classes.change("first", None, direction))
    assert classes.read("first", direction) is None


@pytest.mark.parametrize(("held_at", "wanted_at"), [("port", "first"), ("first", "port")])
def test_a_limit_of_ours_on_the_port_or_its_vlan_is_told_by_its_circuit(
    classes: Classes, held_at: str, wanted_at: str
) -> None:
    confirmed(classes.change(held_at, 8 * M))
    confirmed(classes.change(held_at, 3 * M, UP))
    for direction in Direction:
        result = classes.change(wanted_at, 2 * M, direction)
        if classes.site.nests:
            refused(classes, result, Failure.HIERARCHY, f"of circuit {CIRCUITS[held_at]},", _called(classes, held_at))
        else:
            confirmed(result)
    confirmed(classes.change(wanted_at, None))
    confirmed(classes.change(held_at, None))


def _called(classes: Classes, place: str) -> str:
    """As the platform's configuration calls the port."""
    return classes.site.names[place].replace("Gi0", "GigabitEthernet0")


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("carries", ["first", "port"])
def test_a_port_that_carries_our_session_is_refused_and_the_other_vlan_is_not(site: str, carries: str) -> None:
    with classes_on(SITES[site], carries) as classes:
        refused(classes, classes.change(carries, 8 * M), Failure.MANAGEMENT_PATH, "carries netmon's own session")
        beneath = classes.change("port", 8 * M)
        if classes.site.nests:
            refused(classes, beneath, Failure.MANAGEMENT_PATH, "carries netmon's own session")
        confirmed(classes.change("second", 8 * M))


@pytest.mark.system
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_two_classes_of_real_traffic_have_each_its_own_rate() -> None:
    with real_classes() as (classes, box):
        confirmed(classes.change("first", 8 * M))
        confirmed(classes.change("second", 4 * M))
        confirmed(classes.change("first", 3 * M, UP))
        port = box.agencies[0]
        ends = [
            Port(f"{port.interface}.{vlan}", "", port.mac, f"10.20.{vlan}.1", port.namespace, f"10.20.{vlan}.2")
            for vlan in (100, 200)
        ]
        down = box.many_mbps(*((box.uplink, end, 20) for end in ends))
        assert down == pytest.approx([8, 4], rel=0.1)
        up = box.many_mbps(*((end, box.uplink, 20) for end in ends))
        assert up[0] == pytest.approx(3, rel=0.1)
        assert up[1] > 10

from __future__ import annotations

from support.traffic import circuit, identity

from netmon.outputs.topology import by_router, placed


def test_circuits_are_gathered_by_their_router() -> None:
    routers = by_router([circuit("c1", "a", "ge1"), circuit("c2", "b", "ge1", router="r2"), circuit("c3", "a", "ge2")])
    assert {router: [one.id for one in ours] for router, ours in routers.items()} == {"r1": ["c1", "c3"], "r2": ["c2"]}


def test_a_circuit_stands_where_its_port_does_and_a_port_may_have_several() -> None:
    circuits = [
        circuit("c1", "a", "ge2"),
        circuit("c2", "b", "ge1"),
        circuit("c3", "b", "ge2"),
        circuit("c4", "b", "gone"),
    ]
    found = [(at, one.id) for at, one in placed(identity("ge0", "ge1", "ge2"), circuits)]
    assert found == [(1, "c2"), (2, "c1"), (2, "c3")]

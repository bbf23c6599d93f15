from __future__ import annotations

import pytest
from support.traffic import circuit

from netmon.core.model import Direction, Faces
from netmon.outputs.topology import by_port, measured


@pytest.mark.parametrize(
    ("faces", "download_leaves"),
    [(Faces.AGENCY, True), (Faces.PROVINCE, False)],
)
def test_an_agencys_download_leaves_by_a_port_that_faces_it(faces: Faces, download_leaves: bool) -> None:
    directions = {one.direction: one.leaves for one in measured(circuit("c1", "dinkes", "ge1", faces))}
    assert directions == {Direction.DOWNLOAD: download_leaves, Direction.UPLOAD: not download_leaves}


def test_a_port_is_known_by_its_router_and_its_name() -> None:
    ports = by_port([circuit("c1", "a", "ge1"), circuit("c2", "b", "ge1", router="r2")])
    assert {key: {one.circuit.id for one in value} for key, value in ports.items()} == {
        ("r1", "ge1"): {"c1"},
        ("r2", "ge1"): {"c2"},
    }

"""The contract suite: the same tests on a router of every platform, the real Linux router included.

A test takes `bench` for all of them, or `simulated` where it needs faults that only a simulated router has;
`@pytest.mark.needs("...")` names what of Sabotage it uses, and leaves out the platforms that know no such thing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import contract_linux
from support.contract_bench import SIMULATED, Bench, bench_of
from support.testbed import missing

REAL = pytest.param(
    contract_linux,
    id="real-linux",
    marks=(pytest.mark.system, pytest.mark.skipif(missing() is not None, reason=str(missing()))),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    needed = {name for mark in metafunc.definition.iter_markers("needs") for name in mark.args}
    beds = [
        pytest.param(module, id=module.__name__.rpartition("contract_")[2])
        for module in SIMULATED
        if not needed & module.LACKS
    ]
    if "bench" in metafunc.fixturenames:
        metafunc.parametrize("bench", [*beds, *([] if needed & contract_linux.LACKS else [REAL])], indirect=True)
    if "simulated" in metafunc.fixturenames:
        metafunc.parametrize("simulated", beds, indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with bench_of(request.param) as made:
        yield made


@pytest.fixture
def simulated(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with bench_of(request.param) as made:
        yield made

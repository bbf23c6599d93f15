"""The simulated Huawei router with VRP8 of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netmon.simulator.device import Platform
from support.contract import NO_FAULTS, ContractBed, Faults
from support.contract_vrp import bed_of

PLATFORM = "vrp8"
LACKS: frozenset[str] = frozenset()


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    with bed_of(Platform.VRP8, 8, faults) as opened:
        yield opened

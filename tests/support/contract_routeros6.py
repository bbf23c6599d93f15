"""The simulated RouterOS 6 router of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from support import contract_routeros
from support.contract import NO_FAULTS, ContractBed, Faults

PLATFORM, LACKS = contract_routeros.PLATFORM, contract_routeros.LACKS


@contextmanager
def bed(faults: Faults = NO_FAULTS) -> Iterator[ContractBed]:
    with contract_routeros.bed(faults, release=6) as opened:
        yield opened

"""Commits visits at full durability until it is killed, over and over: `python killed.py LEDGER KILLS SEED`.

Each life is a process of its own (forked, so that it starts at once), killed by signal 9 at a random moment. After
each, the ledger is held against the counters the visits were made of. Prints what it did, or fails.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import struct
import sys
import time
from pathlib import Path

from netmon.core.closing import Port
from netmon.core.counters import account
from netmon.core.heads import Ceilings
from netmon.core.measurement import Column, Interface, PduStamp, Poll
from netmon.core.model import NANOSECONDS, Circuit, Faces
from netmon.core.periods import Period
from netmon.daemon.figures import Reckoning
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.store.settings import LedgerSettings

START_NS = 1_795_000_000 * NANOSECONDS
ROUTERS = ("palu", "poso", "luwuk")
PORTS = tuple(Interface(number, f"ether{number}") for number in (1, 2))
ACKNOWLEDGED = struct.Struct(">Q")
UNLIMITED = Ceilings({})


def counter(step: int, port: int, way: int) -> int:
    """What a port's counter stands at after so many steps: ever more, and never evenly."""
    return 10**12 * (port + 1) + step * 1_000_003 * (way + 1) + step * 7919 % 1000


def poll_at(router: str, step: int) -> Poll:
    return Poll(
        router=router,
        identity=PORTS,
        pdus=(PduStamp(100_000 + step * 100, START_NS + step * NANOSECONDS),),
        pdu_of=(0, 0),
        columns={
            Column.IN_OCTETS: tuple(counter(step, port, 0) for port in (0, 1)),
            Column.OUT_OCTETS: tuple(counter(step, port, 1) for port in (0, 1)),
            Column.DISCONTINUITY: (0, 0),
        },
    )


def live(path: Path, step: int, acknowledgements: int) -> None:
    """Until the end comes from outside."""
    ledger = Ledger.open(LedgerSettings(path=path), START_NS)
    heads = ledger.heads()
    while True:
        step += 1
        visits = [account(heads.get(router), poll_at(router, step), UNLIMITED) for router in ROUTERS]
        made = [visit for visit in visits if visit is not None]
        assert all(ledger.commit(made))
        heads = {visit.head.router: visit.head for visit in made}
        os.write(acknowledgements, ACKNOWLEDGED.pack(step))


def one_life(path: Path, step: int, chance: random.Random) -> int:
    """The last step that was acknowledged before the kill, or `step`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            live(path, step, writing)
        finally:
            os._exit(3)
    os.close(writing)
    last = step
    with os.fdopen(reading, "rb") as told:
        for _ in range(chance.randrange(1, 12)):
            last = ACKNOWLEDGED.unpack(told.read(ACKNOWLEDGED.size))[0]
        time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        rest = told.read()
        if rest:
            last = ACKNOWLEDGED.unpack(rest[-ACKNOWLEDGED.size :])[0]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return last


def check(path: Path, acknowledged: int) -> int:
    """The step the ledger stands at; AssertionError where it is not the truth of that step."""
    ledger = Ledger.open(LedgerSettings(path=path), START_NS)
    heads = ledger.heads()
    ledger.close()
    (step,) = {(head.pdus[0].uptime_ticks - 100_000) // 100 for head in heads.values()}
    assert step >= acknowledged, f"visit {acknowledged} was acknowledged, the ledger stands at {step}"
    reader = LedgerReader.open(path)
    try:
        for router, head in heads.items():
            period = Period(0, head.at_ns + 1, "")
            reckoning = Reckoning(reader, head.at_ns)
            reckoning.prepare([Circuit(router, "a", router, port.name, Faces.AGENCY) for port in PORTS], period)
            for way, totals in enumerate((head.in_total, head.out_total)):
                for port in (0, 1):
                    truth = counter(step, port, way) - counter(1, port, way)
                    assert totals[port] == truth
                    name = ("in", "out")[way]
                    used = reckoning.usage(Port(router, router, PORTS[port].name, name), period)
                    assert (used.proven_bytes, used.estimated_bytes, used.gaps) == (truth, 0, ()), name
    finally:
        reader.close()
    return step


def main(path: Path, kills: int, seed: int) -> None:
    chance, step = random.Random(seed), 0
    for _ in range(kills):
        step = check(path, one_life(path, step, chance))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    print(f"{kills} kills, {step} visits of each router, seed {seed}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

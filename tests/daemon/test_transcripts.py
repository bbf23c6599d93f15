"""What was said on a router in every session of a change is kept with its receipt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from daemon.actions_bench import DOWN, MBPS, UNKNOWN, Bench, a_change
from daemon.world import faulty_ledger

from netmon.core.resolving import Armed
from netmon.routers.enforcement import Inspection
from netmon.store.reader import LedgerReader


async def test_every_session_of_a_change_is_in_its_receipts_transcript(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        (silent,) = await bench.carry_out(a_change("arsip-fo", MBPS))
        assert await ledger.read(LedgerReader.transcript_of, silent.id) is None
        bench.routers.limits["dinkes-fo", DOWN] = MBPS
        bench.routers.will("apply", "dinkes-fo", replace(UNKNOWN, transcript="> applied\n"))
        assert await bench.carry_out(a_change("dinkes-fo", MBPS)) == []
        seen = Inspection(True, MBPS, Armed.UNARMED, "it was read", 5)
        bench.routers.will("inspect", "dinkes-fo", replace(seen, transcript="> looked\n"))
        bench.routers.will("record_new", "dinkes-fo", replace(seen, transcript="> tidied\n"))
        await bench.settle(1)
        (_, receipt) = await bench.recorded()
        said = await ledger.read(LedgerReader.transcript_of, receipt.id)
        assert said == "> applied\n> looked\n> tidied\n"


async def test_a_receipt_that_could_not_be_written_keeps_what_was_said_for_the_next_try(tmp_path: Path) -> None:
    async with faulty_ledger(tmp_path) as ledger:
        bench = Bench(tmp_path, ledger)
        bench.routers.limits["dinkes-fo", DOWN] = MBPS
        bench.routers.will("apply", "dinkes-fo", replace(UNKNOWN, transcript="> applied\n"))
        await bench.carry_out(a_change("dinkes-fo", MBPS))
        ledger.faults.failing.add("close_intent")
        await bench.settle(1)
        ledger.faults.failing.clear()
        await bench.settle(60)
        (receipt,) = await bench.recorded()
        assert await ledger.read(LedgerReader.transcript_of, receipt.id) == "> applied\n"

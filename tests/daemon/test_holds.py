"""The global hold as a daemon keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from daemon.world import FaultyLedger, faulty_ledger
from support.ledgers import audited

from netmon.core.alerts import Alert, AlertState
from netmon.core.kill_switch import Noted, Sweep, Swept, SweptState
from netmon.daemon.control import CommandError
from netmon.daemon.holds import GlobalHold, HoldKeeper
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader
from netmon.store.release_file import ReleaseFile
from netmon.store.settings import LedgerSettings

SWEPT = (Swept("palu", SweptState.CLEARED, ("NM-1 ether1",)),)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[FaultyLedger]:
    async with faulty_ledger(tmp_path) as one:
        yield one
        assert audited(tmp_path / "ledger.db").ok


def file_in(directory: Path) -> ReleaseFile:
    return ReleaseFile.of(LedgerSettings(path=directory / "ledger.db"))


async def restored(directory: Path, ledger: FaultyLedger) -> GlobalHold:
    return await GlobalHold.restored(LedgerSettings(path=directory / "ledger.db"), ledger)


def sweep_of(release: str) -> Sweep:
    return Sweep("sweep-1", release, 2, "sari", SWEPT)


async def test_a_hold_written_by_anybody_holds_at_once_and_is_recorded_later(
    tmp_path: Path, ledger: FaultyLedger
) -> None:
    hold = await restored(tmp_path, ledger)
    assert hold.in_force() is None
    release, trouble = GlobalHold(file_in(tmp_path)).begin("sari", "a fault", 1)
    assert trouble is None
    assert hold.in_force() == release
    assert await ledger.write(Ledger.release) is None
    GlobalHold(file_in(tmp_path)).swept(sweep_of(release.id))
    await hold.record()
    assert await ledger.write(Ledger.release) == release
    assert await ledger.read(LedgerReader.sweeps, release.id) == [sweep_of(release.id)]


async def test_it_outlives_the_file_and_the_ledger_but_not_both(tmp_path: Path, ledger: FaultyLedger) -> None:
    hold = await restored(tmp_path, ledger)
    release, _ = hold.begin("sari", "a fault", 1)
    assert GlobalHold(file_in(tmp_path)).in_force() == release, "without a ledger"
    await hold.record()
    file_in(tmp_path).remove()
    assert (await restored(tmp_path, ledger)).in_force() == release, "without the file"


async def test_an_end_said_while_no_ledger_could_be_had_counts_and_is_recorded_later(
    tmp_path: Path, ledger: FaultyLedger
) -> None:
    hold = await restored(tmp_path, ledger)
    release, _ = hold.begin("sari", "a fault", 1)
    await hold.record()
    GlobalHold(file_in(tmp_path)).end("budi", "mended", 5)
    assert hold.in_force() is None
    assert await ledger.write(Ledger.release) == release
    await hold.record()
    assert await ledger.write(Ledger.release) is None
    assert file_in(tmp_path).read() is None, "an ended file has done its duty"


async def test_a_second_word_while_one_holds_changes_nothing(tmp_path: Path, ledger: FaultyLedger) -> None:
    hold = await restored(tmp_path, ledger)
    first, _ = hold.begin("sari", "a fault", 1)
    assert hold.begin("budi", "again", 2) == (first, None)


async def test_a_file_that_cannot_be_read_holds_until_a_word_writes_it_anew(
    tmp_path: Path, ledger: FaultyLedger
) -> None:
    (tmp_path / "netmon.hold").write_text("rubbish")
    hold = await restored(tmp_path, ledger)
    assert hold.in_force() is not None
    await hold.record()
    assert await ledger.write(Ledger.release) is None, "nobody knows what it would say"
    hold.end("budi", "mended", 5)
    assert hold.in_force() is None
    await hold.record()
    assert file_in(tmp_path).read() is None


async def test_a_release_over_a_file_that_cannot_be_read_is_one_of_its_own(
    tmp_path: Path, ledger: FaultyLedger
) -> None:
    (tmp_path / "netmon.hold").write_text("rubbish")
    hold = await restored(tmp_path, ledger)
    release, trouble = hold.begin("sari", "a fault", 3)
    assert trouble is None
    assert file_in(tmp_path).read() == Noted(release)


@pytest.mark.parametrize("reason", [None, "", "  ", "two\nlines"])
async def test_no_word_without_a_reason(tmp_path: Path, ledger: FaultyLedger, reason: object) -> None:
    hold = await restored(tmp_path, ledger)
    with pytest.raises(CommandError):
        hold.begin("sari", reason, 1)
    assert hold.in_force() is None


async def test_where_nothing_is_held_there_is_nothing_to_end(tmp_path: Path, ledger: FaultyLedger) -> None:
    with pytest.raises(CommandError, match="nothing is held"):
        (await restored(tmp_path, ledger)).end("budi", "mended", 5)


async def test_a_hold_that_cannot_be_written_is_told_and_raises_nothing(tmp_path: Path) -> None:
    release, trouble = GlobalHold(ReleaseFile(tmp_path / "gone" / "netmon.hold")).begin("sari", "a fault", 1)
    assert release.reason == "a fault"
    assert trouble is not None
    assert "cannot be written" in trouble


# --- the keeper ------------------------------------------------------------------------------


async def test_the_keeper_tells_once_of_each_release_and_of_its_end(tmp_path: Path, ledger: FaultyLedger) -> None:
    hold, alerts, announced = await restored(tmp_path, ledger), dict[str, Alert](), list[int]()
    keeper = HoldKeeper(hold, ledger, alerts, lambda: 9, lambda: announced.append(1))
    await keeper.look()
    assert (alerts, announced) == ({}, [])
    hold.begin("sari", "a fault", 1)
    for _ in range(3):
        await keeper.look()
    assert len(announced) == 1
    assert [one.state for one in alerts.values()] == [AlertState.FIRING]
    assert alerts["release"].summary == "netmon limits nothing: sari released everything: a fault."
    hold.end("budi", "mended", 5)
    for _ in range(2):
        await keeper.look()
    assert [one.state for one in alerts.values()] == [AlertState.RESOLVED]
    assert len(announced) == 2


async def test_a_full_disk_keeps_the_hold_from_the_ledger_but_not_from_being_obeyed(
    tmp_path: Path, ledger: FaultyLedger
) -> None:
    hold = await restored(tmp_path, ledger)
    keeper = HoldKeeper(hold, ledger, {}, lambda: 9, lambda: None)
    release, _ = hold.begin("sari", "a fault", 1)
    ledger.faults.failing = {"record_release"}
    await keeper.look()
    assert hold.in_force() == release
    ledger.faults.failing = set()
    await keeper.look()
    assert await ledger.write(Ledger.release) == release

"""Polls become committed visits, every byte once, whatever other pollers and the disk do."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.world import FaultyLedger, a_poll, at_work, faulty_ledger
from support.processes import PATIENCE_S, eventually

from netmon.core.heads import Ceilings, Head, Visit
from netmon.core.measurement import Gap, GapReason, Poll
from netmon.daemon import accountant as module
from netmon.daemon.accountant import WAITING_PER_ROUTER, Accountant, Book
from netmon.store.errors import VisitRefusedError
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_PAUSE_S", 0.01)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[FaultyLedger]:
    async with faulty_ledger(tmp_path) as service:
        yield service


class Told:
    """What the accountant told the world, in order."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []

    def __call__(self, visit: Visit, poll: Poll) -> None:
        assert visit.head.router == poll.router
        self.visits.append(visit)

    @property
    def gaps(self) -> list[Gap]:
        return [gap for visit in self.visits for gap in visit.gaps]


def an_accountant(book: Book, told: Told | None = None, max_batch: int = 500) -> Accountant:
    return Accountant(
        book=book,
        on_visit=told or Told(),
        on_commit=lambda seconds, visits: None,
        now_ns=lambda: 1,
        commit_interval_s=0.001,
        max_batch=max_batch,
    )


class Gated:
    """A book whose commits wait for the test."""

    def __init__(self, inner: Book) -> None:
        self.inner = inner
        self.open = asyncio.Event()
        self.entered = asyncio.Event()
        self.offered: list[Sequence[Visit]] = []

    async def commit(self, visits: Sequence[Visit]) -> list[bool]:
        self.offered.append(visits)
        self.entered.set()
        await self.open.wait()
        return await self.inner.commit(visits)

    async def head(self, router: str) -> Head | None:
        return await self.inner.head(router)


async def settled(accountant: Accountant) -> None:
    await eventually(lambda: not accountant._waiting, "nothing to wait")


async def totals(ledger: FaultyLedger, router: str = "palu") -> tuple[tuple[int, ...], tuple[int, ...]]:
    head = await ledger.write(Ledger.head, router)
    assert head is not None
    return head.in_total, head.out_total


async def test_each_poll_is_committed_once_and_told_after_its_commit(ledger: FaultyLedger) -> None:
    told = Told()
    accountant = an_accountant(ledger, told)
    async with at_work(accountant.run):
        for second, octets in ((0, 1000), (10, 1500), (20, 4000)):
            accountant.offer(a_poll("palu", second, octets, 7))
            await settled(accountant)
    assert await totals(ledger) == ((3000, 0), (6000, 0))
    assert [visit.head.sequence for visit in told.visits] == [1, 2, 3]
    assert accountant.heads["palu"] == await ledger.write(Ledger.head, "palu")
    assert accountant.stats.committed == 3


async def test_the_head_in_memory_advances_only_after_the_commit(ledger: FaultyLedger) -> None:
    book, told = Gated(ledger), Told()
    accountant = an_accountant(book, told)
    async with at_work(accountant.run):
        accountant.offer(a_poll("palu", 0, 100))
        await book.entered.wait()
        assert accountant.heads == {}
        assert told.visits == []
        book.open.set()
        await settled(accountant)
        assert accountant.heads["palu"].sequence == 1


async def test_what_is_polled_during_a_commit_coalesces_and_is_accounted_against_the_committed_head(
    ledger: FaultyLedger,
) -> None:
    book = Gated(ledger)
    accountant = an_accountant(book)
    async with at_work(accountant.run):
        accountant.offer(a_poll("palu", 0, 100))
        await book.entered.wait()
        for second in (10, 20, 30):
            accountant.offer(a_poll("palu", second, 100 + second))
        book.open.set()
        await settled(accountant)
    assert [[visit.base for visit in batch] for batch in book.offered] == [[0], [1]]
    assert await totals(ledger) == ((30,), (60,))
    assert accountant.stats.coalesced == 2


@pytest.mark.parametrize("seed", range(5))
async def test_two_accountants_on_one_ledger_neither_lose_nor_double_a_byte(ledger: FaultyLedger, seed: int) -> None:
    """The head moved under the other's feet: it adopts that head and accounts its poll anew."""
    chance = random.Random(seed)
    both = an_accountant(ledger), an_accountant(ledger)
    counter = first = chance.randrange(10**12)
    async with at_work(both[0].run, both[1].run):
        both[0].offer(a_poll("palu", 0, first))
        await settled(both[0])
        for second in range(10, 400, 10):
            counter += chance.randrange(10**6)
            chance.choice(both).offer(a_poll("palu", second, counter))
            if chance.random() < 0.7:
                for one in both:
                    await settled(one)
        for one in both:
            await settled(one)
        final = a_poll("palu", 1000, counter)
        both[0].offer(final)
        await settled(both[0])
    assert await totals(ledger) == ((counter - first,), (2 * (counter - first),))
    stats = [one.stats for one in both]
    assert sum(one.conflicts for one in stats) > 0
    assert sum(one.refused + one.failures for one in stats) == 0


async def test_the_same_poll_at_two_accountants_is_counted_once(ledger: FaultyLedger) -> None:
    one, other = an_accountant(ledger), an_accountant(ledger)
    async with at_work(one.run, other.run):
        for second, octets in ((0, 5), (10, 105), (20, 305)):
            for accountant in (one, other):
                accountant.offer(a_poll("palu", second, octets))
            await settled(one)
            await settled(other)
    assert await totals(ledger) == ((300,), (600,))
    assert one.stats.committed + other.stats.committed == 3
    assert one.stats.stale + other.stats.stale == 3


async def test_a_poll_no_newer_than_the_head_is_dropped_and_counted(ledger: FaultyLedger) -> None:
    accountant = an_accountant(ledger)
    async with at_work(accountant.run):
        for second in (10, 5, 10):
            accountant.offer(a_poll("palu", second, 100))
            await settled(accountant)
    assert accountant.stats.stale == 2
    assert accountant.stats.committed == 1


async def test_a_full_disk_keeps_the_first_and_the_newest_of_continuous_polls_and_loses_no_byte(
    ledger: FaultyLedger, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    accountant = an_accountant(ledger, told)
    async with at_work(accountant.run):
        accountant.offer(a_poll("palu", 0, 1000))
        await settled(accountant)
        ledger.faults.failing.add("commit")
        for second in range(10, 1000, 10):
            accountant.offer(a_poll("palu", second, 1000 + second))
        await eventually(lambda: accountant.stats.failures >= 5, "five attempts to commit")
        assert "the disk is full" in str(accountant.stats.problem)
        assert accountant.stats.failing_since_ns == 1
        turns = accountant.stats.turns
        await eventually(lambda: accountant.stats.turns > turns, "the heartbeat")
        ledger.faults.failing.clear()
        await settled(accountant)
    assert await totals(ledger) == ((990,), (1980,))
    assert accountant.stats.coalesced == 97
    after = replace(accountant.stats)
    assert (after.problem, after.failing_since_ns) == (None, None)
    assert told.gaps == []
    told_of_it = [record.getMessage() for record in caplog.records if record.name == "netmon.daemon.accountant"]
    assert len(told_of_it) == 2, "the beginning and the end, nothing in between"
    assert "cannot commit" in told_of_it[0]
    assert "commits again" in told_of_it[1]


async def test_a_reboot_while_the_disk_is_full_keeps_what_was_read_before_and_after_it(ledger: FaultyLedger) -> None:
    told = Told()
    accountant = an_accountant(ledger, told)
    async with at_work(accountant.run):
        accountant.offer(a_poll("palu", 0, 1000))
        await settled(accountant)
        ledger.faults.failing.add("commit")
        accountant.offer(a_poll("palu", 10, 1400))
        accountant.offer(a_poll("palu", 20, 1600))
        accountant.offer(a_poll("palu", 60, 30, booted=50))
        accountant.offer(a_poll("palu", 70, 50, booted=50))
        await eventually(lambda: accountant.stats.failures, "an attempt to commit")
        ledger.faults.failing.clear()
        await settled(accountant)
    assert await totals(ledger) == ((650,), (1300,)), "600 before the reboot, 50 after it"
    assert {gap.reason for gap in told.gaps} == {GapReason.COUNTER_RESET}


async def test_the_discontinuities_kept_of_one_router_are_bounded(ledger: FaultyLedger) -> None:
    told = Told()
    accountant = an_accountant(ledger, told)
    ledger.faults.failing.add("commit")
    async with at_work(accountant.run):
        for reboot in range(100):
            accountant.offer(a_poll("palu", 100 * reboot + 90, 1000, booted=100 * reboot))
            accountant.offer(a_poll("gowa", 100 * reboot + 90, reboot))
        assert len(accountant._waiting["palu"]) == WAITING_PER_ROUTER
        assert len(accountant._waiting["gowa"]) == 2, "it only went on"
        ledger.faults.failing.clear()
        await settled(accountant)
    assert accountant.stats.committed == WAITING_PER_ROUTER + 2
    kept = {visit.head.at_ns for visit in told.visits if visit.head.router == "palu"}
    assert min(kept) == a_poll("palu", 90, 0).at_ns, "the oldest says what came before the first reboot"
    assert max(kept) == a_poll("palu", 9990, 0).at_ns


async def test_another_device_is_never_coalesced_into_the_one_before(ledger: FaultyLedger) -> None:
    accountant = an_accountant(ledger)
    for second, device in ((0, "HX1"), (10, "HX1"), (20, "HX2")):
        accountant.offer(a_poll("palu", second, 100 + second, device=device))
    assert [poll.device for poll in accountant._waiting["palu"]] == ["HX1", "HX1", "HX2"]


@pytest.mark.parametrize(
    ("polls", "counted"),
    [
        ([a_poll("palu", 0, 1000), a_poll("palu", 10, 1100), a_poll("palu", 20, 1300)], (300,)),
        (
            [a_poll("palu", s, *octets) for s, octets in ((0, (5,)), (10, (6, 70)), (20, (7, 90)), (30, (8, 95)))],
            (3, 25),
        ),
        (
            [
                a_poll("palu", s, octets, device=device)
                for s, octets, device in ((0, 5, "HX1"), (10, 7, "HX1"), (20, 900, "HX2"), (30, 950, "HX2"))
            ],
            (52,),
        ),
        ([a_poll("palu", 0, 500), a_poll("palu", 20, 50, booted=10), a_poll("palu", 50, 20, booted=30)], (70,)),
    ],
    ids=["a new router", "a new port", "a new device", "two reboots in a row"],
)
async def test_what_is_counted_from_is_kept_while_nothing_can_be_committed(
    ledger: FaultyLedger, polls: list[Poll], counted: tuple[int, ...]
) -> None:
    accountant = an_accountant(ledger)
    ledger.faults.failing.add("commit")
    for poll in polls:
        accountant.offer(poll)
    async with at_work(accountant.run):
        await eventually(lambda: accountant.stats.failures, "an attempt to commit")
        ledger.faults.failing.clear()
        await settled(accountant)
    assert (await totals(ledger))[0] == counted


async def test_polls_of_32_bit_counters_are_not_coalesced_for_a_wrap_would_become_ambiguous(
    ledger: FaultyLedger,
) -> None:
    accountant = an_accountant(ledger)
    accountant.ceilings = {"palu": Ceilings({"ether1": 100_000_000})}
    near_the_wrap = 2**32 - 1000
    for second in range(0, 200, 40):
        octets = (near_the_wrap + 100 * second) % 2**32
        accountant.offer(replace(a_poll("palu", second, octets, outward=octets), counter_bits=32))
    async with at_work(accountant.run):
        await settled(accountant)
    assert await totals(ledger) == ((16_000,), (16_000,))


class Contradicting:
    """A book that calls one router's visits contradictory, as the ledger does."""

    def __init__(self, inner: Book, router: str) -> None:
        self.inner, self.router, self.times = inner, router, 1

    async def commit(self, visits: Sequence[Visit]) -> list[bool]:
        if self.times and any(visit.head.router == self.router for visit in visits):
            self.times -= 1
            raise VisitRefusedError(self.router, "its columns differ in length")
        return await self.inner.commit(visits)

    async def head(self, router: str) -> Head | None:
        return await self.inner.head(router)


async def test_a_contradictory_visit_costs_its_own_router_that_poll_and_nobody_else_anything(
    ledger: FaultyLedger, caplog: pytest.LogCaptureFixture
) -> None:
    accountant = an_accountant(Contradicting(ledger, "gowa"))
    for router in ("palu", "gowa", "donggala"):
        accountant.offer(a_poll(router, 0, 100))
    accountant.offer(a_poll("gowa", 60, 3, booted=50))
    async with at_work(accountant.run):
        await settled(accountant)
        assert set(accountant.heads) == {"palu", "gowa", "donggala"}
        assert accountant.heads["gowa"].at_ns == a_poll("gowa", 60, 3).at_ns, "the poll behind it was kept"
    assert accountant.stats.refused == 1
    assert "report this as a defect" in caplog.text


async def test_no_more_visits_than_the_batch_holds_are_committed_at_once(ledger: FaultyLedger) -> None:
    book = Gated(ledger)
    book.open.set()
    accountant = an_accountant(book, max_batch=3)
    for number in range(8):
        accountant.offer(a_poll(f"r{number}", 0, 1))
    async with at_work(accountant.run):
        await settled(accountant)
    assert [len(batch) for batch in book.offered] == [3, 3, 2]


async def test_drain_returns_at_once_when_nothing_waits(ledger: FaultyLedger) -> None:
    await asyncio.wait_for(an_accountant(ledger).drain(), PATIENCE_S)


async def test_drain_waits_as_long_as_the_ledger_cannot_commit(ledger: FaultyLedger) -> None:
    accountant = an_accountant(ledger)
    ledger.faults.failing.add("commit")
    accountant.offer(a_poll("palu", 0, 1))
    async with at_work(accountant.run):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(accountant.drain(), 0.05)
        ledger.faults.failing.clear()
        await asyncio.wait_for(accountant.drain(), PATIENCE_S)
    assert accountant.stats.committed == 1


async def test_drain_ends_although_polls_keep_coming(ledger: FaultyLedger) -> None:
    accountant = an_accountant(ledger)
    ended = False

    async def keep_polling() -> None:
        second = 0
        while not ended:
            second += 1
            for router in ("palu", "gowa", "donggala"):
                accountant.offer(a_poll(router, second, second))
            await asyncio.sleep(0)

    async with at_work(accountant.run, keep_polling):
        await asyncio.sleep(0.05)
        await asyncio.wait_for(accountant.drain(), PATIENCE_S)
        ended = True
    assert set(accountant.heads) == {"palu", "gowa", "donggala"}


async def test_the_turns_go_on_while_nothing_is_polled(ledger: FaultyLedger) -> None:
    accountant = an_accountant(ledger)
    async with at_work(accountant.run):
        await eventually(lambda: accountant.stats.turns > 3, "turns without polls")


async def test_a_declared_port_speed_flags_what_the_port_cannot_carry(ledger: FaultyLedger) -> None:
    told = Told()
    accountant = an_accountant(ledger, told)
    accountant.ceilings = {"palu": Ceilings({"ether1": 8_000_000})}
    async with at_work(accountant.run):
        for second, octets in ((0, 0), (10, 10**9)):
            accountant.offer(a_poll("palu", second, octets))
            await settled(accountant)
    assert {gap.reason for gap in told.gaps} == {GapReason.IMPLAUSIBLE}
    gaps = await ledger.read(LedgerReader.gaps_of, ["palu"], 0, 2**62)
    assert [gap.reason for gap in gaps["palu", "ether1", "in"]] == [GapReason.IMPLAUSIBLE]


async def test_the_log_names_no_more_than_one_failure_of_many(
    ledger: FaultyLedger, caplog: pytest.LogCaptureFixture
) -> None:
    accountant = an_accountant(ledger)
    ledger.faults.failing.add("commit")
    accountant.offer(a_poll("palu", 0, 1))
    async with at_work(accountant.run):
        await eventually(lambda: accountant.stats.failures > 10, "ten attempts")
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


async def test_a_ledger_dated_by_a_clock_that_was_ahead_stops_no_accounting_and_is_told_once(
    ledger: FaultyLedger, caplog: pytest.LogCaptureFixture
) -> None:
    day = 86_400
    before = an_accountant(ledger)
    async with at_work(before.run):
        before.offer(replace(a_poll("palu", 0, 1000), pdus=a_poll("palu", day, 0).pdus))
        await settled(before)
    told = Told()
    after = an_accountant(ledger, told)
    after.heads.update(before.heads)
    after.now_ns = lambda: a_poll("palu", 4 * day, 0).at_ns
    async with at_work(after.run):
        for minute, octets in ((1, 1100), (2, 1250), (3, 1500)):
            read = a_poll("palu", day + 60 * minute, octets)
            after.offer(replace(read, pdus=(replace(read.pdus[0], received_ns=a_poll("palu", 60 * minute, 0).at_ns),)))
            await settled(after)
        assert await totals(ledger) == ((500,), (1000,))
        after.offer(a_poll("palu", 2 * day, 1600))
        await settled(after)
    assert await totals(ledger) == ((600,), (1200,)), "the clock has caught up"
    assert [gap.reason for gap in told.gaps] == [GapReason.CLOCK_STEPPED_BACK] * 2, "either way, and once"
    said = [record.getMessage() for record in caplog.records if "behind the ledger" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith("palu: the clock is 86340 s behind the ledger; its bytes are counted")
    assert after.stats.stale == 0


async def test_a_poll_that_another_clock_dated_into_our_future_is_not_taken_for_new(ledger: FaultyLedger) -> None:
    accountant = an_accountant(ledger)
    async with at_work(accountant.run):
        accountant.offer(a_poll("palu", 1000, 1000))
        await settled(accountant)
    again = an_accountant(ledger)
    again.heads.update(accountant.heads)
    again.now_ns = lambda: a_poll("palu", 10, 0).at_ns
    async with at_work(again.run):
        again.offer(a_poll("palu", 900, 900))
        await settled(again)
    assert (again.stats.stale, again.stats.committed) == (1, 0)

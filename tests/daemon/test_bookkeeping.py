"""Closing, restating, refreshing and thinning, as the daemon does it, on a small site's ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from support.governed import HOUR_START_NS, write_site, written
from support.ledgers import MINUTE_NS, START_NS, a_visit, opened, visit_count
from support.schemas import conforms

from netmon.config.load import Configuration, load
from netmon.core.closing import ClosingReason
from netmon.core.heads import LastSeen
from netmon.core.model import NANOSECONDS, Direction
from netmon.core.periods import PeriodKind, PeriodRule, period_containing
from netmon.daemon import bookkeeping
from netmon.daemon.bookkeeping import Books, closing_rows
from netmon.daemon.clock import Trust
from netmon.daemon.control import CommandError
from netmon.daemon.queries import By, QueryError, Span, usage_rows
from netmon.store.ledger import Ledger
from netmon.store.reader import LedgerReader

P = ParamSpec("P")
T = TypeVar("T")

ZONE = "Asia/Makassar"
DAY_NS = 86_400 * NANOSECONDS
DAY = period_containing(PeriodRule(PeriodKind.DAY), START_NS, ZONE)
QUOTAS = """\
quotas:
  hourly: {direction: download, period: day, volume: 1 GB, ladder: [{at: 100%, notify: true}]}
  up: {direction: upload, period: day, volume: 1 GB, ladder: [{at: 100%, notify: true}]}
"""


@dataclass
class Rooms:
    """The ledger without threads."""

    ledger: Ledger
    reader: LedgerReader

    async def write(self, call: Callable[Concatenate[Ledger, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(self.ledger, *args, **kwargs)

    async def read(self, call: Callable[Concatenate[LedgerReader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(self.reader, *args, **kwargs)


@dataclass
class World:
    rooms: Rooms
    directory: Path
    now_ns: int = DAY.end_ns + MINUTE_NS
    trust: Trust = field(default_factory=lambda: Trust(None))

    def books(self, configuration: Configuration | None = None) -> Books:
        configuration = configuration or self.configuration()
        return Books(configuration, self.rooms, lambda: self.now_ns, lambda: self.trust)

    def configuration(self, **ledger: object) -> Configuration:
        loaded = load(self.directory / "netmon.yaml")
        settings = loaded.settings.model_copy(update={"ledger": loaded.settings.ledger.model_copy(update=ledger)})
        return replace(loaded, settings=settings)

    def visits(self, first: int, last: int, step_ns: int = 5 * MINUTE_NS) -> None:
        """Of palu-core: number n at n steps of the day; ether1 out 1 MB, ether2 out 2 MB, ether3 in 3 MB a step."""
        total = 10**6
        assert all(
            self.rooms.ledger.commit(
                [
                    a_visit(
                        "palu-core",
                        number,
                        ((number, number * total), (0, number * 2 * total), (number * 3 * total, 0)),
                        DAY.start_ns + number * step_ns,
                    )
                    for number in range(first, last + 1)
                ]
            )
        )

    def usage(self, agency: str, revision: int | None = None, by: By = By.AGENCY) -> list[dict[str, Any]]:
        span = Span(label=DAY.label)
        rows = usage_rows(self.configuration(), self.rooms.reader, agency, span, by, self.now_ns, revision)
        conforms("usage", {"schema": "netmon/usage/1", "generated_at": written(HOUR_START_NS), "data": rows})
        return rows


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    write_site(tmp_path)
    (tmp_path / "policies" / "quotas" / "hourly.yaml").write_text(QUOTAS, encoding="utf-8")
    text = (tmp_path / "netmon.yaml").read_text(encoding="utf-8").replace("[hourly]", "[hourly, up]")
    (tmp_path / "netmon.yaml").write_text(
        text.replace("{name: Dinas Kearsipan}", "{name: Dinas Kearsipan, quotas: [hourly, up]}"), encoding="utf-8"
    )
    with opened(tmp_path / "ledger.db") as ledger:
        reader = LedgerReader.open(tmp_path / "ledger.db")
        yield World(Rooms(ledger, reader), tmp_path)
        reader.close()


async def close(world: World, **args: object) -> dict[str, Any]:
    answer = await world.books().close({"reason": "the day is over", "by": "siti", **args})
    conforms("period-close", {"schema": "netmon/period-close/1", "generated_at": written(START_NS), "data": answer})
    return answer


async def test_a_closed_period_is_told_as_it_was_written_down(world: World) -> None:
    world.visits(1, 290)
    before = world.usage("dinkes")
    answer = await close(world, period=DAY.label, agencies=["dinkes"])
    assert [(one["agency"], one["revision"], one["by"], one["reason"], one["note"]) for one in answer["closed"]] == [
        ("dinkes", 1, "siti", "closed", "the day is over")
    ]
    after = world.usage("dinkes")
    assert [row["revision"] for row in before + after] == [None, None, 1, 1]
    same = [{key: row[key] for key in row if key not in ("revision", "closed_at")} for row in before + after]
    assert same[:2] == same[2:]
    assert after[0]["peak_bps"] == after[0]["p95_bps"] == 3_000_000 * 8 // 300
    assert [row["circuit"] for row in world.usage("dinkes", by=By.CIRCUIT)] == ["dinkes-main", "dinkes-radio"] * 2
    assert await close(world, period=DAY.label, agencies=["dinkes"]) == {
        "closed": [],
        "unchanged": [{"agency": "dinkes", "period": DAY.label}],
    }
    assert world.usage("arsip")[0]["revision"] is None


async def test_late_readings_make_the_next_revision_and_the_first_stays(world: World) -> None:
    world.visits(1, 280)
    await close(world)
    (first, _) = world.usage("dinkes")
    assert await world.books().restate() == []
    world.visits(281, 400)
    restated = await world.books().restate()
    assert {(one.agency, one.revision, one.reason, one.by) for one in restated} == {
        (agency, 2, ClosingReason.LATE_READINGS, "netmon") for agency in ("dinkes", "arsip")
    }
    second, again = world.usage("dinkes")[0], world.usage("dinkes", 1)[0]
    assert (again["proven_bytes"], again["revision"]) == (first["proven_bytes"], 1)
    assert (second["proven_bytes"] + second["estimated_bytes"], second["revision"]) == (3 * 10**6 * 287, 2)
    assert second["unknown_seconds"] < first["unknown_seconds"]
    assert await world.books().restate() == []
    assert world.rooms.reader.unsettled() == []
    rows = closing_rows(world.rooms.reader, "dinkes", 10)
    conforms("periods", {"schema": "netmon/periods/1", "generated_at": written(START_NS), "data": rows})
    assert [(row["revision"], row["reason"]) for row in rows] == [(2, "late_readings"), (1, "closed")]
    with pytest.raises(QueryError, match=f"dinkes has no revision 3 of {DAY.label}; netmon period list shows"):
        world.usage("dinkes", 3)


async def test_late_readings_count_on_the_circuits_of_then(world: World) -> None:
    world.visits(1, 280)
    await close(world)
    config = world.directory / "netmon.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("interface: ether3, faces: province", "interface: ether3, faces: agency"))
    world.visits(281, 400)
    (one,) = [one for one in await world.books().restate() if one.agency == "arsip"]
    assert one.figures[0].ports[0].way == "in"
    answer = await close(world, period=DAY.label, agencies=["arsip"])
    assert (answer["closed"][0]["revision"], answer["closed"][0]["reason"]) == (3, "circuits_changed")
    download, upload = world.usage("arsip")
    assert (download["proven_bytes"], upload["proven_bytes"]) == (0, 3 * 10**6 * 287)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"reason": " "}, "a period is closed with a reason for the record; give --reason"),
        ({"agencies": ["dinkess"]}, "there is no agency dinkess; netmon usage lists them"),
        ({"period": "november"}, "'november' is not a period; write for example"),
        ({"period": "2026-11-20"}, "2026-11-20 of dinkes ends at 2026-11-21T00:00:00+08:00; close it after that"),
    ],
)
async def test_what_cannot_be_closed_is_refused_in_one_sentence(
    world: World, args: dict[str, object], sentence: str
) -> None:
    with pytest.raises(CommandError) as caught:
        await close(world, **args)
    assert str(caught.value).startswith(sentence)


async def test_no_period_is_closed_while_the_clock_is_not_trusted(world: World) -> None:
    world.trust = Trust("no time service keeps the host's clock synchronised")
    with pytest.raises(CommandError, match="no period is closed: no time service"):
        await close(world)


async def test_periods_are_closed_by_themselves_once_that_is_due(world: World) -> None:
    world.visits(1, 900)
    world.now_ns = DAY.end_ns + 2 * DAY_NS - MINUTE_NS
    assert await world.books().close_due() == []
    books = world.books(world.configuration(close_after=DAY_NS))
    closed = await books.close_due()
    assert {(one.agency, one.label, one.reason.value) for one in closed} == {
        (agency, DAY.label, "closed_automatically") for agency in ("dinkes", "arsip")
    }
    world.now_ns += 2 * DAY_NS
    assert {one.label for one in await books.close_due()} == {"2026-11-19", "2026-11-20"}
    assert await books.close_due() == []


async def test_the_demand_of_open_periods_is_taken_further_and_shown(world: World) -> None:
    world.visits(1, 300)
    world.now_ns = DAY.start_ns + 200 * 5 * MINUTE_NS
    await world.books().refresh()
    found = world.rooms.reader.reckoned(DAY.start_ns, DAY.end_ns)
    (noted,) = [one for key, one in found.items() if (key.agency, key.direction) == ("arsip", Direction.DOWNLOAD)]
    assert (noted.samples, noted.peak_bps) == (199, 3_000_000 * 8 // 300)
    world.now_ns += 20 * MINUTE_NS
    assert world.usage("arsip")[0]["p95_samples"] == 199
    await world.books().refresh()
    assert world.usage("arsip")[0]["p95_samples"] == 203


async def test_a_port_that_is_gone_holds_up_no_other(world: World) -> None:
    world.visits(1, 20)
    gone = LastSeen(DAY.start_ns + 20 * 5 * MINUTE_NS, 20 * 6000)
    assert all(
        world.rooms.ledger.commit(
            [
                a_visit(
                    "palu-core",
                    number,
                    ((number, number * 10**6), (0, 20 * 2 * 10**6), (number, 0)),
                    DAY.start_ns + number * 5 * MINUTE_NS,
                    {1: gone},
                )
                for number in range(21, 1000)
            ]
        )
    )
    world.now_ns = DAY.end_ns + DAY_NS - MINUTE_NS
    await world.books().refresh()
    day = replace(DAY, start_ns=DAY.end_ns, end_ns=DAY.end_ns + DAY_NS)
    found = world.rooms.reader.reckoned(DAY.start_ns, DAY.end_ns, "dinkes", circuits=True)
    samples = {key.circuit: one.samples for key, one in found.items() if key.direction is Direction.DOWNLOAD}
    assert samples == {None: 19, "dinkes-radio": 19, "dinkes-main": 287}
    assert world.rooms.reader.reckoned(day.start_ns, day.end_ns, "arsip")


async def test_thinning_leaves_closed_and_open_periods_as_they_were(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.visits(1, 2000, MINUTE_NS)
    world.now_ns = DAY.end_ns + MINUTE_NS
    await close(world, period=DAY.label, agencies=["dinkes"])
    monkeypatch.setattr(bookkeeping, "REST", 0)
    before = world.usage("dinkes") + world.usage("arsip")
    world.now_ns += 36 * DAY_NS
    kept = visit_count(world.rooms.ledger)
    dropped = await world.books().thin_once()
    assert visit_count(world.rooms.ledger) == kept - dropped < kept / 2
    assert world.usage("dinkes") + world.usage("arsip") == before
    world.now_ns += 400 * DAY_NS
    await world.books().thin_once()
    assert visit_count(world.rooms.ledger) < 12
    after = world.usage("dinkes") + world.usage("arsip")
    assert after[:2] == before[:2]
    for row, then in zip(after[2:], before[2:], strict=True):
        assert (row["proven_bytes"], row["estimated_bytes"]) == (then["proven_bytes"], then["estimated_bytes"])
        assert row["p95_bps"] is None
    world.now_ns += 4000 * DAY_NS
    await world.books().thin_once()
    assert visit_count(world.rooms.ledger) == 1

"""The desk on a real ledger: who may do what, what is answered, and when the control loop is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from daemon.world import Hands, a_configuration, faulty_ledger
from jsonschema import ValidationError
from support.ledgers import audited
from support.schemas import conforms

from netmon.config.load import Configuration
from netmon.daemon.control import CommandError
from netmon.daemon.desk import Desk, check
from netmon.daemon.orders import Order, OrderError
from netmon.store.errors import StoreError

POOLS = {"inet": {"class": "internet", "download": "1 Gbps", "upload": "500 Mbps"}}
BOOST = {"agency": "dinkes", "download": "200 Mbps", "upload": "100 Mbps", "for": "4h", "reason": "vaccination"}


@dataclass
class Bench:
    """A desk, the time, and how often the loop was told."""

    desk: Desk
    hands: Hands
    told: list[int] = field(default_factory=list)

    async def do(self, order: Order, by: str = "ani", **args: object) -> dict[str, Any]:
        self.hands.pass_s(1)
        return await self.desk.carry_out(order, {"by": by, **args})


@asynccontextmanager
async def a_bench(directory: Path, **control: object) -> AsyncIterator[Bench]:
    settings = {"socket": "control.sock", "require_synchronised_clock": False, **control}
    configuration = a_configuration(directory, pools=POOLS, control=settings)
    hands = Hands()
    async with faulty_ledger(directory, lambda: hands.wall_ns) as ledger:
        told: list[int] = []

        async def changed() -> None:
            told.append(hands.wall_ns)

        yield Bench(Desk(configuration, ledger, lambda: hands.wall_ns, changed), hands, told)
    audited(directory / "ledger.db")


def shown(name: str, row: object) -> None:
    """Raises where the row is not as docs/schemas says."""
    conforms(name, {"schema": f"netmon/{name}/1", "generated_at": "2026-11-22T08:00:00.000+00:00", "data": [row]})


async def test_a_directive_is_given_replaced_and_ended(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        first = await bench.do(Order.BOOST, **BOOST)
        assert (first["directive"]["id"], first["directive"]["by"], first["replaced"]) == ("D1", "ani", None)
        assert first["directive"]["in_force"]
        second = await bench.do(Order.BOOST, "budi", **BOOST)
        assert (second["directive"]["id"], second["replaced"]) == ("D2", "D1")
        ended = await bench.do(Order.END, "citra", id="D2", reason="done")
        row = ended["directive"]
        assert (row["in_force"], row["ended_by"], row["ended_reason"]) == (False, "citra", "done")
        for one in (first, second, ended):
            shown("directives", one["directive"])
        assert len(bench.told) == 3


async def test_capacity_is_degraded_and_restored_by_its_name(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        with pytest.raises(CommandError, match="inet is not degraded; netmon directives lists"):
            await bench.do(Order.RESTORE, name="inet", reason="?")
        with pytest.raises(OrderError, match="there is no pool, uplink or backhaul 'innet'; did you mean inet"):
            await bench.do(Order.RESTORE, name="innet", reason="?")
        given = await bench.do(Order.DEGRADE, name="inet", download="0", upload="0", reason="cut")
        assert (given["directive"]["download_bps"], given["directive"]["until"]) == (0, None)
        restored = await bench.do(Order.RESTORE, name="inet", reason="spliced")
        assert restored["directive"]["ended_reason"] == "spliced"
        shown("directives", given["directive"])


async def test_a_request_becomes_a_boost_by_another_persons_word(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        asked = await bench.do(Order.REQUEST, on_behalf="Kepala Dinas", **BOOST)
        assert (asked["request"]["id"], asked["request"]["state"]) == ("R1", "pending")
        assert bench.told == []
        with pytest.raises(CommandError, match=r"^R1 was asked for by ani for Kepala Dinas; another person must"):
            await bench.do(Order.APPROVE, "ani", id="R1")
        done = await bench.do(Order.APPROVE, "budi", id="R1", reason="in order", on_behalf="Sekda")
        assert (done["request"]["state"], done["request"]["directive"]) == ("approved", "D1")
        assert (done["directive"]["by"], done["directive"]["request"]) == ("budi", "R1")
        assert len(bench.told) == 1
        with pytest.raises(CommandError, match="R1 is decided already; netmon requests --all shows how"):
            await bench.do(Order.REFUSE, "citra", id="R1", reason="no")
        shown("requests", asked["request"])
        shown("requests", done["request"])
        shown("directives", done["directive"])


async def test_two_approvers_must_differ_where_two_are_needed(tmp_path: Path) -> None:
    async with a_bench(tmp_path, approvals=2) as bench:
        await bench.do(Order.REQUEST, **BOOST)
        first = await bench.do(Order.APPROVE, "budi", id="R1")
        assert (first["request"]["state"], len(first["request"]["approvals"])) == ("pending", 1)
        assert "directive" not in first
        with pytest.raises(CommandError, match="budi approved R1 already; another person must approve it, too"):
            await bench.do(Order.APPROVE, "budi", id="R1")
        last = await bench.do(Order.APPROVE, "citra", id="R1")
        assert last["directive"]["id"] == "D1"
        shown("requests", last["request"])


async def test_what_nobody_decides_in_time_expires(tmp_path: Path) -> None:
    async with a_bench(tmp_path, request_expires="1h") as bench:
        await bench.do(Order.REQUEST, **BOOST)
        bench.hands.pass_s(3600)
        with pytest.raises(CommandError, match=r"R1 expired on 2026-.*\+08:00; it must be asked for anew"):
            await bench.do(Order.APPROVE, "budi", id="R1")


async def test_a_refusal_says_why_and_by_whom(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.do(Order.REQUEST, **BOOST)
        with pytest.raises(OrderError, match="the reason is empty"):
            await bench.do(Order.REFUSE, "budi", id="R1")
        refused = (await bench.do(Order.REFUSE, "budi", id="R1", reason="no capacity"))["request"]
        assert (refused["state"], refused["refusal"]["by"]) == ("refused", "budi")
        shown("requests", refused)


async def test_what_is_no_more_than_was_purchased_when_asked_must_be_so_when_approved(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.do(Order.REQUEST, **BOOST)
        less: Configuration = a_configuration(
            tmp_path, pools={"inet": {"class": "internet", "download": "100 Mbps", "upload": "100 Mbps"}}
        )
        bench.desk._configuration = less
        with pytest.raises(OrderError, match="only 100 Mb/s download and 100 Mb/s upload were purchased"):
            await bench.do(Order.APPROVE, "budi", id="R1")


@pytest.mark.parametrize("order", [Order.APPROVE, Order.REFUSE, Order.END])
async def test_an_id_that_there_is_not_is_a_sentence(tmp_path: Path, order: Order) -> None:
    async with a_bench(tmp_path) as bench:
        with pytest.raises(StoreError, match=r"there is no (request|directive) None; netmon (requests|directives) "):
            await bench.do(order, reason="why")
        assert bench.told == []


def test_the_schema_would_see_a_directive_without_a_reason() -> None:
    with pytest.raises(ValidationError):
        shown("directives", {"id": "D1"})


def test_what_can_be_said_without_the_ledger_is_said_before_it_is_asked(tmp_path: Path) -> None:
    configuration = a_configuration(tmp_path, pools=POOLS)
    for order in (Order.END, Order.RESTORE, Order.REFUSE, Order.BOOST, Order.REQUEST):
        with pytest.raises(OrderError):
            check(configuration, order, {"agency": "dinkes", "name": "inet"}, 0)
    check(configuration, Order.APPROVE, {"id": "R1"}, 0)

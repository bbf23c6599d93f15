"""Ledgers, visits and decisions for tests, with numbers that tell where they came from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.pool import NullPool

from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.changes import Action, Change, Intent, Outcome, Proof, Receipt
from netmon.core.heads import Head, LastSeen, Visit
from netmon.core.measurement import Gap, Interface, PduStamp
from netmon.core.model import NANOSECONDS, Direction, RateLimit, Verdict, VerdictReason
from netmon.store import schema
from netmon.store.audit import Audit, audit, links_of
from netmon.store.ledger import Ledger
from netmon.store.location import Location, Server
from netmon.store.reader import LedgerReader
from netmon.store.settings import LedgerSettings
from support.postgres import as_superuser

START_NS = 1_795_000_000 * NANOSECONDS
MINUTE_NS = 60 * NANOSECONDS


@contextmanager
def opened(place: Location) -> Iterator[Ledger]:
    """A ledger from open to close."""
    ledger = Ledger.open(settings_of(place), START_NS)
    try:
        yield ledger
    finally:
        ledger.close()


def settings_of(place: Location, **more: object) -> LedgerSettings:
    """The settings of a ledger there."""
    where: dict[str, object] = {"path": place} if isinstance(place, Path) else {"url": place.url}
    if isinstance(place, Server) and place.password is not None:
        where["password"] = place.password
    return LedgerSettings.model_validate({"busy_timeout": "200ms", **where, **more})


def located(text: str) -> Location:
    """What str() of a place says, as it is given on a command line."""
    return Server(text) if text.startswith("postgresql://") else Path(text)


_HOLDER = """
import sys
from support.ledgers import located, opened
with opened(located(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(place: Location) -> Iterator[int]:
    """The ledger in the hands of another process, which is killed with the block's end; yields its pid."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
        holder.kill()
        holder.wait(10)


def asked(place: Location, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
    """What a statement gives, past the ledger: as somebody with a client of the database would put it."""
    with _raw(place) as connection:
        found = connection.execute(text(statement), parameters)
        rows = [tuple(row) for row in found] if found.returns_rows else []
        connection.commit()
    return rows


@contextmanager
def _raw(place: Location) -> Iterator[Connection]:
    if isinstance(place, Path):
        engine = create_engine(f"sqlite:///{place}", poolclass=NullPool)
    else:
        engine = create_engine("postgresql+psycopg://", creator=lambda: as_superuser(place), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def audited(place: Location) -> Audit:
    """The chain, followed from its first link to its last."""
    with links_of(place) as links:
        found = audit(links)
    assert found.ok, found.fault
    return found


def visit_count(ledger: Ledger) -> int:
    """Visits kept."""
    with ledger._transaction() as connection:
        return int(connection.execute(select(func.count()).select_from(schema.visit)).scalar_one())


@dataclass(frozen=True, slots=True)
class Shared:
    """One ledger for all examples of a law: each takes a router of its own."""

    ledger: Ledger
    reader: LedgerReader
    numbers: Iterator[int]


@contextmanager
def small_disk(mount: Path, size: str) -> Iterator[Path]:
    """A tmpfs of that size at `mount`; needs root."""
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "netmon-test", mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


def a_visit(
    router: str,
    sequence: int,
    totals: Sequence[tuple[int, int]] = ((0, 0),),
    at_ns: int | None = None,
    lagging: Mapping[int, LastSeen] | None = None,
    gaps: Sequence[Gap] = (),
    late_ns: int = 0,
) -> Visit:
    """Visit number `sequence`, a minute after the one before; (in, out) totals of ether1, ether2, ...

    With `late_ns`, every second port comes in a second PDU, so much later.
    """
    at = START_NS + sequence * MINUTE_NS if at_ns is None else at_ns
    pdus = [PduStamp(sequence * 6000, at)]
    if late_ns:
        pdus.append(PduStamp(sequence * 6000 + 1, at + late_ns))
    count = len(totals)
    return Visit(
        base=sequence - 1,
        head=Head(
            router=router,
            sequence=sequence,
            series=tuple(Interface(number, f"ether{number}", f"contract {number}") for number in range(1, count + 1)),
            pdus=tuple(pdus),
            pdu_of=tuple(number % len(pdus) for number in range(count)),
            in_octets=tuple(7 + one for one, _ in totals),
            out_octets=tuple(9 + other for _, other in totals),
            discontinuity=(None,) * count,
            in_total=tuple(one for one, _ in totals),
            out_total=tuple(other for _, other in totals),
            lagging=dict(lagging or {}),
        ),
        gaps=tuple(gaps),
    )


def a_verdict(
    reason: VerdictReason = VerdictReason.OVER_QUOTA, step: int = 2, limit_bps: int | None = 5_000_000, used: int = 0
) -> Verdict:
    return Verdict(
        agency="dinkes",
        direction=Direction.DOWNLOAD,
        limit=None if limit_bps is None else RateLimit(limit_bps),
        reason=reason,
        policy="monthly",
        rule=None,
        step=step,
        period_start_ns=START_NS,
        until_ns=None,
        evidence={"proven_bytes": used},
    )


def an_alert(alert_id: str, state: AlertState = AlertState.FIRING, key: str = "quota/dinkes/download") -> Alert:
    return Alert(
        id=alert_id,
        key=key,
        kind=AlertKind.QUOTA,
        severity=Severity.WARNING,
        state=state,
        since_ns=START_NS,
        summary="dinkes used its volume",
        reason="over_quota",
        agency="dinkes",
    )


def a_change(circuit: str = "dinkes-main", to_bps: int | None = 5_000_000) -> Change:
    return Change(
        router="palu-core",
        circuit=circuit,
        agency="dinkes",
        direction=Direction.DOWNLOAD,
        action=Action.SET,
        from_bps=None,
        to_bps=to_bps,
        reason=VerdictReason.OVER_QUOTA,
        rule=None,
    )


def an_intent(intent_id: str, created_ns: int = START_NS) -> Intent:
    return Intent(id=intent_id, change=a_change(), created_ns=created_ns, deadline_ns=created_ns + MINUTE_NS)


def a_receipt(intent_id: str, outcome: Outcome = Outcome.CONFIRMED) -> Receipt:
    return Receipt(
        id=intent_id,
        at_ns=START_NS + 2 * MINUTE_NS,
        change=a_change(),
        outcome=outcome,
        proof=Proof.READ_BACK,
        detail="read back 5000000 bit/s",
        duration_ns=NANOSECONDS,
    )

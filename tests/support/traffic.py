"""Small values for the outputs' tests: a router of a few ports, its head and its poll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netmon.core.counters import Head
from netmon.core.model import (
    NANOSECONDS,
    Agency,
    Alert,
    AlertKind,
    AlertState,
    Cells,
    Circuit,
    Column,
    Faces,
    Identity,
    Interface,
    PduStamp,
    Poll,
    Severity,
)

NOON_NS = 1_795_000_000 * NANOSECONDS


def circuit(name: str, agency: str, interface: str, faces: Faces = Faces.AGENCY, router: str = "r1") -> Circuit:
    return Circuit(id=name, agency=agency, router=router, interface=interface, faces=faces)


def agency(name: str, title: str = "Dinas", code: str | None = None) -> Agency:
    return Agency(id=name, name=title, timezone="Asia/Makassar", code=code)


def identity(*names: str) -> Identity:
    return tuple(Interface(index=position, name=name) for position, name in enumerate(names, 1))


def head(series: Identity, in_total: Sequence[int], out_total: Sequence[int], router: str = "r1") -> Head:
    return Head(
        router=router,
        sequence=1,
        series=series,
        pdus=(PduStamp(360_000, NOON_NS),),
        pdu_of=(0,) * len(series),
        in_octets=in_total,
        out_octets=out_total,
        discontinuity=(0,) * len(series),
        in_total=tuple(in_total),
        out_total=tuple(out_total),
    )


def poll(ports: Identity, columns: Mapping[Column, Cells], router: str = "r1") -> Poll:
    return Poll(router, ports, (PduStamp(360_000, NOON_NS),), (0,) * len(ports), columns)


def alert(
    number: int,
    state: AlertState = AlertState.FIRING,
    key: str = "quota/dinkes/download",
    kind: AlertKind = AlertKind.QUOTA,
    agency: str | None = "dinkes",
    router: str | None = None,
) -> Alert:
    return Alert(
        id=f"alert-{number:04}",
        key=key,
        kind=kind,
        severity=Severity.WARNING,
        state=state,
        since_ns=NOON_NS + number * NANOSECONDS,
        summary=f"dinkes is over its quota, {number}",
        reason="over_quota",
        agency=agency,
        router=router,
    )

"""Small values for the outputs' tests: a router of a few ports, its head and its poll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.capacity import capacities
from netmon.core.fibre_limits import Light, Limits, Quantity
from netmon.core.heads import Head
from netmon.core.measurement import Cells, Column, Identity, Interface, PduStamp, Poll
from netmon.core.model import NANOSECONDS, Agency, Circuit, Faces
from netmon.core.port_state import PortStatus
from netmon.core.supply import Pool, Rates, TrafficClass, Uplink
from netmon.outputs.devices import FibreEnd
from netmon.outputs.prometheus import Metrics

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


@dataclass(frozen=True)
class _Module:
    interface: str
    lane = None
    rx_state = Light.LIGHT
    thresholds = {Quantity.RX_POWER: Limits(-14.4, -13.4, -0.5, 0.5)}  # noqa: RUF012 - a test's constant

    def value(self, quantity: Quantity) -> float:
        return -7.25


@dataclass(frozen=True)
class _Part:
    name: str
    kind: str
    unit: str
    value = 40.0
    status = "ok"


def a_survey(metrics: Metrics, router: str, interface: str) -> None:
    """Everything that a survey can tell, and a link that gets worse."""
    parts = [
        _Part(f"sensor {unit}", kind, unit)
        for kind, unit in (
            ("cpu", "percent"),
            ("temperature", "celsius"),
            ("fan", "rpm"),
            ("voltage", "volts"),
            ("current", "amperes"),
            ("power", "watts"),
        )
    ]
    metrics.devices.surveyed(router, NOON_NS, 0.8, [_Module(interface)], parts)
    metrics.devices.fibre(router, [FibreEnd(interface, None, "r9/x", "fibre", "warning", -0.5, -5.0, NOON_NS)])


def a_pool(metrics: Metrics, router: str, interface: str) -> None:
    """A gigabit purchased, which arrives there."""
    rates = Rates(10**9, 10**9)
    pool = Pool("internet", TrafficClass.ALL, rates, (Uplink("isp", "internet", router, interface, rates),))
    metrics.pools.show([pool], capacities([pool], (), (), (), NOON_NS), {(router, interface): PortStatus.UP})


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

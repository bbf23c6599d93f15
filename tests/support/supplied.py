"""A small site with purchased capacity: two uplinks and one on standby, three circuits, half an hour of traffic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netmon.core.port_state import PortReason, PortSpan, PortStatus
from netmon.store.ledger import Ledger
from support.governed import HOUR_START_NS
from support.ledgers import MINUTE_NS, a_visit, opened

ROUTER = "palu-core"
TEXT = """\
site: {name: sulteng, timezone: Asia/Makassar}
ledger: sqlite:///ledger.db
control: {socket: control.sock, require_synchronised_clock: false}
snmp: {credentials: {default: {community: {file: community}}}}
pools:
  internet:
    class: all
    download: 100 Mbps
    upload: 100 Mbps
    provider: Telkom
    contract: 12/2026
    price: {amount: 40000000, currency: IDR}
    uplinks:
      isp-a: {router: palu-core, interface: ether4, download: 60 Mbps, upload: 60 Mbps}
      isp-b: {router: palu-core, interface: ether5, download: 40 Mbps, upload: 40 Mbps}
      isp-s: {router: palu-core, interface: ether6, download: 50 Mbps, upload: 50 Mbps, standby: true}
agencies:
  dinkes: {name: Dinas Kesehatan}
  arsip: {name: Dinas Kearsipan}
routers:
  palu-core:
    address: 127.0.0.1
    circuits:
      dinkes-main: {agency: dinkes, interface: ether1, faces: agency, pools: [internet]}
      dinkes-radio: {agency: dinkes, interface: ether2, faces: agency, role: backup, pools: [internet]}
      arsip-main: {agency: arsip, interface: ether3, faces: province, pools: [internet]}
"""
MINUTES = 30
"""Of traffic, from HOUR_START_NS on."""


def write_supplied(directory: Path, text: str = TEXT) -> Path:
    """netmon.yaml with its secret."""
    (directory / "community").write_text("hunter2\n", encoding="utf-8")
    path = directory / "netmon.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def fill_supplied(directory: Path) -> None:
    """A visit a minute: per minute 60 MB download for dinkes and 30 MB for arsip; 60 MB by isp-a and 40 MB by isp-b."""
    mb = 10**6
    with opened(directory / "ledger.db") as ledger:
        for number in range(MINUTES + 1):
            totals = (
                (0, number * 60 * mb),
                (0, 0),
                (number * 30 * mb, 0),
                (number * 60 * mb, number * mb),
                (number * 40 * mb, 0),
                (0, 0),
            )
            at_ns = HOUR_START_NS + number * MINUTE_NS
            assert ledger.commit([a_visit(ROUTER, number + 1, totals, at_ns)]) == [True]


def a_span(interface: str, status: PortStatus, from_min: int, upto_min: int, since_min: int | None = None) -> PortSpan:
    """Of a port of the site, in minutes from HOUR_START_NS."""
    reason = PortReason.SHOWN_UP if status is PortStatus.UP else PortReason.SHOWN_DOWN_TWICE
    since, begin, end = (
        HOUR_START_NS + at * MINUTE_NS for at in (from_min if since_min is None else since_min, from_min, upto_min)
    )
    return PortSpan(ROUTER, interface, status, reason, since, begin, end)


def record_spans(directory: Path, spans: Sequence[PortSpan]) -> None:
    with opened(directory / "ledger.db") as ledger:
        Ledger.record_ports(ledger, spans, (), HOUR_START_NS)

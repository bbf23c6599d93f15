"""A small site for tests of queries and verbs: a configuration on disk, and a ledger with a little history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netmon.core.alerts import Alert
from netmon.core.changes import Receipt
from netmon.core.measurement import Gap, GapReason
from netmon.core.model import Verdict
from netmon.core.periods import from_ns
from netmon.store.ledger import Ledger
from support.ledgers import MINUTE_NS, START_NS, a_visit, opened

TEXT = """\
site: {name: sulteng, timezone: Asia/Makassar}
ledger: sqlite:///ledger.db
control: {socket: control.sock, require_synchronised_clock: false, stale_after: 5m}
snmp: {credentials: {default: {community: {file: community}}}}
ssh:
  credentials: {limiter: {username: netmon, password: {file: password}}}
  known_hosts: known_hosts
agencies:
  dinkes: {name: Dinas Kesehatan, quotas: [hourly]}
  arsip: {name: Dinas Kearsipan}
routers:
  palu-core:
    address: 127.0.0.1
    ssh: limiter
    mode: enforce
    override_observation: a test
    uplinks: [ether9]
    circuits:
      dinkes-main: {agency: dinkes, interface: ether1, faces: agency}
      dinkes-radio: {agency: dinkes, interface: ether2, faces: agency, role: parallel, mode: observe}
      arsip-main: {agency: arsip, interface: ether3, faces: province}
"""
QUOTAS = """\
quotas:
  hourly:
    direction: download
    period: 1h
    volume: 1 GB
    ladder:
      - {at: 80%, notify: true}
      - {at: 100%, slow_to: 10 Mbps}
"""
HOUR_NS = 60 * MINUTE_NS
HOUR_START_NS = START_NS // HOUR_NS * HOUR_NS + HOUR_NS
"""A whole hour in Asia/Makassar, too (UTC+8)."""


def write_site(directory: Path) -> Path:
    """netmon.yaml with its quota policy, secrets and known_hosts."""
    quotas = directory / "policies" / "quotas"
    quotas.mkdir(parents=True)
    (quotas / "hourly.yaml").write_text(QUOTAS, encoding="utf-8")
    for name in ("community", "password", "known_hosts"):
        (directory / name).write_text("hunter2\n", encoding="utf-8")
    path = directory / "netmon.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def fill_ledger(
    directory: Path,
    verdicts: Sequence[Verdict] = (),
    alerts: Sequence[Alert] = (),
    end_ns: int = HOUR_START_NS + 31 * MINUTE_NS,
) -> None:
    """A visit a minute, up to `end_ns`, the first a minute before the hour.

    Per minute ether1 passes 30 MB out and 1 MB in, ether2 10 MB out, ether3 5 MB in. ether3 has a gap
    in minute 10.
    """
    start_ns = HOUR_START_NS - MINUTE_NS
    count = (end_ns - start_ns) // MINUTE_NS + 1
    gap_ns = HOUR_START_NS + 10 * MINUTE_NS
    gap = Gap("palu-core", "ether3", "in", gap_ns, gap_ns + MINUTE_NS, GapReason.COUNTER_RESET)
    with opened(directory / "ledger.db") as ledger:
        for number in range(count):
            at_ns = start_ns + number * MINUTE_NS
            totals = ((number * 10**6, number * 30 * 10**6), (0, number * 10 * 10**6), (number * 5 * 10**6, 0))
            gaps = (gap,) if at_ns == gap_ns + MINUTE_NS else ()
            assert ledger.commit([a_visit("palu-core", number + 1, totals, at_ns, gaps=gaps)]) == [True]
        ledger.decide(verdicts, alerts, end_ns)


def record(ledger: Ledger, receipt: Receipt, limit_bps: int | None) -> None:
    """The receipt's intent, and the receipt."""
    from netmon.core.changes import Intent

    ledger.record_intent(Intent(receipt.id, receipt.change, receipt.at_ns, receipt.at_ns + MINUTE_NS))
    ledger.close_intent(receipt, limit_bps, True, ())


def written(ns: int) -> str:
    """As the contracts write an instant of this site."""
    return from_ns(ns, "Asia/Makassar").isoformat()

"""What Prometheus scrapes: per-circuit series as the ledger holds them, and the daemon's own metrics.

Fed by plain calls after each commit, which only note what was told; text is written when a scrape reads it.
It never queries anything. Every name is described in docs/metrics.md. Volumes are bytes and rates bytes per
second, Prometheus' base units: multiply a rate by 8 for bit/s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from netmon import __version__
from netmon.core.heads import Head
from netmon.core.measurement import Cells, Column, Identity, Poll, Usage
from netmon.core.model import NANOSECONDS, Agency, Circuit, Direction, Verdict
from netmon.core.planning import Observed
from netmon.outputs.devices import DeviceMetrics
from netmon.outputs.exposition import Block, Family, Value, gzipped, labels, lines, plain, template
from netmon.outputs.pools import PoolMetrics
from netmon.outputs.process import ProcessMetrics
from netmon.outputs.topology import by_router, placed

_PORT_COLUMNS: Final[tuple[Column, ...]] = (
    Column.IN_ERRORS,
    Column.OUT_ERRORS,
    Column.IN_DISCARDS,
    Column.OUT_DISCARDS,
    Column.OPER_STATUS,
    Column.ADMIN_STATUS,
    Column.SPEED_BPS,
)


@dataclass(frozen=True, slots=True)
class AgencyUsage:
    """What an agency has used of its current period in one direction, and of what volume."""

    agency: str
    direction: Direction
    used: Usage
    quota_bytes: int | None
    """None: no quota in this direction."""


@dataclass(frozen=True, slots=True)
class _Totals:
    """How a router's circuits are written, as long as neither its series nor its circuits change."""

    series: Identity
    circuits: tuple[Circuit, ...]
    template: bytes
    at: tuple[int, ...]
    """Where the template's values stand in the in totals with the out totals after them."""


@dataclass(slots=True)
class _Ports:
    """A router's interface series, as long as its identity stays the same."""

    identity: Identity
    told: tuple[Cells | None, ...] = ()
    """Of each column of `_PORT_COLUMNS`, as of the last visit."""
    labels: tuple[str, ...] = ()
    """Made when they are first needed."""


@dataclass(slots=True)
class _Reached:
    """What the visits of a router say of it."""

    labels: str
    up: int | None = None
    success_s: float | None = None
    duration_s: float | None = None
    uptime_s: float | None = None


class Metrics:
    """All metrics of one site. `process` takes what the daemon says of itself, `devices` what surveys found, `pools`
    what there is of what was purchased.
    """

    def __init__(self, site: str) -> None:
        self.process = ProcessMetrics(site, __version__)
        self._site = site
        self._families: list[Family] = []
        self._circuits: dict[str, Circuit] = {}
        self._by_router: Mapping[str, tuple[Circuit, ...]] = {}
        self._uplinks: Mapping[str, Sequence[str]] = {}
        self._agency_labels: dict[tuple[str, Direction], str] = {}
        self._heads: dict[str, Head] = {}
        self._totals: dict[str, _Totals] = {}
        self._ports: dict[str, _Ports] = {}
        self._reached: dict[str, _Reached] = {}
        self._limits: Mapping[tuple[str, Direction], Observed] = {}
        self._limits_changed = False
        self._define_traffic()
        self._define_agencies()
        self._define_routers()
        self.pools = PoolMetrics(site)
        self.devices = DeviceMetrics(site)
        self._families += (*self.pools.families, *self.devices.families)

    # --- what the daemon tells ---------------------------------------------------------------

    def topology(
        self,
        circuits: Sequence[Circuit],
        agencies: Sequence[Agency],
        uplinks: Mapping[str, Sequence[str]],
        routers: Sequence[str],
    ) -> None:
        """What is configured, at start and after each reload; `uplinks` maps a router to ifNames."""
        self._circuits = {circuit.id: circuit for circuit in circuits}
        self._by_router = by_router(circuits)
        self._uplinks = uplinks
        self._agency_labels.clear()
        self._agency_info.table(agencies, self._info_lines)
        self._totals.clear()
        self._limits_changed = True
        for gone in (self._heads.keys() | self._reached.keys()) - set(routers):
            self.devices.forget(gone)
            self._forget(gone)
        for head in self._heads.values():
            self._put_totals(head)

    def visit(self, head: Head, poll: Poll | None) -> None:
        """A committed visit; `poll` is None when the head was only restored from the ledger."""
        self._heads[head.router] = head
        self._put_totals(head)
        if poll is not None:
            self._put_ports(poll)
            self._reach(poll.router).uptime_s = poll.pdus[-1].uptime_ticks / 100

    def polled(self, router: str, ok: bool, duration_s: float, at_ns: int) -> None:
        """A router was visited, or could not be. What only a live router can say then ends."""
        self.process.polled(ok, duration_s)
        reached = self._reach(router)
        reached.up, reached.duration_s = int(ok), duration_s
        if ok:
            reached.success_s = at_ns / NANOSECONDS
        else:
            reached.uptime_s = None
            self._ports.pop(router, None)
            for family in self._port_columns:
                family.drop(router)

    def verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Every verdict now in force."""
        rows = list({(v.agency, v.direction): v for v in verdicts}.values())
        self._verdict_info.table(rows, self._verdict_lines)
        self._step.table(rows, self._step_lines)

    def limits(self, limits: Mapping[tuple[str, Direction], Observed]) -> None:
        """The limits, by circuit and direction, have changed; the next scrape reads them."""
        self._limits, self._limits_changed = limits, True

    def usage(self, usages: Sequence[AgencyUsage]) -> None:
        """Every agency's usage of its current period."""
        rows = list({(u.agency, u.direction): u for u in usages}.values())
        for family, value_of in self._usage_values.items():
            family.table(rows, partial(self._usage_lines, family, value_of))

    def render(self, packed: bool = False) -> Iterator[bytes]:
        """The whole exposition in chunks of about 256 KiB, all of one instant; packed: as a gzip stream."""
        self._tabulate()
        return (gzipped if packed else plain)(self._families, Block(self.process.render))

    # --- how it is kept ----------------------------------------------------------------------

    def _reach(self, router: str) -> _Reached:
        reached = self._reached.get(router)
        if reached is None:
            reached = self._reached[router] = _Reached(labels({"site": self._site, "router": router}))
        return reached

    def _put_totals(self, head: Head) -> None:
        circuits, uplinks = self._by_router.get(head.router), self._uplinks.get(head.router)
        if circuits:
            self._circuit_bytes.put(head.router, partial(self._circuit_lines, head, circuits))
        else:
            self._circuit_bytes.drop(head.router)
        if uplinks:
            self._uplink_bytes.put(head.router, partial(self._uplink_lines, head, uplinks))
        else:
            self._uplink_bytes.drop(head.router)

    def _put_ports(self, poll: Poll) -> None:
        ports = self._ports.get(poll.router)
        if ports is None or (ports.identity is not poll.identity and ports.identity != poll.identity):
            ports = self._ports[poll.router] = _Ports(poll.identity)
        told = tuple(map(poll.columns.get, _PORT_COLUMNS))
        if told == ports.told:
            return
        for family, columns in self._port_columns.items():
            if told[columns] != ports.told[columns]:
                family.put(poll.router, partial(self._port_lines, family, poll.router, ports, told))
        ports.told = told

    def _forget(self, router: str) -> None:
        self._heads.pop(router, None)
        self._totals.pop(router, None)
        self._ports.pop(router, None)
        self._reached.pop(router, None)
        for family in (self._circuit_bytes, self._uplink_bytes, *self._port_columns):
            family.drop(router)

    def _tabulate(self) -> None:
        """What changes with every visit, or is told far more often than it is read."""
        rows = [(one.labels, (one.up, one.success_s, one.duration_s, one.uptime_s)) for one in self._reached.values()]
        for column, family in enumerate((self._up, self._success, self._duration, self._uptime)):
            family.table(rows, partial(_gauge_lines, family.name, column))
        if self._limits_changed:
            limited = [(key, seen.bps) for key, seen in self._limits.items() if seen.bps is not None]
            self._limit.table(limited, partial(self._limit_lines, self._circuits))
            self._limits_changed = False

    # --- how it is written -------------------------------------------------------------------

    def _circuit_lines(self, head: Head, circuits: tuple[Circuit, ...]) -> bytes:
        known = self._totals.get(head.router)
        if known is None or known.circuits is not circuits or known.series != head.series:
            known = self._totals[head.router] = self._place(head, circuits)
        totals = (*head.in_total, *head.out_total)
        return known.template % tuple([totals[at] for at in known.at])

    def _place(self, head: Head, circuits: tuple[Circuit, ...]) -> _Totals:
        names: list[str] = []
        at: list[int] = []
        for position, circuit in placed(head.series, circuits):
            said = self._circuit_labels(circuit)
            for direction in Direction:
                names.append(f'{said},direction="{direction}",class="all"')
                at.append(position + len(head.series) * (circuit.way(direction) == "out"))
        return _Totals(head.series, circuits, template(self._circuit_bytes.name, names), tuple(at))

    def _uplink_lines(self, head: Head, uplinks: Sequence[str]) -> bytes:
        at = [position for position, interface in enumerate(head.series) if interface.name in uplinks]
        names = [self._port_labels(head.router, head.series[position].name) for position in at]
        return b"".join(
            lines(self._uplink_bytes.name, names, [totals[i] for i in at], f',direction="{direction}"')
            for direction, totals in ((Direction.DOWNLOAD, head.in_total), (Direction.UPLOAD, head.out_total))
        )

    def _port_lines(self, family: Family, router: str, ports: _Ports, told: tuple[Cells | None, ...]) -> bytes:
        if not ports.labels:
            ports.labels = tuple([self._port_labels(router, interface.name) for interface in ports.identity])
        columns = self._port_columns[family]
        written = b""
        for column, cells in zip(_PORT_COLUMNS[columns], told[columns], strict=True):
            if cells is not None:
                values = [None if bps is None else bps // 8 for bps in cells] if column is Column.SPEED_BPS else cells
                way = column.value.partition("_")[0]
                more = f',direction="{way}"' if way in ("in", "out") else ""
                written += lines(family.name, ports.labels, values, more)
        return written

    def _info_lines(self, agencies: Sequence[Agency]) -> bytes:
        named = [labels({"site": self._site, "agency": a.id, "name": a.name, "code": a.code or ""}) for a in agencies]
        return lines(self._agency_info.name, named, [1] * len(named))

    def _verdict_lines(self, verdicts: Sequence[Verdict]) -> bytes:
        said = [
            f"{self._agency(v.agency, v.direction)},{labels({'reason': v.reason, 'policy': v.policy or ''})}"
            for v in verdicts
        ]
        return lines(self._verdict_info.name, said, [1] * len(said))

    def _step_lines(self, verdicts: Sequence[Verdict]) -> bytes:
        return lines(
            self._step.name, [self._agency(v.agency, v.direction) for v in verdicts], [v.step for v in verdicts]
        )

    def _usage_lines(
        self, family: Family, value_of: Callable[[AgencyUsage], Value | None], usages: Sequence[AgencyUsage]
    ) -> bytes:
        return lines(family.name, [self._agency(u.agency, u.direction) for u in usages], [value_of(u) for u in usages])

    def _limit_lines(
        self, circuits: Mapping[str, Circuit], limits: Sequence[tuple[tuple[str, Direction], int]]
    ) -> bytes:
        known = [(circuits[name], direction, bps) for (name, direction), bps in limits if name in circuits]
        return lines(
            self._limit.name,
            [f'{self._circuit_labels(circuit)},direction="{direction}"' for circuit, direction, _ in known],
            [bps // 8 if bps % 8 == 0 else bps / 8 for _, _, bps in known],
        )

    def _port_labels(self, router: str, interface: str) -> str:
        return labels({"site": self._site, "router": router, "interface": interface})

    def _circuit_labels(self, circuit: Circuit) -> str:
        return labels(
            {
                "site": self._site,
                "agency": circuit.agency,
                "circuit": circuit.id,
                "router": circuit.router,
                "interface": circuit.interface,
            }
        )

    def _agency(self, agency: str, direction: Direction) -> str:
        known = self._agency_labels.get((agency, direction))
        if known is None:
            named = {"site": self._site, "agency": agency, "direction": direction}
            known = self._agency_labels[agency, direction] = labels(named)
        return known

    # --- what there is -----------------------------------------------------------------------

    def _counter(self, name: str, help_text: str) -> Family:
        self._families.append(Family(name, "counter", help_text))
        return self._families[-1]

    def _gauge(self, name: str, help_text: str) -> Family:
        self._families.append(Family(name, "gauge", help_text))
        return self._families[-1]

    def _define_traffic(self) -> None:
        self._circuit_bytes = self._counter(
            "netmon_circuit_bytes_total", "Bytes the ledger has accounted to a circuit; survives restarts."
        )
        self._uplink_bytes = self._counter(
            "netmon_uplink_bytes_total", "Bytes the ledger has accounted to an uplink; download enters by it."
        )
        self._limit = self._gauge(
            "netmon_circuit_limit_bytes_per_second", "Limit in force on a circuit; absent while unlimited."
        )

    def _define_agencies(self) -> None:
        self._agency_info = self._gauge("netmon_agency_info", "An agency's name and reference code; always 1.")
        self._verdict_info = self._gauge(
            "netmon_agency_verdict_info", "What the policies say for an agency, and why; always 1."
        )
        self._step = self._gauge("netmon_agency_quota_step", "Ladder step in force; 0 below the ladder.")
        used = self._gauge("netmon_agency_usage_bytes", "Proven usage of the current period.")
        estimated = self._gauge(
            "netmon_agency_usage_estimated_bytes", "Usage apportioned to the current period at its edge, not proven."
        )
        unknown = self._gauge(
            "netmon_agency_usage_unknown_seconds", "Time of the current period for which bytes may be missing."
        )
        quota = self._gauge("netmon_agency_quota_bytes", "Volume of the current period.")
        ratio = self._gauge("netmon_agency_quota_used_ratio", "Proven usage as a share of the quota; 1 is all.")
        self._usage_values: dict[Family, Callable[[AgencyUsage], Value | None]] = {
            used: lambda u: u.used.proven_bytes,
            estimated: lambda u: u.used.estimated_bytes,
            unknown: lambda u: u.used.unknown_ns / NANOSECONDS,
            quota: lambda u: u.quota_bytes,
            ratio: lambda u: u.used.proven_bytes / u.quota_bytes if u.quota_bytes else None,
        }

    def _define_routers(self) -> None:
        self._up = self._gauge("netmon_router_up", "1 if the last visit succeeded, else 0.")
        self._success = self._gauge(
            "netmon_router_last_success_timestamp_seconds", "When a visit last succeeded, Unix time."
        )
        self._duration = self._gauge("netmon_router_poll_duration_seconds", "How long the last visit took.")
        self._uptime = self._gauge(
            "netmon_router_uptime_seconds", "sysUpTime as of the last visit; wraps at 497 days; absent while down."
        )
        errors = self._counter("netmon_interface_errors_total", "ifInErrors and ifOutErrors as the router counts them.")
        discards = self._counter(
            "netmon_interface_discards_total", "ifInDiscards and ifOutDiscards as the router counts them."
        )
        oper = self._gauge("netmon_interface_oper_status", "ifOperStatus (IF-MIB): 1 up, 2 down, 3 testing, ...")
        admin = self._gauge("netmon_interface_admin_status", "ifAdminStatus (IF-MIB): 1 up, 2 down, 3 testing.")
        speed = self._gauge("netmon_interface_speed_bytes_per_second", "ifHighSpeed.")
        self._port_columns = {
            errors: slice(0, 2),
            discards: slice(2, 4),
            oper: slice(4, 5),
            admin: slice(5, 6),
            speed: slice(6, 7),
        }
        """Which of `_PORT_COLUMNS` each family tells."""


def _gauge_lines(name: str, column: int, routers: Sequence[tuple[str, Sequence[Value | None]]]) -> bytes:
    return lines(name, [said for said, _ in routers], [values[column] for _, values in routers])

"""What Prometheus scrapes: per-circuit series as the ledger holds them, and the daemon's own metrics.

Fed by plain calls after each commit; it never queries anything. Every name is described in
docs/metrics.md. Volumes are bytes and rates bytes per second, Prometheus' base units: multiply a rate
by 8 for bit/s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netmon import __version__
from netmon.core.counters import Head
from netmon.core.model import (
    NANOSECONDS,
    Agency,
    Cells,
    Circuit,
    Column,
    Direction,
    Identity,
    Poll,
    Usage,
    Verdict,
)
from netmon.outputs.exposition import Family, Value, render
from netmon.outputs.process import ProcessMetrics
from netmon.outputs.topology import Measured, by_port

_ALL = ""
"""Owner of series that are always replaced together."""


@dataclass(frozen=True, slots=True)
class AgencyUsage:
    """What an agency has used of its current period in one direction, and of what volume."""

    agency: str
    direction: Direction
    used: Usage
    quota_bytes: int | None
    """None: no quota in this direction."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """Where a router's exported totals stand in its heads, as long as its series stay the same."""

    series: Identity
    circuits: tuple[str, ...]
    circuit_cells: tuple[tuple[bool, int], ...]
    uplinks: tuple[str, ...]
    uplink_cells: tuple[tuple[bool, int], ...]


@dataclass(frozen=True, slots=True)
class _Ports:
    """Prefixes of a router's interface series, as long as its identity stays the same."""

    identity: Identity
    prefixes: Mapping[Family, tuple[tuple[str, ...], tuple[Column, ...]]]


class Metrics:
    """All metrics of one site. `process` takes what the daemon says of itself."""

    def __init__(self, site: str) -> None:
        self.process = ProcessMetrics(site, __version__)
        self._site = site
        self._families: list[Family] = []
        self._circuits: dict[str, Circuit] = {}
        self._by_port: Mapping[tuple[str, str], tuple[Measured, ...]] = {}
        self._uplinks: frozenset[tuple[str, str]] = frozenset()
        self._heads: dict[str, Head] = {}
        self._cells: dict[str, _Cells] = {}
        self._ports: dict[str, _Ports] = {}
        self._define_traffic()
        self._define_agencies()
        self._define_routers()

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
        self._by_port = by_port(circuits)
        self._uplinks = frozenset((router, name) for router, names in uplinks.items() for name in names)
        info = [
            self._agency_info.prefix({"site": self._site, "agency": a.id, "name": a.name, "code": a.code or ""})
            for a in agencies
        ]
        self._agency_info.put(_ALL, info, [1] * len(info))
        self._cells.clear()
        for gone in self._heads.keys() - set(routers):
            self._forget(gone)
        for head in self._heads.values():
            self._put_totals(head)

    def visit(self, head: Head, poll: Poll | None) -> None:
        """A committed visit; `poll` is None when the head was only restored from the ledger."""
        self._heads[head.router] = head
        self._put_totals(head)
        if poll is not None:
            self._put_ports(poll)
            uptime = self._uptime.prefix({"site": self._site, "router": poll.router})
            self._uptime.put(poll.router, (uptime,), (poll.pdus[-1].uptime_ticks / 100,))

    def polled(self, router: str, ok: bool, duration_s: float, at_ns: int) -> None:
        """A router was visited, or could not be. What only a live router can say then ends."""
        self.process.polled(ok, duration_s)
        labels = {"site": self._site, "router": router}
        self._up.put(router, (self._up.prefix(labels),), (int(ok),))
        self._duration.put(router, (self._duration.prefix(labels),), (duration_s,))
        if ok:
            self._success.put(router, (self._success.prefix(labels),), (at_ns / NANOSECONDS,))
        else:
            for family in (*self._port_columns, self._uptime):
                family.drop(router)

    def verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Every verdict now in force."""
        info: list[str] = []
        steps: list[str] = []
        for verdict in verdicts:
            labels = self._agency_labels(verdict.agency, verdict.direction)
            steps.append(self._step.prefix(labels))
            info.append(self._verdict_info.prefix(labels | {"reason": verdict.reason, "policy": verdict.policy or ""}))
        self._verdict_info.put(_ALL, info, [1] * len(info))
        self._step.put(_ALL, steps, [verdict.step for verdict in verdicts])

    def limits(self, limits: Mapping[tuple[str, Direction], int | None]) -> None:
        """Every limit now in force, by circuit and direction, in bit/s; None: unlimited."""
        prefixes: list[str] = []
        values: list[Value] = []
        for (circuit_id, direction), bps in limits.items():
            circuit = self._circuits.get(circuit_id)
            if bps is not None and circuit is not None:
                prefixes.append(self._limit.prefix(self._circuit_labels(circuit, direction)))
                values.append(bps // 8 if bps % 8 == 0 else bps / 8)
        self._limit.put(_ALL, prefixes, values)

    def usage(self, usages: Sequence[AgencyUsage]) -> None:
        """Every agency's usage of its current period."""
        columns: dict[Family, list[Value | None]] = {
            self._used: [u.used.proven_bytes for u in usages],
            self._estimated: [u.used.estimated_bytes for u in usages],
            self._unknown: [u.used.unknown_ns / NANOSECONDS for u in usages],
            self._quota: [u.quota_bytes for u in usages],
            self._ratio: [u.used.proven_bytes / u.quota_bytes if u.quota_bytes else None for u in usages],
        }
        for family, values in columns.items():
            family.put(_ALL, [family.prefix(self._agency_labels(u.agency, u.direction)) for u in usages], values)

    def render(self) -> Iterator[str]:
        """The whole exposition in chunks of about 2,000 lines, as of the first chunk."""
        yield from render(self._families)
        yield self.process.render()

    # --- how it is kept ----------------------------------------------------------------------

    def _put_totals(self, head: Head) -> None:
        cells = self._cells.get(head.router)
        if cells is None or (cells.series is not head.series and cells.series != head.series):
            cells = self._cells[head.router] = self._place(head)
        totals = (head.in_total, head.out_total)
        self._circuit_bytes.put(head.router, cells.circuits, [totals[out][i] for out, i in cells.circuit_cells])
        self._uplink_bytes.put(head.router, cells.uplinks, [totals[out][i] for out, i in cells.uplink_cells])

    def _place(self, head: Head) -> _Cells:
        circuits: list[str] = []
        circuit_cells: list[tuple[bool, int]] = []
        uplinks: list[str] = []
        uplink_cells: list[tuple[bool, int]] = []
        for position, interface in enumerate(head.series):
            for one in self._by_port.get((head.router, interface.name), ()):
                labels = self._circuit_labels(one.circuit, one.direction) | {"class": "all"}
                circuits.append(self._circuit_bytes.prefix(labels))
                circuit_cells.append((one.leaves, position))
            if (head.router, interface.name) in self._uplinks:
                for direction, leaves in ((Direction.DOWNLOAD, False), (Direction.UPLOAD, True)):
                    port = {"site": self._site, "router": head.router, "interface": interface.name}
                    uplinks.append(self._uplink_bytes.prefix(port | {"direction": direction}))
                    uplink_cells.append((leaves, position))
        return _Cells(head.series, tuple(circuits), tuple(circuit_cells), tuple(uplinks), tuple(uplink_cells))

    def _put_ports(self, poll: Poll) -> None:
        ports = self._ports.get(poll.router)
        if ports is None or (ports.identity is not poll.identity and ports.identity != poll.identity):
            ports = self._ports[poll.router] = self._name_ports(poll)
        absent: Cells = (None,) * len(poll.identity)
        for family, (prefixes, columns) in ports.prefixes.items():
            cells = [cell for column in columns for cell in poll.columns.get(column) or absent]
            if family is self._speed:
                cells = [None if bps is None else bps // 8 for bps in cells]
            family.put(poll.router, prefixes, cells)

    def _name_ports(self, poll: Poll) -> _Ports:
        prefixes: dict[Family, tuple[tuple[str, ...], tuple[Column, ...]]] = {}
        for family, columns in self._port_columns.items():
            names: list[str] = []
            for column in columns:
                way = {"direction": column.value.partition("_")[0]} if len(columns) > 1 else {}
                names += [family.prefix(self._port_labels(poll.router, i.name) | way) for i in poll.identity]
            prefixes[family] = (tuple(names), columns)
        return _Ports(poll.identity, prefixes)

    def _forget(self, router: str) -> None:
        for known in (self._heads, self._cells, self._ports):
            known.pop(router, None)
        for family in self._families:
            family.drop(router)

    def _port_labels(self, router: str, interface: str) -> dict[str, str]:
        return {"site": self._site, "router": router, "interface": interface}

    def _agency_labels(self, agency: str, direction: Direction) -> dict[str, str]:
        return {"site": self._site, "agency": agency, "direction": direction}

    def _circuit_labels(self, circuit: Circuit, direction: Direction) -> dict[str, str]:
        return {
            "site": self._site,
            "agency": circuit.agency,
            "circuit": circuit.id,
            "router": circuit.router,
            "interface": circuit.interface,
            "direction": direction,
        }

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
        self._used = self._gauge("netmon_agency_usage_bytes", "Proven usage of the current period.")
        self._estimated = self._gauge(
            "netmon_agency_usage_estimated_bytes", "Usage apportioned to the current period at its edge, not proven."
        )
        self._unknown = self._gauge(
            "netmon_agency_usage_unknown_seconds", "Time of the current period for which bytes may be missing."
        )
        self._quota = self._gauge("netmon_agency_quota_bytes", "Volume of the current period.")
        self._ratio = self._gauge("netmon_agency_quota_used_ratio", "Proven usage as a share of the quota; 1 is all.")

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
        self._speed = self._gauge("netmon_interface_speed_bytes_per_second", "ifHighSpeed.")
        self._port_columns: dict[Family, tuple[Column, ...]] = {
            errors: (Column.IN_ERRORS, Column.OUT_ERRORS),
            discards: (Column.IN_DISCARDS, Column.OUT_DISCARDS),
            oper: (Column.OPER_STATUS,),
            admin: (Column.ADMIN_STATUS,),
            self._speed: (Column.SPEED_BPS,),
        }

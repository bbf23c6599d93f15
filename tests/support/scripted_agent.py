"""An SNMP agent as a dictionary: answers like netmon's client, records what it is asked, fails on demand."""

from __future__ import annotations

from collections.abc import Sequence

from netmon.routers import mib
from netmon.routers.objects import OBJECTS
from netmon.snmp.client import Agent
from netmon.snmp.codec import Tag, Value, VarBind
from netmon.snmp.errors import SnmpError, SnmpStatusError, SnmpTooManyRowsError
from netmon.snmp.oid import Oid
from netmon.snmp.template import FRAME, GetTemplate, TemplateReply

MILLISECOND = 1_000_000


class ScriptedAgent:
    def __init__(self, descr: str = "Box", object_id: Oid = (1, 3, 6, 1, 4, 1, 77)) -> None:
        self.tree: dict[Oid, Value] = {
            mib.SYS_DESCR: descr.encode(),
            mib.SYS_OBJECT_ID: object_id,
            mib.SYS_NAME: b"box",
            mib.SYS_UPTIME: 100_000,
            mib.HR_SYSTEM_UPTIME: 900_000,
        }
        self.asked: list[str] = []
        """get, walk and fetch, in order."""
        self.walked: list[tuple[Oid, ...]] = []
        """The columns of each walk."""
        self.templates: list[GetTemplate] = []
        self.monotonic_ns = 5_000_000_000_000
        self.failures: list[SnmpError | None] = []
        """What the next calls raise, in order; None: nothing."""
        self.most = 1 << 16
        self.octets = FRAME
        """Variables it bears in one template; halved by each SnmpStatusError of a fetch."""

    def set(self, name: str, index: int, value: Value) -> None:
        self.tree[(*OBJECTS[name], index)] = value

    def add(
        self,
        index: int,
        name: str,
        octets: int | None = 1000,
        octets32: int | None = 1000,
        named_by: str = "ifName",
    ) -> None:
        """One interface; None leaves the counters of that width out."""
        self.set(named_by, index, name.encode())
        self.set("ifAlias", index, f"to {name}".encode())
        self.set("ifPhysAddress", index, bytes((2, 0, 0, 0, 0, index)))
        self.set("ifType", index, 6)
        self.set("ifHighSpeed", index, 1000)
        for status in ("ifAdminStatus", "ifOperStatus"):
            self.set(status, index, 1)
        for count in ("ifInErrors", "ifOutErrors", "ifInDiscards", "ifOutDiscards", "ifCounterDiscontinuityTime"):
            self.set(count, index, 0)
        if octets is not None:
            self.set("ifHCInOctets", index, octets)
            self.set("ifHCOutOctets", index, 2 * octets)
        if octets32 is not None:
            self.set("ifInOctets", index, octets32)
            self.set("ifOutOctets", index, 2 * octets32)

    def remove(self, index: int) -> dict[Oid, Value]:
        """Takes the interface away and returns its row."""
        row = {oid: value for oid, value in self.tree.items() if len(oid) > 9 and oid[-1] == index}
        for oid in row:
            del self.tree[oid]
        return row

    def move(self, old: int, new: int) -> None:
        self.tree |= {(*oid[:-1], new): value for oid, value in self.remove(old).items()}

    def _fail(self, verb: str) -> None:
        self.asked.append(verb)
        self.monotonic_ns += MILLISECOND
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    def most_varbinds(self, agent: Agent) -> int:
        return self.most

    def most_octets(self, agent: Agent) -> int:
        return self.octets

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        self._fail("get")
        return tuple(self._varbind(oid) for oid in oids)

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25, max_rows: int = 50_000
    ) -> dict[Oid, dict[Oid, VarBind]]:
        self._fail("walk")
        self.walked.append(tuple(columns))
        found = {
            column: {
                oid[len(column) :]: self._varbind(oid) for oid in sorted(self.tree) if oid[: len(column)] == column
            }
            for column in columns
        }
        if any(len(rows) > max_rows for rows in found.values()):
            raise SnmpTooManyRowsError(f"a column has more than {max_rows} rows")
        return found

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> list[TemplateReply]:
        return [self._fetched(template) for template in templates]

    def _fetched(self, template: GetTemplate) -> TemplateReply:
        try:
            self._fail("fetch")
        except SnmpStatusError:
            self.most = min(self.most, template.size // 2)
            raise
        self.templates.append(template)
        names = tuple(self._octets((*template.name_object, index)) for index, _ in template.identity)
        return TemplateReply(
            uptime_ticks=self._number(mib.SYS_UPTIME) or 0,
            received_ns_monotonic=self.monotonic_ns,
            names_match=names == tuple(name for _, name in template.identity),
            names=names,
            cells=tuple(
                self._number((*column, index)) for index, _ in template.identity for column in template.columns
            ),
            extra=tuple(self.tree.get(oid) for oid in template.extra),
        )

    def _varbind(self, oid: Oid) -> VarBind:
        value = self.tree.get(oid)
        if value is None:
            return VarBind(oid, Tag.NO_SUCH_INSTANCE, None)
        tag = Tag.COUNTER64 if isinstance(value, int) else Tag.OCTET_STRING if isinstance(value, bytes) else Tag.OID
        return VarBind(oid, tag, value)

    def _octets(self, oid: Oid) -> bytes | None:
        value = self.tree.get(oid)
        return value if isinstance(value, bytes) else None

    def _number(self, oid: Oid) -> int | None:
        value = self.tree.get(oid)
        return value if isinstance(value, int) else None

"""Reading optics as a whole: which source is used, what is asked, and that nothing an agent says breaks it."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_agent import ScriptedAgent

from netmon.core.fibre import End
from netmon.core.fibre_limits import Quantity, is_physical
from netmon.core.measurement import Interface
from netmon.routers.optics import read_optics, source_columns
from netmon.routers.optics_entities import ENTITY_COLUMNS
from netmon.routers.optics_profile import OpticsSource
from netmon.routers.optics_values import OpticsReading, optics_document
from netmon.routers.views import Missing
from netmon.snmp.client import Agent
from netmon.snmp.codec import Value
from netmon.snmp.errors import SnmpTimeoutError
from netmon.snmp.oid import Oid

AGENT = Agent("192.0.2.1")
PORTS = (Interface(7, "sfp1"), Interface(8, "sfp2"))
TABLE = OpticsSource.model_validate(
    {
        "mib": "BOX-MIB",
        "table": {
            "entry": "1.3.6.1.4.1.77.1.1",
            "index": ["ifIndex"],
            "rx_power": {"column": 5, "decoder": "hundredths_dbm", "low_alarm": 10, "high_alarm": 9},
            "bias": {"column": 6, "decoder": "microamperes"},
        },
    }
)
SENSORS = OpticsSource.model_validate({"sensors": "ENTITY-SENSOR-MIB"})
CISCO = OpticsSource.model_validate({"sensors": "CISCO-ENTITY-SENSOR-MIB"})
ENTRY: Oid = (1, 3, 6, 1, 4, 1, 77, 1, 1)


async def read(box: ScriptedAgent, *sources: OpticsSource) -> tuple[tuple[OpticsReading, ...], tuple[Missing, ...]]:
    return await read_optics(box, AGENT, sources, PORTS)


def filled(*indexes: int) -> ScriptedAgent:
    box = ScriptedAgent()
    for index in indexes:
        box.tree |= {(*ENTRY, 5, index): -800 - index, (*ENTRY, 6, index): 5000}
    return box


async def test_readings_come_in_the_order_of_the_interfaces() -> None:
    found, missing = await read(filled(8, 7), TABLE)
    assert [reading.interface for reading in found] == ["sfp1", "sfp2"]
    assert missing == ()


async def test_the_first_source_that_gives_a_reading_is_used() -> None:
    box = filled(7)
    found, _ = await read(box, SENSORS, TABLE, CISCO)
    assert [reading.source for reading in found] == ["BOX-MIB"]
    assert box.asked == ["walk"] * 3


async def test_the_entity_table_is_walked_once_and_only_where_needed() -> None:
    box = ScriptedAgent()
    await read(box, SENSORS, CISCO)
    assert box.asked == ["walk"] * 3
    box.asked.clear()
    await read(box, TABLE)
    assert box.asked == ["walk"]


async def test_without_sources_nothing_is_asked_and_nothing_is_missing() -> None:
    box = ScriptedAgent()
    assert await read(box) == ((), ())
    assert box.asked == []


async def test_a_device_without_optics_says_where_they_were_looked_for() -> None:
    _, missing = await read(ScriptedAgent(), TABLE, SENSORS)
    assert [item.what for item in missing] == ["optics"]
    assert "none of the places its profile names" in missing[0].why


async def test_a_walk_that_fails_is_named_and_the_next_source_is_tried() -> None:
    box = filled(7)
    box.failures = [SnmpTimeoutError("192.0.2.1:161", 3)]
    found, missing = await read(box, SENSORS, TABLE)
    assert len(found) == 1
    assert str(missing[0]).startswith("optics by ENTITY-SENSOR-MIB: cannot be read: ")


async def test_a_reading_is_what_a_link_s_end_remembers() -> None:
    (reading, *_), _ = await read(filled(7), TABLE)
    end = End("north", "sfp1").observed(reading, enabled=True, up=True, now_ns=1)
    assert end.rx.level_dbm == -8.07
    assert end.rx_limits.low_alarm == -20.0


async def test_the_document_of_a_reading_has_the_contracts_fields() -> None:
    (reading, *_), _ = await read(filled(7), TABLE)
    document = json.loads(json.dumps(optics_document(reading)))
    assert document["interface"] == "sfp1"
    assert document["lane"] is None
    assert document["rx_power_dbm"] == -8.07
    assert document["tx_power_dbm"] is None
    assert document["thresholds"]["rx_power_dbm"]["origin"] == "default"
    assert list(document["thresholds"]) == ["rx_power_dbm", "bias_ma"]


COLUMNS = (*ENTITY_COLUMNS, *(c for source in (TABLE, SENSORS, CISCO) for c in source_columns(source)))
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.integers(min_value=-(1 << 31), max_value=(1 << 32) - 1),
    st.sampled_from([0, 1, 5, 6, 8, 9, 10, 14, -1, -255, -800, 2_147_483_647, 1_000_000_000]),
    st.sampled_from([b"", b"sfp1", b"sfp2 Receive Power Sensor", b"Tx Power", b"Lane 3", b"\xff\0", b"dBm"]),
    st.just((1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 7)),
    st.none(),
)


@given(
    cells=st.dictionaries(
        st.tuples(st.sampled_from(COLUMNS), st.lists(st.integers(min_value=0, max_value=9), max_size=2).map(tuple)),
        VALUES,
        max_size=60,
    ),
    sources=st.permutations([TABLE, SENSORS, CISCO]),
)
@settings(max_examples=150)
async def test_missing_and_mad_cells_break_nothing_and_make_no_value_up(
    cells: dict[tuple[Oid, Oid], Value], sources: list[OpticsSource]
) -> None:
    box = ScriptedAgent()
    box.tree = {(*column, *index): value for (column, index), value in cells.items()}
    found, _ = await read(box, *sources)
    for reading in found:
        assert reading.interface in {"sfp1", "sfp2"}
        for quantity in Quantity:
            value = reading.value(quantity)
            assert value is None or is_physical(quantity, value)

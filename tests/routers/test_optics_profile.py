"""What may be written in a profile's `optics:`, and how a fault is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from netmon.core.fibre_limits import Quantity
from netmon.routers.optics_profile import OpticsSource, Sensors
from netmon.routers.optics_units import OPTICS_DECODERS

TABLE: dict[str, Any] = {
    "entry": "1.3.6.1.4.1.77.1.1",
    "index": ["ifIndex"],
    "rx_power": {"column": 5, "decoder": "hundredths_dbm", "low_alarm": 10, "high_alarm": 9},
}


def test_a_table_names_its_columns() -> None:
    source = OpticsSource.model_validate({"mib": "BOX-MIB", "table": {**TABLE, "port": 2}})
    assert source.label == "BOX-MIB"
    assert source.table is not None
    assert source.table.columns == (2, 5, 9, 10)
    assert list(source.table.measured) == [Quantity.RX_POWER]


def test_a_sensor_mib_needs_no_columns() -> None:
    assert OpticsSource.model_validate({"sensors": "ENTITY-SENSOR-MIB"}).sensors is Sensors.ENTITY


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ({}, "give either sensors"),
        ({"sensors": "ENTITY-SENSOR-MIB", "table": TABLE}, "give either sensors"),
        ({"sensors": "ENTITY-MIB"}, "ENTITY-SENSOR-MIB"),
        ({"table": {**TABLE, "index": ["any"]}}, "index needs ifIndex or entPhysicalIndex once"),
        ({"table": {**TABLE, "index": ["ifIndex", "lane", "lane"]}}, "lane at most once"),
        ({"table": {"entry": "1.3.6.1.4.1.77", "index": ["ifIndex"]}}, "a table that measures nothing"),
        (
            {"table": {**TABLE, "bias": {"column": 6, "decoder": "millivolts"}}},
            "bias_ma cannot be decoded by millivolts",
        ),
        ({"table": {**TABLE, "rx_power": {"column": 5, "decoder": "hundredth_dbm"}}}, "did you mean hundredths_dbm?"),
        ({"table": {**TABLE, "rx_lost": {"column": 1}}}, "give either bits or equals"),
        (
            {"table": {**TABLE, "rx_power": {"column": 5, "decoder": "tenth_microwatts", "calibration": [1, 2]}}},
            "needs 5 columns",
        ),
        ({"table": TABLE, "lane_table": TABLE}, "its index has a lane"),
        ({"table": {**TABLE, "entry": "optical"}}, "not an object identifier"),
    ],
)
def test_a_fault_says_what_is_wrong(written: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError) as found:
        OpticsSource.model_validate(written)
    assert fault in str(found.value)


def test_the_example_of_the_documentation_is_a_profile() -> None:
    page = (Path(__file__).parents[2] / "docs" / "optics.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    sensors, table = (OpticsSource.model_validate(entry) for entry in yaml.safe_load(example)["optics"])
    assert sensors.sensors is Sensors.CISCO
    assert table.table is not None
    assert len(table.table.measured) == 5


def test_the_documentation_names_every_decoder() -> None:
    page = (Path(__file__).parents[2] / "docs" / "optics.md").read_text(encoding="utf-8")
    assert [name for name in OPTICS_DECODERS if f"`{name}`" not in page] == []

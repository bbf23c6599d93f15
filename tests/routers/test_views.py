from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from netmon.core.measurement import Cells, Column, Interface, PduStamp, Poll
from netmon.core.model import NANOSECONDS
from netmon.routers.topology import Link
from netmon.routers.views import Missing, poll_document

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "poll.schema.json").read_text())
AT_NS = 1_793_000_000 * NANOSECONDS + 123_456_789


def visit(**columns: Cells) -> Poll:
    cells: dict[Column, Cells] = dict.fromkeys(Column, (None, None))
    cells |= {
        Column.IN_OCTETS: (2**64 - 1, 5),
        Column.OUT_OCTETS: (7, 0),
        Column.IN_ERRORS: (0, 1),
        Column.OUT_ERRORS: (0, 1),
        Column.IN_DISCARDS: (0, 1),
        Column.OUT_DISCARDS: (0, 1),
        Column.ADMIN_STATUS: (1, 2),
        Column.OPER_STATUS: (7, 99),
        Column.SPEED_BPS: (1_000_000_000, 0),
    }
    return Poll(
        router="core-1",
        identity=(Interface(1, "ether1", "contract 12"), Interface(2, "bridge1")),
        pdus=(PduStamp(123_456, AT_NS),),
        pdu_of=(0, 0),
        columns={**cells, **{Column(name): given for name, given in columns.items()}},
    )


def checked(data: dict[str, Any]) -> dict[str, Any]:
    """`data` after a round trip through JSON, its envelope valid by the published schema."""
    document = {"schema": "netmon/poll/1", "generated_at": "2026-11-22T08:00:00+08:00", "data": data}
    document = json.loads(json.dumps(document))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)
    found: dict[str, Any] = document["data"]
    return found


def test_a_visit_becomes_the_documented_object() -> None:
    data = checked(poll_document(visit(), "routeros"))
    assert {key: value for key, value in data.items() if key != "interfaces"} == {
        "router": "core-1",
        "platform": "routeros",
        "uptime_seconds": 1234,
        "polled_at": "2026-10-26T07:33:20.123+00:00",
        "optics": [],
        "health": [],
        "links": [],
        "missing": [],
    }
    assert data["interfaces"][0] == {
        "index": 1,
        "name": "ether1",
        "alias": "contract 12",
        "speed_bps": 1_000_000_000,
        "admin_status": "up",
        "oper_status": "lowerLayerDown",
        "in_octets": 2**64 - 1,
        "out_octets": 7,
        "counter_bits": 64,
        "in_errors": 0,
        "out_errors": 0,
        "in_discards": 0,
        "out_discards": 0,
        "parent": None,
    }


def test_absent_is_null_never_zero_or_empty() -> None:
    bridge = checked(poll_document(visit(in_octets=(1, None)), "linux"))["interfaces"][1]
    assert [bridge[key] for key in ("alias", "speed_bps", "oper_status", "in_octets")] == [None] * 4
    assert bridge["out_octets"] == 0


def test_what_is_missing_is_named_with_its_reason() -> None:
    lost = Missing("ether9", "the router has no such interface; did you mean ether1?")
    data = checked(poll_document(visit(in_errors=(None, None)), "linux", (lost,)))
    assert data["missing"] == [
        {"what": "ether9", "why": "the router has no such interface; did you mean ether1?"},
        {"what": "in_errors", "why": "the agent gives it for none of these interfaces"},
    ]
    assert str(lost) == "ether9: the router has no such interface; did you mean ether1?"


def test_a_column_that_was_left_out_is_not_said_to_be_lacking() -> None:
    unasked = Missing("in_errors", "left out; raise the agent's message size")
    data = checked(poll_document(visit(in_errors=(None, None)), "linux", iter((unasked,))))
    assert data["missing"] == [{"what": "in_errors", "why": "left out; raise the agent's message size"}]


def test_a_visit_that_measured_nothing_is_still_a_document() -> None:
    empty = replace(visit(), identity=(), pdu_of=(), columns=dict.fromkeys(Column, ()))
    assert checked(poll_document(empty, "generic-if-mib"))["interfaces"] == []


def test_a_member_names_what_it_is_part_of_and_neighbours_are_listed() -> None:
    link = Link("ether1", "core-1", "xe-0/0/1", None, "lldp")
    data = checked(poll_document(visit(), "linux", parents={"ether1": "bridge1"}, links=(link,)))
    assert [one["parent"] for one in data["interfaces"]] == ["bridge1", None]
    assert data["links"] == [
        {
            "interface": "ether1",
            "remote_system": "core-1",
            "remote_port": "xe-0/0/1",
            "remote_port_description": None,
            "protocol": "lldp",
        }
    ]


def test_optics_and_health_are_passed_on_as_they_are() -> None:
    health = {"name": "CPU", "kind": "cpu", "value": 12.5, "unit": "percent", "status": None}
    optics = {
        "interface": "ether1",
        "lane": None,
        "rx_power_dbm": -7.25,
        "tx_power_dbm": None,
        "bias_ma": None,
        "temperature_celsius": 41.5,
        "voltage_volts": 3.3,
        "rx_state": "light",
        "tx_state": "not_supported",
        "thresholds": {
            "rx_power_dbm": {
                "low_alarm": -20.0,
                "low_warning": -18.0,
                "high_warning": None,
                "high_alarm": None,
                "origin": "device",
                "why": None,
            }
        },
    }
    data = checked(poll_document(visit(), "linux", optics=(optics,), health=(health,)))
    assert (data["optics"], data["health"]) == ([optics], [health])


def test_the_same_thing_missing_twice_is_told_once() -> None:
    lost = Missing("interfaces", "the agent shows no interface")
    assert len(checked(poll_document(visit(), "linux", (lost, lost)))["missing"]) == 1


def test_the_schema_refuses_what_the_contract_does_not_know() -> None:
    data = poll_document(visit(), "linux")
    for wrong in ({**data, "extra": 1}, {**data, "polled_at": "yesterday"}, {**data, "uptime_seconds": -1}):
        with pytest.raises(jsonschema.ValidationError):
            checked(wrong)

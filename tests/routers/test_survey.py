"""One visit with everything a profile names, and the account of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from netmon import bundled
from netmon.routers.discovery import Prober
from netmon.routers.explain import Explanation
from netmon.routers.polling import PollError
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.recording import RecordedAgent, load_recording
from netmon.routers.survey import Survey, survey, survey_recording
from netmon.snmp.client import Agent
from netmon.snmp.codec import VarBind
from netmon.snmp.errors import SnmpTimeoutError
from netmon.snmp.oid import Oid
from netmon.snmp.template import GetTemplate, TemplateReply

IF_X = "1.3.6.1.2.1.31.1.1.1"
ROUTER = f"""\
1.3.6.1.2.1.1.1.0|4|Example OS
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1
1.3.6.1.2.1.1.3.0|67|12345
{IF_X}.1.1|4|ge0
{IF_X}.1.2|4|ge0.100
{IF_X}.6.1|70|10
{IF_X}.6.2|70|1
{IF_X}.10.1|70|20
{IF_X}.10.2|70|2
{IF_X}.15.1|66|1000
{IF_X}.15.2|66|1000
1.0.8802.1.1.2.1.4.1.1.9.0.1.1|4|core-1
"""


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles((bundled.folder("collectors"),))


async def surveyed(
    tmp_path: Path, profiles: Profiles, silent: Oid = (9,), circuits: dict[str, str] | None = None, text: str = ROUTER
) -> Survey:
    path = tmp_path / "router.snmprec"
    path.write_text(text, encoding="utf-8")
    prober = Halting(RecordedAgent(load_recording(path)), silent)
    return await survey("router", Agent("10.0.0.1"), prober, profiles, time.time_ns, circuits=circuits)


class Halting:
    """A recorded agent that falls silent at one subtree."""

    def __init__(self, prober: Prober, silent: Oid) -> None:
        self._prober = prober
        self._silent = silent

    def _check(self, oids: Sequence[Oid]) -> None:
        if any(oid[: len(self._silent)] == self._silent for oid in oids):
            raise SnmpTimeoutError("10.0.0.1:161", 3)

    async def get(self, agent: Agent, oids: Sequence[Oid]) -> tuple[VarBind, ...]:
        self._check(oids)
        return await self._prober.get(agent, oids)

    async def walk(
        self, agent: Agent, columns: Sequence[Oid], max_repetitions: int = 25
    ) -> Mapping[Oid, Mapping[Oid, VarBind]]:
        self._check(columns)
        return await self._prober.walk(agent, columns, max_repetitions=max_repetitions)

    async def fetch(self, agent: Agent, templates: Sequence[GetTemplate]) -> Sequence[TemplateReply]:
        self._check([column for template in templates for column in template.columns])
        return await self._prober.fetch(agent, templates)

    def most_varbinds(self, agent: Agent) -> int:
        return self._prober.most_varbinds(agent)

    def most_octets(self, agent: Agent) -> int:
        return self._prober.most_octets(agent)


def what_and_why(document: dict[str, Any]) -> dict[str, str]:
    return {one["what"]: one["why"] for one in document["missing"]}


def read(explanation: Explanation) -> dict[str, tuple[str, int, str | None]]:
    return {one.object: (one.by.split(":")[0], one.values, one.failure) for one in explanation.read}


async def test_interfaces_links_and_parents_come_together(tmp_path: Path, profiles: Profiles) -> None:
    document = (await surveyed(tmp_path, profiles)).document
    assert [(one["name"], one["parent"], one["in_octets"]) for one in document["interfaces"]] == [
        ("ge0", None, 10),
        ("ge0.100", "ge0", 1),
    ]
    assert [(one["interface"], one["remote_system"]) for one in document["links"]] == [("ge0", "core-1")]
    assert document["platform"] == "generic-if-mib"


async def test_circuits_that_measure_the_same_traffic_are_named(tmp_path: Path, profiles: Profiles) -> None:
    document = (await surveyed(tmp_path, profiles, circuits={"dinkes": "ge0.100", "backbone": "ge0"})).document
    assert what_and_why(document)["dinkes"].startswith(
        "its interface ge0.100 is part of ge0, which circuit backbone measures: the same traffic counts twice;"
    )
    alone = (await surveyed(tmp_path, profiles, circuits={"dinkes": "ge0.100"})).document
    assert "dinkes" not in what_and_why(alone)


async def test_a_table_that_fails_is_explained_and_spoils_nothing_else(tmp_path: Path, profiles: Profiles) -> None:
    found = await surveyed(tmp_path, profiles, silent=(1, 0, 8802))
    assert len(found.document["interfaces"]) == 2
    assert what_and_why(found.document)["LLDP neighbours"].startswith("cannot be read: 10.0.0.1:161: no reply to 3")
    by, values, failure = read(found.explanation)["lldpRemSysName"]
    assert (by, values) == ("netmon itself", 0)
    assert failure is not None
    assert failure.startswith("10.0.0.1:161: no reply to 3 requests;")


async def test_a_router_that_cannot_be_polled_is_an_error(tmp_path: Path, profiles: Profiles) -> None:
    with pytest.raises(PollError, match=r"router: 10\.0\.0\.1:161: no reply"):
        await surveyed(tmp_path, profiles, silent=(1, 3, 6, 1, 2, 1, 31))


async def test_the_explanation_counts_values_and_names_lines(tmp_path: Path, profiles: Profiles) -> None:
    explanation = (await surveyed(tmp_path, profiles)).explanation
    assert explanation.recognised == ("generic-if-mib, because no other profile knows sysObjectID 1.3.6.1.4.1.99999.1")
    generic = "collectors/generic-if-mib.yaml"
    found = read(explanation)
    assert found["ifHCInOctets"] == (generic, 2, None)
    assert found["ifInErrors"] == (generic, 0, None)
    assert found["sysUpTime.0"] == ("netmon itself", 1, None)
    assert found["lldpRemSysName"] == ("netmon itself", 1, None)
    skipped = {one.object: one.why for one in explanation.skipped}
    assert skipped["ifInOctets"] == "ifHCInOctets holds a value for every interface"
    assert skipped["ifSpeed"] == "ifHighSpeed holds values"
    assert not skipped.keys() & found.keys()


async def test_an_agent_with_ifdescr_alone_is_read_and_this_is_said(tmp_path: Path, profiles: Profiles) -> None:
    text = "1.3.6.1.2.1.1.3.0|67|1\n1.3.6.1.2.1.2.2.1.2.1|4|eth0\n1.3.6.1.2.1.2.2.1.10.1|65|7\n"
    found = await surveyed(tmp_path, profiles, text=text + "1.3.6.1.2.1.2.2.1.16.1|65|8\n")
    (eth0,) = found.document["interfaces"]
    assert (eth0["name"], eth0["in_octets"], eth0["out_octets"], eth0["counter_bits"]) == ("eth0", 7, 8, 32)
    assert any(
        one["why"].startswith("the agent gives no ifName, so interfaces are known by ifDescr,")
        for one in found.document["missing"]
    )
    assert read(found.explanation)["ifDescr"] == ("collectors/generic-if-mib.yaml", 1, None)


async def test_rows_without_any_name_are_counted_and_not_given_one(tmp_path: Path, profiles: Profiles) -> None:
    text = "1.3.6.1.2.1.1.3.0|67|1\n1.3.6.1.2.1.2.2.1.3.1|2|6\n1.3.6.1.2.1.2.2.1.3.2|2|6\n"
    document = (await surveyed(tmp_path, profiles, text=text)).document
    assert document["interfaces"] == []
    assert what_and_why(document)["interfaces"].startswith("the agent shows 2 and no ifName or ifDescr of any,")


async def test_each_interface_is_shown_at_its_widest(tmp_path: Path, profiles: Profiles) -> None:
    narrow = f"{IF_X}.1.3|4|radio1\n1.3.6.1.2.1.2.2.1.10.3|65|5\n1.3.6.1.2.1.2.2.1.16.3|65|6\n"
    document = (await surveyed(tmp_path, profiles, text=ROUTER + narrow)).document
    assert [(one["name"], one["counter_bits"], one["in_octets"]) for one in document["interfaces"]] == [
        ("ge0", 64, 10),
        ("ge0.100", 64, 1),
        ("radio1", 32, 5),
    ]
    assert "radio1" not in what_and_why(document)
    assert any(
        one["why"].startswith("radio1: octet counters of 32 bits, most others' of 64; circuits on one router")
        for one in document["missing"]
    )


async def test_a_recording_is_surveyed_as_of_its_own_time(tmp_path: Path, profiles: Profiles) -> None:
    path = tmp_path / "edge-1.snmprec"
    path.write_text(ROUTER, encoding="utf-8")
    recording = load_recording(path)
    document = (await survey_recording(recording, profiles)).document
    assert document["router"] == "edge-1"
    assert document["uptime_seconds"] == 123
    assert document["polled_at"].startswith(time.strftime("%Y-%m-%dT%H:", time.gmtime(recording.at_ns / 1e9)))

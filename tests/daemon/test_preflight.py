"""A survey of a router judged: what stands in the way of a first limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from daemon.world import START_NS, a_configuration

from netmon.config.load import Configuration
from netmon.core.model import NANOSECONDS
from netmon.daemon.preflight import PRIVILEGES, row_of
from netmon.routers.dialects import Names, Way, class_object
from netmon.routers.readbacks import Foreign, Limit, Ours, Owner, Survey
from netmon.routers.session import Failure
from netmon.routers.upkeep import Surveyed, SurveyedPort

US = Owner("ours", 7)
NO_LIMIT = Limit(None, ours=False, foreign=None)
SURVEY = Survey("Linux 6.1", START_NS, privileged=True)
READY = SurveyedPort("dinkes-fo", "ether1", None, "ready", NO_LIMIT, NO_LIMIT)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return a_configuration(tmp_path)


def row(configuration: Configuration, found: Surveyed, platform: str | None = "linux") -> dict[str, Any]:
    return row_of(configuration, "palu", platform, found, US, START_NS)


def test_a_router_on_which_nothing_stands_in_the_way_is_ready(configuration: Configuration) -> None:
    told = row(configuration, Surveyed(SURVEY, ports=(READY,)))
    assert told["ready"]
    assert told["obstacles"] == []
    assert (told["undo"], told["ends_limits"], told["host_key"]) == ("job", True, "known")
    assert told["circuits"][0]["detail"] is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Surveyed(failure=Failure.UNREACHABLE, detail="no answer"), "unreachable: no answer"),
        (Surveyed(Survey("x", None, privileged=False), ports=(READY,)), "this login may not do what it takes"),
        (Surveyed(SURVEY, Owner("theirs", 3), ports=(READY,)), "another netmon, netmon:theirs:3"),
        (Surveyed(SURVEY, others="sari is in configuration mode", ports=(READY,)), "sari is in configuration mode"),
    ],
)
def test_what_keeps_every_limit_off_the_router_is_named(
    configuration: Configuration, found: Surveyed, said: str
) -> None:
    told = row(configuration, found)
    assert not told["ready"]
    assert said in told["obstacles"][0]
    assert not any(one["ready"] for one in told["circuits"])


def test_one_circuit_that_is_not_ready_does_not_speak_for_the_others(configuration: Configuration) -> None:
    foreign = Foreign("qdisc", "tbf 8001:", Way.EGRESS, "tbf rate 9Mbit")
    arsip = SurveyedPort(
        "arsip-fo",
        "ether2",
        Failure.FOREIGN_SHAPER,
        "tbf was not made by netmon",
        NO_LIMIT,
        NO_LIMIT,
        (foreign,),
        objections=(None,),
    )
    told = row(configuration, Surveyed(SURVEY, ports=(READY, arsip)))
    assert [one["ready"] for one in told["circuits"]] == [True, False]
    assert told["circuits"][1]["foreigners"] == [
        {
            "kind": "qdisc",
            "name": "tbf 8001:",
            "way": "egress",
            "setting": "tbf rate 9Mbit",
            "adoptable": True,
            "objection": None,
        }
    ]
    assert not told["ready"]


@pytest.mark.parametrize(
    ("failure", "host_key"),
    [
        (Failure.UNKNOWN_HOST_KEY, "unknown"),
        (Failure.HOST_KEY_MISMATCH, "another"),
        (Failure.UNREACHABLE, "not_seen"),
        (Failure.LOGIN_REFUSED, "known"),
    ],
)
def test_what_is_known_of_the_host_key_follows_from_how_far_the_login_came(
    configuration: Configuration, failure: Failure, host_key: str
) -> None:
    assert row(configuration, Surveyed(failure=failure, detail="so"))["host_key"] == host_key


def test_a_clock_that_is_far_off_is_a_warning(configuration: Configuration) -> None:
    late = Survey("x", START_NS - 3600 * NANOSECONDS, privileged=True)
    told = row(configuration, Surveyed(late, ports=(READY,)))
    assert told["ready"]
    assert told["clock_offset_seconds"] == -3600
    assert told["warnings"] == ["its clock is 3600 s behind"]


def test_what_belongs_to_no_circuit_configured_there_is_left_behind(configuration: Configuration) -> None:
    ours = Ours(Names.of("dinkes-fo").object, "ether1", Way.EGRESS, 4_000_000)
    as_class = Ours(class_object(int(Names.of("arsip-fo").minor, 16)), "ether2", Way.EGRESS, 4_000_000)
    stray = Ours(Names.of("closed-fo").object, "ether3", Way.EGRESS, 4_000_000)
    told = row(configuration, Surveyed(SURVEY, ours=(ours, as_class, stray), ports=(READY,)))
    assert told["left_behind"] == [stray.object]


def test_every_dialect_says_which_privileges_it_needs() -> None:
    folders = {path.name for path in (Path(__file__).parents[2] / "policies" / "enforcement").iterdir()}
    assert folders <= PRIVILEGES.keys()

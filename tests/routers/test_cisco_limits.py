"""What an IOS or IOS XR router that cannot do something is left with, and that its words reach the receipt."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support import contract_ios, contract_iosxr
from support.contract_bench import bench_of

from netmon.core.changes import Outcome
from netmon.core.model import Direction
from netmon.routers.dialects import Way, load_dialect
from netmon.routers.session import Failure
from netmon.simulator.ios_cli import Ios
from netmon.simulator.iosxr_cli import IosXr

M = 1_000_000
POLICIES = Path(__file__).parents[2] / "policies" / "enforcement"


def test_hardware_that_cannot_limit_what_leaves_gets_its_old_state_back() -> None:
    with bench_of(contract_ios) as bench:
        system = bench.bed.system
        assert isinstance(system, Ios)
        before = list(system.running.paths())
        system.refuses_output = "QoS: shape average is not supported in output policies on this interface"
        result = bench.change(8 * M)
        assert (result.outcome, result.reason) == (Outcome.REVERTED, Failure.COMMAND_REJECTED), result
        assert "QoS: shape average is not supported" in result.detail
        assert list(system.running.paths()) == before


def test_a_login_below_level_15_gets_its_privileges_by_the_enable_secret() -> None:
    with bench_of(contract_ios) as bench:
        system = bench.bed.system
        assert isinstance(system, Ios)
        system.enable_secret = "s3cret-of-enable"
        result = bench.change(8 * M)
        assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.MANAGEMENT_PATH), result
        assert "refused 'show running-config" in result.detail
        bench.login = replace(bench.bed.login, enable_secret="s3cret-of-enable")
        bench.ensure(8 * M)
        bench.login = replace(bench.bed.login, enable_secret="another")
        assert bench.change(2 * M).reason is Failure.ENABLE_REFUSED


def test_what_another_image_saved_is_overwritten_when_the_router_asks() -> None:
    with bench_of(contract_ios) as bench:
        system = bench.bed.system
        assert isinstance(system, Ios)
        system.saved_by_another_image = True
        bench.ensure(8 * M)
        assert list(system.startup.paths()) == list(system.running.paths())


def test_the_time_before_every_answer_is_no_part_of_it() -> None:
    with bench_of(contract_iosxr) as bench:
        system = bench.bed.system
        assert isinstance(system, IosXr)
        system.always_timed = True
        bench.ensure(8 * M)
        assert bench.read().bps == 8 * M
        bench.ensure(2 * M, Direction.UPLOAD)


def test_without_an_archive_nothing_is_altered_and_the_router_says_why() -> None:
    with bench_of(contract_ios) as bench:
        system = bench.bed.system
        assert isinstance(system, Ios)
        system.running.drop("archive")
        system.startup = system.running.copy()
        result = bench.change(8 * M)
        assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.COMMAND_REJECTED), result
        assert "Turn config archive on" in result.detail
        assert bench.bed.limit_bps(Way.EGRESS) is None
        assert any("archive" in warning for warning in bench.survey().warnings)


def test_without_applets_nothing_is_altered() -> None:
    with bench_of(contract_ios) as bench:
        system = bench.bed.system
        assert isinstance(system, Ios)
        system.has_events = False
        result = bench.change(8 * M, expires_s=75)
        assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.COMMAND_REJECTED), result
        assert bench.bed.limit_bps(Way.EGRESS) is None


def test_a_commit_that_the_hardware_refuses_alters_nothing() -> None:
    with bench_of(contract_iosxr) as bench:
        system = bench.bed.system
        assert isinstance(system, IosXr)
        before = list(system.running.paths())
        system.refuses = "'DPA_QOSEA' detected the 'warning' condition 'SDK not enough resource'"
        result = bench.change(8 * M)
        assert (result.outcome, result.reason) == (Outcome.FAILED, Failure.COMMAND_REJECTED), result
        assert "Failed to commit" in result.detail
        assert list(system.running.paths()) == before
        system.refuses = None
        bench.ensure(8 * M)


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("ios", "R1#"),
        ("ios", "R1>"),
        ("ios", "9300-LT2-1#"),
        ("ios", "kantor-dinas-kesehat(config-pmap-c-police)#"),
        ("ios", "kantor-dinas-kesehat(config-pmap-c-pol#"),
        ("iosxr", "RP/0/RSP0/CPU0:pe1(config-pmap-c-police)#"),
        ("iosxr", "RP/0/0/CPU0:ios#"),
        ("junos", "netmon@r1-re0> "),
        ("junos", "netmon@r1:tenant> "),
    ],
)
def test_prompts_are_known_as_releases_print_them(platform: str, line: str) -> None:
    assert re.fullmatch(load_dialect(platform, [POLICIES]).settings.prompt, line)


@pytest.mark.parametrize("platform", ["ios", "iosxr"])
@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("% Invalid input detected at '^' marker.", True),
        ("% Incomplete command.", True),
        ('% Ambiguous command:  "sh"', True),
        ("%SYS-5-CONFIG_I: Configured from console by budi on vty0 (10.0.0.9)", False),
        ("%LINEPROTO-5-UPDOWN: Line protocol on Interface GigabitEthernet0/1, changed state to up", False),
        (" description % Invalid", False),
        ("interface GigabitEthernet0/1", False),
        ("! % Invalid", False),
    ],
)
def test_refusals_are_told_from_messages_of_the_log(platform: str, line: str, refused: bool) -> None:
    errors = load_dialect(platform, [POLICIES]).settings.errors
    assert any(re.search(pattern, line, re.MULTILINE) for pattern in errors) is refused


@pytest.mark.parametrize(
    ("platform", "line", "refused"),
    [
        ("ios", "%No Rollback Confirmed Change pending", True),
        ("ios", "%Turn config archive on before using Rollback Confirmed Change", True),
        ("ios", "%Error opening nvram:/startup-config (No space left on device)", True),
        ("ios", "% policy map X not configured", True),
        ("ios", "%Service policy X is not attached", False),
        ("ios", "% policy-map X does not exist", False),
        ("ios", "Configuration mode locked exclusively. The lock will be cleared once you exit", False),
        ("ios", "Policy Map NM-770ECBE9-DINKES-1-OUT", False),
        ("ios", "% Warning: shaping applies to the parent alone", False),
        ("ios", "%NOTE: the rate was rounded", False),
        ("ios", "% Notable difference", True),
        ("ios", "%EEM: No such applet NM-EXPIRE-NM-770ECBE9-DINKES-1-OUT", False),
        ("iosxr", "% Warning: the rate was rounded", False),
        ("iosxr", "Do you wish to proceed with this commit anyway? [no]:", True),
        ("iosxr", "% No such configuration item(s)", False),
        ("iosxr", "% Confirming commit for trial session.", False),
        ("iosxr", "No configuration changes to commit.", True),
        ("iosxr", "Cannot enter exclusive mode. The Configuration Namespace is locked by another agent.", True),
    ],
)
def test_what_is_not_there_need_not_be_taken_off(platform: str, line: str, refused: bool) -> None:
    errors = load_dialect(platform, [POLICIES]).settings.errors
    assert any(re.search(pattern, line, re.MULTILINE) for pattern in errors) is refused

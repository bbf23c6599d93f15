"""What people order, as they write it: what is taken, and what is refused with one sentence that says what to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from daemon.world import START_NS, a_configuration

from netmon.config.load import Configuration
from netmon.core.directives import EVERYBODY, Directive, DirectiveKind
from netmon.core.model import NANOSECONDS
from netmon.core.supply import Rates
from netmon.daemon import orders
from netmon.daemon.orders import OrderError

HOUR_NS = 3600 * NANOSECONDS
MBPS = 1_000_000
POOLS = {
    "inet": {
        "class": "internet",
        "download": "1 Gbps",
        "upload": "500 Mbps",
        "uplinks": {"isp-a": {"router": "palu", "interface": "wan", "download": "600 Mbps", "upload": "300 Mbps"}},
    },
    "iix": {"class": "domestic", "download": "200 Mbps", "upload": "200 Mbps"},
}
BOOST = {"agency": "dinkes", "download": "200 Mbps", "upload": "100 Mbps", "for": "4h", "reason": "why", "by": "ani"}


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return a_configuration(tmp_path_factory.mktemp("site"), pools=POOLS)


def test_a_boost_is_what_was_written(configuration: Configuration) -> None:
    assert orders.boost(configuration, BOOST, START_NS) == Directive(
        "",
        DirectiveKind.BOOST,
        "dinkes",
        "why",
        "ani",
        START_NS,
        START_NS + 4 * HOUR_NS,
        Rates(200 * MBPS, 100 * MBPS),
    )


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        ("2026-11-20", "2026-11-20T16:00:00Z"),
        ("2026-11-20T08:00", "2026-11-20T00:00:00Z"),
        ("2026-11-20T08:00+00:00", "2026-11-20T08:00:00Z"),
    ],
)
def test_an_end_is_in_the_agencys_zone_and_a_day_is_included(
    configuration: Configuration, until: str, ends: str
) -> None:
    from datetime import datetime

    args = {**BOOST, "for": None, "until": until}
    assert orders.boost(configuration, args, START_NS).until_ns == int(
        datetime.fromisoformat(ends).timestamp() * NANOSECONDS
    )


def test_an_exemption_is_from_one_quota_or_all(configuration: Configuration) -> None:
    args = {"agency": "dinkes", "for": "1d", "reason": "why", "by": "ani"}
    assert orders.exemption(configuration, args, START_NS).policy is None
    assert orders.exemption(configuration, {**args, "policy": "standard"}, START_NS).policy == "standard"


def test_a_freeze_may_be_open_ended_and_of_everybody(configuration: Configuration) -> None:
    freeze = orders.freeze(configuration, {"all": True, "reason": "why", "by": "ani"}, START_NS)
    assert (freeze.subject, freeze.until_ns) == (EVERYBODY, None)
    one = orders.freeze(configuration, {"agency": "arsip", "for": "1h", "reason": "why", "by": "ani"}, START_NS)
    assert (one.subject, one.until_ns) == ("arsip", START_NS + HOUR_NS)


@pytest.mark.parametrize("name", ["inet", "isp-a", "iix"])
@pytest.mark.parametrize("rate", ["0", "0 bps", "100 Mbps"])
def test_a_pool_or_an_uplink_may_carry_little_or_nothing(configuration: Configuration, name: str, rate: str) -> None:
    args = {"name": name, "download": rate, "upload": rate, "reason": "why", "by": "ani"}
    left = orders.degradation(configuration, args, START_NS).rates
    assert left is not None
    assert left.download_bps in (0, 100 * MBPS)


def test_a_backhaul_may_be_degraded(tmp_path: Path) -> None:
    written = a_configuration(tmp_path, pools=POOLS).settings.model_dump(mode="json")["routers"]["palu"]
    backhauls = {"radio": {"interface": "wlan1", "download": "50 Mbps", "upload": "20 Mbps"}}
    router = {key: written[key] for key in ("address", "ssh", "uplinks")}
    one = a_configuration(tmp_path, pools=POOLS, routers={"palu": {**router, "backhauls": backhauls}})
    args = {"name": "radio", "download": "10 Mbps", "upload": "20 Mbps", "reason": "rain", "by": "ani"}
    assert orders.degradation(one, args, START_NS).subject == "radio"


def test_a_request_says_for_how_long_and_expires(configuration: Configuration) -> None:
    request = orders.request(configuration, {**BOOST, "on_behalf": "Kepala Dinas"}, START_NS)
    assert (request.agency, request.duration_ns, request.expires_ns) == (
        "dinkes",
        4 * HOUR_NS,
        START_NS + 168 * HOUR_NS,
    )
    assert (request.asked.by, request.asked.on_behalf, request.asked.reason) == ("ani", "Kepala Dinas", "why")


Drafted = Callable[[Configuration, Mapping[str, Any], int], object]
DEGRADE = {"name": "inet", "download": "0", "upload": "0", "reason": "why", "by": "ani"}


@pytest.mark.parametrize(
    ("draft", "args", "sentence"),
    [
        (orders.boost, {**BOOST, "agency": "dinkess"}, "there is no agency 'dinkess'; did you mean dinkes?"),
        (orders.boost, {**BOOST, "agency": None}, "there is no agency None; known here: arsip, dinkes, dishub"),
        (orders.boost, {**BOOST, "download": "0 bps"}, "a boost of 0 is none; give a positive rate each way"),
        (
            orders.boost,
            {**BOOST, "upload": None},
            "a rate is missing; give RATE for both ways, or --download and --upload",
        ),
        (orders.boost, {**BOOST, "download": "9"}, "'9' is not a rate; write for example 50 Mbps or 1 Gbit/s"),
        (
            orders.boost,
            {**BOOST, "download": "1201 Mbps"},
            "only 1.2 Gb/s download and 700 Mb/s upload were purchased in all; give no more than that",
        ),
        (orders.boost, {**BOOST, "for": None}, "it must end by itself; give --for, e.g. 4h, or --until"),
        (orders.boost, {**BOOST, "for": "0s"}, "0s is no time at all; write for example 30m or 4h"),
        (orders.boost, {**BOOST, "for": "4"}, "'4' is not a duration; write for example 30s, 5m or 1h30m"),
        (
            orders.boost,
            {**BOOST, "for": "9999999999w"},
            "nothing is ordered for longer than 366 days; write it into the configuration",
        ),
        (
            orders.boost,
            {**BOOST, "until": "2026-12-01"},
            "--for and --until exclude each other; give one of them",
        ),
        (
            orders.boost,
            {**BOOST, "for": None, "until": "tomorrow"},
            "'tomorrow' is no time; write for example 2026-11-22 or 2026-11-22T08:00",
        ),
        (
            orders.boost,
            {**BOOST, "for": None, "until": "9999-12-31"},
            "'9999-12-31' is no time; write for example 2026-11-22 or 2026-11-22T08:00",
        ),
        (
            orders.boost,
            {**BOOST, "for": None, "until": "2026-11-01"},
            "2026-11-01 is past; give a time to come",
        ),
        (orders.boost, {**BOOST, "reason": " "}, "the reason is empty; say it in words, for the record"),
        (
            orders.boost,
            {**BOOST, "reason": "a\0b"},
            "the reason holds U+0000, which does not show; write it in one line of visible characters",
        ),
        (
            orders.request,
            {**BOOST, "on_behalf": "x" * 501},
            "the name has 501 characters; say it in 500 at most, and name the letter with the rest",
        ),
        (orders.request, {**BOOST, "for": None}, "a request is for a time; give --for, e.g. 4h"),
        (
            orders.exemption,
            {**BOOST, "policy": "standart"},
            "dinkes has no quota policy 'standart'; did you mean standard?",
        ),
        (orders.freeze, {"reason": "why", "by": "ani"}, "a freeze is of one agency or of all; give AGENCY, or --all"),
        (
            orders.freeze,
            {"agency": "dinkes", "all": True, "reason": "why", "by": "ani"},
            "a freeze is of one agency or of all; give AGENCY, or --all",
        ),
        (
            orders.degradation,
            {**DEGRADE, "name": "intt"},
            "there is no pool, uplink or backhaul 'intt'; did you mean inet?",
        ),
        (
            orders.degradation,
            {**DEGRADE, "name": "isp-a", "download": "1 Gbps"},
            "isp-a has 600 Mb/s download and 300 Mb/s upload; write what is left of that",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_wrongly_put_is_told_with_what_to_write(
    configuration: Configuration, draft: Drafted, args: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(OrderError) as refused:
        draft(configuration, args, START_NS)
    assert str(refused.value) == sentence


def test_without_pools_nobody_knows_what_is_too_much_and_nothing_can_be_degraded(tmp_path: Path) -> None:
    configuration = a_configuration(tmp_path)
    args = {**BOOST, "download": "100 Gbps"}
    boost = orders.boost(configuration, args, START_NS)
    assert boost.rates == Rates(100_000 * MBPS, 100 * MBPS)
    with pytest.raises(OrderError, match="'inet'; write one under pools in the configuration first"):
        orders.degradation(configuration, DEGRADE, START_NS)

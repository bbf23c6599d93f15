"""What the answers of every platform's command line are read as. The answers are written here, in the shapes the
vendors' documents show."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cli_collectors import PLATFORMS, shipped_collectors, shipped_templates

from netmon.routers.cli_profile import CliCollector, Parse, ReadingKind
from netmon.routers.cli_reading import (
    MOST_CHARACTERS,
    MOST_LINES,
    MOST_ROWS,
    Answer,
    CliReading,
    ConfigurationReading,
    OutputMismatchError,
    QueueReading,
    cli_document,
    json_rows,
    merged,
    read_output,
)
from netmon.routers.dialects import Way
from netmon.routers.session import Failure
from netmon.routers.views import Missing

QUEUE, POLICER = ReadingKind.QUEUE, ReadingKind.POLICER
IN, OUT = Way.INGRESS, Way.EGRESS
TEMPLATES = shipped_templates()

IOS_POLICY_MAPS = """\
 GigabitEthernet0/0/1

  Service-policy input: POLICE-IN (1032)

    Class-map: BULK (match-all) (1033/0)
      120 packets, 90,000 bytes
      5 minute offered rate 0000 bps, drop rate 0000 bps
      Match: ip dscp af11 (10)
      police:
          cir 2000000 bps, bc 62500 bytes
        conformed 100 packets, 75000 bytes; actions:
          transmit
        exceeded 20 packets, 15000 bytes; actions:
          drop
        conformed 0000 bps, exceeded 0000 bps

    Class-map: VOICE (match-any)
      9 packets, 900 bytes
      Match: ip dscp ef (46)
      police:
          cir 1000000 bps, bc 31250 bytes, pir 2000000 bps, be 31250 bytes
        conformed 5 packets, 500 bytes; actions:
          transmit
        exceeded 3 packets, 300 bytes; actions:
          set-prec-transmit 4
        violated 1 packets, 100 bytes; actions:
          drop

    Class-map: class-default (match-any)
      7 packets, 700 bytes
      Match: any
      police:
          8000 bps, 1500 limit, 1500 extended limit
        conformed 700 bytes; action: transmit
        exceeded 0 bytes; action: set-dscp-transmit 0

  Service-policy output: PARENT

    Class-map: class-default (match-any)
      1596 packets, 179136 bytes
      5 minute offered rate 0000 bps, drop rate 0000 bps
      Match: any
      Queueing
      queue limit 64 packets
      (queue depth/total drops/no-buffer drops) 0/11/0
      (pkts output/bytes output) 1585/177000
      shape (average) cir 20000000, bc 80000, be 80000
      target shape rate 20000000

      Service-policy : CHILD

        queue stats for all priority classes:
          Queueing
          queue limit 512 packets
          (queue depth/total drops/no-buffer drops) 0/0/0
          (pkts output/bytes output) 0/0

        Class-map: EF (match-any)
          0 packets, 0 bytes
          Match: dscp ef (46)
          Priority: 10% (2000 kbps), burst bytes 50000, b/w exceed drops: 0

        Class-map: AF (match-any)
          40 packets, 4000 bytes
          Queueing
          queue limit 64 packets
          (queue depth/total drops/no-buffer drops) 0/2/0
          (pkts queued/bytes queued) 38/3800
          bandwidth remaining 30%
Serial3/2: DLCI 100 -

  Service-policy output: FR

    Class-map: class-default (match-any)
      1 packets, 60 bytes
      Queueing
      (queue depth/total drops/no-buffer drops) 0/0/0
      (pkts output/bytes output) 1/60
      shape (average) cir 614400 bc 6144 be 6144
"""

XR_POLICY_MAPS = """\
Fri Nov 20 04:57:45.504 UTC

TenGigE0/0/0/0.1001 input: NM-PARENT

Class class-default
  Classification statistics          (packets/bytes)     (rate - kbps)
    Matched             :                  25/2500                 0
    Transmitted         :                  20/2000                 0
    Total Dropped       :                   5/500                  0
  Policing statistics                (packets/bytes)     (rate - kbps)
    Policed(conform)    :                  20/2000                 0
    Policed(exceed)     :                   5/500                  0
    Policed(violate)    :                   0/0                    0
    Policed and dropped :                   5/500

  Policy NM-CHILD Class GREEN
    Classification statistics          (packets/bytes)     (rate - kbps)
      Matched             :                   7/700                0
      Transmitted         : N/A
      Total Dropped       : N/A
HundredGigE0/0/0/21 output: NM-OUT

Class BULK
  Classification statistics          (packets/bytes)     (rate - kbps)
    Transmitted         :                  30/3000                 0
  Queueing statistics
    Queue ID                             : 122898
    High watermark                       : N/A
    Inst-queue-len  (packets)            : 0
    Taildropped(packets/bytes)           : 4/400
    Queue(conform)      :                  30/3000                 0
    RED random drops(packets/bytes)      : 0/0
Policy Bag Stats time: 1763614665504  [Local Time: 11/20/25 04:57:45.504]
"""

TC_CLASSES = """\
dev ag1
class htb 1:10 root leaf 10: prio 0 rate 8Mbit ceil 10Mbit burst 1600b cburst 1600b
 Sent 4000 bytes 4 pkt (dropped 1, overlimits 0 requeues 0)
 backlog 0b 0p requeues 0
 lended: 4 borrowed: 0 giants: 0
 tokens: 25000 ctokens: 20000

class htb 1:11 root prio 0 rate 999992bit ceil 999992bit burst 1600b cburst 1600b
 Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0)
dev up0
dev v1
class tbf 2:1 parent 2:

"""


def junos(value: object) -> Any:
    """An object as Junos writes it: every value a list of one object."""
    if isinstance(value, dict):
        return [{key: junos(inner) for key, inner in value.items()}]
    if isinstance(value, list):
        return [junos(inner)[0] for inner in value]
    return [value if isinstance(value, set) else {"data": value}]


JUNOS_QUEUES = json.dumps(
    {
        "interface-information": junos(
            {
                "physical-interface": [
                    {"name": "ge-0/0/9", "oper-status": "down"},
                    {
                        "name": "ge-0/0/0",
                        "description": "dinas",
                        "queue-counters": {
                            "queue": [
                                {
                                    "queue-number": "0",
                                    "forwarding-class-name": "best-effort",
                                    "queue-counters-trans-packets": "12",
                                    "queue-counters-trans-bytes": "1200",
                                    "queue-counters-total-drop-packets": "3",
                                    "queue-counters-total-drop-bytes": "300",
                                },
                                {
                                    "queue-number": "3",
                                    "forwarding-class-name": "network-control",
                                    "queue-counters-trans-packets": "1",
                                    "queue-counters-trans-bytes": "60",
                                },
                            ]
                        },
                    },
                ]
            }
        )
    },
    indent=4,
)
JUNOS_FIREWALL = json.dumps(
    {
        "firewall-information": junos(
            {
                "filter-information": [
                    {"filter-name": "__default_bpdu_filter__"},
                    {
                        "filter-name": "NM-X-ge-0/0/1.0-i",
                        "counter": {"counter-name": "c", "packet-count": "9", "byte-count": "900"},
                        "policer": {"policer-name": "NM-X-5M", "packet-count": "2", "byte-count": "200"},
                    },
                ]
            }
        )
    }
)
JUNOS_COMMITS = """\
{
    "commit-information" : [
    {
        "commit-history" : [
        {
            "sequence-number" : [ { "data" : "0" } ],
            "user" : [ { "data" : "netops" } ],
            "date-time" : [ { "data" : "2021-07-05 14:11:17 MSK", "attributes" : {"junos:seconds" : "1625483477"} } ]
        },
        {
            "sequence-number" : [ { "data" : "1" } ],
            "date-time" : [ { "data" : "2021-07-01 14:11:17 MSK", "attributes" : {"junos:seconds" : "1625137877"} } ]
        }
        ]
    }
    ]
}
{master}
"""

TC_QDISCS = json.dumps(
    [
        {
            "kind": "noqueue",
            "handle": "0:",
            "dev": "lo",
            "root": True,
            "options": {},
            "bytes": 0,
            "packets": 0,
            "drops": 0,
        },
        {
            "kind": "tbf",
            "handle": "2:",
            "dev": "v1",
            "root": True,
            "options": {"rate": 625000, "burst": 16383},
            "bytes": 500,
            "packets": 5,
            "drops": 2,
            "overlimits": 1,
        },
        {
            "kind": "htb",
            "handle": "1:",
            "dev": "ag1",
            "root": True,
            "options": {"r2q": 10, "default": "0x10"},
            "bytes": 4000,
            "packets": 4,
            "drops": 1,
        },
        {"kind": "ingress", "handle": "ffff:", "dev": "ag1", "options": {}, "bytes": 9, "packets": 1, "drops": 0},
    ]
)

TIMOS = """\
===============================================================================
System Information
===============================================================================
System Name            : r02
System Version         : B-13.0.R1

Last Boot Config Header: # TiMOS-B-13.0.R1
                         Copyright (c) 2000-2015
Last Saved Config      : cf3:\\config.cfg
Time Last Saved        : 2026/10/06 18:18:28
Changes Since Last Save: Yes
User Last Modified     : admin
Time Last Modified     : 2026/10/07 08:00:00
Max Cfg/BOF Backup Rev : 5
===============================================================================
"""


def read(platform: str, number: int, text: str, zone: ZoneInfo | None = None) -> CliReading:
    return read_output(shipped_collectors(platform)[number], text, TEMPLATES, zone)


def test_ios_shapers_and_policers_have_their_rates_counters_and_drops() -> None:
    reading = read("cisco-ios", 0, IOS_POLICY_MAPS)
    assert reading.missing == ()
    gig = "GigabitEthernet0/0/1"
    assert set(reading.queues) == {
        QueueReading(QUEUE, "PARENT class-default", gig, OUT, 20_000_000, 177_000, 1585, None, 11),
        QueueReading(QUEUE, "CHILD AF", gig, OUT, None, 3800, 38, None, 2),
        QueueReading(QUEUE, "FR class-default", "Serial3/2", OUT, 614_400, 60, 1, None, 0),
        QueueReading(POLICER, "POLICE-IN BULK", gig, IN, 2_000_000, 75_000, 100, 15_000, 20),
        QueueReading(POLICER, "POLICE-IN VOICE", gig, IN, 1_000_000, 800, 8, 100, 1),
        QueueReading(POLICER, "POLICE-IN class-default", gig, IN, 8000, 700, None, None, None),
    }


def test_the_queue_of_all_priority_classes_is_not_taken_for_its_parents() -> None:
    (parent,) = [q for q in read("cisco-ios", 0, IOS_POLICY_MAPS).queues if q.name == "PARENT class-default"]
    assert (parent.octets, parent.dropped_packets) == (177_000, 11)


def test_xr_classes_have_their_counters_and_no_rates() -> None:
    reading = read("cisco-ios-xr", 0, XR_POLICY_MAPS)
    assert reading.missing == ()
    assert reading.queues == (
        QueueReading(QUEUE, "NM-OUT BULK", "HundredGigE0/0/0/21", OUT, None, 3000, 30, 400, 4),
        QueueReading(POLICER, "NM-PARENT class-default", "TenGigE0/0/0/0.1001", IN, None, 2000, 20, 500, 5),
    )


def test_junos_queues_and_policers_are_read_from_its_json() -> None:
    reading = read("junos", 0, JUNOS_QUEUES)
    assert reading == CliReading(
        (
            QueueReading(QUEUE, "0 best-effort", "ge-0/0/0", OUT, None, 1200, 12, 300, 3),
            QueueReading(QUEUE, "3 network-control", "ge-0/0/0", OUT, None, 60, 1, None, None),
        )
    )
    reading = read("junos", 1, JUNOS_FIREWALL)
    assert reading == CliReading(
        (QueueReading(POLICER, "NM-X-ge-0/0/1.0-i NM-X-5M", None, None, None, None, None, 200, 2),)
    )


def test_tc_classes_and_qdiscs_are_queues_of_their_device() -> None:
    assert read("linux", 1, TC_CLASSES) == CliReading(
        (
            QueueReading(QUEUE, "htb 1:10", "ag1", OUT, 10_000_000, 4000, 4, None, 1),
            QueueReading(QUEUE, "htb 1:11", "ag1", OUT, 999_992, 0, 0, None, 0),
        )
    )
    assert read("linux", 0, TC_QDISCS) == CliReading(
        (
            QueueReading(QUEUE, "tbf 2:", "v1", OUT, 5_000_000, 500, 5, None, 2),
            QueueReading(QUEUE, "htb 1:", "ag1", OUT, None, 4000, 4, None, 1),
        )
    )


def test_routeros_queues_are_two_ways_and_disabled_ones_are_left_out() -> None:
    text = "\n".join(
        (
            *("queue=NM-1 a=b", "target=ether2", "disabled=false", "max-limit=4000000/20M"),
            *("bytes=100/2000", "packets=1/2", "dropped=0/7"),
            *("queue=office", "target=10.0.0.0/24", "disabled=true", "max-limit=0/0"),
            *("bytes=0/0", "packets=0/0", "dropped=0/0"),
        )
    )
    assert read("routeros", 0, text) == CliReading(
        (
            QueueReading(QUEUE, "NM-1 a=b", "ether2", IN, 4_000_000, 100, 1, None, 0),
            QueueReading(QUEUE, "NM-1 a=b", "ether2", OUT, 20_000_000, 2000, 2, None, 7),
        )
    )
    text = "tree=domestic\nparent=global\ndisabled=false\nmax-limit=0\nbytes=10\npackets=1\ndropped=0"
    assert read("routeros", 1, text) == CliReading(
        (QueueReading(QUEUE, "domestic", "global", None, None, 10, 1, None, 0),)
    )
    assert read("routeros", 0, "") == CliReading()


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("platform", "answers", "expected"),
    [
        (
            "cisco-ios",
            {
                1: "! Last configuration change at 09:41:22 UTC Mon Sep 7 2026 by netadmin\n"
                "! NVRAM config last updated at 09:40:00 UTC Mon Sep 7 2026 by netadmin\n"
            },
            (at(2026, 9, 7, 9, 41, 22), at(2026, 9, 7, 9, 40), True),
        ),
        (
            "cisco-ios",
            {
                1: "! No configuration change since last restart\n"
                "! NVRAM config last updated at 08:03:09 WIB Fri May 8 2026\n"
            },
            (None, at(2026, 5, 8, 1, 3, 9), False),
        ),
        (
            "cisco-ios-xr",
            {
                1: "Thu Dec 10 07:07:13.419 UTC\n"
                "SNo. Label/ID              User      Line                Client      Time Stamp\n"
                "~~~~ ~~~~~~~~              ~~~~      ~~~~                ~~~~~~      ~~~~~~~~~~\n"
                "1    1000000022            noc       vty0:node0_RSP0_CPU CLI         Wed Dec  9 17:38:25 2026\n"
            },
            (at(2026, 12, 9, 17, 38, 25), at(2026, 12, 9, 17, 38, 25), False),
        ),
        (
            "cisco-nx-os",
            {
                0: "!Running configuration last done at: Fri Nov 13 13:54:06 2026",
                1: "!Startup config saved at: Fri Nov 13 14:00:00 2026",
            },
            (at(2026, 11, 13, 6, 54, 6), at(2026, 11, 13, 7, 0), False),
        ),
        ("junos", {2: JUNOS_COMMITS}, (at(2021, 7, 5, 11, 11, 17), at(2021, 7, 5, 11, 11, 17), False)),
        (
            "huawei-vrp",
            {
                0: "!Last configuration was updated at 2026-04-24 10:09:43+09:00 by SYSTEM automatically\n"
                "!Last configuration was saved at 2026-04-24 10:09:37+09:00\n",
                2: "Saved configuration manually:\n15:49:07 DefaultZoneName 2015/06/08\nTime Zone: UTC+00:00\n",
            },
            (at(2026, 4, 24, 1, 9, 43), at(2026, 4, 24, 1, 9, 37), True),
        ),
        (
            "huawei-vrp",
            {
                1: "The time when system configuration has been changed lastly is:May 06 2026 10:28:39\n",
                2: "Saved configuration automatically:\n15:49:07 DefaultZoneName 2026/06/08\nTime Zone: UTC+08:00\n",
            },
            (at(2026, 5, 6, 3, 28, 39), at(2026, 6, 8, 7, 49, 7), False),
        ),
        (
            "vyos",
            {
                2: "0   2026-03-30 08:53:03 by vyos via cli\n    configured by hand\n"
                "1   2026-03-29 08:52:20 by root via boot-config-loader\n"
            },
            (at(2026, 3, 30, 1, 53, 3), None, None),
        ),
        ("nokia-timos", {0: TIMOS}, (at(2026, 10, 7, 1, 0), at(2026, 10, 6, 11, 18, 28), True)),
    ],
)
def test_every_platform_tells_how_old_its_configuration_is(
    platform: str, answers: dict[int, str], expected: tuple[datetime | None, datetime | None, bool | None]
) -> None:
    jakarta = ZoneInfo("Asia/Jakarta")
    reading = merged(read(platform, number, text, jakarta) for number, text in answers.items())
    assert reading.configuration == ConfigurationReading(*expected)


def test_a_time_in_an_untold_zone_is_missing_and_never_guessed() -> None:
    reading = read("cisco-nx-os", 0, "!Running configuration last done at: Fri Nov 13 13:54:06 2026")
    assert reading.configuration == ConfigurationReading(None, None, None)
    assert [str(one) for one in reading.missing] == [
        (
            f"{shipped_collectors('cisco-nx-os')[0].command}: configuration last_changed: the time names no zone;"
            " say which zone the router's clock shows"
        )
    ]


@pytest.mark.parametrize(
    ("platform", "number", "text", "said"),
    [
        ("cisco-ios", 0, "    ^\n% Invalid input detected at '^' marker.", "not supported by this release"),
        ("cisco-ios", 1, "% Authorization failed.", "not permitted: '% Authorization failed.'"),
        ("junos", 0, "\nsyntax error, expecting <command>.", "not supported by this release"),
        ("routeros", 0, "bad command name queue (line 1 column 2)", "not supported by this release"),
        ("routeros", 0, "not enough permissions (9)", "not permitted"),
        ("huawei-vrp", 1, "Error: Unrecognized command found at '^' position.", "not supported"),
        ("huawei-vrp", 1, "Error: You do not have permission to run the command.", "not permitted"),
        ("linux", 0, "sh: 1: tc: not found", "not supported"),
        ("cisco-ios", 0, "Router uptime is 5 weeks\n", "does not know the line 'Router uptime is 5 weeks'"),
        ("cisco-ios", 0, IOS_POLICY_MAPS + "\nsurprise: yes\n", "does not know the line 'surprise: yes'"),
        ("linux", 1, "dev ag1\nclass htb broken\n", "does not know the line 'class htb broken'"),
        ("linux", 0, 'Object "qdisc" is unknown', "no JSON, but"),
        ("junos", 0, '{"multi-routing-engine-results": [1]}', "holds no interface-information"),
        ("junos", 0, "[" * 100_000, "no JSON, but"),
        ("cisco-ios", 0, "x" * (MOST_CHARACTERS + 1), "an answer of over 1000000 characters"),
        ("cisco-ios", 0, "\n" * (MOST_LINES + 1) + "x", "an answer of over 20000 lines"),
    ],
)
def test_an_answer_that_does_not_fit_is_missing_with_its_first_strange_line(
    platform: str, number: int, text: str, said: str
) -> None:
    reading = read(platform, number, text)
    assert (reading.queues, reading.configuration) == ((), None)
    (missing,) = reading.missing
    assert missing.what == shipped_collectors(platform)[number].command
    assert said in missing.why
    assert len(missing.why) < 300


def test_a_configuration_that_nobody_tells_is_missing_by_name() -> None:
    reading = read("cisco-ios", 1, "")
    assert {one.what for one in reading.missing} == {shipped_collectors("cisco-ios")[1].command}
    assert [one.why for one in reading.missing] == [
        "configuration last_changed: the answer does not tell it",
        "configuration last_saved: the answer does not tell it",
    ]


def test_facts_that_cannot_be_read_are_told_once_and_counted() -> None:
    rows = [{"handle": "1:", "kind": "htb", "bytes": "many", "packets": 2}] * 3 + [{"kind": "htb", "bytes": 1}]
    collector = CliCollector.model_validate(
        {
            "command": "tc -s -j qdisc show",
            "parse": {"json": "."},
            "readings": [
                {
                    "kind": "queue",
                    "facts": {
                        "name": {"field": "handle", "decoder": "text"},
                        "octets": {"field": "bytes", "decoder": "integer"},
                        "packets": {"field": "packets", "decoder": "integer"},
                    },
                }
            ],
        }
    )
    reading = read_output(collector, json.dumps(rows), TEMPLATES)
    assert [(queue.name, queue.octets, queue.packets) for queue in reading.queues] == [("1:", None, 2)] * 3
    assert [str(one) for one in reading.missing] == [
        "tc -s -j qdisc show: queue octets: 'many' is not a whole number (and 2 more)",
        "tc -s -j qdisc show: queue name: a row without a name was left out",
    ]
    many = read_output(collector, json.dumps([{"handle": "1:"}] * (MOST_ROWS + 5)), TEMPLATES)
    assert len(many.queues) == MOST_ROWS
    assert "only the first 5000 rows" in many.missing[0].why


def test_of_two_commands_that_tell_the_same_the_first_holds() -> None:
    first = CliReading(configuration=ConfigurationReading(at(2026, 1, 1), None, None))
    second = CliReading(configuration=ConfigurationReading(at(2025, 1, 1), at(2025, 6, 1), None))
    assert merged([first, CliReading(), second]).configuration == ConfigurationReading(
        at(2026, 1, 1), at(2025, 6, 1), True
    )
    told = CliReading(configuration=ConfigurationReading(at(2026, 1, 1), at(2025, 6, 1), False))
    assert merged([told]).configuration == told.configuration, "the router's own word counts more than its times"


def test_a_reading_is_a_document_in_which_absent_is_null() -> None:
    queue = QueueReading(POLICER, "P c", "ge1", IN, 5_000_000, 10, None, None, 0)
    told = ConfigurationReading(at(2026, 9, 7, 9, 41, 22), None, None)
    reading = merged([CliReading((queue,), told), read("cisco-ios", 0, "% Invalid input")])
    assert json.loads(json.dumps(cli_document(reading))) == {
        "queues": [
            {
                "kind": "policer",
                "name": "P c",
                "target": "ge1",
                "direction": "ingress",
                "limit_bps": 5_000_000,
                "octets": 10,
                "packets": None,
                "dropped_octets": None,
                "dropped_packets": 0,
            }
        ],
        "configuration": {"last_changed": "2026-09-07T09:41:22+00:00", "last_saved": None, "unsaved": None},
        "missing": [
            {
                "what": "show policy-map interface",
                "why": "not supported by this release, or not permitted: '% Invalid input'",
            }
        ],
        "failure": None,
    }
    lost = CliReading(failure=Failure.SESSION_LOST)
    assert cli_document(lost) == {"queues": [], "configuration": None, "missing": [], "failure": "session_lost"}


@pytest.mark.parametrize(
    ("reading", "has_failed"),
    [
        (CliReading(answers=(Answer("a", 0),)), False),
        (CliReading(answers=(Answer("a", 1), Answer("b", 0)), missing=(Missing("b", "?"), Missing("c", "?"))), False),
        (CliReading(answers=(Answer("a", 1),), missing=(Missing("a", "?"),)), False),
        (CliReading(answers=(Answer("a", 0),), missing=(Missing("a", "?"), Missing("b", "refused"))), True),
        (CliReading(missing=(Missing("a", "refused"),)), True),
        (CliReading(answers=(Answer("a", 1),), failure=Failure.SESSION_LOST), True),
    ],
)
def test_a_reading_failed_where_the_session_did_or_every_command(reading: CliReading, has_failed: bool) -> None:
    assert reading.has_failed is has_failed


def test_a_reading_counts_its_queues_and_the_facts_about_the_configuration() -> None:
    assert read("cisco-ios", 0, IOS_POLICY_MAPS).count == 6
    assert CliReading(configuration=ConfigurationReading(at(2026, 9, 7), None, False)).count == 2


def test_rows_of_json_inherit_from_what_holds_them() -> None:
    text = json.dumps({"a": [{"name": "x", "o": {"p": True}, "b": [{"q": 1}, {"q": 2, "name": "y"}]}], "c": None})
    assert json_rows("a.b", text) == [
        {"c": "", "name": "x", "o.p": "true", "q": "1"},
        {"c": "", "name": "y", "o.p": "true", "q": "2"},
    ]
    assert json_rows("a", "  ") == []
    assert json_rows("a", "[]") == []
    assert json_rows(".", "null") == []
    with pytest.raises(OutputMismatchError, match="holds no d"):
        json_rows("d.e", text)


def collectors() -> list[CliCollector]:
    return [collector for platform in PLATFORMS for collector in shipped_collectors(platform)]


ANSWERS = (IOS_POLICY_MAPS, XR_POLICY_MAPS, TC_CLASSES, TC_QDISCS, JUNOS_QUEUES, JUNOS_COMMITS, TIMOS)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_answer_whatever_makes_the_reader_raise(data: st.DataObject) -> None:
    collector = data.draw(st.sampled_from(collectors()))
    source = data.draw(st.sampled_from(ANSWERS))
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(source)), st.integers(0, len(source)))))
    text = data.draw(
        st.one_of(
            st.text(max_size=400),
            st.just(source[:start] + source[end:]),
            st.text(max_size=5).map(lambda noise: source[:start] + noise + source[start:]),
        )
    )
    reading = read_output(collector, text, TEMPLATES, ZoneInfo("Asia/Jayapura"))
    assert isinstance(reading, CliReading)
    assert all(len(one.why) < 500 for one in reading.missing)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "data", "attributes"]), inner)
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from([".", "a", "a.b", "a.a.b"]))
@settings(max_examples=150, deadline=None)
def test_no_json_whatever_makes_the_reader_raise(document: object, path: str) -> None:
    try:
        rows = json_rows(path, json.dumps(document))
    except OutputMismatchError:
        return
    assert all(isinstance(value, str) for row in rows for value in row.values())


def test_ntc_templates_are_used_where_a_profile_names_their_platform() -> None:
    text = (
        "SNo. Label/ID              User      Line                Client      Time Stamp\n"
        "1    1000000022            noc       vty0:node0_RSP0_CPU CLI         Wed Dec  9 17:38:25 2026\n"
    )
    rows = TEMPLATES.rows(Parse(ntc="cisco_xr"), "show configuration commit list", text)
    assert [row["date_time"] for row in rows] == ["Wed Dec  9 17:38:25 2026"]

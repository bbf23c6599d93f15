"""Laws of every reader: half an answer, or one that the router's log speaks into, is never read as another limit.

Whether an answer is whole the session tells (tests/routers/test_ssh.py, test_ssh_console.py); these hold should it
be wrong. Samples are composed in the form that the vendors document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.dialects import Names, Way
from netmon.routers.readback_simple_queue import SimpleQueueReadback
from netmon.routers.readback_vrp import Vrp5Readback, Vrp8Readback, name_of
from netmon.routers.readback_vyos import EdgeosReadback, VyosReadback
from netmon.routers.readbacks import Limit, Readback, readable
from netmon.routers.session import AnswerUnreadableError

NAMES = Names.of("dinkes-main")
IN, OUT = name_of(NAMES, Way.INGRESS), name_of(NAMES, Way.EGRESS)


@dataclass(frozen=True)
class Sample:
    """What a router with 8 Mbit/s out of the port prints for `read`, and where its other limits are."""

    reader: Readback
    interface: str
    answers: tuple[str, ...]
    logs: tuple[str, ...]
    """How its log may begin a line."""
    from_line: int = 0
    """Before this line of the first answer nothing tells that there is a limit."""


def vrp_port(interface: str) -> str:
    return (
        f"#\ninterface {interface}\n description to dinkes\n undo portswitch\n ip address 10.1.0.1 255.255.255.0\n"
        f" traffic-policy {OUT} outbound\n trust dscp\n#\nreturn\n"
    )


def vrp_policy(layout: str) -> str:
    rate, peak = "CIR 8000 (Kbps)", "PIR 8000 (Kbps)"
    layouts = {
        "AR": f"        {rate}, {peak}, CBS 1504000 (byte), PBS 2504000 (byte)\n        Color Mode: color Blind\n"
        "        Conform Action: pass\n        Yellow  Action: pass\n        Exceed  Action: discard\n",
        "S": f"        {rate}, CBS 1000000 (Byte)\n        {peak}, PBS 1000000 (Byte)\n        Green Action   : pass\n"
        "        Yellow Action  : pass\n        Red Action     : discard\n",
        "NE": f"          {rate}, PIR 0 (Kbps), CBS 1496000 (byte), PBS 0 (byte), ADJUST 0\n"
        "            Conform Action: pass  Yellow Action: pass  Exceed Action: discard  Color-aware: no\n",
    }
    return (
        f"  User Defined Traffic Policy Information:\n  Policy: {OUT}\n   Classifier: {OUT}\n    Operator: OR\n"
        f"     Behavior: {OUT}\n      Committed Access Rate:\n{layouts[layout]}"
        "   Classifier: default-class Precedence: 65535\n     Behavior: be\n      -none-\n"
    )


CLASSIFIER = (
    "  User Defined Classifier Information:\n"
    f"   Classifier: {OUT}\n    Operator: OR\n    Rule(s) :\n     if-match any\n"
)
NOTHING = ("Error: The classifier does not exist.\n", "Error: The policy does not exist.\n")
VRP_LOGS = (
    "Nov 22 2026 10:00:00+07:00 R1 %%01IFNET/4/IF_STATE(l)[0]:",
    "#Nov 22 2026 10:00:00 R1 IFNET/1/LINKDOWN:OID ",
)
VYOS = (
    f"set qos interface eth1 egress '{NAMES.object}-OUT'\n"
    f"set qos policy shaper {NAMES.object}-OUT bandwidth '8000kbit'\n"
    f"set qos policy shaper {NAMES.object}-OUT default bandwidth '100%'\n"
    f"set qos policy shaper {NAMES.object}-OUT default burst '20000'\n"
    f"set qos policy shaper {NAMES.object}-OUT default ceiling '100%'\n"
)
EDGEOS = VYOS.replace("qos interface eth1 egress", "interfaces ethernet eth1 traffic-policy out").replace(
    "qos policy", "traffic-policy"
)
VYOS_LOGS = ("Broadcast message from root@r1 (Sun Nov 22 10:00): ", "Message from syslogd@r1 at Nov 22 10:00:00 ...")
ROUTEROS_LOGS = (
    "23:17:46 echo: system,error,critical ",
    "nov/22/2026 23:17:46 system,error,critical ",
    "(3 messages) ",
)

SAMPLES = {
    "routeros": Sample(
        SimpleQueueReadback(),
        "ether2",
        ("target=ether2\nmax-limit=0/8000000\ndisabled=false\ncomment=netmon\n",),
        ROUTEROS_LOGS,
    ),
    **{
        f"{platform} {layout}": Sample(
            reader, port, (vrp_port(port), *NOTHING, CLASSIFIER, vrp_policy(layout)), VRP_LOGS
        )
        for platform, reader, port, layout in (
            ("vrp5", Vrp5Readback(), "GigabitEthernet0/0/2", "AR"),
            ("vrp5", Vrp5Readback(), "GigabitEthernet0/0/2", "S"),
            ("vrp8", Vrp8Readback(), "GigabitEthernet0/1/2", "NE"),
        )
    },
    "vyos": Sample(VyosReadback(), "eth1", (VYOS,), VYOS_LOGS, 1),
    "edgeos": Sample(EdgeosReadback(), "eth1", (EDGEOS.replace("'", ""),), VYOS_LOGS, 1),
}


def read(sample: Sample, answers: tuple[str, ...]) -> Limit | None:
    """What leaves the port; None: it says that it cannot tell."""
    try:
        with readable("the platform"):
            return sample.reader.state(answers, (), NAMES, sample.interface).egress
    except AnswerUnreadableError:
        return None


def altered(sample: Sample, number: int, alter: Callable[[list[str]], list[str]]) -> tuple[str, ...]:
    lines = sample.answers[number].splitlines(keepends=True)
    return (*sample.answers[:number], "".join(alter(lines)), *sample.answers[number + 1 :])


@pytest.mark.parametrize("name", SAMPLES)
def test_the_whole_answer_is_read(name: str) -> None:
    assert read(SAMPLES[name], SAMPLES[name].answers) == Limit(8_000_000, ours=True, foreign=None)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_answer_cut_off_at_any_line_is_the_limit_or_unreadable(name: str) -> None:
    sample = SAMPLES[name]
    for number, text in enumerate(sample.answers):
        # Where nothing is printed of what is not there, no line at all is the answer for that.
        least = max(1, sample.from_line) if len(sample.answers) == 1 else 0
        for kept in range(least, text.count("\n")):
            found = read(sample, altered(sample, number, lambda lines, kept=kept: lines[:kept]))  # type: ignore[misc]
            assert found is None or found.bps == 8_000_000, (number, kept, found)


@pytest.mark.parametrize("name", SAMPLES)
@given(st.data())
def test_a_message_of_the_log_in_between_alters_nothing_or_is_told(name: str, data: st.DataObject) -> None:
    sample = SAMPLES[name]
    number = data.draw(st.integers(0, len(sample.answers) - 1))
    log = data.draw(st.sampled_from(sample.logs)) + data.draw(
        st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=60)
    )
    at = data.draw(st.integers(0, sample.answers[number].count("\n")))
    found = read(sample, altered(sample, number, lambda lines: [*lines[:at], f"{log}\n", *lines[at:]]))
    assert found is None or found.bps == 8_000_000, (number, at, found)

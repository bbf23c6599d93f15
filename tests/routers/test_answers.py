"""The end of an answer: told by two prompts, however what comes is divided and whatever stands in between."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.answers import Answer, is_pager, is_syslog, painted

PROMPT = re.compile(r"[A-Za-z0-9][\w.()/:@+-]*[>#] ?\Z")
SYSLOG = (
    "*Mar  1 00:03:24.123: %SYS-5-CONFIG_I: Configured from console by netmon on vty0 (192.0.2.9)",
    "000123: *Nov 22 10:00:00.001 UTC: %LINEPROTO-5-UPDOWN: Line protocol on Interface Gi0/1, changed state to up",
    "%SYS-5-CONFIG_I: Configured from console by console",
    "RP/0/RSP0/CPU0:Nov 22 10:00:00.123 UTC: config[65743]: %MGBL-CONFIG-6-DB_COMMIT : Configuration committed",
    "Nov 22 2026 10:00:00+07:00 R1 %%01SHELL/5/CMDRECORD(l)[3]:Recorded command information.",
    "#Nov 22 2026 10:00:00+07:00 R1 IFNET/1/LINKDOWN:OID 1.3.6.1.6.3.1.1.5.3 The interface turned into DOWN state.",
    "1d02h: %LINK-3-UPDOWN: Interface FastEthernet0/1, changed state to down",
    "*Nov 22 2026 10:00:00.123 GMT+7: %SYS-5-CONFIG_I: Configured from console by budi on vty0 (192.0.2.9)",
    "2026-11-22T10:00:00.123+07:00: %SYS-5-CONFIG_I: Configured from console by budi on vty0 (192.0.2.9)",
    "Rollback Confirmed Change: Rollback will begin in one minute.",
    "R1(config)#Rollback Confirmed Change: Rollback will begin in one minute.",
    'Enter "configure confirm" if you wish to keep what you\'ve configured',
    "Load for five secs: 3%/0%; one minute: 2%; five minutes: 2%",
    "Time source is NTP, 10:00:00.123 WIB Sun Nov 22 2026",
    "Sun Nov 22 10:00:00.123 UTC",
)
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f\x85#>"), max_size=30)
LINES = st.lists(WORDS | st.sampled_from(["R1# is no prompt", "description R1#", "x R1>"]), max_size=8)


def answered(command: str, *received: str) -> Answer:
    answer = Answer(PROMPT, command)
    for some in received:
        answer.feed(some)
    return answer


@st.composite
def divided(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(st.data(), LINES, st.sampled_from(["", *SYSLOG]))
def test_an_answer_is_its_own_lines_and_ends_with_the_second_prompt_not_before(
    data: st.DataObject, lines: list[str], logged: str
) -> None:
    said = "".join(f"{line}\r\n" for line in lines)
    noise = f"\r\n{logged}\r\n" if logged else "\r\n"
    whole = f"show x\r\n{said}R1#{noise}R1#"
    answer = Answer(PROMPT, "show x")
    fed = 0
    for some in data.draw(divided(whole)):
        answer.feed(some)
        fed += len(some)
        assert answer.is_over is (fed == len(whole))
    assert answer.body.split() == " ".join(lines).split()


@given(st.data(), LINES)
def test_what_a_name_in_the_answer_looks_like_never_ends_it(data: st.DataObject, lines: list[str]) -> None:
    said = "".join(f"{line}\r\n" for line in (*lines, "description R1#", " R1#x", "name R1#"))
    answer = Answer(PROMPT, "show x")
    for some in data.draw(divided(f"show x\r\n{said}")):
        answer.feed(some)
        assert not answer.is_over


def test_what_came_before_the_echo_ends_nothing() -> None:
    answer = answered("show x", "\r\nR1#\r\nR1#\r\nR1#")
    assert not answer.is_over
    answer.feed("show x\r\nnew\r\nR1#\r\nR1#")
    assert (answer.is_over, answer.body) == (True, "new")


@pytest.mark.parametrize("line", SYSLOG)
def test_messages_of_the_log_answer_nothing_wherever_they_stand(line: str) -> None:
    assert is_syslog(line)
    for received in (
        f"show x\r\n{line}\r\none\r\n{line}\r\ntwo\r\nR1#\r\nR1#",
        f"show x\r\none\r\ntwo\r\nR1#\r\n{line}\r\nR1#",
        f"show x\r\none\r\ntwo\r\nR1#\r\nR1#\r\n{line}\r\n",
        f"{line}\r\nshow x\r\none\r\ntwo\r\n{line}\r\nR1#\r\n\r\nR1#",
    ):
        answer = answered("show x", received)
        assert (answer.is_over, answer.body) == (True, "one\ntwo")


@pytest.mark.parametrize(
    "line",
    [
        "% Invalid input detected at '^' marker.",
        "%Error opening nvram:/startup-config (No space left on device)",
        " description %SYS-5-CONFIG_I: as it were",
        "Error: the configuration is locked",
        "Nov 22 10:00:00 is a date",
        " description Sun Nov 22 10:00:00.123 UTC",
        "10:00:00.123 UTC Sun Nov 22 2026",
        "Rollback Confirmed Change: Backing up current running config to flash:archive-1",
    ],
)
def test_what_is_no_message_of_the_log_stays(line: str) -> None:
    assert not is_syslog(line)


def test_prompts_with_lines_above_them_are_told() -> None:
    answer = answered("set x", "set x\r\n\r\n[edit]\r\nn@r1# \r\n\r\n[edit]\r\nn@r1# ")
    assert (answer.is_over, answer.body) == (True, "")
    above = "# commit confirmed will be rolled back in 5 minutes\r\n[edit]\r\n"
    answer = answered("commit", f"commit\r\ncommit complete\r\n\r\n{above}n@r1# \r\n\r\n{above}n@r1# ")
    assert (answer.is_over, answer.body) == (True, "commit complete")
    answer = answered("show", "show\r\none\r\n\r\n{master:0}\r\nn@r1> \r\n\r\n{master:0}\r\nn@r1> ")
    assert (answer.is_over, answer.body) == (True, "one")


@pytest.mark.parametrize(
    "above",
    [
        "{master:0}[edit]",
        "{primary:node0}[edit interfaces ge-0/0/1 unit 0]",
        "# commit confirmed will be rolled back in 1 minute\r\n{master:0}[edit]",
        "{backup}",
        "{linecard:2}",
    ],
)
def test_what_a_chassis_of_several_prints_above_its_prompt_is_no_answer(above: str) -> None:
    prompt = f"\r\n\r\n{above}\r\nn@r1# "
    answer = answered("set x", f"set x{prompt}{prompt}")
    assert (answer.is_over, answer.body.strip()) == (True, "")
    answer = answered("set x", f"set x\r\nerror: no{prompt}{prompt}")
    assert (answer.is_over, answer.body.strip()) == (True, "error: no")


def test_two_prompts_that_differ_are_not_the_end() -> None:
    assert not answered("end", "end\r\nR1(config)#\r\nR1#").is_over


def test_a_console_that_echoes_on_arrival_is_told_by_silence() -> None:
    answer = answered("show x", "show x\r\n\r\none\r\nR1#R1#")
    assert (answer.is_over, answer.has_prompt) == (False, True)
    assert (answer.settle(), answer.body.strip()) == (True, "one")
    assert not answered("show x", "show x\r\none\r\ntwo two").settle()


@pytest.mark.parametrize(
    "echo",
    [
        "show x | include NM-0A1B2C3D-DINKES-DOWN",
        "show x | include NM-0A1B2\r\nC3D-DINKES-DOWN",
        "show x | include NM-0A1B2 \rC3D-DINKES-DOWN",
        "R1#show x | include NM-0A1B2C3D-DINKES-DOWN",
        "show x | include NM-0A1B2C\b\b\b\b\b\b\b\b\b$2C3D-DINKES-DOWN",
        "\x1b[1mshow x | inc\x1b[0mlude NM-0A1B2C3D-DINKES-DOWN\x1b[K",
    ],
)
def test_a_long_command_is_known_by_its_echo_however_it_is_painted(echo: str) -> None:
    answer = answered("show x | include NM-0A1B2C3D-DINKES-DOWN", f"{echo}\r\none\r\nR1#\r\nR1#")
    assert (answer.is_over, answer.body) == (True, "one")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain \u00e9\r", "plain \u00e9"),
        ("abc\b\bX", "aXc"),
        ("--More--\b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\bnext", "next    "),
        ("  ---- More ----\x1b[16D                \x1b[16Dnext", "next            "),
        ("---(more)---\r            \rnext", "next        "),
        ("\x1b[1;32mgreen\x1b[0m\x1b[K", "green"),
        ("\x1b]0;title\x07R1#", "R1#"),
        ("keep\x1b[2Kgone", "    gone"),
        ("a\x1b[3Cb", "a   b"),
        ("bell\a and nul\0", "bell and nul"),
    ],
)
def test_a_line_is_read_as_a_screen_shows_it(line: str, shown: str) -> None:
    assert painted(line) == shown


@given(st.text(st.sampled_from("ab\b\r\x1b[KDC12m]\x07#"), max_size=60))
def test_painting_never_fails_and_leaves_nothing_to_paint(line: str) -> None:
    once = painted(line)
    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f]", once)
    assert len(once) <= 5_000


@pytest.mark.parametrize("line", ["--More--", " --More-- ", "---- More ----", "---(more)---", "---(more 45%)---"])
def test_pagers_are_known(line: str) -> None:
    assert is_pager(line)


@pytest.mark.parametrize("line", ["", "more", "R1#", "name --More--", "----------"])
def test_other_lines_are_no_pagers(line: str) -> None:
    assert not is_pager(line)

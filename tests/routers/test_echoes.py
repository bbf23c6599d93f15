"""Where the echo of what was typed ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.echoes import after_completion, after_echo
from netmon.routers.readback_simple_queue import pairs

COMPLETION = '; :put ("__rc7=" . 0)'
READ = ':foreach i in=[/queue simple find where name="NM-1"] do={:put ("target=" . $t); :put ("max-limit=" . $m)}'
ANSWER = "target=ether2\nmax-limit=4000000/8000000\n"


def wrapped(line: str, at: int, mark: str = "") -> str:
    """The line as a console of so many columns echoes it; `mark` begins every further row."""
    rows, rest = [line[:at]], line[at:]
    while rest:
        rows.append(mark + rest[: at - len(mark)])
        rest = rest[at - len(mark) :]
    return "\r\n".join(rows)


@pytest.mark.parametrize("mark", ["", "{[... ", '{[("... '])
@given(at=st.integers(20, 200), times=st.integers(1, 3))
def test_however_an_echo_is_wrapped_and_repainted_nothing_of_it_is_read(mark: str, at: int, times: int) -> None:
    echo = wrapped(f"[admin@R1] > {READ}{COMPLETION}", at, mark)
    shown = "\r\n".join([echo] * times)
    body = after_completion(f"{shown}\r\n{ANSWER}", COMPLETION)
    assert dict(pairs(body)) == {"target": "ether2", "max-limit": "4000000/8000000"}


def test_a_console_that_opens_brackets_without_end_is_read_at_once() -> None:
    answer = ";" + "{... " * 20_000 + "x"
    assert after_completion(answer, COMPLETION) == answer


def test_without_cutting_a_wrapped_echo_would_be_read_as_an_answer() -> None:
    assert "max-limit" in dict(pairs(f"[admin@R1] > ...\n{READ[READ.index('max-limit') :]}"))


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("", ""),
        (ANSWER, ANSWER),
        ("failure: already have such name\n", "failure: already have such name\n"),
        ('queue=x"; :put ("__rc6=" . 0)\n', 'queue=x"; :put ("__rc6=" . 0)\n'),
    ],
)
def test_an_answer_without_an_echo_of_its_own_number_is_left_alone(answer: str, left: str) -> None:
    assert after_completion(answer, COMPLETION) == left


@pytest.mark.parametrize(
    ("received", "rest"),
    [
        ("R1#show queues\r\none\r\nR1#", "\none\r\nR1#"),
        ("R1#show que\r\nues\r\none\r\n", "\none\r\n"),
        ("banner\nR1#show qu", None),
        ("", None),
    ],
)
def test_an_answer_begins_behind_the_line_that_ends_the_echo(received: str, rest: str | None) -> None:
    assert after_echo(received, "show queues") == rest

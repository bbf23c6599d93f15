"""What is set aside, as the words in the chain tell it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.core.adoption import Aside, Shaper, Stage, Word, any_in_doubt, standing

TBF = Shaper("qdisc", "qdisc tbf 1:", "egress", "qdisc tbf 1: root rate 3Mbit burst 16000b lat 50ms")
A1 = Word("a1", "dinkes-fo", "palu", "ether1", 1, "sari", "ours now", Stage.BEGUN, (TBF,))
A2, R1 = replace(A1, id="a2", at_ns=3), replace(A1, id="r1", at_ns=5)
ADOPT, RESTORE = True, False


def ended(word: Word, stage: Stage) -> Word:
    return replace(word, stage=stage)


DONE = ended(A1, Stage.DONE)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([(ADOPT, A1)], Aside(A1, A1)),
        ([(ADOPT, A1), (ADOPT, DONE)], Aside(DONE)),
        ([(ADOPT, A1), (ADOPT, ended(A1, Stage.FAILED))], None),
        ([(ADOPT, A1), (ADOPT, ended(A1, Stage.UNKNOWN))], Aside(ended(A1, Stage.UNKNOWN), ended(A1, Stage.UNKNOWN))),
        ([(ADOPT, A1), (ADOPT, A2), (ADOPT, ended(A2, Stage.FAILED))], Aside(A1, A1)),
        ([(ADOPT, DONE), (RESTORE, R1)], Aside(DONE, R1)),
        ([(ADOPT, DONE), (RESTORE, R1), (RESTORE, ended(R1, Stage.FAILED))], Aside(DONE)),
        ([(ADOPT, DONE), (RESTORE, R1), (RESTORE, ended(R1, Stage.DONE))], None),
    ],
)
def test_what_stands_is_what_the_last_word_left(words: list[tuple[bool, Word]], expected: Aside | None) -> None:
    assert standing(words).get("dinkes-fo") == expected


def test_circuits_do_not_concern_each_other() -> None:
    other = replace(DONE, circuit="arsip-fo")
    assert set(standing([(ADOPT, DONE), (ADOPT, other), (RESTORE, ended(R1, Stage.DONE))])) == {"arsip-fo"}


def test_a_things_kind_is_said_once() -> None:
    assert (TBF.named, replace(TBF, kind="simple-queue", name="boss").named) == ("qdisc tbf 1:", "simple-queue boss")


def test_one_attempt_that_was_not_seen_to_end_is_enough_for_doubt() -> None:
    settled, open_still = Aside(DONE), Aside(replace(DONE, circuit="arsip-fo"), R1)
    assert [any_in_doubt(some) for some in ([], [settled], [settled, open_still])] == [False, False, True]

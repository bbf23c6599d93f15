"""A conversation with a router, whatever its platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from netmon.routers.dialects import load_dialect
from netmon.routers.port import Box
from netmon.routers.session import AnswerUnreadableError, CommandRejectedError

POLICIES = [Path(__file__).parents[2] / "policies" / "enforcement"]
UNKNOWN = "R1 refused: Error: Unrecognized command found at '^' position."
SAVED = "#\n sysname R1\n#\nreturn"
USERS = "+ 34  VTY 0   00:00:00  SSH    10.0.0.5             pass            no"
LOCK = "User Index: 35\nUser Session Name: VTY1\nUser Name: budi"
NOBODY = {
    "display users": USERS,
    "display configuration-occupied user": "",
    "display configuration exclusive user": "",
    "display saved-configuration | exclude cipher": SAVED,
    "display current-configuration | exclude cipher": SAVED,
    "display configuration trial status": "Trial status: INACTIVE",
}


@dataclass
class Told:
    """A router that answers from a list; what begins with `R1 refused` it refuses."""

    answers: dict[str, str]
    username: str = "netmon"
    sent: list[str] = field(default_factory=list)

    def run(self, command: str) -> str:
        self.sent.append(command)
        said = self.answers[command]
        if said.startswith("R1 refused"):
            raise CommandRejectedError(said)
        return said

    def transcript(self) -> str:
        return ""

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, None),
        ({"display configuration-occupied user": LOCK}, "budi holds the lock"),
        ({"display configuration-occupied user": UNKNOWN}, None),
        ({"display configuration exclusive user": UNKNOWN}, None),
        (
            {"display configuration-occupied user": UNKNOWN, "display configuration exclusive user": LOCK},
            "budi holds the lock",
        ),
        ({"display users": "R1 refused: Error: The system is busy."}, "The system is busy"),
    ],
)
def test_who_holds_the_lock_is_asked_in_the_words_of_every_release(told: dict[str, str], said: str | None) -> None:
    others = Box(Told(NOBODY | told), load_dialect("vrp8", POLICIES)).others()
    assert others is None if said is None else said in str(others)


def test_what_cannot_be_done_without_is_not_passed_over() -> None:
    told = Told(NOBODY | {"display configuration trial status": UNKNOWN})
    with pytest.raises(AnswerUnreadableError, match="on trial"):
        Box(told, load_dialect("vrp8", POLICIES)).others()

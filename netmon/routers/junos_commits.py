"""What `show system commit` tells of a Junos router: who committed, on trial or not, in netmon's name or not. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from netmon.routers.session import AnswerUnreadableError

_COMMIT: Final = re.compile(r"^ *(\d+) +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \S+ by +(\S+) via (\S+)(.*)$")
_TRIAL: Final = re.compile(r"\bcommit confirmed, rollback in (\d+) ?(min|sec)s?")
_SCHEDULED: Final = re.compile(r"^commit requested by +(\S+) via ", re.MULTILINE)
_CLOCK: Final = re.compile(r"^Current time: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_GRACE: Final = timedelta(minutes=1)


@dataclass(slots=True)
class Commit:
    """One line of `show system commit`, with those below it."""

    at: datetime
    """In the router's own zone, as its clock."""
    user: str
    via: str
    is_trial: bool
    """Was committed on trial; the history keeps that for good."""
    lasts: timedelta | None
    """For how long; None where that cannot be read."""
    arm: str | None = None
    """Of netmon's own, from its comment."""
    says_pending: bool = False
    """Newer releases say below it for as long as it waits to be confirmed."""

    def is_pending(self, now: datetime | None) -> bool:
        """Whether it may still be rolled back, if it is the newest. `commit check` confirms it without a trace."""
        if self.says_pending or not self.is_trial or now is None or self.lasts is None:
            return self.says_pending or self.is_trial
        return now < self.at + self.lasts + _GRACE


def commits_in(text: str) -> list[Commit]:
    """The newest first; of a cluster those of the node that answers first. Raises AnswerUnreadableError for none."""
    found: list[Commit] = []
    for line in text.splitlines():
        match = _COMMIT.match(line)
        if match is not None and int(match[1]) != len(found):
            break
        if match is not None:
            trial = _TRIAL.search(match[5])
            lasts = None if trial is None else timedelta(seconds=int(trial[1]) * (60 if trial[2] == "min" else 1))
            found.append(Commit(_instant(match[2]), match[3], match[4], "rollback in" in match[5], lasts))
        elif found and line.startswith(" ") and (words := line.split()):
            if words == ["rollback", "pending"]:
                found[-1].says_pending = True
            elif words[0] == "netmon":
                found[-1].arm = words[1] if len(words) == 2 else None
    if not found:
        raise AnswerUnreadableError("the router did not tell what was committed last")
    return found


def scheduled_in(text: str) -> str | None:
    """Who has a commit that waits for its time (`commit at`)."""
    found = _SCHEDULED.search(text)
    return None if found is None else found[1]


def clock_in(answers: Sequence[str]) -> datetime | None:
    """The router's clock, of `show system uptime`; None where it is not told."""
    found = _CLOCK.search("\n".join(answers))
    return None if found is None else _instant(found[1])


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - compared with others of the same router only

"""What can go wrong on a simulated router's command line, whatever its platform: a frozen value the server reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where in a session something breaks."""

    AUTHENTICATION = "authentication"
    """Before anybody is let in."""
    SHELL = "shell"
    """After that, before the banner."""
    PROMPT = "prompt"
    """After the banner, before the first prompt."""
    COMMAND = "command"
    """A line was typed and is not carried out."""
    EFFECT = "effect"
    """It was carried out, and nothing of its answer is sent."""
    ANSWER = "answer"
    """Half of the answer is sent, up to the middle of a line."""


class Break(StrEnum):
    HANG = "hang"
    """The link stays and nothing more is said on it."""
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Breakage:
    """The session breaks once, at the `nth` time that `stage` is reached from when this was set."""

    how: Break
    stage: Stage
    nth: int = 1
    """Of the logins for the first three stages; of the lines typed that are not empty for the others."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How the command line misbehaves; nothing of it by default."""

    breakage: Breakage | None = None
    motd: str = ""
    """Printed after the router's own banner; newlines between lines."""
    prompt: str | None = None
    """Instead of the router's own."""
    page_lines: int = 0
    """An answer of more lines is shown in pages of so many, whatever was asked of the terminal; 0: never."""
    drip_s: float = 0.0
    """Every character is sent by itself, with so long between two; 0: all at once."""
    syslog: str = ""
    """A line of the router's log on the terminal, in between the lines of every answer and before its prompt."""
    columns: int = 0
    """What is typed is echoed in rows of so many characters; 0: in one."""
    escapes: bool = False
    """Colours around every line, and what is right of it erased."""


NO_FAULTS = Faults()


class Rejecting:
    """A router that refuses one line of configuration half-way, when it is told to."""

    _rejects_in: int | None = None

    def reject_after(self, lines: int) -> None:
        """So many lines of configuration are still taken, the one after that is refused."""
        self._rejects_in = lines

    def rejects(self) -> bool:
        """Whether this line of configuration is the one; asked once of each."""
        if self._rejects_in is None:
            return False
        self._rejects_in -= 1
        if self._rejects_in >= 0:
            return False
        self._rejects_in = None
        return True


class FaultSwitch:
    """The faults of one server as they are now; counts what a breakage waits for. Used in the server's loop."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        self._faults = faults
        self._reached = 0

    @property
    def now(self) -> Faults:
        return self._faults

    def turn(self, faults: Faults) -> None:
        """From now on; a breakage counts from here."""
        self._faults = faults
        self._reached = 0

    def breaks(self, stage: Stage) -> Break | None:
        """How it breaks here and now; to be asked once whenever a stage is reached."""
        breakage = self._faults.breakage
        if breakage is None or breakage.stage is not stage:
            return None
        self._reached += 1
        return breakage.how if self._reached == breakage.nth else None

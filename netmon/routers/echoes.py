"""Where a console's echo of what was typed ends, and its answer begins. Pure.

Consoles wrap or repaint a long line. RouterOS also begins every further line of it with what is still open and three
dots, `{[... `, and paints the whole of it once more when it is ended.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST_LINE: Final = 4_096
_LONGEST_TAIL: Final = 64
"""Characters of `completion` that are looked for; of more the last."""
_WRAPPED: Final = r"(?:[\s\b]|[({\[\"]{1,8}\.\.\.)*"
"""What may stand between any two characters of an echo."""


def after_echo(received: str, command: str) -> str | None:
    """What follows the line that ends the command's echo; None before it was seen.

    White space is left out of the comparison; a prompt stands before the command, and a login's banner before that.
    """
    wanted, seen, at = "".join(command.split()), "", 0
    while (end := received.find("\n", at)) >= 0:
        seen = (seen + "".join(received[at:end].replace("\b", "").split()))[-2 * len(wanted) - _LONGEST_LINE :]
        at = end + 1
        if wanted in seen:
            return "\n" + received[at:]
    return None


def after_completion(answer: str, completion: str) -> str:
    """What follows the last echo of `completion`, which ends every command; all of it where none is seen.

    Without it a wrapped echo of `:put ("name=" . ...)` could be read as a line of the answer.
    """
    typed = "".join(completion.split())[-_LONGEST_TAIL:]
    if len(typed) < 2:
        return answer
    found = next(reversed(list(re.finditer(_WRAPPED.join(map(re.escape, typed)), answer))), None)
    return answer if found is None else answer[found.end() :]

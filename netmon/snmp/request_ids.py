"""Request-ids that nobody can foresee; RFC 3416 section 3 leaves the choice to the manager.

An agent sees the ids of what it is asked itself: could it tell from them those of other requests, it could answer these
in the name of the routers that are asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Container
from struct import unpack
from typing import Final

FIRST: Final = 0x0100_0000
LAST: Final = 0x7FFF_FFFF
"""Within these bounds a request-id is always four octets of content, so that templates can be patched in place."""
_DRAWN_AT_ONCE: Final = 512


class RequestIds:
    """Draws them at random, many at once: the kernel is asked rarely."""

    def __init__(self) -> None:
        self._drawn: list[int] = []

    def take(self, taken: Container[int]) -> int:
        """One that is not taken, from FIRST to LAST."""
        while True:
            if not self._drawn:
                numbers = unpack(f">{_DRAWN_AT_ONCE}I", secrets.token_bytes(4 * _DRAWN_AT_ONCE))
                self._drawn = [FIRST + number % (LAST - FIRST + 1) for number in numbers]
            request_id = self._drawn.pop()
            if request_id not in taken:
                return request_id

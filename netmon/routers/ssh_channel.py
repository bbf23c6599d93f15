"""One channel of an SSH session: text out, text in, never longer than a deadline and never more than a bound."""

from __future__ import annotations

import codecs
import time
from typing import TYPE_CHECKING

from netmon.routers.session import SessionLostError

if TYPE_CHECKING:
    import paramiko  # type: ignore[import-untyped]

LONGEST_ANSWER = 4_000_000
"""Characters; a router that says more is not answering the question."""


class Exchange:
    """What is typed and received until one answer is over."""

    def __init__(self, channel: paramiko.Channel, where: str, timeout_s: float) -> None:
        """`where` begins the messages of errors."""
        self._channel = channel
        self._where = where
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._size = 0

    def send(self, text: str) -> None:
        """Raises TimeoutError and OSError."""
        self._channel.settimeout(self._timeout_s)
        self._channel.sendall(text.encode("ascii"))

    @property
    def has_more(self) -> bool:
        """Something came that was not received yet."""
        return bool(self._channel.recv_ready())

    def receive(self, at_most_s: float | None = None) -> str | None:
        """What came next; None: nothing within `at_most_s`.

        Raises TimeoutError at the deadline, OSError, and SessionLostError when the link is gone or too much came.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._channel.settimeout(left if at_most_s is None else min(left, at_most_s))
        try:
            data = self._channel.recv(65_536)
        except TimeoutError:
            if at_most_s is None:
                raise
            return None
        if not data:
            raise SessionLostError(f"{self._where}: the link dropped while a command ran")
        self._size += len(data)
        if self._size > LONGEST_ANSWER:
            raise SessionLostError(f"{self._where}: an answer of over {LONGEST_ANSWER} octets")
        return self._decoder.decode(data)

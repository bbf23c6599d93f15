"""What the simulated Linux routers understand of the words after `tc` and `ip`."""

from __future__ import annotations

import re

_RATE = re.compile(r"(\d{1,15})([kKmMgG]?)bit")
_HANDLE = re.compile(r"([0-9a-f]{1,4}):([0-9a-f]{0,4})")


class TcError(Exception):
    """A refusal: the message as printed, and the exit status."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def take(words: list[str], key: str) -> str | None:
    """Takes `key VALUE` out of the words; None if it is not there."""
    if key not in words:
        return None
    at = words.index(key)
    if at + 1 >= len(words):
        raise TcError('Command line is not complete. Try option "help"', 255)
    words.pop(at)
    return words.pop(at)


def handle_of(text: str) -> str:
    match = _HANDLE.fullmatch(text)
    if match is None or match[2]:
        raise TcError(f'Error: argument "{text}" is wrong: invalid qdisc ID', 1)
    return f"{int(match[1], 16):x}:"


def class_id_of(text: str) -> str | None:
    """The class itself; None for the qdisc, `4e4d:` or `4e4d:0`."""
    match = _HANDLE.fullmatch(text)
    if match is None:
        raise TcError(f'Error: argument "{text}" is wrong: invalid class ID', 1)
    return text if int(match[2] or "0", 16) else None


def rate_of(text: str | None) -> int:
    match = _RATE.fullmatch(text or "")
    if match is None:
        raise TcError(f'Illegal "rate"\nUsage: ... rate {text}', 1)
    return int(match[1]) * {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}[match[2].lower()] // 8


def bytes_of(text: str | None) -> int:
    if text is None:
        return 1600
    match = re.fullmatch(r"(\d{1,12})([km]?)", text)
    if match is None:
        raise TcError('Illegal "burst"', 1)
    return int(match[1]) * {"": 1, "k": 1024, "m": 1024**2}[match[2]]

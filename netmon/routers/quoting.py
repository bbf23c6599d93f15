"""Quoting: a value as one token of a platform's command line, whatever printable ASCII it holds.

A platform that has no way to write a character raises UnsafeValueError instead of guessing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

PRINTABLE: Final = re.compile(r"[\x20-\x7e]*\Z")


class UnsafeValueError(ValueError):
    """A value that must not reach a router's command line."""


def printable(text: str, what: str) -> str:
    """The text itself. Raises UnsafeValueError unless it is a non-empty line of printable ASCII."""
    if not text or not PRINTABLE.match(text):
        raise UnsafeValueError(f"{what} {text!r} is not one line of printable ASCII; rename it")
    return text


def quote_shell(text: object) -> str:
    """One word of a POSIX shell."""
    return shlex.quote(str(text))


def quote_routeros(text: object) -> str:
    """A RouterOS string. `?` would ask the console for help, so it is written as its code.

    Source: MikroTik, Scripting, "Constant Escape Sequences".
    """
    written = "".join({'"': '\\"', "\\": "\\\\", "$": "\\$", "?": "\\3F"}.get(c, c) for c in str(text))
    return f'"{written}"'


_VRP_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*\Z")


def quote_vrp(text: object) -> str:
    """A word of Huawei's VRP, which has no quoting in every release: blanks, `?`, `|` and quotes cannot be written."""
    written = str(text)
    if not _VRP_WORD.match(written) and written != "-":
        raise UnsafeValueError(f"{written!r} cannot be written on VRP's command line: use letters, digits and ._:/-")
    return written


_JUNOS_WORD: Final = re.compile(r"[A-Za-z0-9_.:/@+-]+\Z")


def quote_junos(text: object) -> str:
    """A word of Junos. `?` asks the console for help wherever it stands, so it cannot be written.

    Source: Juniper, CLI User Guide, "Using Quotation Marks".
    """
    written = str(text)
    if _JUNOS_WORD.match(written):
        return written
    if "?" in written:
        raise UnsafeValueError(f"{written!r} cannot be written on Junos' command line: leave the question mark out")
    return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'


_CISCO_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*\Z")


def quote_cisco(text: object) -> str:
    """A word of IOS or IOS XR, which quote nothing: blanks, `?`, `|`, `!` and quotes cannot be written."""
    written = str(text)
    if not _CISCO_WORD.match(written):
        raise UnsafeValueError(f"{written!r} cannot be written on Cisco's command line: use letters, digits and ._:/-")
    return written


_VYOS_WORD: Final = re.compile(r"[A-Za-z0-9_.:/@%+-]+\Z")


def quote_vyos(text: object) -> str:
    """A word of VyOS' or EdgeOS' shell. `?` asks for help, and a value cannot hold a single quotation mark."""
    written = str(text)
    if _VYOS_WORD.match(written):
        return written
    if set("?'") & set(written):
        raise UnsafeValueError(f"{written!r} cannot be written on VyOS' command line: leave ? and ' out")
    return f"'{written}'"


QUOTINGS: Final[Mapping[str, Callable[[object], str]]] = MappingProxyType(
    {
        "shell": quote_shell,
        "routeros": quote_routeros,
        "vrp": quote_vrp,
        "junos": quote_junos,
        "vyos": quote_vyos,
        "cisco": quote_cisco,
    }
)
"""What `quoting` of a dialect.yaml may name."""

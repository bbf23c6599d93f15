"""What a Junos router tells of itself before it is first touched: version, clock, what the login may do. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from netmon.core.model import NANOSECONDS
from netmon.routers.readbacks import Answers, Survey, answer

NEEDED: Final = ("configure", "firewall-control", "interface-control", "maintenance", "rollback")
_VERSION: Final = re.compile(r"^(?:Junos: |JUNOS .*\[)([\w.-]+)", re.MULTILINE)
_CLOCK: Final = re.compile(r"^Current time: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (\w+)", re.MULTILINE)
_PERMISSION: Final = re.compile(r"^ +([a-z-]+?) *-- ", re.MULTILINE)
_HOURS: Final = {"UTC": 0, "GMT": 0, "WIB": 7, "WITA": 8, "WIT": 9}
"""Zones netmon knows by their abbreviations; the clock of any other is not told."""


def survey_of(answers: Answers) -> Survey:
    version = _VERSION.search(answer(answers, 0))
    permissions = set(_PERMISSION.findall(answer(answers, 2)))
    missing = [one for one in NEEDED if not permissions & {one, f"{one}-control", "all", "all-control"}]
    privileged = None if not permissions else not missing
    warnings = (f"the login lacks the permissions {', '.join(missing)}",) if privileged is False else ()
    return Survey(f"Junos {version[1]}" if version else "", _clock(answer(answers, 1)), privileged, warnings)


def _clock(text: str) -> int | None:
    match = _CLOCK.search(text)
    if match is None or match[2] not in _HOURS:
        return None
    told = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return (int(told.timestamp()) - _HOURS[match[2]] * 3600) * NANOSECONDS

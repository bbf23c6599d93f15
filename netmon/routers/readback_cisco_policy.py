"""What a policy-map of netmon's is set to, on IOS and IOS XR: bit/s, or what somebody made of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from netmon.routers.readback_ios_config import Section

_RATE: Final = r"(\d{1,13})(?: ([kmg]?)bps)?"
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SHAPE: Final = re.compile(rf"shape average {_RATE}(?: \d+){{0,2}}(?: account .+)?\Z")
"""IOS may show the bursts it chose, in bits."""
_ACTIONS: Final = r"(?:conform-action transmit|exceed-action drop|violate-action drop)"
_POLICE: Final = re.compile(
    rf"police (?:cir |rate )?{_RATE}(?: (?:bc |burst )?\d+(?: (?:bytes|kbytes|ms))?)?(?: (?:be )?\d+(?: bytes)?)?"
    rf"(?: {_ACTIONS})*\Z"
)
"""On one line or with the actions below; releases write the bursts, and the actions, differently."""
_ACTION: Final = re.compile(rf"{_ACTIONS}\Z")


def rate_of(policy: Section | None) -> tuple[int | None, str]:
    """What our policy-map is set to, bit/s, and how somebody altered it; "" if nobody did."""
    if policy is None:
        return None, ""
    rates, name = list[int](), policy.line.split()[-1]
    for line, rate in _lines(policy):
        if rate is None or rates:
            return None, f"{name}: {line}"
        rates.append(rate)
    return (rates[0] if rates else None), ""


def _lines(policy: Section) -> Iterator[tuple[str, int | None]]:
    """What the policy does, line by line, with its rate; None: it is none that netmon wrote."""
    for one in policy.below:
        if one.line.startswith("class ") and one.line != "class class-default":
            yield one.line, None
        elif one.line == "class class-default":
            for each in one.below:
                line = " ".join(each.line.split())
                match = _SHAPE.match(line) or _POLICE.match(line)
                yield line, None if match is None else int(match[1]) * _UNITS[match[2] or ""]
                for action in each.below:
                    if not _ACTION.match(" ".join(action.line.split())):
                        yield action.line, None

"""Alerts about limits and routers that somebody else has a hand in: releases, drift, twins."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from netmon.core.alerting import Condition
from netmon.core.alerts import Alert, AlertKind, AlertState, Severity
from netmon.core.drift import Drift, Finding, Response
from netmon.core.kill_switch import Release
from netmon.core.model import Direction
from netmon.core.units import format_rate

DRIFT_KEY: Final = "drift/"
TWIN_KEY: Final = "twin/"


class Sentence(StrEnum):
    """Every summary about these; fields are named, so that a translation may reorder them."""

    RELEASED = "netmon limits nothing: {by} released everything: {reason}."
    RESUMED = "netmon may set limits again."
    REPAIRED = "{circuit}: somebody else {did} ({direction}); netmon sees to what is due there."
    CONTESTED = (
        "{circuit}: somebody else {did} ({direction}), once more after {repairs} repairs; netmon sets nothing there"
        " until netmon apply."
    )
    IN_ORDER = "{circuit}: the limit is as netmon left it ({direction})."
    FOREIGN = "{circuit}: {foreign} shapes its port, too ({direction}); netmon does not touch it."
    NOT_FOREIGN = "{circuit}: nobody else shapes its port ({direction})."
    TWIN = "Router {router} is another netmon's: {detail}; this one leaves it alone until netmon adopt --take-over."
    NO_TWIN = "Router {router} is this netmon's."


def release_condition(release: Release | None) -> Condition:
    """Fires while the global kill switch holds."""
    told = {} if release is None else {"by": release.by, "reason": release.reason.rstrip(".")}
    return Condition(
        key="release",
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL,
        firing=release is not None,
        summary=Sentence.RESUMED if release is None else Sentence.RELEASED.format(**told),
        reason="resumed" if release is None else "released",
        epoch="" if release is None else release.id,
    )


def drift_condition(circuit: str, direction: Direction, router: str, found: Finding | None) -> Condition:
    """Fires from when a limit was found altered by somebody else; None: it is as it was left."""
    contested = found is not None and found.response is Response.STOP
    if found is None:
        summary = Sentence.IN_ORDER.format(circuit=circuit, direction=direction)
    else:
        sentence = Sentence.CONTESTED if contested else Sentence.REPAIRED
        summary = sentence.format(
            circuit=circuit, direction=direction, did=_did(found), repairs=max(found.times - 1, 0)
        )
    return Condition(
        key=f"{DRIFT_KEY}{circuit}/{direction}",
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL if contested else Severity.WARNING,
        firing=found is not None,
        summary=summary,
        reason="in_order" if found is None else "contested" if contested else f"limit_{found.drift}",
        epoch="" if found is None or contested else f"{found.times}",
        router=router,
        circuit=circuit,
    )


def foreign_condition(circuit: str, direction: Direction, router: str, foreign: str | None) -> Condition:
    """Fires while something that netmon did not make shapes the port of one of its limits."""
    sentence = Sentence.NOT_FOREIGN if foreign is None else Sentence.FOREIGN
    return Condition(
        key=f"foreign/{circuit}/{direction}",
        kind=AlertKind.LIMIT,
        severity=Severity.WARNING,
        firing=foreign is not None,
        summary=sentence.format(circuit=circuit, direction=direction, foreign=foreign),
        reason="alone" if foreign is None else "foreign_shaper",
        epoch=foreign or "",
        router=router,
        circuit=circuit,
    )


def twin_condition(router: str, detail: str | None) -> Condition:
    """Fires while a router bears the marker of another netmon."""
    sentence = Sentence.NO_TWIN if detail is None else Sentence.TWIN
    return Condition(
        key=f"{TWIN_KEY}{router}",
        kind=AlertKind.LIMIT,
        severity=Severity.CRITICAL,
        firing=detail is not None,
        summary=sentence.format(router=router, detail=detail),
        reason="ours" if detail is None else "other_netmon",
        epoch="",
        router=router,
    )


def twins(alerts: Mapping[str, Alert]) -> frozenset[str]:
    """Routers that bear the marker of another netmon, by the last alert of each key."""
    standing = (key for key, alert in alerts.items() if alert.state is not AlertState.RESOLVED)
    return frozenset(key.removeprefix(TWIN_KEY) for key in standing if key.startswith(TWIN_KEY))


def _did(found: Finding) -> str:
    if found.drift is Drift.MISSING:
        return f"took off the limit of {format_rate(found.believed_bps or 0)}"
    if found.read_bps is None:
        return "altered the limit"
    if found.believed_bps is None:
        return f"set the limit to {format_rate(found.read_bps)}"
    return f"altered the limit of {format_rate(found.believed_bps)} to {format_rate(found.read_bps)}"

"""A plan as a document for people who are to agree to it: what is altered, whom it concerns, by how much and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.cli.common import moment, rate
from netmon.cli.plan import RENDERED, WITHHELD, counted, taken, warnings
from netmon.core.periods import from_ns

_UNITS = {"agencies": "agency", "circuits": "circuit", "routers": "router", "bps": "bps"}
_SECTIONS = (
    ("Limits to be lowered once approved", "unapproved"),
    ("Limits that are lowered", "lowered"),
    ("Limits that are raised", "raised"),
    ("Limits that are taken off", "removed"),
    ("Withheld", "withheld"),
)


def markdown(data: Mapping[str, Any], site: str, zone: str, names: Mapping[str, str], now_ns: int) -> str:
    """`data` of netmon/plan/1; `names` of agencies by their id."""
    at = from_ns(now_ns, zone).isoformat(timespec="seconds")
    return "\n".join(_lines(data, _plain(site), at, names)) + "\n"


def _lines(data: Mapping[str, Any], site: str, at: str, names: Mapping[str, str]) -> Iterator[str]:
    yield from (f"# Plan of changes: {site}", "", f"As of {moment(at)} ({at[19:]}).", f"Hash: `{data['hash']}`", "")
    yield from _totals(data)
    told = [sentence for sentence, _ in warnings(dict(data))]
    if data["release"] is not None:
        told.insert(0, f"Everything is released by {data['release']['by']}: {data['release']['reason']}.")
    for sentence in told:
        yield from (f"> {_plain(sentence)}", "")
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for change in data["changes"]:
        by_kind.setdefault(_kind(change), []).append(change)
    for title, kind in _SECTIONS:
        if changes := by_kind.get(kind):
            yield from _section(title, changes, names)
    yield from _checks(data)
    yield from _commands(data)


def _totals(data: Mapping[str, Any]) -> Iterator[str]:
    totals, waits = data["totals"], data["approval"]
    yield from ("| what | how many |", "| --- | ---: |")
    if waits is not None and not waits["approved"]:
        yield f"| agencies whose limits are lowered once approved | {waits['agencies']} |"
        yield f"| taken from them then | {taken(waits['tightened_bps'])} |"
    for label, value in (
        ("limits lowered", totals["lowered"]),
        ("agencies concerned by that", totals["agencies_lowered"]),
        ("taken from them", taken(totals["tightened_bps"]) if totals["lowered"] else "-"),
        ("limits raised", totals["raised"]),
        ("limits taken off", totals["removed"]),
        ("routers altered", totals["routers"]),
        ("changes withheld", totals["withheld"]),
    ):
        yield f"| {label} | {value} |"
    yield ""


def _kind(change: Mapping[str, Any]) -> str:
    if change["withheld"] is not None:
        return "unapproved" if change["withheld"] == "unapproved" else "withheld"
    if change["action"] != "set":
        return "removed" if change["action"] == "remove" else "kept"
    return "lowered" if change["from_bps"] is None or change["to_bps"] < change["from_bps"] else "raised"


def _section(title: str, changes: list[Mapping[str, Any]], names: Mapping[str, str]) -> Iterator[str]:
    yield from (f"## {title}", "", "| agency | circuit | way | from | to | by | why |")
    yield "| --- | --- | --- | ---: | ---: | ---: | --- |"
    for change in changes:
        name, agency = names.get(change["agency"]), change["agency"]
        who = agency if name is None else f"{name} ({agency})"
        cells = (
            who,
            f"{change['circuit']} on {change['router']}",
            change["direction"],
            _limit(change["from_bps"]),
            _limit(change["to_bps"]),
            _difference(change["from_bps"], change["to_bps"]),
            _why(change),
        )
        yield f"| {' | '.join(_plain(cell) for cell in cells)} |"
    yield ""


def _why(change: Mapping[str, Any]) -> str:
    why = str(change["reason"]).replace("_", " ")
    if change["rule"] is not None:
        why += f" ({change['rule']['file']}:{change['rule']['line']})"
    if change["withheld"] is not None:
        why += f"; withheld: {WITHHELD[change['withheld']]}"
    return why


def _limit(bps: int | None) -> str:
    return "no limit" if bps is None else rate(bps)


def _difference(before: int | None, after: int | None) -> str:
    if before is None or after is None or before == after:
        return "-"
    percent = (after - before) * 100 // before if before else 0
    return f"{'+' if after > before else '-'}{rate(abs(after - before))} ({percent:+d} %)"


def _checks(data: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Safety rules", "", "| rule | found | at most | holds |", "| --- | ---: | ---: | --- |")
    for check in data["checks"]:
        unit = _UNITS[check["unit"]]
        most = "no cap" if check["most"] is None else counted(check["most"], unit)
        found, holds = counted(check["found"], unit), "yes" if check["holds"] else "**no**"
        yield f"| {check['rule'].replace('_', ' ')} | {found} | {most} | {holds} |"
    yield ""


def _commands(data: Mapping[str, Any]) -> Iterator[str]:
    if all("commands" not in change for change in data["changes"]):
        return
    yield from ("## Commands", "", RENDERED, "")
    for change in data["changes"]:
        if change["commands"] or change["commands_objection"] is not None:
            yield from (f"### {change['router']}: {change['circuit']} {change['direction']}", "")
            for line in change["commands"]:
                yield f"    {line}"
            if change["commands_objection"] is not None:
                yield f"Cannot be told: {_plain(change['commands_objection'])}"
            yield ""


def _plain(text: str) -> str:
    """Words as words: nothing an agency is called makes a table, a link or a heading."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in flat)

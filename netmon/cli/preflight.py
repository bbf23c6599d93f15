"""netmon preflight: what stands in the way of a first limit on a router."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import command_daemon, config_option, console, output_option, print_document, rate, status_line
from netmon.cli.common import table as table_of
from netmon.core.adoption import thing_named

_HOST_KEYS = {
    "known": "known",
    "unknown": "NOT KNOWN: netmon ssh-trust",
    "another": "ANOTHER THAN THE KNOWN ONE",
    "not_seen": "not seen",
}
_UNDO = {
    "job": "by a job of its own",
    "timer": "by its own timer",
    "commit": "by a commit on trial",
    "none": "NOT BY ITSELF",
}


@click.command("preflight")
@click.argument("routers", nargs=-1, required=True, metavar="ROUTER...")
@config_option
@output_option
def command(routers: tuple[str, ...], config: Path, output: str) -> int:
    """Log in to each ROUTER, alter nothing, and say what stands in the way of limits on its circuits.

    Ends with 0 where every circuit of every router is ready, else with 1.
    """
    from netmon.config.load import load
    from netmon.daemon.control import CommandError
    from netmon.daemon.reached import routers_named

    configuration = load(config)
    try:
        names = routers_named(configuration, list(routers))
    except CommandError as error:
        raise click.UsageError(str(error)) from error
    with status_line() as say:
        say(f"looking at {', '.join(names)}")
        rows = command_daemon(configuration, "survey", {"routers": names})["routers"]
    if output == "json":
        print_document("preflight", rows)
    else:
        for number, row in enumerate(rows):
            _print(row, first=number == 0)
    return int(not all(row["ready"] for row in rows))


def _print(row: Mapping[str, Any], *, first: bool) -> None:
    out = console()
    if not first:
        out.print()
    ready = row["ready"]
    verdict = "ready" if ready else "not ready"
    out.print(f"{row['router']} ({row['platform'] or 'platform not known'}): {verdict}", style=_style(ready))
    for obstacle in row["obstacles"]:
        out.print(f"! {obstacle}", style="red")
    for name, value in _facts(row):
        out.print(f"  {name:<14}{value}")
    for warning in row["warnings"]:
        out.print(f"  ~ {warning}", style="yellow")
    if not row["circuits"]:
        out.print("  No circuit is limited here.")
        return
    shown = table_of("CIRCUIT", "PORT", "READY", "THERE NOW", "WHY NOT", fold=("CIRCUIT", "THERE NOW", "WHY NOT"))
    for one in row["circuits"]:
        why = "" if one["ready"] else f"{(one['reason'] or 'router').replace('_', ' ')}: {one['detail']}"
        shown.add_row(
            one["circuit"],
            one["interface"],
            "yes" if one["ready"] else "no",
            "\n".join(_there(one)) or "-",
            why,
            style=None if one["ready"] else "red",
        )
    out.print(shown)
    for one in row["circuits"]:
        if one["foreigners"] and all(foreign["adoptable"] for foreign in one["foreigners"]):
            out.print(f"  adoptable: netmon adopt {one['circuit']}")


def _style(ready: bool) -> str:
    return "bold green" if ready else "bold red"


def _facts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "host key", _HOST_KEYS[row["host_key"]]
    if row["version"] is not None:
        yield "system", row["version"]
    if row["clock_offset_seconds"] is not None:
        yield "clock", f"{row['clock_offset_seconds']:+d} s"
    if row["privileged"] is not None:
        yield "privileges", "enough" if row["privileged"] else f"NOT ENOUGH: {row['privileges_needed']}"
    elif row["privileges_needed"] is not None:
        yield "needs", row["privileges_needed"]
    if row["undo"] is not None:
        ends = "ends limits by itself" if row["ends_limits"] else "DOES NOT END LIMITS BY ITSELF"
        allowed = "" if row["undo"] != "none" and row["ends_limits"] else _allowed(row)
        yield "safety", f"undoes changes {_UNDO[row['undo']]}, {ends}{allowed}"
    if row["owner"] is not None:
        whose = {True: "this netmon", False: "ANOTHER NETMON", None: "a netmon"}[row["owner"]["is_ours"]]
        yield "marker", f"{whose}: {row['owner']['name']}, revision {row['owner']['revision']}"
    if row["left_behind"]:
        yield "left behind", f"{', '.join(row['left_behind'])} (netmon release {row['router']} --orphans)"


def _allowed(row: Mapping[str, Any]) -> str:
    return "; allowed (allow_unguarded)" if row["allow_unguarded"] else "; needs allow_unguarded: true"


def _there(one: Mapping[str, Any]) -> Iterator[str]:
    for way in ("ingress", "egress"):
        limit = one[way]
        if limit is not None and limit["bps"] is not None:
            yield f"{way} {rate(limit['bps'])}"
    for foreign in one["foreigners"]:
        yield thing_named(foreign["kind"], foreign["name"])
    yield from one["warnings"]

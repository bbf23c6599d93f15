"""netmon status: whether netmon does its work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, moment, output_option, print_document, rate, table


@click.command("status")
@config_option
@output_option
def command(config: Path, output: str) -> int:
    """Show whether netmon does its work, and what to do where it does not.

    Ends with 1 when anything is unhealthy.
    """
    import time

    from netmon.config.load import load
    from netmon.daemon.control import ControlUnavailableError, request
    from netmon.daemon.outlook import status_data

    configuration = load(config)
    live: dict[str, Any] | None
    try:
        live = request(configuration.settings.control.socket, "status", {})
    except ControlUnavailableError:
        live = None
    with ledger_of(configuration) as reader:
        data = status_data(configuration, reader, live, time.time_ns())
    if output == "json":
        print_document("status", data)
    else:
        _print(data)
    return 0 if data["healthy"] else 1


def _print(data: dict[str, Any]) -> None:
    out = console()
    healthy = data["healthy"]
    out.print(f"{data['site']} is {'' if healthy else 'not '}healthy.", style="bold green" if healthy else "bold red")
    routers = data["routers"]
    counted = ", ".join(f"{len(routers[state])} {state}" for state in ("up", "down", "unknown") if routers[state])
    out.print(f"Routers: {counted or 'none'}. Circuits: {data['circuits']}. Agencies: {data['agencies']}.")
    out.print(f"Alerts firing: {data['alerts_firing']}.")
    for problem in data["problems"]:
        since = f" (since {moment(problem['since'])})" if problem["since"] is not None else ""
        out.print(f"\n! {problem['what']}{since}", style="red")
        out.print(f"  {problem['next']}")
    if data["limits"]:
        shown = table("LIMITED CIRCUIT", "WAY", "TO", "SINCE", figures=("TO",), fold=("LIMITED CIRCUIT",))
        for limit in data["limits"]:
            shown.add_row(limit["circuit"], limit["direction"], rate(limit["bps"]), moment(limit["since"]))
        out.print()
        out.print(shown)
    for hold in data["holds"]:
        until = "released" if hold["until"] is None else moment(hold["until"])
        out.print(f"Held free of limits: {hold['circuit']} until {until} by {hold['by']}: {hold['reason']}")
    if data["http_port"] is not None:
        out.print(f"Metrics on port {data['http_port']}.", style="dim")

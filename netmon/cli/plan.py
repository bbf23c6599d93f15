"""netmon plan: what would be altered now, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, output_option, print_document, rates, table

_WITHHELD = {
    "router_in_doubt": "the router must be read again first",
    "unconfirmed": "the port goes on under another name; write that name, or give it back its old one",
    "unread": "the router has not been read",
    "observe_mode": "only observed (mode: observe)",
    "not_ready": "not yet observed for seven days",
    "frozen": "usage is stale or the clock untrusted",
    "expired": "the period is over",
    "refused": "the plan refuses itself",
}


@click.command("plan")
@click.option(
    "--detailed-exitcode", is_flag=True, help="End with 0: nothing to do, 2: changes pending, 1: error or refused."
)
@config_option
@output_option
def command(detailed_exitcode: bool, config: Path, output: str) -> int:
    """Show what would be altered on the routers now; alters nothing."""
    from netmon.config.load import load
    from netmon.daemon.clock import Clock
    from netmon.daemon.decisions import OBSERVATION_NS
    from netmon.daemon.outlook import plan_data

    configuration = load(config)
    clock = Clock(configuration.settings.control.require_synchronised_clock)
    with ledger_of(configuration) as reader:
        data = plan_data(configuration, reader, clock.now_ns(), clock, OBSERVATION_NS)
    if output == "json":
        print_document("plan", data)
    else:
        _print(data)
    pending = any(change["action"] != "keep" for change in data["changes"])
    if not detailed_exitcode:
        return 0
    return 1 if data["refused"] is not None else 2 if pending else 0


def _print(data: dict[str, Any]) -> None:
    out = console()
    shown = table("CIRCUIT", "WAY", "DO", "LIMIT", "WHY", fold=("CIRCUIT", "WHY"))
    rows = [change for change in data["changes"] if change["action"] != "keep" or change["withheld"]]
    for change in rows:
        why = change["reason"].replace("_", " ")
        if change["rule"] is not None:
            why += f"\n{change['rule']['file']}:{change['rule']['line']}"
        if change["withheld"] is not None:
            why += f"\nwithheld: {_WITHHELD[change['withheld']]}"
        shown.add_row(
            f"{change['circuit']}\n{change['router']}",
            change["direction"],
            change["action"],
            rates(change["from_bps"], change["to_bps"], change["to_floor_bps"]),
            why,
            style="dim" if change["action"] == "keep" else None,
        )
    if rows:
        out.print(shown)
    if data["refused"] is not None:
        out.print(f"The plan refuses itself ({data['refused']['rule']}): {data['refused']['detail']}", style="bold red")
    count = sum(change["action"] != "keep" for change in data["changes"])
    out.print(
        f"{count or 'No'} change{'' if count == 1 else 's'} pending; {len(data['changes']) - count} as desired"
        " or withheld."
    )
    if count:
        out.print(f"Carry out exactly this with: netmon apply --hash {data['hash']}", style="dim")

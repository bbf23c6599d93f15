"""netmon plan: what would be altered now, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from netmon.cli.common import (
    command_daemon,
    config_option,
    console,
    ledger_of,
    moment,
    print_document,
    rate,
    rates,
    table,
)
from netmon.cli.orders import behalf_option, reason_option

if TYPE_CHECKING:
    from netmon.config.load import Configuration

RENDERED = (
    "Rendered against the state that was last read. Each router is read again first;\n"
    "what is in place already is not sent."
)

WITHHELD = {
    "router_in_doubt": "the router must be read again first",
    "unconfirmed": "the port goes on under another name; write that name, or give it back its old one",
    "unread": "the router has not been read",
    "observe_mode": "only observed (mode: observe)",
    "not_ready": "not yet observed for seven days",
    "frozen": "usage is stale or the clock untrusted",
    "frozen_by_operator": "an operator froze the limits",
    "expired": "the period is over",
    "refused": "the plan refuses itself",
    "breaker_open": "the router failed again and again and is left alone",
    "freeze_window": "changes are frozen at this time",
    "unapproved": "persons have to approve it",
    "rollout_halted": "a change elsewhere went wrong",
    "decrease_first": "another limit has to be lowered first",
    "other_netmon": "the router is another netmon's (netmon adopt ROUTER --take-over)",
    "contested": "somebody undid it again and again (netmon apply goes on)",
}


@click.group("plan", invoke_without_command=True)
@click.option(
    "--detailed-exitcode", is_flag=True, help="End with 0: nothing to do, 2: changes pending, 1: error or refused."
)
@click.option("--commands", is_flag=True, help="Show also what would be sent to each router.")
@config_option
@click.option(
    "--output",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="A table for people, JSON for programs, or Markdown for a document.",
)
@click.pass_context
def command(context: click.Context, detailed_exitcode: bool, commands: bool, config: Path, output: str) -> int:
    """Show what would be altered on the routers now; alters nothing."""
    if context.invoked_subcommand is not None:
        return 0
    from netmon.config.load import load
    from netmon.daemon.clock import Clock
    from netmon.daemon.decisions import OBSERVATION_NS
    from netmon.daemon.plans import plan_data

    configuration = load(config)
    clock = Clock(configuration.settings.control.require_synchronised_clock)
    live = _live(configuration)
    with ledger_of(configuration) as reader:
        data = plan_data(configuration, reader, clock.now_ns(), clock, OBSERVATION_NS, live, commands=commands)
    if output == "json":
        print_document("plan", data)
    elif output == "markdown":
        from netmon.cli.plan_markdown import markdown

        names = {agency.id: agency.name for agency in configuration.agencies}
        zone = configuration.settings.site.timezone
        click.echo(markdown(data, configuration.settings.site.name, zone, names, clock.now_ns()), nl=False)
    else:
        _print(data)
    pending = any(change["action"] != "keep" for change in data["changes"])
    if not detailed_exitcode:
        return 0
    return 1 if data["refused"] is not None else 2 if pending else 0


@command.command("approve")
@click.argument("digest", metavar="HASH")
@reason_option
@behalf_option
@config_option
def approve(digest: str, reason: str, on_behalf: str | None, config: Path) -> int:
    """Approve the tightenings of HASH, as `netmon plan` shows them; another state of things needs approval anew."""
    from netmon.config.load import load
    from netmon.daemon.approving import APPROVE_PLAN

    args = {"hash": digest, "reason": reason, "on_behalf": on_behalf}
    given = {name: value for name, value in args.items() if value is not None}
    one = command_daemon(load(config), APPROVE_PLAN, given)["approval"]
    until = moment(min(said["expires"] for said in one["approvals"]))
    if one["approved"]:
        click.echo(f"{one['hash'][:12]} is approved until {until}.")
    else:
        lacking = one["needed"] - len(one["approvals"])
        more = "another person" if lacking == 1 else f"{lacking} other persons"
        click.echo(f"You approved {one['hash'][:12]} until {until}; {more} must approve it, too.")
    return 0


def _live(configuration: Configuration) -> dict[str, Any] | None:
    """What the running daemon alone knows; None where none runs, or it may not be asked."""
    from netmon.daemon.control import ControlRefusedError, ControlUnavailableError, request

    try:
        answer: dict[str, Any] = request(configuration.settings.control.socket, "status", {})
    except (ControlUnavailableError, ControlRefusedError):
        return None
    return answer


def _print(data: dict[str, Any]) -> None:
    out = console()
    if data["release"] is not None:
        told = data["release"]
        out.print(f"EVERYTHING IS RELEASED by {told['by']}: {told['reason']}", style="bold red")
        out.print("netmon limits nothing until netmon resume --reason WHY.", style="bold red")
    shown = table("CIRCUIT", "WAY", "DO", "LIMIT", "WHY", fold=("CIRCUIT", "WHY"))
    rows = [change for change in data["changes"] if change["action"] != "keep" or change["withheld"]]
    for change in rows:
        why = change["reason"].replace("_", " ")
        if change["rule"] is not None:
            why += f"\n{change['rule']['file']}:{change['rule']['line']}"
        if change["withheld"] is not None:
            why += f"\nwithheld: {WITHHELD[change['withheld']]}"
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
    _print_commands(data)
    for sentence, style in warnings(data):
        out.print(sentence, style=style)
    totals = data["totals"]
    count = totals["lowered"] + totals["raised"] + totals["removed"]
    out.print(
        f"{count or 'No'} change{'' if count == 1 else 's'} pending; {len(data['changes']) - count} as desired"
        " or withheld."
    )
    if totals["lowered"]:
        out.print(
            f"Lowered: {counted(totals['lowered'], 'limit')} of {counted(totals['agencies_lowered'], 'agency')},"
            f" by {taken(totals['tightened_bps'])}."
        )
    if count:
        out.print(f"Carry out exactly this with: netmon apply --hash {data['hash']}", style="dim")


def warnings(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Sentences, each with its style, on what keeps the plan or parts of it from being carried out."""
    if data["refused"] is not None:
        yield f"The plan refuses itself ({data['refused']['rule']}): {data['refused']['detail']}", "bold red"
    if data["freeze_window"] is not None:
        until = data["freeze_window"]["until"]
        ends = "" if until is None else f" until {moment(until)}"
        yield f"Changes are frozen{ends}: nothing is lowered or raised but by a boost.", "yellow"
    if (halted := data["halted"]) is not None:
        what = f"on {halted['router']} the change of {halted['circuit']} went wrong. netmon apply tries again now."
        yield f"The rollout is halted until {moment(halted['until'])}: {what}", "bold red"
    for one in data["left_alone"]:
        until = "a person asks" if one["until"] is None else moment(one["until"])
        yield f"{one['router']} is left alone until {until}; netmon apply tries it now.", "yellow"
    if (approval := data["approval"]) is not None:
        said = ", ".join(one["by"] for one in approval["approvals"]) or "nobody yet"
        if approval["approved"]:
            yield f"Approved by {said}.", "green"
        else:
            given = f"{len(approval['approvals'])} of {counted(approval['needed'], 'approval')} ({said})"
            whom, by = counted(approval["agencies"], "agency"), taken(approval["tightened_bps"])
            yield f"To be approved: limits of {whom} are lowered, by {by}; {given}.", "yellow"
            yield f"Approve with: netmon plan approve {approval['hash']} --reason WHY", "yellow"


def counted(number: int, thing: str) -> str:
    """`1 agency`, `2 agencies`, `3 bps` as a rate."""
    if thing == "bps":
        return rate(number)
    plural = f"{thing.removesuffix('y')}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number} {thing if number == 1 else plural}"


def taken(bps: int) -> str:
    """How much less may pass after a plan: of a port of unknown speed nobody can tell."""
    return rate(bps) if bps else "what is not known: no limit was in force"


def _print_commands(data: dict[str, Any]) -> None:
    if all("commands" not in change for change in data["changes"]):
        return
    click.echo(f"\n{RENDERED}\n")
    for change in data["changes"]:
        if change["commands"] or change["commands_objection"] is not None:
            click.echo(f"{change['router']}: {change['circuit']} {change['direction']}")
            for line in change["commands"]:
                click.echo(f"    {line}")
            if change["commands_objection"] is not None:
                click.echo(f"    cannot be told: {change['commands_objection']}")
            click.echo()

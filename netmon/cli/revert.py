"""netmon revert: take the limits off a circuit."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from netmon.cli.common import command_daemon, config_option, moment
from netmon.cli.outcome import print_outcome


@click.command("revert")
@click.argument("circuit")
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--for", "duration", metavar="DURATION", help="How long limits stay off, e.g. 2h; without it, 24h.")
@config_option
def command(circuit: str, reason: str, duration: str | None, config: Path) -> int:
    """Take netmon's limits off CIRCUIT at once and keep them off for a time."""
    from netmon.config.load import load

    args = {"circuit": circuit, "reason": reason}
    if duration is not None:
        args["for"] = duration
    answer = command_daemon(load(config), "revert", args)
    click.echo(f"No limit is set on {circuit} until {moment(answer['held_until'])}.")
    return print_outcome(answer)

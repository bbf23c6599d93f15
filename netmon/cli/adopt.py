"""netmon adopt: take a router over from another netmon."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from netmon.cli.common import command_daemon, config_option
from netmon.cli.orders import reason_option


@click.command("adopt")
@click.argument("router")
@click.option("--take-over", is_flag=True, help="Write this netmon's marker over the other's; limits stay as they are.")
@reason_option
@config_option
def command(router: str, take_over: bool, reason: str, config: Path) -> int:
    """Take ROUTER over from another netmon, or from a copy of this one's ledger.

    Make sure first that the other one is stopped: two netmons on one router undo each other's work.
    """
    from netmon.config.load import load

    if not take_over:
        raise click.UsageError("adopt takes a router over from another netmon; say so with --take-over")
    answer = command_daemon(load(config), "take_over", {"router": router, "reason": reason})
    before = answer["before"] or "nobody's"
    click.echo(f"{router} was {before} and is {answer['after']} now. netmon preflight {router} shows what is on it.")
    return 0

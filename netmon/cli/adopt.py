"""netmon adopt: set aside what somebody else has set at a circuit's port; or take a router over from another netmon."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from netmon.cli.common import command_daemon, config_option, console, print_shapers, refuse_router, status_line
from netmon.cli.orders import reason_option


@click.command("adopt")
@click.argument("name", metavar="CIRCUIT|ROUTER")
@click.option("--take-over", is_flag=True, help="ROUTER: write this netmon's marker over another's; limits stay.")
@reason_option
@config_option
def command(name: str, take_over: bool, reason: str, config: Path) -> int:
    """Set aside what somebody else has set at CIRCUIT's port, so that netmon may limit it.

    What is there is recorded first, with all that `netmon release CIRCUIT` needs to put it back as it was. What could
    not be put back exactly is not touched. With --take-over ROUTER is taken over from another netmon, or from a copy of
    this one's ledger: make sure first that the other one is stopped.
    """
    from netmon.config.load import load

    configuration = load(config)
    if take_over:
        answer = command_daemon(configuration, "take_over", {"router": name, "reason": reason})
        before = answer["before"] or "nobody's"
        click.echo(f"{name} was {before} and is {answer['after']} now. netmon preflight {name} shows what is on it.")
        return 0
    refuse_router(configuration, name, "take the router over with --take-over")
    with status_line() as say:
        say(f"looking at the port of {name}")
        answer = command_daemon(configuration, "adopt", {"circuit": name, "reason": reason})
    print_shapers(answer["things"])
    console().print(
        f"Set aside at {answer['interface']} of {answer['router']}: netmon may limit {name} now. To put it back: netmon"
        f" release {name} --reason WHY"
    )
    return 0

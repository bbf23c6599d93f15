"""netmon resume: end a global release."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from netmon.cli.common import command_daemon, config_option
from netmon.cli.orders import reason_option


@click.command("resume")
@reason_option
@config_option
def command(reason: str, config: Path) -> int:
    """End a global release: netmon may set limits again, from its next decision on."""
    from netmon.config.load import load

    answer = command_daemon(load(config), "resume", {"reason": reason})
    click.echo(f"The release by {answer['by']} ({answer['reason']}) is ended; netmon may set limits again.")
    return 0

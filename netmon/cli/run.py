"""netmon run: the daemon."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from netmon.cli.common import config_option


@click.command("run")
@config_option
def command(config: Path) -> int:
    """Poll, account, judge, enforce and tell, until told to stop.

    SIGTERM ends it within ten seconds; SIGHUP has it read the configuration again.
    """
    from netmon.daemon.service import run

    return run(config)

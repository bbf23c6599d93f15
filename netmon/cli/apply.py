"""netmon apply: carry the plan out now."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from netmon.cli.common import config_option
from netmon.cli.outcome import print_outcome


@click.command("apply")
@click.option("--hash", "digest", metavar="HASH", help="Only if the plan still is the one of this hash (netmon plan).")
@config_option
def command(digest: str | None, config: Path) -> int:
    """Judge now, carry the plan out, and wait for the receipts.

    The running daemon does it; where none runs, this command takes its lock and does it itself.
    """
    from netmon.cli.common import command_daemon
    from netmon.config.load import load

    return print_outcome(command_daemon(load(config), "apply", {} if digest is None else {"hash": digest}))

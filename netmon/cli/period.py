"""netmon period: closing accounting periods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import (
    command_daemon,
    config_option,
    console,
    ledger_of,
    moment,
    output_option,
    print_document,
    table,
)


@click.group("period")
def command() -> None:
    """Close accounting periods, and show which were closed."""


@command.command("close")
@click.argument("agencies", metavar="[AGENCY]...", nargs=-1)
@click.option("--period", help="2026-11, 2026-W47, 2026-11-22 or 2026; without it, each agency's last that ended.")
@click.option("--reason", required=True, help="Why, for the record.")
@config_option
@output_option
def close(agencies: tuple[str, ...], period: str | None, reason: str, config: Path, output: str) -> int:
    """Write down what was used in a period that is over, for all agencies or those named.

    Closed again, a period whose figures have changed since gets its next revision; the earlier ones stay.
    """
    from netmon.config.load import load
    from netmon.daemon.bookkeeping import CLOSE_PERIOD

    args: dict[str, Any] = {"agencies": list(agencies), "reason": reason}
    if period is not None:
        args["period"] = period
    answer = command_daemon(load(config), CLOSE_PERIOD, args)
    if output == "json":
        print_document("period-close", answer)
        return 0
    if answer["closed"]:
        _print(answer["closed"])
    for one in answer["unchanged"]:
        click.echo(f"{one['period']} of {one['agency']} is closed already, and nothing has changed.")
    return 0


@command.command("list")
@click.argument("agency", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
@config_option
@output_option
def listed(agency: str | None, limit: int, config: Path, output: str) -> int:
    """Show what was closed, every revision, the newest first."""
    from netmon.config.load import load
    from netmon.daemon.bookkeeping import closing_rows

    with ledger_of(load(config)) as reader:
        rows = closing_rows(reader, agency, limit)
    if output == "json":
        print_document("periods", rows)
    elif rows:
        _print(rows)
    else:
        click.echo("No period has been closed yet.")
    return 0


def _print(rows: list[dict[str, Any]]) -> None:
    shown = table("PERIOD", "AGENCY", "REV", "AT", "BY", "WHY", figures=("REV",), fold=("AGENCY", "BY", "WHY"))
    for row in rows:
        why = row["reason"].replace("_", " ")
        shown.add_row(
            row["period"],
            row["agency"],
            str(row["revision"]),
            moment(row["at"]),
            row["by"],
            why if row["note"] is None else f"{why}: {row['note']}",
        )
    console().print(shown)

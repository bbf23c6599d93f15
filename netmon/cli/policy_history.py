"""netmon policies history: which configurations were taken up, and what changed from each to the next."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, moment, output_option, print_document, table

DIGITS = 12
"""Of a digest in a table."""


@click.command("history")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The newest so many.")
@click.option("--since", help="A date or time (RFC 3339), in the site's zone unless it has an offset.")
@click.option("--show", "which", metavar="WHICH", help="What changed with one: its number, or how its digest begins.")
@config_option
@output_option
def history(limit: int, since: str | None, which: str | None, config: Path, output: str) -> int:
    """Show the configurations that netmon took up, policies included, the newest first."""
    from netmon.config.load import load
    from netmon.daemon.revisions import history_rows

    configuration = load(config)
    with ledger_of(configuration) as reader:
        rows = history_rows(reader, configuration.settings.site.timezone, limit, since, which)
    if output == "json":
        print_document("policies-history", rows)
    elif which is not None:
        _print_changes(rows[0])
    elif rows:
        _print(rows)
    else:
        click.echo("No configuration has been taken up" + (" yet." if since is None else f" since {since}."))
    return 0


def _print(rows: list[dict[str, Any]]) -> None:
    shown = table("NUMBER", "AT", "BY", "NETMON", "DIGEST", "CHANGES", figures=("NUMBER", "CHANGES"), fold=("NETMON",))
    for row in rows:
        count = row["change_count"]
        shown.add_row(
            str(row["link"]),
            moment(row["at"]),
            row["event"],
            row["version"],
            row["digest"][:DIGITS],
            "-" if count is None else str(count),
        )
    console().print(shown)


def _print_changes(row: dict[str, Any]) -> None:
    out = console()
    out.print(f"{row['event']} at {moment(row['at'])}, netmon {row['version']}, {row['digest'][:DIGITS]}")
    if row["changes"] is None:
        out.print("There is no configuration before it to compare it with.")
    elif not row["changes"]:
        out.print("Nothing changed that means anything.")
    for section, changes in groupby(row["changes"] or (), lambda one: one["path"].partition(".")[0]):
        shown = table(section.upper(), "WAS", "IS", fold=(section.upper(), "WAS", "IS"))
        for one in changes:
            place = one["path"].removeprefix(f"{section}.")
            shown.add_row(place, one["before_text"] or "(absent)", one["after_text"] or "(absent)")
        out.print()
        out.print(shown)
    left_out = (row["change_count"] or 0) - len(row["changes"] or ())
    if left_out:
        out.print(f"\n... and at {left_out} more places, which were counted only.", style="dim")

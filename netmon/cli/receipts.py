"""netmon receipts: how changes went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import (
    config_option,
    console,
    ledger_of,
    moment,
    output_option,
    print_document,
    rate,
    rates,
    table,
)


@click.command("receipts")
@click.argument("receipt_id", metavar="[ID]", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@config_option
@output_option
def command(receipt_id: str | None, limit: int, config: Path, output: str) -> int:
    """Show the evidence of every change, newest first, or one receipt in full."""
    from netmon.config.load import load
    from netmon.daemon.queries import receipt_rows

    configuration = load(config)
    with ledger_of(configuration) as reader:
        rows = receipt_rows(reader, configuration.settings.site.timezone, receipt_id, limit)
    if output == "json":
        print_document("receipts", rows)
    elif receipt_id is not None:
        _print_one(rows[0])
    else:
        _print(rows)
    return 0


def _print(rows: list[dict[str, Any]]) -> None:
    shown = table("AT", "CIRCUIT", "WAY", "LIMIT", "OUTCOME", fold=("CIRCUIT",))
    for row in rows:
        shown.add_row(
            moment(row["at"]).replace(" ", "\n"),
            row["circuit"],
            row["direction"],
            rates(row["from_bps"], row["to_bps"], row["to_floor_bps"]),
            f"{row['outcome']}, {row['proof'].replace('_', ' ')}\n{row['id']}",
            style=None if row["outcome"] == "confirmed" else "bold red",
        )
    console().print(shown if rows else "No change has been tried yet.")


def _print_one(row: dict[str, Any]) -> None:
    for name, value in row.items():
        shown = rate(value) if name.endswith("_bps") else "-" if value is None else str(value)
        click.echo(f"{name.removesuffix('_bps').replace('_', ' '):<17}{shown}")

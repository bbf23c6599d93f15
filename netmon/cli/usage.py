"""netmon usage: who used how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, output_option, print_document, rate, table, volume

APPORTIONED = 0.01
"""A share of the usage worth a remark; the exact figures are in the JSON."""


@click.command("usage")
@click.argument("agency", required=False)
@click.option("--period", help="2026-11, 2026-W47, 2026-11-22 or 2026; without it, the running period of the quota.")
@click.option("--from", "start", help="A date or time (RFC 3339), in the agency's zone unless it has an offset.")
@click.option("--to", "end", help="Up to, not including; without it, now.")
@click.option(
    "--revision",
    type=click.IntRange(1),
    help="Of a closed period: as it was first written down (1), or at a later correction; without it, the newest.",
)
@click.option("--by", type=click.Choice(["agency", "circuit", "day"]), default="agency", show_default=True)
@config_option
@output_option
def command(
    agency: str | None,
    period: str | None,
    start: str | None,
    end: str | None,
    revision: int | None,
    by: str,
    config: Path,
    output: str,
) -> int:
    """Show what agencies used, how sure that is, and what of their quota."""
    if period is not None and (start is not None or end is not None):
        raise click.UsageError("--period and --from/--to exclude each other; give one of them")
    if revision is not None and (period is None or by == "day"):
        raise click.UsageError("--revision is about a closed period as a whole; give --period, and not --by day")
    import time

    from netmon.config.load import load
    from netmon.daemon.queries import By, Span, usage_rows

    configuration = load(config)
    with ledger_of(configuration) as reader:
        rows = usage_rows(configuration, reader, agency, Span(period, start, end), By(by), time.time_ns(), revision)
    if output == "json":
        print_document("usage", rows)
    else:
        _print(rows, by)
    return 0


def _print(rows: list[dict[str, Any]], by: str) -> None:
    first = {"agency": ("AGENCY",), "circuit": ("AGENCY", "CIRCUIT"), "day": ("AGENCY", "DAY")}[by]
    figures = (
        ("USED", "QUOTA", "OF IT", "95TH PCT", "COVERED") if by == "agency" else ("USED", "95TH PCT", "PEAK", "COVERED")
    )
    shown = table(*first, "WAY", *figures, figures=figures, fold=("AGENCY", "CIRCUIT"))
    for row in rows:
        where = {"agency": (), "circuit": (row["circuit"],), "day": (row["period_start"][:10],)}[by]
        used = row["proven_bytes"] + row["estimated_bytes"]
        cells = [f"~{volume(used)}" if row["estimated_bytes"] > used * APPORTIONED else volume(used)]
        if by == "agency":
            ratio = row["quota_used_ratio"]
            cells += [volume(row["quota_bytes"]), "-" if ratio is None else f"{ratio:.1%}"]
        coverage = row["coverage_ratio"]
        cells.append(rate(row["p95_bps"]))
        if by != "agency":
            cells.append(rate(row["peak_bps"]))
        cells += ["-" if coverage is None else f"{coverage:.1%}"]
        style = "red" if (row["quota_used_ratio"] or 0) >= 1 else None
        shown.add_row(row["agency"] or "", *where, row["direction"], *cells, style=style)
    out = console()
    out.print(shown)
    periods = sorted({(row["period_start"], row["period_end"]) for row in rows}) if by != "day" else []
    for start, end in periods[:3]:
        out.print(f"Period {_clock(start)} to {_clock(end)}{_revisions(rows, start, end)}.", style="dim")
    if any(row["estimated_bytes"] > (row["proven_bytes"] + row["estimated_bytes"]) * APPORTIONED for row in rows):
        out.print(f"~ more than {APPORTIONED:.0%} of it is apportioned at the period's edge.", style="dim")


def _revisions(rows: list[dict[str, Any]], start: str, end: str) -> str:
    """`, closed, revision 1`; nothing where it is open."""
    found = {row["revision"] for row in rows if (row["period_start"], row["period_end"]) == (start, end)} - {None}
    return f", closed, revision {' and '.join(map(str, sorted(found)))}" if found else ""


def _clock(instant: str) -> str:
    return instant[:16].replace("T", " ")

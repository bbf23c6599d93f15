"""netmon whatif: a period of the past under other policies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, output_option, print_document, rate, table, volume

SHOWN = 50
"""Rows of the table; the rest are counted."""
NAMED = 3
_CUT_OFF = (
    "Cut off is what was carried beyond the limit; whether it would have been tried again later is not known, so"
    " nothing is carried over."
)
_CENSORED = (
    "{} of agencies' time were measured under limits that were really in force (WAS): what was wanted then is not"
    " known, and nothing is added to it."
)
_UNMEASURED = "{} of agencies' time were not measured; nothing is said of them."
_WASTED = "WASTED is what was cut off although the pool had room for it."


@click.command("whatif")
@click.option(
    "--policies",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Quota policies, or a whole configuration, in the place of what is configured.",
)
@click.option("--period", required=True, help="2026-10, 2026-W47, 2026-11-22 or 2026, in the site's zone.")
@click.option("--agency", "agencies", multiple=True, help="Only this one; may be given several times.")
@click.option(
    "--picture",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw it, as .png or .svg; an existing file is replaced.",
)
@config_option
@output_option
def command(
    policies: Path | None, period: str, agencies: tuple[str, ...], picture: Path | None, config: Path, output: str
) -> int:
    """Replay the ledger's history under other policies: who would have been slowed, when, and by how much.

    DIR holds quota policies (*.yaml), each of which takes the place of the one of its name, or a configuration, which
    takes the place of the whole but for the ledger. Nothing is altered, on routers or in the ledger.
    """
    import time

    from netmon.config.alternative import alternative
    from netmon.config.load import load
    from netmon.daemon.whatif import replayed, whatif_data

    if picture is not None:
        _can_draw(picture)
    configuration = load(config)
    with ledger_of(configuration) as reader:
        other = configuration if policies is None else alternative(configuration, policies)
        found = replayed(other, reader, period, agencies, time.time_ns())
    data = whatif_data(found, None if policies is None else str(policies))
    if picture is not None:
        from netmon.cli.pictures import draw

        draw(found, picture)
    if output == "json":
        print_document("whatif", data)
    else:
        _print(data)
    return 0


def _can_draw(picture: Path) -> None:
    """Before a minute's work, not after it."""
    if picture.suffix not in (".png", ".svg"):
        raise click.UsageError(f"{picture}: a picture is .png or .svg; give it one of these endings")
    if not picture.absolute().parent.is_dir():
        raise click.UsageError(f"{picture}: there is no such directory; make it first")
    try:
        import netmon.cli.pictures  # noqa: F401
    except ModuleNotFoundError as error:
        raise click.ClickException(
            "a picture needs matplotlib, which is not installed; run pip install 'netmon[pictures]'"
        ) from error


def _print(data: dict[str, Any]) -> None:
    out = console()
    rows = data["agencies"]
    if rows:
        out.print(_agencies(rows[:SHOWN]))
    if len(rows) > SHOWN:
        out.print(f"... and {len(rows) - SHOWN} more; --output json has all of them.", style="dim")
    if data["pools"]:
        out.print()
        out.print(_pools(data["pools"]))
    out.print()
    for sentence, style in _sentences(data):
        out.print(sentence, style=style)


def _agencies(rows: list[dict[str, Any]]) -> Any:
    figures = ("WAS", "LIMITED", "SLOWED", "LEAST", "CUT OFF")
    shown = table("AGENCY", "WAY", *figures, "FIRST", figures=figures, fold=("AGENCY",))
    for row in rows:
        would = row["would_be"]
        first = would["first_slowed"] or would["first_limited"]
        shown.add_row(
            row["agency"],
            row["direction"],
            _time(row["was"]["limited_seconds"]),
            _time(would["limited_seconds"]),
            _time(would["slowed_seconds"]),
            rate(would["least_limit_bps"]),
            volume(would["cut_bytes"] or None),
            "-" if first is None else first[5:16].replace("T", " "),
            style="bold red" if row["floor_broken_seconds"] else None,
        )
    return shown


def _pools(rows: list[dict[str, Any]]) -> Any:
    figures = ("BOUGHT", "CARRIED", "WOULD BE", "OF IT", "SCARCE", "WASTED")
    shown = table("POOL", "WAY", *figures, figures=figures, fold=("POOL",))
    for row in rows:
        shown.add_row(
            row["pool"],
            row["direction"],
            rate(row["purchased_bps"]),
            rate(row["was"]["mean_bps"]),
            rate(row["would_be"]["mean_bps"]),
            f"{row['would_be']['utilisation_ratio']:.1%}",
            _time(row["scarce_seconds"]),
            volume(row["wasted_bytes"] or None),
        )
    return shown


def _sentences(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    totals = data["totals"]
    start, end = (data[name][:16].replace("T", " ") for name in ("start", "end"))
    yield (
        (
            f"{start} to {end} ({data['timezone']}): {totals['agencies_slowed']} of {totals['agencies']} agencies would"
            f" have been slowed, and {volume(totals['cut_bytes'])} of {volume(totals['carried_bytes'])} cut off."
        ),
        "bold",
    )
    broken = list(dict.fromkeys(row["agency"] for row in data["agencies"] if row["floor_broken_seconds"]))
    if broken:
        names = ", ".join(broken[:NAMED]) + (", ..." if len(broken) > NAMED else "")
        yield f"Floors would have been broken for {_time(totals['floor_broken_seconds'])}: {names}.", "bold red"
    for told, sentence in (
        (totals["cut_bytes"], _CUT_OFF),
        (totals["censored_seconds"], _CENSORED),
        (totals["unmeasured_seconds"], _UNMEASURED),
        (data["pools"], _WASTED),
    ):
        if told:
            yield sentence.format(_time(told) if isinstance(told, int) else ""), "dim"


def _time(seconds: int) -> str:
    from netmon.core.model import NANOSECONDS
    from netmon.core.units import format_duration

    return format_duration(seconds * NANOSECONDS) if seconds else "-"

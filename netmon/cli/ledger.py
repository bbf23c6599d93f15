"""netmon ledger: checking, copying, putting back and exporting what netmon knows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import rich_click as click

from netmon.cli.common import (
    config_option,
    console,
    ledger_location,
    output_option,
    print_document,
    status_line,
    volume,
)

if TYPE_CHECKING:
    from netmon.store.care import Examination
    from netmon.store.location import Location


@click.group("ledger")
def command() -> None:
    """Check, back up, restore and export the ledger."""


@command.command("check")
@click.argument("ledger", metavar="[LEDGER]", required=False, type=click.Path(path_type=Path))
@click.option("--within", metavar="DURATION", default="30m", show_default=True, help="Longer it may not take.")
@config_option
@output_option
def check(ledger: Path | None, within: str, config: Path, output: str) -> int:
    """Examine the ledger, or the backup LEDGER, and name the first thing wrong with it.

    Reads only, also while the daemon runs.
    """
    from netmon.store.care import examine

    where = ledger if ledger is not None else ledger_location(config)
    with status_line() as say:
        found = examine(where, _duration(within), lambda name, count: say(f"{name} {count or ''}"))
    if output == "json":
        print_document("ledger-check", {"path": str(where), **_data(found)})
    else:
        _print(found, where)
    return 0 if found.fault is None else 1


@command.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def backup(file: Path, config: Path) -> int:
    """Copy the ledger as it is now to FILE, and examine the copy. The daemon goes on meanwhile.

    An existing FILE is not overwritten.
    """
    from netmon.store.backup import back_up

    ledger = ledger_location(config)
    with status_line() as say:
        made = back_up(
            ledger,
            file,
            lambda done, total: say(f"copied {done * 100 // max(total, 1)} %"),
            lambda name, count: say(f"examining the copy: {name} {count or ''}"),
        )
    click.echo(f"{file}: {volume(made.size_bytes)}, head {made.head}")
    if made.examination.fault is None:
        return 0
    fault = made.examination.fault
    console().print(f"FAULT, in the ledger as well ({fault.name}): {fault.fault}; {fault.remedy}.", style="bold red")
    return 1


@command.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def restore(file: Path, config: Path) -> int:
    """Put the backup FILE in the ledger's place. Only while no daemon runs; what it replaces is kept beside it."""
    import time

    from netmon.config.load import load
    from netmon.store.backup import restore as put_back

    settings = load(config).settings.ledger
    with status_line() as say:
        done = put_back(settings, file, time.time_ns(), lambda name, count: say(f"examining {name} {count or ''}"))
    click.echo(f"{settings.location}: restored from {file}, head {done.head}")
    if done.kept is not None:
        click.echo(f"What it replaced is kept as {done.kept}; delete it once you are sure.")
    click.echo("Limits are believed as the backup has them: start netmon, and compare netmon status with the routers.")
    return 0


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--table",
    "name",
    required=True,
    type=click.Choice(["visits", "gaps", "verdicts", "receipts", "directives", "requests"]),
    help="What.",
)
@click.option("--format", "form", type=click.Choice(["csv", "jsonl", "parquet"]), default="csv", show_default=True)
@click.option("--from", "start", help="A date or time (RFC 3339), in the site's zone unless it has an offset.")
@click.option("--to", "end", help="Up to, not including.")
@config_option
def export(file: Path, name: str, form: str, start: str | None, end: str | None, config: Path) -> int:
    """Write a table to FILE, every number exact; - is standard output.

    An existing FILE is not overwritten.
    """
    from netmon.config.load import load
    from netmon.daemon.queries import instant
    from netmon.store.newfile import new_file

    configuration = load(config)
    zone, ledger = configuration.settings.site.timezone, configuration.settings.ledger.location
    span = {key: instant(text, zone) for key, text in (("from_ns", start), ("to_ns", end)) if text is not None}
    if str(file) == "-":
        _export(ledger, name, form, sys.stdout.buffer, span)
        return 0
    with new_file(file) as into:
        count = _export(ledger, name, form, into, span)
    click.echo(f"{file}: {count} rows")
    return 0


def _export(ledger: Location, name: str, form: str, into: BinaryIO, span: dict[str, int]) -> int:
    from netmon.store.export import Form, export_table
    from netmon.store.export_tables import TableName

    with status_line() as say:
        return export_table(ledger, TableName(name), Form(form), into, told=lambda count: say(f"{count} rows"), **span)


def _duration(text: str) -> int:
    from netmon.core.units import UnitError, parse_duration

    try:
        return parse_duration(text)
    except UnitError as error:
        raise click.UsageError(f"--within: {error}") from None


def _data(found: Examination) -> dict[str, Any]:
    return {
        "ok": found.fault is None,
        "checks": [
            {
                "name": one.name,
                "examined": one.examined,
                "duration_seconds": round(one.seconds, 3),
                "fault": one.fault,
                "remedy": one.remedy,
            }
            for one in found.checks
        ],
    }


def _print(found: Examination, ledger: Location) -> None:
    out = console()
    for one in found.checks:
        if one.fault is None:
            out.print(f"{one.name:<11}{one.examined:>12}  sound")
        else:
            out.print(f"{one.name:<11}FAULT: {one.fault}", style="bold red")
            out.print(f"Do: {one.remedy}.")
    if found.fault is None:
        out.print(f"{ledger} is sound.", soft_wrap=True)

"""netmon boost, exempt, freeze, end and directives: what people decide for a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, moment, output_option, print_document, table
from netmon.cli.orders import (
    hand_in,
    print_ended,
    print_given,
    rate_options,
    rates_given,
    reason_option,
    time_options,
)


@click.command("boost")
@click.argument("agency")
@rate_options
@time_options
@reason_option
@config_option
def boost(agency: str, rate: str | None, download: str | None, upload: str | None, config: Path, **timed: str) -> int:
    """Give AGENCY at least RATE for a time, whatever its quota's step or its ceiling says.

    It ends by itself, whether netmon is up then or not. A newer boost replaces the one in force.
    """
    args = {"agency": agency, **rates_given(rate, download, upload), **_timed(**timed)}
    print_given(hand_in(config, "boost", args))
    return 0


@click.command("exempt")
@click.argument("agency")
@click.option("--policy", metavar="NAME", help="Only this quota policy; without it, all of the agency's.")
@time_options
@reason_option
@config_option
def exempt(agency: str, policy: str | None, config: Path, **timed: str) -> int:
    """Keep quota policies from slowing AGENCY for a time; what it uses is counted all the same."""
    print_given(hand_in(config, "exempt", {"agency": agency, "policy": policy, **_timed(**timed)}))
    return 0


@click.command("freeze")
@click.argument("agency", required=False)
@click.option("--all", "everybody", is_flag=True, help="All agencies.")
@time_options
@reason_option
@config_option
def freeze(agency: str | None, everybody: bool, config: Path, **timed: str) -> int:
    """Alter no limit of AGENCY, or of anybody, for a time or until it is ended."""
    print_given(hand_in(config, "freeze", {"agency": agency, "all": everybody or None, **_timed(**timed)}))
    return 0


@click.command("end")
@click.argument("directive_id", metavar="ID")
@reason_option
@config_option
def end(directive_id: str, reason: str, config: Path) -> int:
    """End a boost, exemption, freeze or degradation before its time."""
    print_ended(hand_in(config, "end", {"id": directive_id, "reason": reason}))
    return 0


@click.command("directives")
@click.option("--all", "ended", is_flag=True, help="Those that are over, too, the newest first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="With --all: so many.")
@config_option
@output_option
def directives(ended: bool, limit: int, config: Path, output: str) -> int:
    """Show which boosts, exemptions, freezes and degradations are in force."""
    import time

    from netmon.config.load import load
    from netmon.daemon.queries import directive_rows

    configuration = load(config)
    with ledger_of(configuration) as reader:
        zone = configuration.settings.site.timezone
        rows = directive_rows(reader, zone, time.time_ns(), limit if ended else None)
    if output == "json":
        print_document("directives", rows)
    elif rows:
        _print(rows)
    else:
        click.echo("No directive has been given yet." if ended else "No directive is in force.")
    return 0


def _print(rows: list[dict[str, Any]]) -> None:
    shown = table("ID", "WHAT", "TIME", "WHY", fold=("WHAT", "WHY"))
    for row in rows:
        why = f"{row['by']}: {row['reason']}"
        if row["ended_by"] is not None:
            why += f"\nended by {row['ended_by']}: {row['ended_reason']}"
        shown.add_row(row["id"], row["effect"], _time(row), why, style=None if row["in_force"] else "dim")
    console().print(shown)


def _time(row: dict[str, Any]) -> str:
    end = row["ended_at"] or row["until"]
    return f"{moment(row['at'])}\n{'until ended' if end is None else moment(end)}"


def _timed(lasts: str | None, until: str | None, reason: str) -> dict[str, str | None]:
    return {"for": lasts, "until": until, "reason": reason}

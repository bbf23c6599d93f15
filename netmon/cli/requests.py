"""netmon request, requests, approve and refuse: an agency asks for more, and named persons decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import config_option, console, ledger_of, moment, output_option, print_document, rate, table
from netmon.cli.orders import (
    behalf_option,
    for_option,
    hand_in,
    print_given,
    rate_options,
    rates_given,
    reason_option,
)


@click.command("request")
@click.argument("agency")
@rate_options
@for_option
@reason_option
@behalf_option
@config_option
def request(
    agency: str,
    rate: str | None,
    download: str | None,
    upload: str | None,
    lasts: str | None,
    reason: str,
    on_behalf: str | None,
    config: Path,
) -> int:
    """Ask for a boost of AGENCY to RATE, to begin when others approve it.

    How many must, and how long that may take, is in the configuration (control.approvals, request_expires).
    """
    args = {"agency": agency, **rates_given(rate, download, upload), "for": lasts}
    asked = hand_in(config, "request", {**args, "reason": reason, "on_behalf": on_behalf})["request"]
    needed = "one other person" if asked["approvals_needed"] == 1 else f"{asked['approvals_needed']} other persons"
    click.echo(f"{asked['id']} waits to be approved by {needed} until {moment(asked['expires'])}.")
    return 0


@click.command("approve")
@click.argument("request_id", metavar="ID")
@click.option("--reason", help="Why, for the record.")
@behalf_option
@config_option
def approve(request_id: str, reason: str | None, on_behalf: str | None, config: Path) -> int:
    """Approve a request; the last approval needed makes the boost, which begins at once."""
    answer = hand_in(config, "approve", {"id": request_id, "reason": reason, "on_behalf": on_behalf})
    if "directive" in answer:
        print_given(answer)
    else:
        click.echo(f"You approved {request_id}; another person must approve it, too.")
    return 0


@click.command("refuse")
@click.argument("request_id", metavar="ID")
@reason_option
@behalf_option
@config_option
def refuse(request_id: str, reason: str, on_behalf: str | None, config: Path) -> int:
    """Refuse a request, or take back one's own."""
    hand_in(config, "refuse", {"id": request_id, "reason": reason, "on_behalf": on_behalf})
    click.echo(f"{request_id} is refused.")
    return 0


@click.command("requests")
@click.option("--all", "decided", is_flag=True, help="Those decided or expired, too, the newest first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="So many at most.")
@config_option
@output_option
def requests(decided: bool, limit: int, config: Path, output: str) -> int:
    """Show what agencies ask for and nobody has decided yet."""
    import time

    from netmon.config.load import load
    from netmon.daemon.queries import request_rows

    configuration = load(config)
    needed = configuration.settings.control.approvals
    with ledger_of(configuration) as reader:
        zone = configuration.settings.site.timezone
        rows = request_rows(reader, zone, time.time_ns(), needed, limit, decided=decided)
    if output == "json":
        print_document("requests", rows)
    elif rows:
        _print(rows)
    else:
        click.echo("Nothing has been asked for yet." if decided else "No request waits to be decided.")
    return 0


def _print(rows: list[dict[str, Any]]) -> None:
    from netmon.core.model import NANOSECONDS
    from netmon.core.units import format_duration

    shown = table("ID", "AGENCY", "ASKED FOR", "STATE", "WHO SAID WHAT", fold=("AGENCY", "STATE", "WHO SAID WHAT"))
    for row in rows:
        lasts = format_duration(row["duration_seconds"] * NANOSECONDS)
        asked = f"{rate(row['download_bps'])} down\n{rate(row['upload_bps'])} up\nfor {lasts}"
        words = [f"asked: {_said(row)}", *(f"approved: {_said(one)}" for one in row["approvals"])]
        if row["refusal"] is not None:
            words.append(f"refused: {_said(row['refusal'])}")
        shown.add_row(row["id"], row["agency"], asked, _state(row), "\n".join(words))
    console().print(shown)


def _state(row: dict[str, Any]) -> str:
    if row["state"] == "pending":
        return f"{len(row['approvals'])} of {row['approvals_needed']}, until\n{moment(row['expires'])[:16]}"
    return row["state"] if row["directive"] is None else f"approved: {row['directive']}"


def _said(word: dict[str, Any]) -> str:
    who = word["by"] if word["on_behalf_of"] is None else f"{word['by']} for {word['on_behalf_of']}"
    return who if word["reason"] is None else f"{who}: {word['reason']}"

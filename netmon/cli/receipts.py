"""netmon receipts: how changes went."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
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


class _Receipts(click.RichGroup):
    """`receipts`, `receipts ID` and `receipts show ID`: a word that is no verb is an id."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return args[0], self.commands[args[0]], args[1:]
        return _ONE, _one, args


_ONE = "ID"


@click.group("receipts", cls=_Receipts, invoke_without_command=True, subcommand_metavar="[ID | show ID]")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@config_option
@output_option
@click.pass_context
def command(ctx: click.Context, limit: int, config: Path, output: str) -> int:
    """Show the evidence of every change, newest first, or one receipt in full."""
    if ctx.invoked_subcommand is None:
        return _show(None, limit, config, output)
    given = {"limit": limit, "config": config, "output": output}
    ctx.default_map = {_ONE: given, "show": given}
    return 0


@click.command(_ONE, hidden=True)
@click.argument("receipt_id", metavar="ID")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, hidden=True)
@config_option
@output_option
def _one(receipt_id: str, limit: int, config: Path, output: str) -> int:
    """One receipt as the list has it."""
    return _show(receipt_id, limit, config, output)


@command.command("show")
@click.argument("receipt_id", metavar="ID")
@config_option
@output_option
def show(receipt_id: str, config: Path, output: str) -> int:
    """Show everything of one change: why, its steps and their times, the proof, what was said, its place in the chain.

    Ends with 1 where the chain's link does not hold.
    """
    from netmon.config.load import load
    from netmon.daemon.receipts import receipt_data

    configuration = load(config)
    with ledger_of(configuration) as reader:
        data = receipt_data(reader, configuration.settings.site.timezone, receipt_id)
    if output == "json":
        print_document("receipt", data)
    else:
        _print_all(data)
    return int(not data["chain"]["verified"])


def _show(receipt_id: str | None, limit: int, config: Path, output: str) -> int:
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


_PROOFS = {
    "configured": "configured, not read back",
    "read_back": "read back from the router",
    "observed": "observed: traffic pressed against it and passed no faster",
    "not_testable": "none: what the router has was not read",
}


def _print_all(data: dict[str, Any]) -> None:
    out = console()
    good = data["outcome"] == "confirmed"
    out.print(f"{data['id']}: {data['outcome']}", style="bold green" if good else "bold red")
    for name, value in _facts(data):
        lines = textwrap.wrap(value, max(out.width - 15, 20)) or ["-"]
        for number, line in enumerate(lines):
            out.print(f"{name if number == 0 else '':<15}{line}")
    if data["transcript"] is not None:
        out.print("\nWhat was said on the router:", style="bold")
        out.print(data["transcript"].rstrip("\n"), style="dim", soft_wrap=True)


def _facts(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "circuit", f"{data['circuit']} on {data['router']}, {data['direction']} (agency {data['agency']})"
    yield "limit", rates(data["from_bps"], data["to_bps"], data["to_floor_bps"]).replace("\n", ", ")
    rule = "" if data["rule"] is None else f", {data['rule']['file']}:{data['rule']['line']}"
    yield "why", data["reason"].replace("_", " ") + rule
    if (decision := data["decision"]) is not None:
        policy = "" if decision["policy"] is None else f", policy {decision['policy']}, step {decision['step']}"
        yield "decided", f"{moment(decision['at'])}: {decision['reason'].replace('_', ' ')}{policy}"
    if (placement := data["to_placement"]) is not None:
        under = f", under {' / '.join(placement['above'])}" if placement["above"] else ""
        yield "placed", f"weight {placement['weight']}, priority {placement['priority']}{under}"
    if (intent := data["intent"]) is not None:
        yield "begun", moment(intent["at"])
        for one in intent["steps"]:
            yield "", f"{one['at'][11:23]}  {one['step'].replace('_', ' ')}"
    yield "ended", f"{moment(data['at'])}, after {data['duration_seconds']:g} s"
    yield "outcome", f"{data['outcome']}: {data['detail']}"
    yield "proof", _PROOFS[data["proof"]]
    if (seen := data["observation"]) is not None:
        passed = f"{rate(seen['rate_bps'])} passed in {seen['window_seconds']} s"
        yield "observed", f"{moment(seen['at'])}: {passed} under the limit of {rate(seen['limit_bps'])}"
    yield "safety", "guarded: the router would have undone it by itself" if data["guarded"] else "UNGUARDED"
    if intent is not None and intent["expires_seconds"] is not None:
        yield "expiry", f"the router ends it after {intent['expires_seconds']} s unless it is renewed"
    chain = data["chain"]
    signed = "" if chain["signed_by"] is None else f", signed by {chain['signed_by'][:16]}"
    fault = "hash verified" if chain["verified"] else f"DOES NOT HOLD: {chain['fault']}"
    yield "chain", f"link {chain['sequence']} of {chain['id'][:16]}, {fault}{signed}"
    yield "hash", data["hash"]

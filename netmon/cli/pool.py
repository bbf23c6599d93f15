"""netmon pool: what was purchased, what was delivered, and what is left when a part of it is known to fail."""

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
    table,
    volume,
)
from netmon.cli.orders import hand_in, print_ended, print_given, rate_options, rates_given, reason_option, time_options

PRECISE_BELOW = 1000
"""Prices per Mb/s are told to the hundredth below this."""


@click.group("pool")
def command() -> None:
    """Show what was purchased against what was delivered, and say what of it is degraded."""


@command.command("degrade")
@click.argument("name")
@rate_options
@time_options
@reason_option
@config_option
def degrade(
    name: str,
    rate: str | None,
    download: str | None,
    upload: str | None,
    lasts: str | None,
    until: str | None,
    reason: str,
    config: Path,
) -> int:
    """Share out only RATE of the pool, uplink or backhaul NAME, for a time or until it is restored; 0: nothing."""
    args = {"name": name, **rates_given(rate, download, upload), "for": lasts, "until": until, "reason": reason}
    print_given(hand_in(config, "degrade", args))
    return 0


@command.command("restore")
@click.argument("name")
@reason_option
@config_option
def restore(name: str, reason: str, config: Path) -> int:
    """Share out all of the pool, uplink or backhaul NAME again."""
    print_ended(hand_in(config, "restore", {"name": name, "reason": reason}))
    return 0


@command.command("show")
@click.argument("name", required=False)
@click.option("--period", help="2026-11, 2026-W47, 2026-11-22 or 2026; without it, the running calendar month.")
@config_option
@output_option
def show(name: str | None, period: str | None, config: Path, output: str) -> int:
    """Show of the pool NAME, or of all: what was purchased, what there is now and why, what was delivered and used."""
    import time

    from netmon.config.load import load
    from netmon.daemon.pools import pool_rows

    configuration = load(config)
    with ledger_of(configuration) as reader:
        rows = pool_rows(configuration, reader, name, period, time.time_ns())
    if output == "json":
        print_document("pools", rows)
        return 0
    if not rows:
        click.echo("No pool is configured; write what was purchased under pools.")
    for number, row in enumerate(rows):
        if number:
            click.echo()
        _print(row)
    return 0


def _print(row: dict[str, Any]) -> None:
    out = console()
    number = None if row["contract"] is None else f"contract {row['contract']}"
    contract = ", ".join(filter(None, (row["class"], row["provider"], number)))
    out.print(f"{row['pool']} ({contract}), {row['period_start'][:10]} to {row['period_end'][:10]}", style="bold")
    figures = ("BOUGHT", "NOW", "DELIVERED", "95TH PCT", "PEAK", "USED")
    shown = table("WAY", *figures, figures=figures)
    for way in row["directions"]:
        shown.add_row(
            way["direction"],
            rate(way["purchased_bps"]),
            "nothing" if way["in_force_bps"] is None else rate(way["in_force_bps"]),
            _share(way["delivered_ratio"]),
            rate(way["p95_bps"]),
            rate(way["peak_bps"]),
            volume(way["bytes"]),
            style="red" if way["in_force_bps"] != way["purchased_bps"] else None,
        )
    out.print(shown)
    if row["uplinks"]:
        out.print(_uplinks(row["uplinks"]))
    for sentence in (*_why(row), *_residuals(row), *_price(row)):
        out.print(sentence)


def _uplinks(uplinks: list[dict[str, Any]]) -> Any:
    figures = ("UP", "UNKNOWN", "95TH PCT")
    shown = table("UPLINK", "PORT", "STATE", "SINCE", *figures, figures=figures, fold=("UPLINK", "PORT"))
    for uplink in uplinks:
        used = max((way["p95_bps"] for way in uplink["directions"] if way["p95_bps"] is not None), default=None)
        shown.add_row(
            f"{uplink['uplink']} (standby)" if uplink["standby"] else uplink["uplink"],
            f"{uplink['router']} {uplink['interface']}",
            "recovering" if uplink["reason"] == "recovering" else uplink["state"],
            "-" if uplink["since"] is None else moment(uplink["since"])[:16],
            _share(uplink["availability_ratio"]),
            _duration(uplink["unknown_seconds"]),
            rate(used),
            style="red" if uplink["state"] == "down" else None,
        )
    return shown


def _why(row: dict[str, Any]) -> list[str]:
    """A sentence for each cause; both directions have the same ones."""
    down, up = row["directions"]
    said = []
    for one, other in zip(down["causes"], up["causes"], strict=True):
        rates = f"{rate(one['bps'])} download, {rate(other['bps'])} upload"
        said.append(_CAUSES[one["reason"]].format(subject=one["subject"], rates=rates, directive=one["directive"]))
    return said


_CAUSES = {
    "uplinks_narrower": "The uplinks carry less than was bought: {rates}.",
    "down": "{subject} is down; lost with it: {rates}.",
    "degraded": "{subject} is degraded by {directive}; left of it: {rates}.",
    "standby": "{subject} stands in, with {rates}.",
    "nothing_left": "Nothing is left of {subject} in some direction; limits stay as they are.",
}


def _residuals(row: dict[str, Any]) -> list[str]:
    said = []
    for way in row["directions"]:
        sums = way["reconciliation"]
        if sums["residual_bytes"] is None or sums["residual_ratio"] is None:
            continue
        with_others = f" of {' and '.join(sums['pools'])} together" if len(sums["pools"]) > 1 else ""
        sign = "-" if sums["residual_bytes"] < 0 else ""
        said.append(
            f"{way['direction'].capitalize()}: agencies {volume(sums['agency_bytes'])}, uplinks{with_others}"
            f" {volume(sums['uplink_bytes'])}; not accounted for: {sign}{volume(abs(sums['residual_bytes']))}"
            f" ({sums['residual_ratio']:.1%})."
        )
    return said


def _price(row: dict[str, Any]) -> list[str]:
    price = row["price"]
    if price is None:
        return []
    used = row["price_per_used_mbps"]
    return [
        f"{price['amount']:,} {price['currency']} a month: {_money(row['price_per_purchased_mbps'])} per Mb/s bought"
        + (f", {_money(used)} per Mb/s used (95th percentile)." if used is not None else ".")
    ]


def _money(amount: float) -> str:
    """With hundredths only where they matter."""
    return f"{amount:,.2f}" if amount < PRECISE_BELOW else f"{amount:,.0f}"


def _share(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2%}"


def _duration(seconds: int) -> str:
    from netmon.core.model import NANOSECONDS
    from netmon.core.units import format_duration

    return format_duration(seconds * NANOSECONDS) if seconds else "-"

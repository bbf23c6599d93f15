"""What boost, exempt, freeze, pool, end, request, approve and refuse share: options, and the way to the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from netmon.cli.common import command_daemon, moment

F = TypeVar("F", bound=Callable[..., Any])

reason_option = click.option("--reason", required=True, help="Why, for the record.")
behalf_option = click.option("--by", "on_behalf", metavar="NAME", help="On whose behalf you say so.")
for_option = click.option("--for", "lasts", metavar="DURATION", help="How long, e.g. 4h or 3d.")


def rate_options(function: F) -> F:
    """`[RATE]`, `--download` and `--upload`."""
    for decorate in (
        click.option("--upload", metavar="RATE", help="That way, whatever RATE says."),
        click.option("--download", metavar="RATE", help="That way, whatever RATE says."),
        click.argument("rate", required=False),
    ):
        function = decorate(function)
    return function


def time_options(function: F) -> F:
    """`--for` and `--until`."""
    until = click.option("--until", metavar="TIME", help="2026-11-22, that day included, or 2026-11-22T16:00.")
    return for_option(until(function))


def rates_given(rate: str | None, download: str | None, upload: str | None) -> dict[str, str | None]:
    """As the desk wants them."""
    return {"download": download or rate, "upload": upload or rate}


def hand_in(config: Path, order: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Checks what can be checked here, then has the daemon carry it out, or does it where none runs.

    Raises OrderError for what is wrongly put, ControlRefusedError with the daemon's sentence.
    """
    import time

    from netmon.config.load import load
    from netmon.daemon.desk import check
    from netmon.daemon.orders import Order

    configuration = load(config)
    given = {name: value for name, value in args.items() if value is not None}
    check(configuration, Order(order), given, time.time_ns())
    return command_daemon(configuration, order, given)


def print_given(answer: Mapping[str, Any]) -> None:
    """The directive in one sentence, and what it replaced."""
    one = answer["directive"]
    until = "until it is ended" if one["until"] is None else f"until {moment(one['until'])}"
    click.echo(f"{one['id']}: {one['effect']} {until}.")
    if answer["replaced"] is not None:
        click.echo(f"{answer['replaced']} ends: {one['id']} replaces it.")


def print_ended(answer: Mapping[str, Any]) -> None:
    """What no longer holds."""
    one = answer["directive"]
    click.echo(f"{one['id']} is ended. No longer holds: {one['effect']}.")

"""What the verbs share: options, the JSON envelope, and the way to the daemon and the ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from netmon.config.load import Configuration
    from netmon.store.location import Location
    from netmon.store.reader import LedgerReader

DEFAULT_CONFIG = Path("/etc/netmon/netmon.yaml")

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

COUNTED_EVERY = 1000
"""Things between two updates of the terminal."""


def config_option(function: F) -> F:
    """`-c/--config`, also from NETMON_CONFIG."""
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        envvar="NETMON_CONFIG",
        default=DEFAULT_CONFIG,
        show_default=True,
        show_envvar=True,
        help="Configuration file, or a directory of them.",
    )(function)


def output_option(function: F) -> F:
    """`--output table|json`."""
    return click.option(
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="A table for people, or JSON for programs.",
    )(function)


def print_document(name: str, data: object) -> None:
    """Writes the contracts' envelope `netmon/<name>/1` to standard output."""
    import json
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    json.dump({"schema": f"netmon/{name}/1", "generated_at": now, "data": data}, sys.stdout, indent=2)
    sys.stdout.write("\n")


def console() -> Console:
    """For people: as wide as the terminal, 80 columns where there is none."""
    from rich.console import Console

    # No markup: what routers and operators wrote may hold brackets.
    return Console(width=None if sys.stdout.isatty() else 80, highlight=False, markup=False)


def table(*columns: str, figures: tuple[str, ...] = (), fold: tuple[str, ...] = ()) -> Table:
    """Figures stand right; only what may `fold` takes a second line, nothing is ever cut."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        if column in fold:
            made.add_column(column, overflow="fold")
        else:
            made.add_column(column, justify="right" if column in figures else "left", no_wrap=True)
    return made


@contextmanager
def ledger_of(configuration: Configuration) -> Iterator[LedgerReader]:
    """A reader of the configured ledger, closed at the end. Raises StoreError."""
    from netmon.store.reader import LedgerReader

    settings = configuration.settings.ledger
    reader = LedgerReader.open(settings.location, settings.busy_timeout)
    try:
        yield reader
    finally:
        reader.close()


def ledger_location(config: Path) -> Location:
    """Where the configured ledger is. Raises ConfigError."""
    from netmon.config.load import load

    return load(config).settings.ledger.location


@contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """A line on the terminal that says how far something is; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True, markup=False).status("...") as status:
        yield status.update


@contextmanager
def progress(of_what: str) -> Iterator[Callable[[Iterable[T]], Iterator[T]]]:
    """Passes things on while a line on the terminal counts them."""
    with status_line() as say:

        def counted(things: Iterable[T]) -> Iterator[T]:
            for number, thing in enumerate(things, 1):
                if number % COUNTED_EVERY == 0:
                    say(f"{number} {of_what}")
                yield thing

        yield counted


def command_daemon(configuration: Configuration, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Has the running daemon carry out the verb; where none runs, becomes the writer and does it here."""
    from netmon.daemon.control import ControlUnavailableError, request

    try:
        answer: dict[str, Any] = request(configuration.settings.control.socket, verb, args)
    except ControlUnavailableError:
        from netmon.daemon.oneshot import perform

        answer = perform(configuration, verb, args)
    return answer


def refuse_router(configuration: Configuration, name: str, otherwise: str) -> None:
    """Where a circuit is meant. Raises click.UsageError."""
    if name in configuration.settings.routers and all(one.id != name for one in configuration.circuits):
        raise click.UsageError(f"{name} is a router; name a circuit, or {otherwise}")


def print_shapers(things: Iterable[Mapping[str, Any]]) -> None:
    """What somebody else has set at a port, each with what puts it back."""
    shown = table("KIND", "NAME", "WAY", "SETTING", fold=("NAME", "SETTING"))
    for one in things:
        shown.add_row(one["kind"], one["name"], one["way"] or "both", one["setting"])
    console().print(shown)


def rate(bps: int | None) -> str:
    """`20 Mb/s`, or a dash."""
    from netmon.core.units import format_rate

    return "-" if bps is None else format_rate(bps)


def volume(octets: int | None) -> str:
    """`2 TB`, or a dash."""
    from netmon.core.units import format_volume

    return "-" if octets is None else format_volume(octets)


def rates(from_bps: int | None, to_bps: int | None, floor_bps: int | None = None) -> str:
    """`none -> 20 Mb/s`, and below it `floor 5 Mb/s` where there is one."""
    floor = "" if floor_bps is None else f"\nfloor {rate(floor_bps)}"
    return f"{'none' if from_bps is None else rate(from_bps)} -> {'none' if to_bps is None else rate(to_bps)}{floor}"


def moment(rfc3339: str) -> str:
    """`2026-11-22T08:15:30.123+07:00` -> `2026-11-22 08:15:30`."""
    return rfc3339[:19].replace("T", " ")

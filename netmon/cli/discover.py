"""netmon discover: which routers there are, and what the configuration would gain by them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import rich_click as click

from netmon.cli.common import config_option, console, output_option, print_document, table

if TYPE_CHECKING:
    from rich.console import Console

    from netmon.config.proposal import ProposedRouter
    from netmon.daemon.discovering import Discovery, Progress

INTERRUPTED: Final = 130
MOST: Final = 4096
EVER: Final = 65_536

_WHY: Final = {
    "no_reply": "no reply: nothing there, this host not admitted, or no credential right",
    "unreachable": "cannot be reached",
    "refused": "an SNMPv3 agent that refuses the user",
    "unusable": "answered, and cannot be used",
}
_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


@click.command("discover")
@click.argument("targets", metavar="ADDRESS|PREFIX...", nargs=-1, required=True)
@click.option("--write", is_flag=True, help="Merge the proposal into the configuration; comments stay as they are.")
@click.option(
    "--max", "most", type=click.IntRange(1, EVER), default=MOST, show_default=True, help="Addresses to ask at most."
)
@click.option("--port", type=click.IntRange(1, 65535), default=161, show_default=True, help="UDP port.")
@config_option
@output_option
def command(targets: tuple[str, ...], write: bool, most: int, port: int, config: Path, output: str) -> int:
    """Search addresses for routers and propose what to add to the configuration.

    Asks each address, host name, or address of an IPv4 prefix with the configured credentials, and shows what
    answers, what does not, and the proposal as a diff. Nothing is written without --write.
    """
    from netmon.config.merging import write as write_edits
    from netmon.daemon.discovering import discovery_data, search
    from netmon.routers.targets import TargetError, addresses_of

    try:
        addresses = addresses_of(targets, most)
    except TargetError as error:
        raise click.UsageError(str(error)) from None
    with _progress() as told:
        discovery = search(config, addresses, port, told)
    will_write = write and discovery.is_complete and bool(discovery.edits) and discovery.obstacle is None
    if output != "json":
        _print(discovery)
    if will_write:
        write_edits(config, discovery.texts, discovery.edits)
    if output == "json":
        print_document("discover", discovery_data(discovery, will_write))
    else:
        _print_end(discovery, write, config)
    if not discovery.is_complete:
        return INTERRUPTED
    return int(discovery.obstacle is not None or not discovery.found)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[found]} found"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task("Asking", total=None, found=0)

        def told(progress: Progress) -> None:
            words = "Comparing" if progress.is_comparing else "Asking"
            bar.update(task, description=words, completed=progress.done, total=progress.total, found=progress.found)

        yield told


def _print(discovery: Discovery) -> None:
    from netmon.config.proposal import serial_of
    from netmon.daemon.discovering import rows

    out = console()
    if discovery.found:
        shown = table(
            "ADDRESS", "ROUTER", "PLATFORM", "SERIAL", "CREDENTIAL", "", fold=("ROUTER", "SERIAL", "CREDENTIAL")
        )
        for found, name, state in rows(discovery):
            shown.add_row(
                found.place.address,
                name,
                found.discovered.profile.platform,
                serial_of(found) or "-",
                found.login,
                "same device" if state == "same" else state,
                style=None if state == "new" else "dim",
            )
        out.print(shown)
    proposal = discovery.proposal
    answered = (
        (len(proposal.new), "new"),
        (len(proposal.known), "configured"),
        (len(proposal.repeated), "the same device once more"),
    )
    listed = ", ".join(f"{count} {what}" for count, what in answered if count)
    asked = _count(discovery.asked, "address", "addresses")
    out.print(f"{asked} asked, {len(discovery.found)} answered{listed and ': '}{listed}.")
    for one in discovery.unanswered:
        out.print(f"{one.count:6} {_WHY[one.kind]}", style="dim")
        if one.kind != "no_reply":
            for address, why in one.examples[:3]:
                out.print(f"         {why if address in why else f'{address}: {why}'}", style="dim")
    for router in proposal.new:
        for problem in router.found.discovered.problems[:3]:
            out.print(f"{router.name}: {problem}", style="yellow")
    _print_decisions((*proposal.new, *proposal.known), out)
    _print_diff(discovery, out)


def _print_decisions(routers: Sequence[ProposedRouter], out: Console) -> None:
    from netmon.daemon.discovering import decisions

    questions = table("FOR YOU TO DECIDE", "DESCRIBED AS", "", fold=("FOR YOU TO DECIDE", "DESCRIBED AS", ""))
    for router in routers:
        for interface, alias, why in decisions(router):
            questions.add_row(f"{router.name} {interface}", alias, why, style="yellow")
    if questions.row_count:
        out.print()
        out.print(questions)


def _print_diff(discovery: Discovery, out: Console) -> None:
    for edit in discovery.edits:
        click.echo()
        for line in edit.diff():
            # Not through rich, which would wrap it and take carriage returns out: a diff is also read by patch.
            style = None if line.startswith(("---", "+++")) else _STYLES.get(line[0])
            click.echo(
                click.style(line, fg=style, bold=style is None and line[0] in "+-"), nl=False, color=_colour(out)
            )


def _colour(out: Console) -> bool:
    return out.is_terminal and not out.no_color


def _print_end(discovery: Discovery, write: bool, config: Path) -> None:
    out = console()
    out.print()
    if not discovery.is_complete:
        rest = discovery.total - discovery.asked
        out.print(f"Interrupted with {_count(rest, 'address', 'addresses')} to go; nothing is written.", style="bold")
    elif discovery.obstacle is not None:
        click.echo(f"netmon: {discovery.obstacle}", err=True)
    elif not discovery.edits:
        out.print("There is nothing to add to the configuration.")
    elif write:
        names = ", ".join(str(edit.file) for edit in discovery.edits)
        out.print(f"Written: {names}", style="bold", soft_wrap=True)
        out.print("A running daemon takes it up with: systemctl reload netmon", style="dim")
    else:
        out.print(f"Nothing is written. The same with --write merges this into {config}.", style="dim", soft_wrap=True)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

"""netmon release: take every limit off, everywhere, until netmon resume; or clear one router, or one circuit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from netmon.cli.common import (
    command_daemon,
    config_option,
    console,
    output_option,
    print_document,
    print_shapers,
    refuse_router,
    status_line,
    table,
)
from netmon.cli.orders import reason_option

if TYPE_CHECKING:
    from netmon.config.load import Configuration

HANDSHAKE_S = 10.0
"""A daemon that has not taken up the hold by then hangs, and is done without."""
SWEEP_S = 1800.0
"""Hundreds of silent routers, tried again and again, take so long at most."""
_STATES = {
    "cleared": "limits taken off",
    "clear": "no limit was there",
    "left": "LIMITS STILL THERE",
    "not_read": "NOT READ",
}


@click.command("release")
@click.argument("name", required=False, metavar="[CIRCUIT|ROUTER]")
@click.option("--all", "everything", is_flag=True, help="Every limit on every router: the kill switch.")
@click.option("--orphans", is_flag=True, help="On ROUTER: what belongs to no circuit configured there.")
@reason_option
@click.option("--yes", is_flag=True, help="Do not ask for the site's name first.")
@config_option
@output_option
def command(
    name: str | None, everything: bool, orphans: bool, reason: str, yes: bool, config: Path, output: str
) -> int:
    """Take every limit of netmon's off everywhere and set none until `netmon resume`.

    Works whether the daemon runs or not, and without the ledger: inventory and credentials are all it takes. First a
    hold is written that every netmon obeys; then each router is wiped and read back. Ends with 1 while a limit may
    still be in force anywhere.

    With CIRCUIT, netmon's limits go off its port and what was set aside there by `netmon adopt` is put back as it was.
    """
    from netmon.config.load import load

    if everything is (name is not None) or (orphans and name is None):
        raise click.UsageError("give --all, or a CIRCUIT, or a ROUTER with --orphans")
    configuration = load(config)
    if orphans:
        answer = command_daemon(configuration, "orphans", {"router": name, "reason": reason})
        return _print_orphans(answer)
    if name is not None:
        refuse_router(configuration, name, "say --orphans")
        return _print_given_back(command_daemon(configuration, "give_back", {"circuit": name, "reason": reason}))
    _check(reason)
    if not yes:
        _confirm(configuration)
    answer = _everywhere(configuration, reason)
    if output == "json":
        print_document("release", _document(configuration, answer))
    else:
        _print(answer)
    return int(bool(answer["remaining"]) or answer["trouble"] is not None)


def _check(reason: str) -> None:
    from netmon.core.directives import objection_to_text

    objection = objection_to_text("the reason", reason)
    if objection is not None:
        raise click.UsageError(objection)


def _confirm(configuration: Configuration) -> None:
    """Whoever cannot name the site does not mean it."""
    site = configuration.settings.site.name
    click.echo(f"This takes every limit off all {len(configuration.settings.routers)} routers of {site}.", err=True)
    if click.prompt("Type the site's name to go on", err=True) != site:
        raise click.UsageError(f"that is not {site}; nothing was done")


def _everywhere(configuration: Configuration, reason: str) -> dict[str, Any]:
    """By the daemon where one answers in time, else here."""
    from netmon.daemon.control import ControlRefusedError, ControlUnavailableError, request
    from netmon.daemon.oneshot import perform

    socket, answer = configuration.settings.control.socket, None
    with status_line() as say:
        say("taking every limit off")
        try:
            request(socket, "hold", {"reason": reason}, HANDSHAKE_S)
            answer = request(socket, "sweep", {}, SWEEP_S)
        except ControlUnavailableError:
            pass
        except ControlRefusedError as error:
            click.echo(f"netmon: the daemon does not do it ({error}); done here instead", err=True)
        if answer is None:
            answer = perform(configuration, "sweep", {"reason": reason})
    found: dict[str, Any] = answer
    return found


def _document(configuration: Configuration, answer: Mapping[str, Any]) -> dict[str, Any]:
    from netmon.daemon.queries import rfc3339

    zone = configuration.settings.site.timezone
    return {name: value for name, value in answer.items() if name != "at_ns"} | {"at": rfc3339(answer["at_ns"], zone)}


def _print(answer: Mapping[str, Any]) -> None:
    out = console()
    shown = table("ROUTER", "HOW IT STANDS", "OBJECTS", "WHY", figures=("OBJECTS",), fold=("ROUTER", "WHY"))
    for one in answer["routers"]:
        free = one["state"] in ("cleared", "clear")
        count = len(one["removed"]) if free else len(one["left"])
        shown.add_row(
            one["router"],
            _STATES[one["state"]],
            str(count) if one["state"] != "not_read" else "-",
            one["detail"] or "",
            style=None if free else "bold red",
        )
    out.print(shown if answer["routers"] else "No router has an ssh credential, so netmon has never limited anything.")
    if answer["trouble"] is not None:
        out.print(f"THE HOLD COULD NOT BE WRITTEN: {answer['trouble']}", style="bold red")
        out.print("Stop every netmon (systemctl stop netmon), or limits come back.", style="bold red")
    if answer["remaining"]:
        out.print(f"Limits may still be in force on: {', '.join(answer['remaining'])}", style="bold red")
        out.print("Mend what keeps netmon from them, then release again; a running daemon goes on trying.")
    else:
        out.print("Nothing of netmon's limits anybody now.", style="bold green")
    for one in answer["set_aside"]:
        out.print(f"Still set aside on {one['router']}: {', '.join(one['things'])}; netmon release {one['circuit']}")
    out.print("No limit is set until: netmon resume --reason WHY")


def _print_given_back(answer: Mapping[str, Any]) -> int:
    print_shapers(answer["things"])
    console().print(
        f"Put back at {answer['interface']} of {answer['router']}, and netmon's own limits are off there. What shapes"
        f" {answer['circuit']} is somebody else's again: netmon sets nothing in its way."
    )
    return 0


def _print_orphans(answer: Mapping[str, Any]) -> int:
    out = console()
    for name in answer["removed"]:
        out.print(f"Taken off {answer['router']}: {name}")
    for name in answer["left"]:
        out.print(f"Still on {answer['router']}: {name}", style="bold red")
    if not answer["removed"] and not answer["left"]:
        out.print(f"{answer['router']} has nothing of netmon's but what is configured.")
    return int(bool(answer["left"]))

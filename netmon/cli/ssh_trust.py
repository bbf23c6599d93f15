"""netmon ssh-trust: record routers' host keys, deliberately."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from netmon.cli.common import config_option, console, output_option, print_document, status_line, table

if TYPE_CHECKING:
    from netmon.config.load import Configuration
    from netmon.daemon.trust import Look, Place
    from netmon.routers.host_keys import Compared


SSH_PORT: Final = 22


@click.command("ssh-trust")
@click.argument("routers", metavar="[ROUTER...]", nargs=-1)
@click.option("--accept", is_flag=True, help="Record keys that are new. Compare the fingerprints first.")
@click.option(
    "--replace",
    "replaced",
    metavar="ROUTER",
    multiple=True,
    help="Record what this router shows now instead of what is recorded of it; once for each.",
)
@config_option
@output_option
def command(routers: tuple[str, ...], accept: bool, replaced: tuple[str, ...], config: Path, output: str) -> int:
    """Show the host keys of routers against those recorded, and record the new ones when told to.

    Without ROUTER, of all routers with an SSH login and of the jump hosts they are reached through; ROUTER
    may be a jump host. Compare the fingerprints with what the router's console shows: whoever is on the
    way could show keys of his own. Ends with 1 where a key is neither recorded before nor now.
    """
    from netmon.config.load import load
    from netmon.daemon.trust import known_hosts_of, look, record

    configuration = load(config)
    known_hosts, ssh = known_hosts_of(configuration), configuration.settings.ssh
    jumps, ours = _places(configuration, (*routers, *replaced) if routers or replaced else ())
    looks: list[Look] = []
    trusted = True
    for places in (jumps, ours):
        if not places:
            continue
        with status_line() as say:
            say(f"asking {len(places)} of them for their host keys")
            found = look(places, known_hosts, ssh)
        looks += found
        if output == "table":
            _print(found, replaced)
        new = sum(_count_new(one) for one in found)
        accepted = accept or (bool(new) and output == "table" and _is_wanted(new, known_hosts))
        chosen = [one for one in found if accepted or one.place.name in replaced]
        written = record(chosen, replaced, known_hosts)
        if written and output == "table":
            click.echo(f"{written} recorded in {known_hosts}.")
        trusted = trusted and all(_is_trusted(one, one in chosen, one.place.name in replaced) for one in found)
    if output == "json":
        print_document("ssh-trust", [_document(one) for one in looks])
    return int(not trusted)


def _places(configuration: Configuration, names: Sequence[str]) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    from netmon.config.errors import did_you_mean
    from netmon.daemon.trust import places_of

    settings = configuration.settings
    for name in names:
        if name not in settings.routers and name not in settings.ssh.jump_hosts:
            hint = did_you_mean(name, (*settings.routers, *settings.ssh.jump_hosts))
            raise click.UsageError(f"no router or jump host is named {name}{hint}")
    return places_of(configuration, names)


def _count_new(look: Look) -> int:
    from netmon.routers.host_keys import KeyState

    return sum(one.state is KeyState.NEW for one in look.keys)


def _is_wanted(new: int, known_hosts: Path) -> bool:
    """Only a person at a terminal is asked."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return click.confirm(f"Record {new} new in {known_hosts}? Say yes only if you compared them on the console")


def _is_trusted(look: Look, is_recorded: bool, is_replaced: bool) -> bool:
    from netmon.routers.host_keys import KeyState

    untrusted = {KeyState.REVOKED}
    if not is_recorded:
        untrusted.add(KeyState.NEW)
    if not is_replaced:
        untrusted.add(KeyState.CHANGED)
    return look.failure is None and not any(one.state in untrusted for one in look.keys)


def _print(looks: Sequence[Look], replaced: Sequence[str]) -> None:
    from netmon.routers.host_keys import KeyState

    shown = table("HOST", "STATE", "KEY", fold=("HOST",))
    for look in looks:
        place = look.place
        where = f"{place.name}\n{place.address}" + (f"\nport {place.port}" if place.port != SSH_PORT else "")
        if look.failure is not None:
            shown.add_row(where, "not read", "", style="bold red")
        for one in look.keys:
            is_loud = one.state in (KeyState.CHANGED, KeyState.REVOKED)
            state = one.state.value.replace("_", " ")
            shown.add_row(where, state.upper() if is_loud else state, _key(one), style="bold red" if is_loud else None)
            where = ""
    console().print(shown)
    for look in looks:
        for sentence in _said_of(look, look.place.name in replaced):
            click.echo(sentence)


def _key(one: Compared) -> str:
    if one.recorded is None:
        return f"{one.key.type}\n{one.key.fingerprint}"
    was = one.recorded
    return f"{was.type}, recorded\n- {was.fingerprint}\n{one.key.type}, shown now\n+ {one.key.fingerprint}"


def _said_of(look: Look, is_replaced: bool) -> list[str]:
    from netmon.routers.host_keys import KeyState

    name, said = look.place.name, [look.detail] if look.failure is not None else []
    if look.has(KeyState.CHANGED) and not is_replaced:
        said.append(
            f"{name}: THE HOST KEY CHANGED: the router was replaced or reset, or someone is between. Compare it on its"
            f" console; only then use --replace {name}."
        )
    if missing := [one for one in look.needed if one not in look.place.accepted]:
        said.append(
            f"{name}: offers nothing better than {', '.join(missing)}. Upgrade its software; until then sessions need"
            f" routers.{name}.ssh_legacy_algorithms: [{', '.join(missing)}]."
        )
    return said


def _document(look: Look) -> dict[str, Any]:
    place = look.place
    return {
        "name": place.name,
        "kind": "jump_host" if place.is_jump_host else "router",
        "address": place.address,
        "port": place.port,
        "jump_host": None if place.jump is None else place.jump.name,
        "keys": [
            {
                "type": one.key.type,
                "fingerprint": one.key.fingerprint,
                "state": one.state.value,
                "recorded_fingerprint": None if one.recorded is None else one.recorded.fingerprint,
            }
            for one in look.keys
        ],
        "legacy_algorithms_needed": [one.value for one in look.needed],
        "failure": None if look.failure is None else {"reason": look.failure.value, "detail": look.detail},
    }

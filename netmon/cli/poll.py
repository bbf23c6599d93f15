"""netmon poll: visit one router once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from netmon.cli.common import DEFAULT_CONFIG, console, output_option, print_document, rate, table, volume

if TYPE_CHECKING:
    from netmon.snmp.client import Agent

PATIENCE_S = 60.0
"""A visit with discovery, over however slow a link."""


@click.command("poll")
@click.argument("router")
@click.option("--community", default=None, help="SNMP community [public]. Others on this host see it in ps.")
@click.option("--community-file", type=click.Path(path_type=Path), help="File that holds the SNMP community.")
@click.option("--port", type=click.IntRange(1, 65535), help="UDP port [161].")
@click.option("--platform", help="A file of collectors/, e.g. routeros; without it, the router is recognised.")
@click.option("--timeout", metavar="DURATION", help="For one request [2s].")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    envvar="NETMON_CONFIG",
    show_envvar=True,
    help=f"Configuration in which ROUTER is looked up, unless any of the options above is given [{DEFAULT_CONFIG}].",
)
@output_option
def command(
    router: str,
    community: str | None,
    community_file: Path | None,
    port: int | None,
    platform: str | None,
    timeout: str | None,
    config: Path | None,
    output: str,
) -> int:
    """Visit ROUTER once and show what it says of its interfaces.

    ROUTER is a name of the configuration, or an address: then options alone suffice.
    """
    import asyncio

    flags = (community, community_file, port, platform, timeout)
    name = config if config is not None else DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None
    found = _configured(router, name) if name is not None and not any(flags) else None
    agent, platform, directory = found or (_given(router, community, community_file, port, timeout), platform, None)
    data = asyncio.run(_visit(router, agent, platform, directory))
    if output == "json":
        print_document("poll", data)
    else:
        _print(data)
    return 0


def _configured(router: str, path: Path) -> tuple[Agent, str | None, Path] | None:
    """The router of that name in the configuration; None where there is none."""
    from netmon.config.load import load
    from netmon.daemon.agents import agent_of

    configuration = load(path)
    of = configuration.settings.routers.get(router)
    if of is None:
        return None
    return agent_of(configuration, router), of.platform, configuration.directory


def _given(
    address: str, community: str | None, community_file: Path | None, port: int | None, timeout: str | None
) -> Agent:
    from netmon.core.units import UnitError, parse_duration
    from netmon.settings import SecretRef
    from netmon.snmp.client import Agent

    if community is not None and community_file is not None:
        raise click.UsageError("--community and --community-file exclude each other; give one of them")
    secret = SecretRef(file=community_file).reveal() if community_file is not None else community or "public"
    try:
        return Agent(address, port or 161, secret.encode(), parse_duration(timeout or "2s"))
    except UnitError as error:
        raise click.UsageError(f"--timeout: {error}") from None


async def _visit(router: str, agent: Agent, platform: str | None, directory: Path | None) -> dict[str, Any]:
    import asyncio
    import time

    from netmon import bundled
    from netmon.routers.polling import PollError, RouterPoller
    from netmon.routers.profiles import load_profiles
    from netmon.routers.views import poll_document
    from netmon.snmp.client import Client

    folders = (bundled.folder("collectors"),)
    profiles = load_profiles(folders if directory is None else (directory / "collectors", *folders))
    if platform is not None:
        profiles.named(platform)
    async with await Client.open() as client:
        poller = RouterPoller(router, agent, client, profiles, None, time.time_ns, platform)
        try:
            async with asyncio.timeout(PATIENCE_S):
                poll = await poller.poll()
        except TimeoutError:
            raise PollError(router, f"no complete answer within {PATIENCE_S:g} s; check the link") from None
        discovered = poller.discovered
        assert discovered is not None
        return poll_document(poll, discovered.profile.platform, poller.missing)


def _print(data: dict[str, Any]) -> None:
    out = console()
    out.print(f"{data['router']} ({data['platform']}), up {_uptime(data['uptime_seconds'])}", style="bold")
    figures = ("SPEED", "IN", "OUT", "ERRORS")
    shown = table("IF", "NAME", "ALIAS", "STATUS", *figures, figures=("IF", *figures), fold=("NAME", "ALIAS"))
    for one in data["interfaces"]:
        errors = [one[name] for name in ("in_errors", "out_errors") if one[name] is not None]
        shown.add_row(
            str(one["index"]),
            one["name"],
            one["alias"] or "",
            one["oper_status"] or "-",
            rate(one["speed_bps"]),
            volume(one["in_octets"]),
            volume(one["out_octets"]),
            str(sum(errors)) if errors else "-",
            style=None if one["oper_status"] == "up" else "dim",
        )
    out.print(shown)
    for one in data["missing"]:
        out.print(f"missing: {one['what']}: {one['why']}", style="yellow")


def _uptime(seconds: int) -> str:
    from netmon.core.model import NANOSECONDS
    from netmon.core.units import format_duration

    return format_duration(seconds * NANOSECONDS) if seconds else "less than a second"

"""netmon poll: visit one router once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from netmon.cli.agent_options import Given, agent_given, agent_options
from netmon.cli.common import DEFAULT_CONFIG, output_option, print_document
from netmon.cli.router_tables import print_visit

if TYPE_CHECKING:
    from netmon.routers.survey import Survey
    from netmon.snmp.client import Agent

PATIENCE_S = 120.0
"""A visit with discovery and everything else a profile names, over however slow a link."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The router to visit and how."""

    agent: Agent
    platform: str | None
    folders: tuple[Path, ...] = ()
    """Where profiles are looked for before the bundled ones."""
    source_address: str | None = None
    circuits: dict[str, str] = field(default_factory=dict)
    """Circuit -> ifName."""


@click.command("poll")
@click.argument("router")
@agent_options
@click.option("--platform", help="A file of collectors/, e.g. routeros; without it, the router is recognised.")
@click.option("--source-address", metavar="ADDRESS", help="Address of this host that requests come from.")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    envvar="NETMON_CONFIG",
    show_envvar=True,
    help=f"Configuration in which ROUTER is looked up, unless a credential, port, timeout or platform is given"
    f" [{DEFAULT_CONFIG}].",
)
@click.option("--explain", is_flag=True, help="Also say what was read, by which line of the profile, and what was not.")
@output_option
def command(
    router: str,
    given: Given,
    platform: str | None,
    source_address: str | None,
    config: Path | None,
    explain: bool,
    output: str,
) -> int:
    """Visit ROUTER once and show what it says of its interfaces.

    ROUTER is a name of the configuration, or an address: then options alone suffice.
    """
    import asyncio

    path = config if config is not None else DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None
    found = _configured(router, path) if path is not None and given.is_empty and platform is None else None
    wanted = found or _Wanted(agent_given(router, given), platform)
    survey = asyncio.run(_visit(router, wanted, source_address or wanted.source_address))
    if output == "json":
        extra = {"explain": asdict(survey.explanation)} if explain else {}
        print_document("poll", {**survey.document, **extra})
    else:
        print_visit(survey.document, survey.explanation if explain else None)
    return 0


def _configured(router: str, path: Path) -> _Wanted | None:
    """The router of that name in the configuration; None where there is none."""
    from netmon.config.load import load
    from netmon.daemon.agents import agent_of

    configuration = load(path)
    of = configuration.settings.routers.get(router)
    if of is None:
        return None
    return _Wanted(
        agent_of(configuration, router),
        of.platform,
        (configuration.directory / "collectors",),
        configuration.settings.snmp.source_address,
        {circuit.id: circuit.interface for circuit in configuration.circuits if circuit.router == router},
    )


async def _visit(router: str, wanted: _Wanted, source_address: str | None) -> Survey:
    import asyncio
    import time

    from netmon import bundled
    from netmon.routers.polling import PollError
    from netmon.routers.profiles import load_profiles
    from netmon.routers.survey import survey
    from netmon.snmp.client import Client

    profiles = load_profiles((*wanted.folders, bundled.folder("collectors")))
    if wanted.platform is not None:
        profiles.named(wanted.platform)
    async with await Client.open(source=source_address) as client:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await survey(
                    router, wanted.agent, client, profiles, time.time_ns, wanted.platform, wanted.circuits
                )
        except TimeoutError:
            raise PollError(router, f"no complete answer within {PATIENCE_S:g} s; check the link") from None

"""netmon poll: visit one router once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from netmon.cli.agent_options import Given, agent_given, agent_options
from netmon.cli.common import DEFAULT_CONFIG, output_option, print_document, status_line
from netmon.cli.router_tables import print_visit

if TYPE_CHECKING:
    from netmon.config.load import Configuration
    from netmon.routers.profiles import Profiles
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
    configuration: Configuration | None = None
    """Where it was looked up; None: it was named on the command line."""


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
@click.option(
    "--console", is_flag=True, help="Also read its command line over SSH: queues, policers, age of the configuration."
)
@click.option("--explain", is_flag=True, help="Also say what was read, by which line of the profile, and what was not.")
@output_option
def command(
    router: str,
    given: Given,
    platform: str | None,
    source_address: str | None,
    config: Path | None,
    console: bool,
    explain: bool,
    output: str,
) -> int:
    """Visit ROUTER once and show what it says of its interfaces.

    ROUTER is a name of the configuration, or an address: then options alone suffice, but not for --console.
    """
    import asyncio

    from netmon import bundled
    from netmon.routers.profiles import load_profiles

    path = config if config is not None else DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None
    is_named = given.is_empty and platform is None
    found = _configured(router, path) if path is not None and is_named else None
    if console and found is None:
        raise _not_configured(router, path, is_named)
    wanted = found or _Wanted(agent_given(router, given), platform)
    profiles = load_profiles((*wanted.folders, bundled.folder("collectors")))
    named = profiles.named(wanted.platform) if wanted.platform is not None else None
    login_from = wanted.configuration if console else None
    if login_from is not None:
        from netmon.daemon.console import check_console

        check_console(login_from, router, named)
    survey = asyncio.run(_visit(router, wanted, profiles, source_address or wanted.source_address))
    failed = False
    if login_from is not None:
        survey, failed = _with_console(survey, router, login_from, profiles)
    if output == "json":
        extra = {"explain": asdict(survey.explanation)} if explain else {}
        print_document("poll", {**survey.document, **extra})
    else:
        print_visit(survey.document, survey.explanation if explain else None)
    return int(failed)


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
        configuration,
    )


def _not_configured(router: str, path: Path | None, is_named: bool) -> click.UsageError:
    """Why there is no login for the router's command line."""
    if not is_named:
        return click.UsageError("--console logs in as the configuration says; leave SNMP options and --platform out")
    if path is None:
        return click.UsageError("--console logs in as the configuration says, and there is none; give -c FILE")
    from netmon.config.errors import did_you_mean
    from netmon.config.load import load

    hint = did_you_mean(router, load(path).settings.routers) or "; add it"
    return click.UsageError(f"--console logs in as the configuration says, and {path} has no router {router}{hint}")


def _with_console(survey: Survey, router: str, configuration: Configuration, profiles: Profiles) -> tuple[Survey, bool]:
    """The visit with what the router's command line tells, and whether that failed."""
    from netmon.daemon.console import read_console
    from netmon.routers.cli_reading import cli_document
    from netmon.routers.explain import commands_read

    profile = profiles.named(survey.document["platform"])
    with status_line() as say:
        say(f"reading the command line of {router}")
        reading = read_console(configuration, router, profile)
    explanation = survey.explanation
    return replace(
        survey,
        document={**survey.document, "console": cli_document(reading)},
        explanation=replace(explanation, read=(*explanation.read, *commands_read(profile.cli, reading))),
    ), reading.has_failed


async def _visit(router: str, wanted: _Wanted, profiles: Profiles, source_address: str | None) -> Survey:
    import asyncio
    import time

    from netmon.routers.polling import PollError
    from netmon.routers.survey import survey
    from netmon.snmp.client import Client

    async with await Client.open(source=source_address) as client:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await survey(
                    router, wanted.agent, client, profiles, time.time_ns, wanted.platform, wanted.circuits
                )
        except TimeoutError:
            raise PollError(router, f"no complete answer within {PATIENCE_S:g} s; check the link") from None

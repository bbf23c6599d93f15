"""netmon collectors: try profiles without a router."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from netmon.cli.common import DEFAULT_CONFIG, output_option, print_document
from netmon.cli.router_tables import print_visit

if TYPE_CHECKING:
    from netmon.routers.survey import Survey


@click.group("collectors")
def command() -> None:
    """Try collectors, the profiles of router platforms, on recordings of routers."""


@command.command("test")
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--profile", metavar="NAME", help="A file of collectors/; without it, the router is recognised.")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    envvar="NETMON_CONFIG",
    show_envvar=True,
    help=f"Configuration whose collectors/ is looked in first [{DEFAULT_CONFIG}].",
)
@click.option("--explain", is_flag=True, help="Also say what was read, by which line of the profile, and what was not.")
@output_option
def test(recording: Path, profile: str | None, config: Path | None, explain: bool, output: str) -> int:
    """Show what netmon would see of the router in RECORDING.

    RECORDING is what snmpwalk -On printed, or a *.snmprec file of snmpsim, compressed by gzip or bzip2 or not.
    """
    import asyncio

    path = config if config is not None else DEFAULT_CONFIG
    directory = path if path.is_dir() else path.parent
    survey = asyncio.run(_survey(recording, profile, directory / "collectors"))
    if output == "json":
        extra = {"explain": asdict(survey.explanation)} if explain else {}
        print_document("collectors-test", {**survey.document, **extra})
    else:
        print_visit(survey.document, survey.explanation if explain else None)
    return 0


async def _survey(path: Path, profile: str | None, folder: Path) -> Survey:
    from netmon import bundled
    from netmon.routers.profiles import load_profiles
    from netmon.routers.recording import load_recording
    from netmon.routers.survey import survey_recording

    profiles = load_profiles((folder, bundled.folder("collectors")))
    if profile is not None:
        profiles.named(profile)
    return await survey_recording(load_recording(path), profiles, profile)

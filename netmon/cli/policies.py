"""netmon policies: try quota policies without a router, a ledger or a month of waiting, and see which were taken up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import rich_click as click

from netmon.cli.common import DEFAULT_CONFIG, console, output_option, print_document, table
from netmon.cli.policy_history import history


@click.group("policies")
def command() -> None:
    """Try quota policies on usage that was made up, and see when which were taken up."""


command.add_command(history)


@command.command("test")
@click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@output_option
def test(directory: Path | None, output: str) -> int:
    """Judge the tests of quota policies: policies/quotas/tests/*.yaml in DIR, and those that ship with netmon.

    DIR is the directory of the configuration; without it, that of NETMON_CONFIG or /etc/netmon. Ends with 1
    where a policy says something else than its test expects.
    """
    from netmon.config.errors import ConfigError
    from netmon.config.policy_tests import load
    from netmon.config.policy_trials import report

    suite, faults = load(directory if directory is not None else _default())
    if faults:
        raise ConfigError(faults)
    data, problems = report(suite)
    if output == "json":
        print_document("policies-test", data)
    else:
        _print(data)
        for problem in problems:
            click.echo(str(problem), err=True)
    return int(data["failed"] > 0)


def _default() -> Path | None:
    """Where the configuration is; None where there is none, so that only what ships is tested."""
    config = Path(os.environ.get("NETMON_CONFIG") or DEFAULT_CONFIG)
    directory = config if config.is_dir() else config.parent
    return directory if directory.is_dir() else None


def _print(data: dict[str, Any]) -> None:
    out = console()
    shown = table("POLICY", "TEST", "RESULT", fold=("POLICY", "TEST"))
    for row in data["tests"]:
        shown.add_row(
            row["policy"],
            row["name"],
            "passed" if row["passed"] else "FAILED",
            style=None if row["passed"] else "bold red",
        )
    out.print(shown)
    failed = f", {data['failed']} failed" if data["failed"] else ""
    out.print(f"{data['passed']} passed{failed}.", style="bold red" if failed else "green")
    if data["untested"]:
        out.print(f"No test is about {', '.join(data['untested'])}.", style="dim")

"""netmon check: everything wrong with a configuration, at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from netmon.cli.common import config_option, console, rate, table

if TYPE_CHECKING:
    from fractions import Fraction

    from netmon.config.errors import Problem
    from netmon.core.admission import Promised


@click.command("check")
@config_option
def command(config: Path) -> int:
    """Read the configuration and name everything wrong with it.

    Ends with 2 where anything is. Also tries whether secrets and key files can be read, whether the
    templates of collectors are sound, and whether what agencies are guaranteed fits what was
    purchased; predicts how large the ledger will grow. Warnings may stand.
    """
    import time

    from netmon import bundled
    from netmon.config.collectors import check_templates
    from netmon.config.errors import ConfigError
    from netmon.config.hierarchies import check_hierarchies, unheard_weights
    from netmon.config.load import load
    from netmon.config.review import review
    from netmon.config.secrets import check_secrets
    from netmon.config.sizing import check_size, described, size_of
    from netmon.routers.profiles import load_profiles

    configuration = load(config)
    profiles = load_profiles((configuration.directory / "collectors", bundled.folder("collectors")))
    now_ns = time.time_ns()
    reviewed = review(configuration, now_ns)
    _warn((*reviewed.warnings, *unheard_weights(configuration, profiles, now_ns)))
    problems = (
        *check_secrets(configuration),
        *check_size(configuration),
        *check_templates(configuration, profiles),
        *check_hierarchies(configuration, profiles),
        *reviewed.problems,
    )
    if problems:
        raise ConfigError(problems)
    counts = (
        (len(configuration.settings.routers), "router", "routers"),
        (len(configuration.circuits), "circuit", "circuits"),
        (len(configuration.agencies), "agency", "agencies"),
        (len(configuration.policies), "quota policy", "quota policies"),
    )
    listed = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)
    click.echo(f"{config}: nothing is wrong; {listed}; the ledger will grow to {described(size_of(configuration))}")
    if reviewed.admission.promised:
        _print(reviewed.admission.promised)
    return 0


def _warn(warnings: Sequence[Problem]) -> None:
    from netmon.config.errors import SHOWN

    for warning in warnings[:SHOWN]:
        click.echo(f"warning: {warning}", err=True)
    if len(warnings) > SHOWN:
        click.echo(f"warning: ... and {len(warnings) - SHOWN} more", err=True)


def _print(promised: Sequence[Promised]) -> None:
    """How far each pool is promised: the ceilings against what was purchased, and the floors."""
    figures = ("BOUGHT", "CEILINGS", "FLOORS", "LEFT")
    shown = table("POOL", "DIRECTION", *figures, "IF THIS FAILS", figures=figures, fold=("POOL", "IF THIS FAILS"))
    for one in promised:
        shown.add_row(
            one.pool,
            one.direction.value,
            rate(one.purchased_bps),
            f"{_ratio(one.oversubscription)}:1",
            rate(one.floors_bps),
            rate(one.left_bps),
            one.worst or "-",
        )
    console().print(shown)


def _ratio(ratio: Fraction) -> str:
    """`4.0`, rounded half up."""
    tenths = (20 * ratio.numerator + ratio.denominator) // (2 * ratio.denominator)
    return f"{tenths // 10}.{tenths % 10}"

"""netmon check: everything wrong with a configuration, at once."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from netmon.cli.common import config_option


@click.command("check")
@config_option
def command(config: Path) -> int:
    """Read the configuration and name everything wrong with it.

    Ends with 2 where anything is. Also tries whether secrets and key files can be read, whether the
    templates of collectors are sound, and predicts how large the ledger will grow.
    """
    from netmon import bundled
    from netmon.config.collectors import check_templates
    from netmon.config.errors import ConfigError
    from netmon.config.load import load
    from netmon.config.secrets import check_secrets
    from netmon.config.sizing import check_size, described, size_of
    from netmon.routers.profiles import load_profiles

    configuration = load(config)
    profiles = load_profiles((configuration.directory / "collectors", bundled.folder("collectors")))
    problems = (*check_secrets(configuration), *check_size(configuration), *check_templates(configuration, profiles))
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
    return 0

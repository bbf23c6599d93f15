"""Other policies in the place of those that are configured, for trying them out: nothing here is put in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from netmon.config import documents, policies, supply_checks
from netmon.config.errors import ConfigError, Problem
from netmon.config.load import Configuration, load
from netmon.config.places import locator_of

NAMED: Final = 3
"""Policies, in a sentence."""


def alternative(configuration: Configuration, directory: Path) -> Configuration:
    """With what stands in a directory. Raises ConfigError.

    A directory with `site` in one of its YAML files is a whole configuration, and takes the place of this one but for
    the ledger. One with a folder policies/quotas, or with policies in it, changes policies only: each takes the place
    of the one of the same name, and agencies keep the names that they have.
    """
    if _is_configuration(directory):
        other = load(directory)
        settings = other.settings.model_copy(update={"ledger": configuration.settings.ledger})
        return replace(other, settings=settings)
    folder = directory / policies.FOLDER
    folder = folder if folder.is_dir() else directory
    read, names, problems = policies.load_instead(folder, configuration.directory)
    if not names and not problems:
        remedy = "name a directory of quota policies (*.yaml), or of a configuration"
        problems = [Problem(directory, 1, 1, "", f"there is no quota policy in it; {remedy}")]
    if problems:
        raise ConfigError(problems)
    known = {name for agency in configuration.agencies for name in agency.quotas}
    if known.isdisjoint(read):
        few = " or ".join(sorted(read)[:NAMED]) + (" ..." if len(read) > NAMED else "")
        message = f"no agency has {few} in its quotas; name policies as agencies do, or give a whole configuration"
        raise ConfigError([Problem(folder, 1, 1, "quotas", message)])
    if blind := tuple(supply_checks.classes(configuration.settings, read)):
        locator = locator_of(configuration)
        raise ConfigError([locator.problem(loc, message) for loc, message in blind])
    return replace(configuration, policies={**configuration.policies, **read})


def _is_configuration(directory: Path) -> bool:
    for file in sorted(directory.glob("*.y*ml")):
        document, _ = documents.read(file)
        if document is not None and "site" in document.data:
            return True
    return False

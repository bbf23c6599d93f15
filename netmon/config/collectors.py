"""Whether the templates that profiles name for a command line are there and have what is asked of them."""

from __future__ import annotations

from netmon.config.errors import Problem
from netmon.config.load import Configuration
from netmon.routers.cli_templates import Templates
from netmon.routers.profiles import Profiles


def check_templates(configuration: Configuration, profiles: Profiles) -> tuple[Problem, ...]:
    """Every fault of every platform: a template beside the configuration may spoil a shipped profile, too."""
    templates = Templates.beside(configuration.directory)
    found = set()
    for name in profiles.names:
        for fault in templates.faults(profiles.named(name).cli):
            place = fault.place
            assert place is not None, "profiles are read from files"
            is_template = place.path.suffix == ".textfsm"
            found.add(Problem(place.path, place.line, place.column, "" if is_template else "cli", fault.said))
    return tuple(sorted(found))

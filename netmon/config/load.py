"""YAML on disk -> one frozen Configuration, or every problem in it at once with file, line and column."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from netmon import bundled
from netmon.config import checks, documents, policies, shaping_checks, supply, supply_checks
from netmon.config.documents import Document, Locator
from netmon.config.errors import ConfigError, Loc, Problem
from netmon.config.messages import described, details
from netmon.config.settings import NetmonSettings
from netmon.core.ladder import QuotaPolicy
from netmon.core.model import Agency, Circuit
from netmon.core.supply import Backhaul, Entitlement, Pool
from netmon.settings import Settings

_ATTEMPTS: Final = 6
"""Rounds of leaving out what is wrong: a value, then the entry that lacks it, and so on up to the section."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that an operator wrote, checked against itself. Relative paths count from `directory`."""

    settings: NetmonSettings
    policies: Mapping[str, QuotaPolicy]
    directory: Path
    """Where collectors/ and policies/ are looked for before the bundled ones."""
    circuits: tuple[Circuit, ...]
    agencies: tuple[Agency, ...]
    pools: Mapping[str, Pool]
    backhauls: Mapping[str, Backhaul]
    entitlements: tuple[Entitlement, ...]
    files: tuple[Path, ...]
    """The YAML files it was read from, quota policies not among them."""


def load(path: Path, texts: Mapping[Path, bytes] = MappingProxyType({})) -> Configuration:
    """Reads one YAML file, or all `*.yaml` of a directory merged by top-level key. Raises ConfigError.

    `texts` are taken for what those files hold. No secret is read: each is revealed where it is used.
    """
    files = files_of(path)
    read = [documents.parsed(file, texts[file]) if file in texts else documents.read(file) for file in files]
    problems = [problem for _, found in read for problem in found]
    docs = [document for document, _ in read if document is not None]
    if len(docs) < len(files):
        raise ConfigError(problems)
    directory = path if path.is_dir() else path.parent
    merged, clashes = _merge(docs)
    locator = Locator(docs, files[0])
    quotas, quota_names, quota_problems = policies.load(directory)
    settings, found, broken = _validate(merged, locator)
    problems += [*clashes, *quota_problems, *found]
    if settings is not None:
        settings = supply.with_uplinks(_anchored(settings, directory.absolute()))
        known = _known(merged, directory, quota_names, broken)
        between = chain(checks.check(settings, known), supply_checks.check(settings, known, quotas))
        problems += [locator.problem(loc, message) for loc, message in between]
        problems += [locator.problem(loc, message) for loc, message in shaping_checks.check(settings, known)]
    if problems or settings is None:
        raise ConfigError(problems)
    return Configuration(
        settings=settings,
        policies=quotas,
        directory=directory,
        circuits=tuple(c for name, router in settings.routers.items() for c in router.circuit_values(name)),
        agencies=tuple(agency.value(name, settings.site) for name, agency in settings.agencies.items()),
        pools=supply.pools_of(settings),
        backhauls=supply.backhauls_of(settings),
        entitlements=supply.entitlements_of(settings),
        files=files,
    )


def files_of(path: Path) -> tuple[Path, ...]:
    """The file itself, or the directory's YAML files in order. Raises ConfigError where there is none."""
    if not path.is_dir():
        return (path,)
    files = tuple(sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and file.is_file()))
    if not files:
        raise ConfigError([Problem(path, 1, 1, "", "the directory holds no .yaml file; write netmon.yaml there")])
    return files


def _merge(docs: list[Document]) -> tuple[dict[str, Any], list[Problem]]:
    """The top-level mappings joined; an entry that two files define is a problem naming both places."""
    merged: dict[str, Any] = {}
    problems: list[Problem] = []
    for position, document in enumerate(docs):
        earlier, here = Locator(docs[:position], document.file), Locator([document], document.file)
        for key, value in document.data.items():
            if key not in merged:
                merged[key] = dict(value) if isinstance(value, dict) else value
            elif isinstance(value, dict) and isinstance(merged[key], dict):
                for name, entry in value.items():
                    if name in merged[key]:
                        problems.append(_twice((str(key), str(name)), earlier, here))
                    else:
                        merged[key][name] = entry
            else:
                problems.append(_twice((str(key),), earlier, here))
    return merged, problems


def _twice(loc: Loc, earlier: Locator, here: Locator) -> Problem:
    first = earlier.problem(loc, "", at_key=True)
    return here.problem(
        loc, f"is already defined at {first.file}:{first.line}:{first.column}; keep one of them", at_key=True
    )


def _validate(merged: dict[str, Any], locator: Locator) -> tuple[NetmonSettings | None, list[Problem], frozenset[Loc]]:
    """The settings, what is wrong, and the places left out so that the rest is checked nevertheless."""
    problems: list[Problem] = []
    left_out: set[Loc] = set()
    rest = merged
    for attempt in range(_ATTEMPTS):
        try:
            return NetmonSettings.model_validate(rest), problems, frozenset(left_out)
        except ValidationError as error:
            errors = [(described(detail, NetmonSettings), detail["type"] == "missing") for detail in details(error)]
        if attempt == 0:
            problems = [locator.problem(loc, message, at_key=at_key) for (loc, message, at_key), _ in errors]
            rest = copy.deepcopy(merged)
        for (loc, _, _), missing in errors:
            place = loc[:-1] if missing else loc
            left_out.add(place)
            _leave_out(rest, place)
        rest.setdefault("site", {"name": "unreadable"})
    return None, problems, frozenset(left_out)


def _leave_out(data: Any, place: Loc) -> None:
    """Deletes what stands at `place`; a list on the way goes as a whole."""
    for depth, part in enumerate(place):
        key = next((key for key in (part, *data) if str(key) == str(part) and key in data), None)
        if key is None:
            return
        if depth == len(place) - 1 or not isinstance(data[key], dict):
            del data[key]
            return
        data = data[key]


def _known(
    merged: Mapping[str, Any], directory: Path, quota_names: frozenset[str], broken: frozenset[Loc]
) -> checks.Known:
    def names(*keys: str) -> frozenset[str]:
        section: Any = merged
        for key in keys:
            section = section.get(key) if isinstance(section, Mapping) else None
        return frozenset(str(name) for name in section) if isinstance(section, Mapping) else frozenset()

    collectors = (directory / "collectors", bundled.folder("collectors"))
    uplinks = (names("pools", pool, "uplinks") for pool in names("pools"))
    backhauls = (names("routers", router, "backhauls") for router in names("routers"))
    return checks.Known(
        pools=names("pools"),
        links=frozenset().union(*uplinks, *backhauls),
        agencies=names("agencies"),
        routers=names("routers"),
        snmp_credentials=names("snmp", "credentials"),
        ssh_credentials=names("ssh", "credentials"),
        platforms=frozenset(file.stem for folder in collectors for file in folder.glob("*.yaml")),
        policies=quota_names,
        jump_hosts=names("ssh", "jump_hosts"),
        broken=broken,
    )


def _anchored(settings: NetmonSettings, directory: Path) -> NetmonSettings:
    """The same settings with every relative path made absolute from the configuration's directory."""
    return settings.model_copy(
        update={
            name: _with_absolute_paths(getattr(settings, name), directory)
            for name in ("ledger", "snmp", "ssh", "outputs", "http", "control")
        }
    )


def _with_absolute_paths(value: Any, directory: Path) -> Any:
    if isinstance(value, Path):
        return directory / value
    if isinstance(value, Settings):
        return value.model_copy(
            update={name: _with_absolute_paths(getattr(value, name), directory) for name in type(value).model_fields}
        )
    if isinstance(value, dict):
        return {name: _with_absolute_paths(entry, directory) for name, entry in value.items()}
    return value

"""Platform profiles: collectors/<platform>.yaml -> Profile.

A profile says how a router is recognised, which objects of its interface table are read, how each
is decoded, what tells of its health, and what the platform's agent is bad at. The format is docs/collectors.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import field_validator

from netmon.routers.cli_profile import CliCollector
from netmon.routers.health_profile import EXPECTED, HealthKind, HealthSource
from netmon.routers.optics_profile import OpticsSource
from netmon.routers.profile_file import (
    NAME,
    NUMBER_COLUMNS,
    OCTETS,
    TEXT_COLUMNS,
    ProfileError,
    ProfileFile,
    Quirks,
    Source,
    read_profile,
)
from netmon.routers.profile_place import Written
from netmon.routers.recognition import Recognition
from netmon.routers.terminal import Terminal
from netmon.routers.topology_profile import TopologyProfile
from netmon.settings import Name, Settings
from netmon.snmp.oid import Oid

__all__ = [
    "GENERIC",
    "NAME",
    "NUMBER_COLUMNS",
    "OCTETS",
    "TEXT_COLUMNS",
    "Profile",
    "ProfileError",
    "Profiles",
    "Quirks",
    "Recognition",
    "Source",
    "load_profiles",
]

GENERIC: Final = "generic-if-mib"
"""The profile that answers for every router no other profile recognises."""
_LONGEST_SYS_DESCR: Final = 255  # RFC 3418: SnmpAdminString (SIZE (0..255))


class Profile(Settings):
    """How one router platform is recognised, read and limited."""

    platform: Name
    description: str
    recognise: tuple[Recognition, ...]
    interfaces: Mapping[str, tuple[Source, ...]]
    """Column -> objects it can be read from, best first: every text and number column is there."""
    device: tuple[Oid, ...]
    """Objects that tell one device from another, best first."""
    quirks: Quirks
    health: Mapping[HealthKind, tuple[HealthSource, ...]]
    """Kind -> what it can be read from, best first; none: the platform has nothing of the kind."""
    health_expected: tuple[HealthKind, ...] = EXPECTED
    """Kinds that are missing where nothing is found of them."""
    optics: tuple[OpticsSource, ...] = ()
    topology: TopologyProfile = TopologyProfile()
    terminal: Terminal | None = None
    """How its command line is talked to; None: it is not read there."""
    cli: tuple[CliCollector, ...] = ()
    enforcement: str | None
    """Enforcement dialect; None: limits cannot be set on this platform."""

    @field_validator("interfaces", "health")
    @classmethod
    def _read_only(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        return MappingProxyType(dict(value))


class Profiles:
    """Every platform that is known; values of load_profiles."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = dict(sorted(profiles.items()))
        self._generic = self._profiles[GENERIC]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._profiles)

    def named(self, name: str) -> Profile:
        """The profile of this platform. Raises ProfileError."""
        try:
            return self._profiles[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._profiles, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(self._profiles)}"
            raise ProfileError(f"no platform is called {name}; {hint}") from None

    def recognise(self, sys_object_id: Oid | None, sys_descr: str | None) -> Profile:
        """The profile with the most specific rule that holds; generic-if-mib where none does."""
        best: tuple[tuple[int, int], Profile] | None = None
        for profile in self._profiles.values():
            for rule in profile.recognise:
                held = rule.specificity(sys_object_id or (), (sys_descr or "")[:_LONGEST_SYS_DESCR])
                if held is not None and (best is None or held > best[0]):
                    best = held, profile
        return best[1] if best else self._generic


def load_profiles(directories: Sequence[Path]) -> Profiles:
    """Reads the *.yaml of the directories; a platform of an earlier directory wins over a later one's.

    A directory that does not exist holds nothing. Raises ProfileError with every fault of every file.
    """
    library = _Library(directories)
    if GENERIC not in library.names:
        searched = ", ".join(str(directory) for directory in directories) or "nowhere"
        raise ProfileError(f"{GENERIC}.yaml is missing (searched {searched}); add the bundled collectors folder")
    profiles = {name: profile for name in library.names if (profile := library.profile(name)) is not None}
    faults = library.faults or _ties(profiles)
    if faults:
        raise ProfileError("\n".join(dict.fromkeys(faults)))
    return Profiles(profiles)


def _ties(profiles: Mapping[str, Profile]) -> list[str]:
    """Rules of two platforms that always hold together."""
    said: dict[tuple[object, ...], tuple[str, Recognition]] = {}
    faults: list[str] = []
    for name, profile in profiles.items():
        for rule in profile.recognise:
            other, before = said.setdefault(rule.says, (name, rule))
            if other != name and before.place is not None and rule.place is not None:
                faults.append(
                    f"{rule.place.path}:{rule.place.line}:{rule.place.column}: recognise: the same rule as that of"
                    f" {other} in {before.place.path}:{before.place.line}; make one more specific, or remove it"
                )
    return faults


class _Library:
    """The files of the directories and the profiles they make, with the faults met on the way."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._paths: dict[str, list[Path]] = {}
        """Platform -> its files, the one that counts first."""
        self.faults: list[str] = []
        self._files: dict[Path, tuple[ProfileFile, Written] | None] = {}
        self._made: dict[Path, Profile | None] = {}
        for directory in directories:
            for path in sorted(directory.glob("*.yaml")):
                self._paths.setdefault(path.stem, []).append(path)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._paths))

    def profile(self, name: str) -> Profile | None:
        """None: its file, or one it extends, has faults."""
        return self._compose(self._paths[name][0], ())

    def _read(self, path: Path) -> tuple[ProfileFile, Written] | None:
        if path not in self._files:
            try:
                self._files[path] = read_profile(path)
            except ProfileError as error:
                self._files[path] = None
                self.faults.append(str(error))
        return self._files[path]

    def _compose(self, path: Path, below: tuple[Path, ...]) -> Profile | None:
        if path not in self._made:
            read = self._read(path)
            self._made[path] = None if read is None else self._extended(path, *read, (*below, path))
        return self._made[path]

    def _extended(self, path: Path, file: ProfileFile, written: Written, chain: tuple[Path, ...]) -> Profile | None:
        if file.extends is None and path.stem == GENERIC:
            return self._generic(path, file)
        parent_path = self._parent(path, file, written, chain)
        parent = self._compose(parent_path, chain) if parent_path is not None else None
        return None if parent is None else _merged(path.stem, file, parent)

    def _parent(self, path: Path, file: ProfileFile, written: Written, chain: tuple[Path, ...]) -> Path | None:
        """The file that is extended: of the platform's own name, the one it takes the place of."""
        wanted = file.extends or GENERIC
        found = self._paths.get(wanted, [])
        if wanted == path.stem:
            found = found[found.index(path) + 1 :]
        place = written.keys_at.get("extends", written.place)
        where = f"{path}:{place.line}:{place.column}: extends" if place else f"{path}:1:1: extends"
        if not found:
            near = difflib.get_close_matches(wanted, [name for name in self.names if name != path.stem], n=1)
            hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(self.names)}"
            self.faults.append(f"{where}: no profile called {wanted} to extend; {hint}")
            return None
        if found[0] in chain:
            self.faults.append(f"{where}: {wanted} is itself built on this profile; extend another")
            return None
        return found[0]

    def _generic(self, path: Path, file: ProfileFile) -> Profile | None:
        """What everything else is built on, and so must be complete."""
        absent = [name for name in (*TEXT_COLUMNS, *NUMBER_COLUMNS) if name not in file.interfaces]
        if absent:
            self.faults.append(f"{path}:1:1: interfaces: {', '.join(absent)} missing; every other profile builds on it")
            return None
        return Profile(
            platform=path.stem,
            description=file.description or "",
            recognise=file.recognise or (),
            interfaces=_narrowed(file.interfaces, file.quirks),
            device=file.device or (),
            quirks=file.quirks,
            health=file.health,
            health_expected=file.health_expected if file.health_expected is not None else EXPECTED,
            optics=file.optics or (),
            topology=file.topology or TopologyProfile(),
            terminal=file.terminal,
            cli=file.cli or (),
            enforcement=file.enforcement,
        )


def _merged(platform: str, file: ProfileFile, parent: Profile) -> Profile:
    """What the file writes, and the rest as in its parent."""
    is_same = platform == parent.platform
    quirks = parent.quirks.model_copy(
        update={name: getattr(file.quirks, name) for name in file.quirks.model_fields_set}
    )
    return Profile(
        platform=platform,
        description=file.description or parent.description,
        recognise=file.recognise if file.recognise is not None else parent.recognise if is_same else (),
        interfaces=_narrowed({**parent.interfaces, **file.interfaces}, quirks),
        device=file.device if file.device is not None else parent.device,
        quirks=quirks,
        health={
            **parent.health,
            **{kind: (*own, *parent.health.get(kind, ())) if own else () for kind, own in file.health.items()},
        },
        health_expected=file.health_expected if file.health_expected is not None else parent.health_expected,
        optics=file.optics if file.optics is not None else parent.optics,
        topology=file.topology or parent.topology,
        terminal=file.terminal or parent.terminal,
        cli=file.cli if file.cli is not None else parent.cli,
        enforcement=file.enforcement if "enforcement" in file.model_fields_set else parent.enforcement,
    )


def _narrowed(interfaces: Mapping[str, tuple[Source, ...]], quirks: Quirks) -> dict[str, tuple[Source, ...]]:
    """Without 64-bit counters where the platform has none to be believed."""
    if not quirks.counters_32_bit:
        return dict(interfaces)
    return {name: tuple(s for s in sources if s.decoder.bits != 64) or sources for name, sources in interfaces.items()}

"""A proposal as alterations of the files it belongs in: as a diff, tried with the real loader, written in one step."""

from __future__ import annotations

import difflib
import io
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from netmon.config import documents
from netmon.config.errors import ConfigError
from netmon.config.insertion import Entry, Insertion, InsertionError, Remark, inserted, lines, scalar
from netmon.config.load import Configuration, files_of, load
from netmon.config.proposal import Proposal, ProposedCircuit, ProposedRouter, Suggestion, platform_of, serial_of
from netmon.config.settings import NetmonSettings
from netmon.routers.settings import RouterSettings
from netmon.store.newfile import synced

DEFAULT_CREDENTIAL: Final = RouterSettings.model_fields["snmp"].default
DEFAULT_PORT: Final = RouterSettings.model_fields["snmp_port"].default
_LONGEST_REMARK: Final = 60


class MergeError(Exception):
    """The proposal cannot be merged, and nothing was written; one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What one file is to hold instead."""

    file: Path
    before: str = field(repr=False)
    after: str = field(repr=False)

    def diff(self) -> Iterator[str]:
        """Its lines as `patch -p0` takes them, each with its line end."""
        before, after = (list(io.StringIO(text, newline="\n")) for text in (self.before, self.after))
        for line in difflib.unified_diff(before, after, str(self.file), str(self.file)):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def texts_of(path: Path) -> dict[Path, bytes]:
    """What the configuration's files hold, as far as they can be read; `load` says what is wrong with the others.

    Raises ConfigError where there is no file.
    """
    read = {file: documents.read(file)[0] for file in files_of(path)}
    return {file: document.text for file, document in read.items() if document is not None}


def edits_of(proposal: Proposal, texts: Mapping[Path, bytes]) -> tuple[Edit, ...]:
    """The files that change; routers go where the last ones stand, circuits where their router does.

    Raises MergeError.
    """
    data = {file: _data(file, text) for file, text in texts.items()}
    insertions: dict[Path, list[Insertion]] = {}
    for router in proposal.known:
        if router.circuits:
            home = next(file for file, top in data.items() if router.name in (top.get("routers") or {}))
            entries = tuple(map(_circuit, router.circuits))
            insertions.setdefault(home, []).append(Insertion(("routers", router.name, "circuits"), entries))
    if proposal.new:
        homes = [file for file, top in data.items() if "routers" in top] or list(data)[:1]
        insertions.setdefault(homes[-1], []).append(Insertion(("routers",), tuple(map(_router, proposal.new))))
    return tuple(_edit(file, texts[file], wanted) for file, wanted in insertions.items())


def _edit(file: Path, octets: bytes, wanted: Sequence[Insertion]) -> Edit:
    try:
        text = octets.decode()
        return Edit(file, text, inserted(text, wanted))
    except UnicodeDecodeError:
        raise MergeError(f"{file}: is not UTF-8 text; save it as UTF-8, or merge the proposal by hand") from None
    except InsertionError as error:
        raise MergeError(f"{file}: {error}, or merge the proposal by hand") from None


def _data(file: Path, text: bytes) -> dict[Any, Any]:
    document, problems = documents.parsed(file, text)
    if document is None:
        raise ConfigError(problems)
    return document.data


# --- what is written -------------------------------------------------------------------------


def _router(router: ProposedRouter) -> Entry:
    found, discovered = router.found, router.found.discovered
    platform = platform_of(found)
    serial = serial_of(found)
    block: list[Entry | Remark] = [
        Remark(_cut(discovered.sys_descr or "no sysDescr") + (f"; serial {serial}" if serial else "")),
        Entry("address", found.place.address),
    ]
    if platform is not None:
        block.append(Entry("platform", platform))
    if found.login != DEFAULT_CREDENTIAL:
        block.append(Entry("snmp", found.login))
    if found.place.port != DEFAULT_PORT:
        block.append(Entry("snmp_port", found.place.port))
    if router.uplinks:
        described = "; ".join(alias for _, alias in router.uplinks)
        block.append(Remark(f"uplinks: [{', '.join(scalar(port) for port, _ in router.uplinks)}]  # {_cut(described)}"))
    suggested = tuple(Remark(line) for one in router.suggestions for line in _suggestion(one))
    if router.circuits:
        block.append(Entry("circuits", (*map(_circuit, router.circuits), *suggested)))
    elif suggested:
        block += [Remark("circuits:"), *(Remark(f"  {remark.text}") for remark in suggested)]
    return Entry(router.name, tuple(block))


def _circuit(circuit: ProposedCircuit) -> Entry:
    return Entry(
        circuit.name,
        (
            Entry("agency", circuit.agency),
            Entry("interface", circuit.interface),
            Entry("faces", "agency"),
            Entry("alias", circuit.alias),
        ),
    )


def _suggestion(one: Suggestion) -> Iterator[str]:
    # A comment within the comment: whoever takes the entry in only takes one "# " away.
    yield f"# {one.interface} ({_cut(one.alias)}): {one.why}"
    if one.circuit is not None:
        yield from lines((_circuit(one.circuit),))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REMARK else f"{text[: _LONGEST_REMARK - 3].rstrip()}..."


# --- trying and writing it -------------------------------------------------------------------


def check(configuration: Configuration, path: Path, edits: Sequence[Edit], proposal: Proposal) -> None:
    """Raises MergeError unless the merged configuration loads and differs by nothing but the proposal."""
    try:
        merged = load(path, {edit.file: edit.after.encode() for edit in edits}).settings
    except ConfigError as error:
        raise MergeError(
            f"merged, the configuration would be wrong, so nothing is written: {error.problems[0]}"
        ) from None
    before = configuration.settings
    added = {(one.name, circuit.name) for one in (*proposal.new, *proposal.known) for circuit in one.circuits}
    added |= {(one.name, "") for one in proposal.new}
    if _names(merged) - _names(before) != added or _without(merged, added) != before:
        raise MergeError(
            "merged, the configuration would change in other places too, so nothing is written; merge by hand"
        )


def _names(settings: NetmonSettings) -> set[tuple[str, str]]:
    """Every circuit with its router, and every router with no circuit."""
    return {(name, circuit) for name, router in settings.routers.items() for circuit in ("", *router.circuits)}


def _without(settings: NetmonSettings, added: Collection[tuple[str, str]]) -> NetmonSettings:
    routers = {
        name: router.model_copy(
            update={"circuits": {key: of for key, of in router.circuits.items() if (name, key) not in added}}
        )
        for name, router in settings.routers.items()
        if (name, "") not in added
    }
    return settings.model_copy(update={"routers": routers})


def write(path: Path, texts: Mapping[Path, bytes], edits: Sequence[Edit]) -> None:
    """Replaces the files of the configuration at `path`, each in one step, with owner and mode as they were.

    Raises MergeError if any of them no longer holds `texts`, before anything is written, and OSError.
    """
    ready: list[tuple[Path, Path]] = []
    try:
        for edit in edits:
            home = edit.file.resolve()
            ready.append((_prepared(home, edit.after.encode()), home))
        if texts_of(path) != dict(texts):
            raise MergeError(f"{path} was changed by someone else meanwhile, so nothing is written; discover again")
        for temporary, home in ready:
            temporary.replace(home)
    finally:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)
    for folder in {home.parent for _, home in ready}:
        synced(folder)


def _prepared(home: Path, octets: bytes) -> Path:
    """A file beside `home`, written to the disk, with its owner, mode and extended attributes (ACLs)."""
    old = home.stat()
    # The loader reads *.yaml and *.yml only.
    descriptor, name = tempfile.mkstemp(prefix=f".{home.name}.", suffix=".new", dir=home.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _keep_owner(file.fileno(), home, old)
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
            with suppress(OSError):
                for attribute in os.listxattr(home):
                    os.setxattr(file.fileno(), attribute, os.getxattr(home, attribute))
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, MergeError):
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _keep_owner(descriptor: int, home: Path, old: os.stat_result) -> None:
    new = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError:
            raise MergeError(f"{home} belongs to someone else, so nothing is written; run this as its owner") from None

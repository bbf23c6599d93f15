"""TextFSM templates: an answer as text -> rows; the only module that imports textfsm and ntc_templates.

Templates are data: collectors/templates/*.textfsm of the configuration come before the bundled ones.
ntc-templates' own come with Netmiko.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netmon.bundled import folder
from netmon.routers.cli_profile import CliCollector, Parse
from netmon.routers.cli_reading import MOST_LINES, MOST_ROWS, OutputMismatchError, Row, first_line, json_rows
from netmon.routers.profile_place import Place

if TYPE_CHECKING:
    from textfsm import TextFSM  # type: ignore[import-untyped]

_LARGEST_FILE: Final = 65_536
_LINE = re.compile(r"(?:Line:?|line) (\d+)")


class CliTemplateError(ValueError):
    """A template that cannot be used: `FILE:LINE: what is wrong; what to do`."""

    def __init__(self, said: str, place: Place | None = None) -> None:
        """`place` is in the template; None: there is none."""
        super().__init__(f"{place.path}:{place.line}: {said}" if place is not None else said)
        self.said = said
        self.place = place


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """What keeps a collector from reading anything, known without a router."""

    place: Place | None
    """In the template, else in the profile; None: the collector was read from no file."""
    said: str
    """One sentence with the remedy."""


class Templates:
    """Every template there is; safe to use from several threads."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """`folders` are searched in order; the configuration's comes before the bundled one."""
        self._folders = tuple(folders)
        self._texts: dict[str, tuple[Path, str]] = {}
        # ntc-templates keeps its index in a class attribute that is filled on first use.
        self._ntc = threading.Lock()

    @classmethod
    def beside(cls, directory: Path) -> Templates:
        """Those in `collectors/templates` of a configuration's directory, before the shipped ones."""
        return cls((directory / "collectors" / "templates", folder("collectors") / "templates"))

    def rows(self, parse: Parse, command: str, text: str) -> list[Row]:
        """The rows of an answer, every value a text, "" where the router said nothing.

        Raises OutputMismatchError with the first line that fits nothing, CliTemplateError for a template that
        is missing or wrong.
        """
        if parse.json_path is not None:
            return json_rows(parse.json_path, text)
        if parse.textfsm is not None:
            return _run(self._template(parse.textfsm), parse.textfsm, text)
        return self._ntc_rows(str(parse.ntc), command, text)

    def faults(self, collectors: Iterable[CliCollector]) -> list[TemplateFault]:
        """What is wrong between collectors and templates; no router is needed."""
        found = []
        for collector in collectors:
            name = collector.parse.textfsm
            if name is None:
                continue
            try:
                known = set(self._template(name).header)
            except CliTemplateError as error:
                found.append(TemplateFault(error.place or collector.place, error.said))
                continue
            used = frozenset().union(*(reading.fields for reading in collector.readings))
            if unknown := sorted(used - known):
                said = f"{', '.join(unknown)} cannot be read by {self._found(name)[0]}; use {', '.join(sorted(known))}"
                found.append(TemplateFault(collector.place, said))
        return found

    def _template(self, name: str) -> TextFSM:
        from textfsm import TextFSM, TextFSMTemplateError

        path, text = self._found(name)
        try:
            return TextFSM(io.StringIO(text))
        except TextFSMTemplateError as error:
            said = " ".join(str(error).split()).rstrip(".")
            line = _LINE.search(said)
            place = Place(path, int(line[1]) if line else 1)
            raise CliTemplateError(f"{said}; correct the template", place) from error
        except re.error as error:
            raise CliTemplateError(
                f"not a regular expression: {error}; correct the template", Place(path, 1)
            ) from error

    def _found(self, name: str) -> tuple[Path, str]:
        if name not in self._texts:
            path = next((one / name for one in self._folders if (one / name).is_file()), None)
            if path is None:
                places = " or ".join(map(str, self._folders)) or "nowhere"
                raise CliTemplateError(f"{name} is missing (searched {places}); add it or correct the collector")
            try:
                with path.open(encoding="utf-8") as file:
                    text = file.read(_LARGEST_FILE + 1)
            except (OSError, UnicodeDecodeError) as error:
                raise CliTemplateError(
                    f"cannot be read: {error}; check its owner and encoding", Place(path, 1)
                ) from error
            if len(text) > _LARGEST_FILE:
                raise CliTemplateError(f"larger than {_LARGEST_FILE} characters; a template is a page", Place(path, 1))
            self._texts[name] = path, text
        return self._texts[name]

    def _ntc_rows(self, platform: str, command: str, text: str) -> list[Row]:
        from ntc_templates.parse import ParsingException, parse_output  # type: ignore[import-untyped]
        from textfsm import TextFSMError

        try:
            with self._ntc:
                parsed = parse_output(platform=platform, command=command, data=_bounded(text))
        except ParsingException as error:
            if "No template found" in str(error):
                raise CliTemplateError(
                    f"ntc-templates has no template for {platform} and {command!r}; write one of your own"
                ) from error
            raise OutputMismatchError(_unfit(text, "the ntc template")) from error
        except TextFSMError as error:
            raise OutputMismatchError(_unfit(text, "the ntc template")) from error
        return [_texts(row) for row in parsed[:MOST_ROWS]]


def _run(machine: TextFSM, name: str, text: str) -> list[Row]:
    """Line by line, so that the one that fits nothing is known."""
    from textfsm import TextFSMError

    lines = _bounded(text).split("\n")
    for line in lines:
        try:
            machine.ParseText(f"{line}\n", eof=False)
        except TextFSMError as error:
            raise OutputMismatchError(_unfit(line, name)) from error
    machine.ParseText("", eof=True)
    return [_texts(dict(zip(machine.header, values, strict=True))) for values in machine._result[:MOST_ROWS]]  # noqa: SLF001


def _bounded(text: str) -> str:
    if text.count("\n") >= MOST_LINES:
        raise OutputMismatchError(f"an answer of over {MOST_LINES} lines; read fewer things at once")
    return text


def _unfit(text: str, what: str) -> str:
    return f"{what} does not know the line {first_line(text)}; correct the template for this release"


def _texts(row: Mapping[str, object]) -> Row:
    return {
        name: " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
        for name, value in row.items()
    }

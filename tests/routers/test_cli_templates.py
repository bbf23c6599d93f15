"""Templates as data: found, checked, and never more than a sentence when they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.cli_collectors import shipped_templates

from netmon.routers.cli_profile import CliCollector, Parse
from netmon.routers.cli_reading import MOST_ROWS, OutputMismatchError, read_output
from netmon.routers.cli_templates import CliTemplateError, Templates
from netmon.routers.profile_place import Place

WORKS = """\
Value NAME (\\S+)
Value List TAGS (\\S+)

Start
  ^${NAME} is a queue$$ -> Record
  ^tag ${TAGS}
  ^. -> Error
"""


def written(folder: Path, text: str, name: str = "mine.textfsm") -> Templates:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return Templates([folder])


def collector(field: str = "NAME", name: str = "mine.textfsm") -> CliCollector:
    facts: dict[str, Any] = {"name": {"field": field, "decoder": "text"}}
    return CliCollector.model_validate(
        {"command": "show queues", "parse": {"textfsm": name}, "readings": [{"kind": "queue", "facts": facts}]}
    )


def test_a_template_of_the_configuration_comes_before_the_bundled_one(tmp_path: Path) -> None:
    own, bundled = tmp_path / "own", tmp_path / "bundled"
    written(bundled, "Value NAME (.*)\n\nStart\n  ^. -> Error\n")
    written(own, WORKS)
    templates = Templates([own, tmp_path / "nowhere", bundled])
    rows = templates.rows(Parse(textfsm="mine.textfsm"), "show queues", "tag x\ntag y\nq1 is a queue\nq2 is a queue")
    assert rows == [{"NAME": "q1", "TAGS": "x y"}, {"NAME": "q2", "TAGS": ""}]


def test_the_first_line_that_fits_nothing_is_named(tmp_path: Path) -> None:
    templates = written(tmp_path, WORKS)
    with pytest.raises(OutputMismatchError, match=r"mine\.textfsm does not know the line 'what\?'; correct"):
        templates.rows(Parse(textfsm="mine.textfsm"), "show queues", "q1 is a queue\nwhat?\nand this")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Value NAME (\\S+\n\nStart\n", r"mine\.textfsm:1: "),
        ("Value NAME (\\S+)\nnonsense\n\nStart\n", r"mine\.textfsm:2: "),
        ("Value NAME (\\S+)\n\nStart\n  ^${OTHER} -> Record\n", r"mine\.textfsm:4: .*correct the template"),
        ("Value NAME (\\S+)\n\nStart\n  ^(a -> Record\n", r"mine\.textfsm:4: "),
        ("", r"mine\.textfsm:1: "),
        ("#" * 70_000, "larger than 65536"),
    ],
)
def test_a_template_that_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    templates = written(tmp_path, text)
    with pytest.raises(CliTemplateError, match=said):
        templates.rows(Parse(textfsm="mine.textfsm"), "show queues", "x")
    (fault,) = templates.faults([collector()])
    assert fault.place is not None
    reading = read_output(collector(), "x", templates)
    assert [one.why for one in reading.missing] == [f"{fault.place.path}:{fault.place.line}: {fault.said}"]


def test_a_template_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    (fault,) = Templates([]).faults([collector()])
    assert (fault.place, "is missing (searched nowhere); add it" in fault.said) == (None, True)
    (tmp_path / "mine.textfsm").write_bytes(b"\xff\xfe")
    (fault,) = Templates([tmp_path]).faults([collector()])
    assert (fault.place, "cannot be read" in fault.said) == (Place(tmp_path / "mine.textfsm", 1), True)


def test_a_field_that_the_template_has_not_is_found_without_a_router(tmp_path: Path) -> None:
    templates = written(tmp_path, WORKS)
    assert templates.faults([collector()]) == []
    (fault,) = templates.faults([collector("NAMES")])
    assert fault.said == f"NAMES cannot be read by {tmp_path / 'mine.textfsm'}; use NAME, TAGS"


def test_what_ntc_templates_cannot_read_is_a_sentence() -> None:
    templates = shipped_templates()
    with pytest.raises(CliTemplateError, match="no template for cisco_xr and 'show love'"):
        templates.rows(Parse(ntc="cisco_xr"), "show love", "x")
    with pytest.raises(OutputMismatchError, match="ntc template does not know"):
        templates.rows(Parse(ntc="cisco_ios"), "show archive", "what?")


def test_rows_are_bounded(tmp_path: Path) -> None:
    templates = written(tmp_path, WORKS)
    rows = templates.rows(Parse(textfsm="mine.textfsm"), "show queues", "q is a queue\n" * (MOST_ROWS + 9))
    assert len(rows) == MOST_ROWS

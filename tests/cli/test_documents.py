"""docs/documents.md against docs/schemas and against the verbs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from netmon.cli.app import netmon

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "documents.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z-]+)` \| `netmon ([a-z -]+)` \|", TEXT, re.MULTILINE))
"""Document -> verb."""


def verbs_with_documents() -> Iterator[str]:
    """Every verb, or verb of a verb, that has `--output`."""
    context = click.Context(netmon)
    for name in netmon.list_commands(context):
        _, command, _ = netmon.resolve_command(context, [name])
        assert command is not None
        inner = command.commands if isinstance(command, click.Group) else {}
        for verb, one in {name: command, **{f"{name} {sub}": of for sub, of in inner.items()}}.items():
            if any("--output" in option.opts for option in one.params):
                yield verb


def test_every_schema_is_listed_and_every_schema_listed_is_there() -> None:
    listed = re.findall(r"\]\(schemas/([a-z-]+)\.schema\.json\) \|$", TEXT, re.MULTILINE)
    assert sorted(listed) == sorted(path.name.removesuffix(".schema.json") for path in (DOCS / "schemas").iterdir())


def test_every_verb_that_prints_a_document_is_listed() -> None:
    assert sorted(ROWS.values()) == sorted(verbs_with_documents())


def test_a_document_s_schema_is_of_its_name() -> None:
    assert ROWS
    for document, verb in ROWS.items():
        schema = (DOCS / "schemas" / f"{document}.schema.json").read_text(encoding="utf-8")
        assert f'"netmon/{document}/1"' in schema
        assert f"`netmon {verb}" in schema

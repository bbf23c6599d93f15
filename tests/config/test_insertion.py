"""Text put into YAML: what was there stays, byte for byte, and is read as before."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netmon.config.insertion import Entry, Insertion, InsertionError, Remark, inserted, scalar

ROUTERS = ("routers",)
NEW = (Entry("new", (Entry("address", "192.0.2.9"), Remark("note"), Entry("snmp_port", 1161))),)
READ = {"new": {"address": "192.0.2.9", "snmp_port": 1161}}
LINES = "  new:\n    address: 192.0.2.9\n    # note\n    snmp_port: 1161\n"


def added(text: str, *path: str) -> str:
    return inserted(text, [Insertion(path or ROUTERS, NEW)])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("routers:\n  a: {address: b}\nhttp: {}\n", f"routers:\n  a: {{address: b}}\n{LINES}http: {{}}\n"),
        ("routers:\n  a:\n    address: b\n", f"routers:\n  a:\n    address: b\n{LINES}"),
        ("routers:\n  a:\n    address: b", f"routers:\n  a:\n    address: b\n{LINES}"),
        ("routers: {}  # none\nx: 1\n", f"routers:  # none\n{LINES}x: 1\n"),
        ("routers: {}\n", f"routers:\n{LINES}"),
        ("routers: ~\n", f"routers:\n{LINES}"),
        ("routers:\n  # none\n\n# Else\nx: 1\n", f"routers:\n  # none\n{LINES}\n# Else\nx: 1\n"),
        ("site: 1\n", f"site: 1\n\nrouters:\n{LINES}"),
        ("", f"routers:\n{LINES}"),
        ("# nothing yet\n", f"# nothing yet\nrouters:\n{LINES}"),
        ("\ufeffsite: 1\n", f"\ufeffsite: 1\n\nrouters:\n{LINES}"),
        ("routers:\n  a: 1\n  # of a\n\n  # more\n# top\n", f"routers:\n  a: 1\n  # of a\n\n  # more\n{LINES}# top\n"),
        ("routers:\n  a: 1\n\n  # b\n  b: 1\n", f"routers:\n  a: 1\n\n  # b\n  b: 1\n\n{LINES}"),
        ("routers:\n  a: 1\n...\n", f"routers:\n  a: 1\n{LINES}...\n"),
        ("routers:\n  a:\n  - &x 1\n  - *x\n  # c\ny: 1\n", f"routers:\n  a:\n  - &x 1\n  - *x\n  # c\n{LINES}y: 1\n"),
        ("routers:\n  a: 1\n\n  b: |+\n    c\nx: 1\n", f"routers:\n  a: 1\n\n  b: |+\n    c\n{LINES}x: 1\n"),
        ("d: &d {e: 1}\nrouters:\n  a: *d\nx: 1\n", f"d: &d {{e: 1}}\nrouters:\n  a: *d\n{LINES}x: 1\n"),
        ("routers: &all {}\nx: *all\n", f"routers: &all\n{LINES}x: *all\n"),
    ],
)  # fmt: skip
def test_entries_go_behind_the_last_and_its_comments(before: str, after: str) -> None:
    assert added(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("routers: {a: {b: c}}\n", 'routers: {a: {b: c}, new: {address: 192.0.2.9, snmp_port: 1161}}\n'),
        ("routers: {a: {b: c,},}  # d\n", 'routers: {a: {b: c,}, new: {address: 192.0.2.9, snmp_port: 1161},}  # d\n'),
        ("{site: 1}\n", "{site: 1, routers: {new: {address: 192.0.2.9, snmp_port: 1161}}}\n"),
        ("{routers: {}}\n", "{routers: {new: {address: 192.0.2.9, snmp_port: 1161}}}\n"),
        ("{routers: }\n", "{routers:  {new: {address: 192.0.2.9, snmp_port: 1161}}}\n"),
        ("routers: {  # c\n  }\n", "routers: {  # c\n  new: {address: 192.0.2.9, snmp_port: 1161}}\n"),
        ("routers: {\n  a: 1,  # c\n}\n", "routers: {\n  a: 1, new: {address: 192.0.2.9, snmp_port: 1161},  # c\n}\n"),
    ],
)  # fmt: skip
def test_where_people_write_in_braces_so_does_netmon(before: str, after: str) -> None:
    assert added(before) == after


def test_indentation_and_line_ends_are_those_of_the_file() -> None:
    text = "agencies:\r\n    a: {name: b}\r\nrouters:\r\n    r:\r\n        address: x\r\n"
    expected = "        circuits:\r\n            new:\r\n                address: 192.0.2.9\r\n"
    assert added(text, "routers", "r", "circuits").startswith(text + expected)


def test_what_belongs_further_in_comes_first_where_both_end_at_the_same_line() -> None:
    text = "routers:\n  r:\n    circuits:\n      c: {agency: a}\n"
    both = [Insertion(ROUTERS, NEW), Insertion(("routers", "r", "circuits"), (Entry("d", (Entry("agency", "b"),)),))]
    for wanted in (both, both[::-1]):
        assert inserted(text, wanted) == f"{text}      d:\n        agency: b\n{LINES}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x: &a {b: {}}\nrouters: *a\n", "routers is an alias (*) of what stands elsewhere; write it out"),
        ("routers: [a]\n", "routers is no mapping; write it as `key: value` lines"),
        ("routers: !!null x\n", "routers is no plain mapping"),
    ],
)
def test_where_nothing_can_be_inserted_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InsertionError) as told:
        added(text)
    assert sentence in str(told.value)


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=30))
def test_any_printable_text_is_read_back_as_itself(text: str) -> None:
    for written in (f"a: {scalar(text)}\n", f"{{a: {scalar(text)}, b: [{scalar(text)}]}}\n"):
        assert yaml.safe_load(written)["a"] == text
    assert yaml.safe_load(f"{scalar(text)}: 1\n") == {text: 1}


@pytest.mark.parametrize("text", ["on", "No", "null", "~", "1.02", "12", "1e3", "0x1F", "2026-11-22", "1:10", "y", ""])
def test_what_yaml_would_take_for_something_else_stands_in_quotes(text: str) -> None:
    assert scalar(text) == f'"{text}"'


# --- what people may have written ------------------------------------------------------------

keys = st.sampled_from(["a", "b", '"c"', "'d e'", "f.g", "h-1"])
comments = st.sampled_from(["", "", "  # why", " #! {x: y}"])
blanks = st.sampled_from(["", "", "\n", "# aside\n", "\n# aside: {\n\n"])
leaves = st.sampled_from(
    ["1", "text", "'it''s # no'", '"a: \\u00e9"', "[x, {y: z}]", "{k: v,}", "{}", "[]", "2 TB", "~", ""]
)


@st.composite
def mappings(draw: st.DrawFn, depth: int, column: int) -> str:
    step = draw(st.sampled_from([1, 2, 4]))
    names = draw(st.lists(keys, min_size=1, max_size=3, unique_by=lambda key: key.strip("'\"")))
    text = ""
    for name in names:
        text += "".join(" " * column + line + "\n" if line else "\n" for line in draw(blanks).splitlines())
        kind = draw(st.integers(0, 9))
        if depth and kind > 4:
            text += f"{' ' * column}{name}:{draw(comments)}\n{draw(mappings(depth - 1, column + step))}"
        elif kind == 4:
            body = draw(st.sampled_from(["one", "# no comment", "one\n\ntwo"]))
            style = draw(st.sampled_from(["|", ">", "|-", "|+", ">+"]))
            inside = "".join(f"{' ' * (column + step)}{line}\n" if line else "\n" for line in body.split("\n"))
            text += f"{' ' * column}{name}: {style}\n{inside}"
        elif kind == 3:
            text += f"{' ' * column}{name}:{draw(comments)}\n" + "".join(
                f"{' ' * column}- {leaf}\n"
                for leaf in draw(st.lists(st.sampled_from(["x", "{y: z}", "'#'"]), min_size=1))
            )
        else:
            text += f"{' ' * column}{name}: {draw(leaves)}{draw(comments)}\n"
    return text + draw(st.sampled_from(["", "", "\n", " " * column + "# last\n", "# margin\n", "\n\n"]))


@st.composite
def files(draw: st.DrawFn) -> str:
    routers = draw(mappings(2, 2))
    parts = [f"routers:{draw(comments)}\n{routers}", "site: {name: x}\n", f"other:\n{draw(mappings(1, 3))}"]
    text = "".join(draw(st.permutations(parts)))
    return draw(st.sampled_from([text, text.rstrip("\n"), text.replace("\n", "\r\n"), f"---\n{text}"]))


@settings(max_examples=150)
@given(files(), st.booleans())
def test_every_line_stays_and_is_read_as_before(text: str, with_a_circuit: bool) -> None:
    before = yaml.safe_load(text)
    # A last line without its end gets one, which a block scalar there would show; merging refuses that.
    assume(yaml.safe_load(f"{text}\n") == before)
    name = next(iter(before["routers"]))
    inner = before["routers"][name]
    wanted = [Insertion(ROUTERS, NEW)]
    circuit: Any = with_a_circuit and (inner is None or isinstance(inner, dict))
    if circuit:
        wanted.append(Insertion(("routers", name), (Entry("added", (Entry("agency", "x"),)),)))
    after = inserted(text, wanted)
    expected = yaml.safe_load(text)
    expected["routers"] |= READ
    if circuit:
        expected["routers"][name] = {**(inner or {}), "added": {"agency": "x"}}
    assert yaml.safe_load(after) == expected
    rest = iter(after.splitlines())
    kept = [line for line in text.splitlines() if not line.lstrip().startswith(f"{name}: {{}}")]
    missing = [line for line in kept if not any(_is_kept(line, other) for other in rest)]
    assert missing == []


def _is_kept(line: str, other: str) -> bool:
    """The same line, or one in braces that gained entries, or gave `{}` and `~` up."""
    if line == other:
        return True
    head, _, tail = line.partition("{}") if "{}" in line else line.partition("~")
    return (head != line and other == head.rstrip() + tail) or _gained(line, other)


def _gained(line: str, other: str) -> bool:
    at = line.rfind(",}") if ",}" in line else line.rfind("}")
    return at > 0 and other.startswith(line[:at]) and other.endswith(line[at:]) and ", added: {" in other

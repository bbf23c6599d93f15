from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from netmon.outputs.exposition import TABLE_ROWS, Block, Family, Value, gzipped, labels, lines, plain, template


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def nothing() -> Block:
    return Block(lambda: b"")


def text_of(families: Iterable[Family]) -> str:
    return b"".join(plain(families, nothing())).decode()


def put(family: Family, owner: str, names: Sequence[str], values: Sequence[Value | None]) -> None:
    series = [labels({"i": name}) for name in names]
    family.put(owner, partial(lines, family.name, series, values))


def gauge() -> Family:
    return Family("netmon_x", "gauge", "X.")


LABEL_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(LABEL_TEXT, st.integers(0, 2**64 - 1), min_size=1, max_size=5))
def test_prometheus_clients_parser_reads_back_every_label_and_value(series: dict[str, int]) -> None:
    family = Family("netmon_bytes_total", "counter", "Help with \\ and\nnewline.")
    put(family, "o", tuple(series), tuple(series.values()))
    expected = {("netmon_bytes_total", (("i", name),)): value for name, value in series.items()}
    assert read(text_of([family])) == expected


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(LABEL_TEXT | st.sampled_from(["100 %", "%d", "%%s"]), st.integers(0, 2**64 - 1), max_size=5))
def test_a_template_filled_in_is_what_lines_writes(series: dict[str, int]) -> None:
    names = [labels({"i": name}) for name in series]
    assert template("netmon_x", names) % tuple(series.values()) == lines("netmon_x", names, tuple(series.values()))


def test_large_integers_are_written_digit_by_digit() -> None:
    assert (
        lines("netmon_bytes_total", ['site="s"'], [2**64 - 1]) == b'netmon_bytes_total{site="s"} 18446744073709551615\n'
    )
    assert template("netmon_bytes_total", ['site="s"']) % (2**64 - 1) == (
        b'netmon_bytes_total{site="s"} 18446744073709551615\n'
    )


def test_labels_without_a_value_are_left_out() -> None:
    assert labels({"name": 'say "a\\b"', "code": "", "site": "s"}) == r'name="say \"a\\b\"",site="s"'


def test_labels_that_all_series_have_are_added_to_each() -> None:
    assert lines("x", ['i="1"', 'i="2"'], [1, 2.5], ',d="in"') == b'x{i="1",d="in"} 1\nx{i="2",d="in"} 2.5\n'


def test_an_absent_value_leaves_its_series_out() -> None:
    assert lines("x", ['i="1"', 'i="2"'], [None, 7]) == b'x{i="2"} 7\n'


def test_a_series_is_never_written_twice() -> None:
    assert lines("x", ['i="1"'] * 2, [1, 2]) == b'x{i="1"} 2\n'


def test_a_family_without_series_is_not_mentioned() -> None:
    family = gauge()
    put(family, "o", ["1"], [None])
    assert text_of([family, gauge()]) == ""
    put(family, "p", ["2"], [0])
    assert text_of([family]).splitlines() == ["# HELP netmon_x X.", "# TYPE netmon_x gauge", 'netmon_x{i="2"} 0']


def test_an_owner_replaces_and_drops_only_its_own_series() -> None:
    family = gauge()
    for owner in ("a", "b"):
        put(family, owner, [owner], [1])
    put(family, "a", ["a"], [2])
    family.drop("b")
    assert read(text_of([family])) == {("netmon_x", (("i", "a"),)): 2.0}


def test_a_table_replaces_all_series_and_is_written_some_rows_at_a_time() -> None:
    family, portions = gauge(), []

    def write(rows: Sequence[int]) -> bytes:
        portions.append(len(rows))
        return lines(family.name, [f'i="{row}"' for row in rows], rows)

    family.table(range(2 * TABLE_ROWS + 1), write)
    assert len(read(text_of([family]))) == 2 * TABLE_ROWS + 1
    assert portions == [TABLE_ROWS, TABLE_ROWS, 1]
    family.table((7,), write)
    assert read(text_of([family])) == {("netmon_x", (("i", "7"),)): 7.0}


def test_chunks_are_short_and_the_whole_is_one_exposition() -> None:
    families = [gauge(), Family("netmon_y", "gauge", "Y.")]
    for family in families:
        for owner in range(30):
            put(family, str(owner), [f"{owner}/{i}/{'x' * 100}" for i in range(250)], range(250))
    chunks = list(plain(families, Block(lambda: b"netmon_own 1\n")))
    assert len(chunks) > 5
    assert max(map(len, chunks)) < 320 * 1024
    assert len(read(b"".join(chunks).decode())) == 2 * 30 * 250 + 1


def test_a_scrape_is_of_one_instant_however_slowly_it_is_read() -> None:
    family = gauge()
    for owner in range(3):
        put(family, str(owner), [f"{owner}/{i}/{'x' * 200}" for i in range(2000)], [1] * 2000)
    chunks = plain([family], nothing())
    first = next(chunks)
    for owner in range(4):
        put(family, str(owner), [f"{owner}/{i}" for i in range(2000)], [2] * 2000)
    assert set(read((first + b"".join(chunks)).decode()).values()) == {1.0}


def test_a_block_is_written_when_it_is_first_read_and_once() -> None:
    written: list[int] = []

    def write() -> bytes:
        written.append(1)
        return b"x 1\n"

    block = Block(write)
    assert not written
    for _ in range(2):
        assert (block.text(), block.empty()) == (b"x 1\n", False)
    block.packed()
    assert (block.text(), block.empty()) == (b"x 1\n", False)
    assert written == [1]


def test_packed_and_plain_scrapes_take_turns_on_the_same_blocks() -> None:
    families = [gauge(), gauge()]
    for step in range(4):
        put(families[0], "changes", ["1", "2"], [step, None])
        put(families[1], "stays", ["3"], [3])
        own = partial(Block, lambda: b"netmon_own 1\n")
        whole = b"".join(plain(families, own()))
        for _ in range(2):
            assert gzip.decompress(b"".join(gzipped(families, own()))) == whole
        assert b"".join(plain(families, own())) == whole

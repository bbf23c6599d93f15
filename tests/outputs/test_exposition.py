from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from netmon.outputs.exposition import Family, render


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


LABEL_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(LABEL_TEXT, st.integers(0, 2**64 - 1), min_size=1, max_size=5))
def test_prometheus_clients_parser_reads_back_every_label_and_value(series: dict[str, int]) -> None:
    family = Family("netmon_bytes_total", "counter", "Help with \\ and\nnewline.")
    family.put("o", [family.prefix({"name": name}) for name in series], list(series.values()))
    expected = {("netmon_bytes_total", (("name", name),)): value for name, value in series.items()}
    assert read("".join(render([family]))) == expected


def test_large_integers_are_written_digit_by_digit() -> None:
    family = Family("netmon_bytes_total", "counter", "Bytes.")
    family.put("o", [family.prefix({"site": "s"})], [2**64 - 1])
    assert 'netmon_bytes_total{site="s"} 18446744073709551615\n' in "".join(render([family]))


def test_an_absent_value_leaves_its_series_out() -> None:
    family = Family("netmon_x", "gauge", "X.")
    family.put("o", [family.prefix({"i": "1"}), family.prefix({"i": "2"})], [None, 7])
    assert read("".join(render([family]))) == {("netmon_x", (("i", "2"),)): 7.0}


def test_a_family_without_series_is_not_mentioned() -> None:
    family = Family("netmon_x", "gauge", "X.")
    family.put("o", [family.prefix({"i": "1"})], [None])
    assert "".join(render([family])) == ""


def test_a_series_is_never_written_twice() -> None:
    family = Family("netmon_x", "gauge", "X.")
    family.put("o", [family.prefix({"i": "1"})] * 2, [1, 2])
    assert "".join(render([family])).splitlines()[2:] == ['netmon_x{i="1"} 2']


def test_an_owner_replaces_and_drops_only_its_own_series() -> None:
    family = Family("netmon_x", "gauge", "X.")
    for owner in ("a", "b"):
        family.put(owner, [family.prefix({"o": owner})], [1])
    family.put("a", [family.prefix({"o": "a"})], [2])
    family.drop("b")
    assert read("".join(render([family]))) == {("netmon_x", (("o", "a"),)): 2.0}


def test_chunks_hold_about_as_many_lines_as_asked_and_the_whole_is_one_exposition() -> None:
    family = Family("netmon_x", "gauge", "X.")
    for owner in range(3):
        labels = [family.prefix({"o": str(owner), "i": str(i)}) for i in range(250)]
        family.put(str(owner), labels, list(range(250)))
    chunks = list(render([family], chunk_lines=100))
    assert max(chunk.count("\n") for chunk in chunks) <= 200
    assert len(read("".join(chunks))) == 750


def test_a_scrape_is_of_one_instant_however_slowly_it_is_read() -> None:
    family = Family("netmon_x", "gauge", "X.")
    family.put("a", [family.prefix({"i": str(i)}) for i in range(10)], [1] * 10)
    chunks = render([family], chunk_lines=4)
    first = next(chunks)
    family.put("a", [family.prefix({"i": str(i)}) for i in range(10)], [2] * 10)
    family.put("b", [family.prefix({"i": "b"})], [2])
    assert set(read(first + "".join(chunks)).values()) == {1.0}

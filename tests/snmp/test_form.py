from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp.codec import Tag, VarBind, decode_varbinds, encode_varbind
from netmon.snmp.errors import SnmpError
from netmon.snmp.form import RowForm, places_of
from netmon.snmp.oid import Oid, oid_content

COLUMNS: tuple[Oid, ...] = ((1, 3, 6, 1, 2, 1, 2, 2, 1, 14), (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6), (1, 3, 6, 1, 2, 1, 9))
HIGHEST: dict[int, int] = {
    Tag.INTEGER: 2**31 - 1,
    Tag.COUNTER32: 2**32 - 1,
    Tag.GAUGE32: 2**32 - 1,
    Tag.COUNTER64: 2**64 - 1,
    0x47: 2**32 - 1,
}
INDEXES = st.one_of(st.integers(1, 127).map(lambda arc: (arc,)), st.tuples(st.integers(1, 3), st.integers(200, 300)))
CELLS = st.sampled_from(sorted(HIGHEST)).flatmap(
    lambda tag: st.tuples(st.just(int(tag)), st.integers(0, 70).map(lambda bits: (1 << bits) - 1 & HIGHEST[tag]))
)


def row(index: Oid, cells: list[tuple[int, int]]) -> bytes:
    names = [(*column, *index) for column in COLUMNS]
    return b"".join(encode_varbind(VarBind(name, *cell)) for name, cell in zip(names, cells, strict=True))


def form_of(data: bytes, index: Oid) -> RowForm:
    places = places_of(data, 0)
    assert places is not None
    return RowForm(data, len(encoded(index)), places)


def encoded(index: Oid) -> bytes:
    return oid_content((1, 3, *index))[1:]


@given(INDEXES, INDEXES, st.lists(CELLS, min_size=3, max_size=3), st.data())
def test_a_row_of_the_same_form_is_read_and_no_other(
    one: Oid, other: Oid, cells: list[tuple[int, int]], data: st.DataObject
) -> None:
    form = form_of(row(one, cells), one)
    changed = [(tag, data.draw(st.integers(value >> 1, value))) for tag, value in cells]
    numbers = form.read(row(other, changed), encoded(other))
    assert form.tags == tuple(tag for tag, _ in cells)
    if len(row(other, changed)) == form.octets and len(encoded(one)) == len(encoded(other)):
        assert numbers is not None
    if numbers is not None:
        assert list(numbers) == [value for _, value in changed]


@given(INDEXES, st.lists(CELLS, min_size=3, max_size=3), st.data())
def test_an_altered_row_is_read_as_the_generic_decoder_reads_it_or_not_at_all(
    index: Oid, cells: list[tuple[int, int]], data: st.DataObject
) -> None:
    whole = row(index, cells)
    form = form_of(whole, index)
    altered = bytearray(whole)
    altered[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    numbers = form.read(bytes(altered), encoded(index))
    if numbers is None:
        return
    try:
        varbinds = decode_varbinds(bytes(altered), 0)
    except SnmpError:
        raise AssertionError(f"{altered.hex()} is malformed, and was read as {numbers}") from None
    assert [(one.oid, one.tag, one.value) for one in varbinds] == [
        ((*column, *index), tag, number) for column, tag, number in zip(COLUMNS, form.tags, numbers, strict=True)
    ]

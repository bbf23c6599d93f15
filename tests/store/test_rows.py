"""A visit as a row and back."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.core.heads import LastSeen
from netmon.core.measurement import Interface, PduStamp
from netmon.store import rows
from netmon.store.rows import Layout

U64 = st.one_of(st.integers(0, 2**64 - 1), st.just(2**64 - 1), st.just(0))
CELLS = st.lists(st.one_of(st.none(), U64), max_size=40)


@given(CELLS)
def test_cells_come_back_exactly_absent_ones_and_the_largest_included(cells: list[int | None]) -> None:
    packed = rows.pack_cells(cells)
    assert rows.unpack_cells(packed, len(cells)) == tuple(cells)
    assert len(packed) == len(cells) * 8 or None in cells


@given(st.lists(U64, min_size=1, max_size=20))
def test_totals_come_back_exactly(totals: list[int]) -> None:
    assert rows.unpack_totals(rows.pack_cells(totals)) == tuple(totals)


@pytest.mark.parametrize("cells", [[-1], [2**64], [None, -1], [None, 2**64]])
def test_a_number_that_is_no_counter_is_refused(cells: list[int | None]) -> None:
    with pytest.raises(struct.error):
        rows.pack_cells(cells)


@given(st.lists(st.builds(PduStamp, st.integers(0, 2**32 - 1), st.integers(0, 2**63)), max_size=6))
def test_stamps_come_back_exactly(pdus: list[PduStamp]) -> None:
    packed = rows.pack_stamps(pdus)
    assert rows.unpack_stamps(packed) == tuple(pdus)
    assert [rows.received_ns(packed, at) for at in range(len(pdus))] == [one.received_ns for one in pdus]


@given(st.dictionaries(st.integers(0, 500), st.builds(LastSeen, st.integers(0, 2**63), st.integers(0, 2**32 - 1))))
def test_lagging_series_come_back_exactly(lagging: dict[int, LastSeen]) -> None:
    packed = rows.pack_lagging(lagging)
    assert (packed is None) == (not lagging)
    assert rows.unpack_lagging(packed) == lagging


@settings(max_examples=50)
@given(st.data(), st.integers(0, 12))
def test_a_layout_comes_back_exactly(data: st.DataObject, count: int) -> None:
    def column(one: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        return st.lists(one, min_size=count, max_size=count).map(tuple)

    layout = data.draw(
        st.builds(
            Layout,
            series=column(st.builds(Interface, st.integers(0, 2**31), st.text(), st.text())),
            pdu_of=column(st.integers(0, 3)),
            discontinuity=column(st.one_of(st.none(), st.integers(0, 2**32 - 1))),
            counter_bits=st.sampled_from([32, 64]),
            device=st.one_of(st.none(), st.text()),
        )
    )
    assert rows.load_layout(rows.dump_layout(layout)) == layout

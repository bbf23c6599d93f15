from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netmon.snmp.codec import Tag, Value, VarBind, decode_varbinds, encode_oid, encode_tlv, encode_varbind
from netmon.snmp.errors import SnmpError, SnmpNonIncreasingError, SnmpResponseError, SnmpTooManyRowsError
from netmon.snmp.oid import Oid
from netmon.snmp.walk import Walk

BASE: Oid = (1, 3, 6, 1, 4, 1, 55555)
A, B, C = (*BASE, 1), (*BASE, 2), (*BASE, 3)
COLUMNS = (A, B, C)
LONG: Oid = (1, 3, *[2**32 - 1] * 23)
"""117 octets."""

INDEXES = st.lists(
    st.one_of(st.integers(1, 3), st.integers(120, 135), st.sampled_from((16383, 16384, 2**32 - 1))), max_size=3
).map(tuple)
CELLS: st.SearchStrategy[tuple[int, Value]] = st.one_of(
    st.tuples(st.just(int(Tag.INTEGER)), st.sampled_from((0, 1, -1, 127, 128, -(2**31), 2**31 - 1))),
    st.tuples(
        st.sampled_from((int(Tag.COUNTER32), int(Tag.GAUGE32), 0x47)),
        st.sampled_from((0, 200, 2**31 - 1, 2**31, 2**32 - 1)),
    ),
    st.tuples(st.just(int(Tag.COUNTER64)), st.sampled_from((0, 2**40, 2**63 - 1, 2**63, 2**64 - 1))),
    st.tuples(
        st.sampled_from((int(Tag.OCTET_STRING), 0x45, 0x03)), st.one_of(st.binary(max_size=5), st.just(bytes(130)))
    ),
    st.tuples(st.just(int(Tag.OID)), st.just((1, 3, 6))),
    st.tuples(st.just(int(Tag.IP_ADDRESS)), st.just(b"\x7f\0\0\1")),
    st.tuples(st.sampled_from((int(Tag.NULL), int(Tag.NO_SUCH_INSTANCE), int(Tag.END_OF_MIB_VIEW))), st.none()),
)


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Variable-bindings that are mostly rows of the columns in step, and often in one place something else."""
    indexes = sorted(set(draw(st.lists(INDEXES, max_size=5))))
    names = [(*column, *index) for index in indexes for column in COLUMNS]
    # Mostly rows of one form, as counters of about the same age have.
    kinds = [draw(CELLS) for _ in COLUMNS] if draw(st.booleans()) else None
    cells = [(name, *(kinds[at % len(COLUMNS)] if kinds else draw(CELLS))) for at, name in enumerate(names)]
    match draw(st.sampled_from(("", "", "cut", "drop", "repeat", "swap", "strange"))):
        case "cut" if cells:
            del cells[draw(st.integers(0, len(cells) - 1)) :]
        case "drop" if cells:
            del cells[draw(st.integers(0, len(cells) - 1))]
        case "repeat" if cells:
            place = draw(st.integers(0, len(cells) - 1))
            cells.insert(place, cells[place])
        case "swap" if cells:
            place = draw(st.integers(0, len(cells) - 1))
            cells[0], cells[place] = cells[place], cells[0]
        case "strange":
            cells.insert(draw(st.integers(0, len(cells))), ((1, 3, 6, 1), int(Tag.NULL), None))
    octets = bytearray(b"".join(encode_varbind(VarBind(*cell)) for cell in cells))
    if octets and draw(st.booleans()):
        place = draw(st.integers(0, len(octets) - 1))
        match draw(st.sampled_from(("set", "cut", "insert"))):
            case "set":
                octets[place] = draw(st.sampled_from((0, 1, 2, 0x30, 0x41, 0x7F, 0x80, 0x81, 0xFF)))
            case "cut":
                del octets[place:]
            case _:
                octets.insert(place, draw(st.integers(0, 255)))
    return bytes(octets)


class Reference:
    """A walk as the RFC describes it, by the generic decoder's word alone."""

    def __init__(self, max_rows: int) -> None:
        self.found: dict[Oid, dict[Oid, VarBind]] = {column: {} for column in COLUMNS}
        self.cursors: dict[Oid, Oid] = {column: column for column in COLUMNS}
        self.max_rows = max_rows

    def take(self, asked: list[Oid], data: bytes, repetitions: int) -> None:
        varbinds = decode_varbinds(data, 0)
        if not 1 <= len(varbinds) <= len(asked) * repetitions:
            raise SnmpResponseError("length")
        whole = len(varbinds) // len(asked) * len(asked)
        if 0 < whole < len(varbinds) and self.in_step(asked, varbinds):
            # What begins a row is asked for again.
            varbinds = varbinds[:whole]
        for position, varbind in enumerate(varbinds):
            column = asked[position % len(asked)]
            if column not in self.cursors:
                continue
            if not varbind.is_exception and varbind.oid <= self.cursors[column]:
                raise SnmpNonIncreasingError("circle")
            if varbind.is_exception or varbind.oid[: len(column)] != column:
                del self.cursors[column]
                continue
            if len(self.found[column]) >= self.max_rows:
                raise SnmpTooManyRowsError("rows")
            self.found[column][varbind.oid[len(column) :]] = varbind
            self.cursors[column] = varbind.oid

    def in_step(self, asked: list[Oid], varbinds: tuple[VarBind, ...]) -> bool:
        """Whether all columns have the same rows so far, also where the last one is incomplete."""
        last = {self.cursors[column][len(column) :] for column in asked}
        rows = [varbinds[at : at + len(asked)] for at in range(0, len(varbinds), len(asked))]
        for row in rows:
            index = row[0].oid[len(asked[0]) :]
            last.add(index)
            same = all(one.oid == (*column, *index) for column, one in zip(asked, row, strict=False))
            if not same or any(one.is_exception for one in row) or len(last) != 2 or max(last) != index:
                return False
            last = {index}
        return True


def assert_taken_alike(bodies: list[bytes], repetitions: int, max_rows: int) -> None:
    """The walk takes from these replies what the reference does, and refuses what it refuses."""
    walk, reference = Walk(COLUMNS, max_rows), Reference(max_rows)
    for body in bodies:
        asked = walk.first(3)
        if not asked:
            break
        error = refused = None
        try:
            reference.take([column.oid for column in asked], body, repetitions)
        except SnmpError as caught:
            refused = caught
        try:
            walk.take(asked, b"head" + body, 4, repetitions, "agent")
        except SnmpError as caught:
            error = caught
        assert type(error) is type(refused), body.hex()
        if error is not None:
            return
        # Which only asking for it by name would show, were it wrong.
        assert walk.names(walk.first(3)) == [encode_oid(name) for name in reference.cursors.values()]
    assert walk.found() == reference.found
    assert [list(rows) for rows in walk.found().values()] == [list(rows) for rows in reference.found.values()]


@given(
    st.lists(replies(), min_size=1, max_size=3), st.sampled_from((5, 5, 5, 2, 1)), st.sampled_from((50, 50, 6, 3, 1))
)
@example([b"".join(encode_varbind(VarBind((*column, 1), 0x41, 1)) for column in COLUMNS)[:-1]], 1, 5)
@settings(max_examples=300, deadline=None)
def test_a_walk_takes_from_any_reply_what_the_generic_decoder_would(
    bodies: list[bytes], repetitions: int, max_rows: int
) -> None:
    assert_taken_alike(bodies, repetitions, max_rows)


def row(*indexes: Oid, columns: tuple[Oid, ...] = COLUMNS, value: int = 7) -> bytes:
    return b"".join(
        encode_varbind(VarBind((*column, *index), Tag.GAUGE32, value)) for index in indexes for column in columns
    )


@pytest.mark.parametrize("value", [7, 2**31 + 7])
@pytest.mark.parametrize("last", [8, 300])
def test_no_octet_of_a_row_can_differ_unnoticed(value: int, last: int) -> None:
    body = row((7,), (last,), value=value)
    for place, octet in enumerate(body):
        for changed in {0, 1, 2, 4, 0x30, 0x7F, 0x80, 0x81, 0xFF, octet + 1 & 0xFF, octet - 1 & 0xFF, octet ^ 0x80}:
            assert_taken_alike([body[:place] + bytes((changed,)) + body[place + 1 :]], 5, 50)
        assert_taken_alike([body[:place]], 5, 50)
        assert_taken_alike([body[:place] + b"\0" + body[place:]], 5, 50)


@pytest.mark.parametrize("indexes", [[1, 1], [2, 1], [1, 2, 2, 3], [1, 300, 299], [0, 0]])
@pytest.mark.parametrize("apart", [False, True])
def test_rows_that_do_not_increase_are_refused_in_one_reply_or_in_two(indexes: list[int], apart: bool) -> None:
    rows = [row((index,)) for index in indexes]
    bodies = rows if apart else [b"".join(rows)]

    def take_all() -> None:
        walk = Walk(COLUMNS, 50)
        for body in bodies:
            walk.take(walk.first(3), body, 0, 5, "agent")

    with pytest.raises(SnmpNonIncreasingError):
        take_all()


@pytest.mark.parametrize(
    "value",
    [
        (Tag.INTEGER, "0200"), (Tag.INTEGER, "0205 0000000001"), (Tag.GAUGE32, "4205 01ffffffff"),
        (Tag.GAUGE32, "4205 00ffffffff"), (Tag.GAUGE32, "4201 ff"), (Tag.COUNTER64, "4609 010000000000000000"),
        (Tag.COUNTER64, "4609 00ffffffffffffffff"), (Tag.COUNTER64, "460a 00000000000000000001"), (0x47, "4701 00"),
        (0x47, "4705 00ffffffff"), (0x47, "4705 01ffffffff"), (0x47, "4701 ff"), (0x48, "4801 00"),
        (0x45, "4503 490001"), (0x03, "0302 0780"), (0x03, "0300"),
        (Tag.NULL, "0501 00"), (Tag.IP_ADDRESS, "4003 010203"), (Tag.OID, "0602 2b80"), (Tag.OCTET_STRING, "0400"),
    ],
)  # fmt: skip
def test_values_are_judged_as_the_generic_decoder_judges_them(value: tuple[int, str]) -> None:
    cells = [encode_tlv(0x30, encode_oid((*column, 1)) + bytes.fromhex(value[1])) for column in COLUMNS]
    assert_taken_alike([b"".join(cells)], 5, 50)


def test_rows_in_step_are_found_with_their_whole_names() -> None:
    walk = Walk(COLUMNS, 100)
    walk.take(walk.first(3), row((1,), (127,), (128,), (128, 1), (2**32 - 1,)), 0, 5, "agent")
    assert walk.found()[B][128, 1] == VarBind((*B, 128, 1), Tag.GAUGE32, 7)
    assert walk.names(walk.first(2)) == [encode_oid((*A, 2**32 - 1)), encode_oid((*B, 2**32 - 1))]
    assert isinstance(walk.found()[A][1,], VarBind)


def test_columns_that_got_out_of_step_are_each_asked_from_where_they_stand() -> None:
    walk = Walk((A, B), 100)
    walk.take(
        walk.first(2), row((1,), columns=(A, B)) + row((2,), columns=(A,)) + row((3,), columns=(B,)), 0, 2, "agent"
    )
    assert walk.names(walk.first(2)) == [encode_oid((*A, 2)), encode_oid((*B, 3))]
    walk.take(walk.first(2), row((3,), columns=(A,)) + row((4,), columns=(B,)), 0, 5, "agent")
    assert {column: list(rows) for column, rows in walk.found().items()} == {
        A: [(1,), (2,), (3,)],
        B: [(1,), (3,), (4,)],
    }


def test_what_begins_a_row_is_left_for_the_next_request() -> None:
    walk = Walk(COLUMNS, 100)
    walk.take(walk.first(3), row((1,)) + row((2,), columns=(A, B)), 0, 5, "agent")
    assert walk.names(walk.first(3)) == [encode_oid((*column, 1)) for column in COLUMNS]
    walk.take(walk.first(3), row((2,), columns=(A, B)), 0, 5, "agent")
    assert walk.names(walk.first(3)) == [encode_oid((*A, 2)), encode_oid((*B, 2)), encode_oid((*C, 1))]


def test_names_too_long_for_short_lengths_are_walked_all_the_same() -> None:
    walk = Walk((LONG,), 100)
    for index in (1, 2):
        walk.take(walk.first(1), row((index, *[2**32 - 1] * 3), columns=(LONG,)), 0, 1, "agent")
    assert [index[0] for index in walk.found()[LONG]] == [1, 2]
    assert walk.names(walk.first(1)) == [encode_oid((*LONG, 2, *[2**32 - 1] * 3))]


def test_a_name_of_more_than_128_numbers_is_refused() -> None:
    column = (1, 3, *[1] * 60)
    walk = Walk((column,), 100)
    content = encode_oid((*column, *[1] * 60))[2:] + bytes([1] * 7)
    name = encode_tlv(Tag.OID, content)
    with pytest.raises(SnmpError, match="at most 128"):
        walk.take(walk.first(1), encode_tlv(0x30, name + b"\x05\x00"), 0, 1, "agent")


def test_a_walk_of_no_columns_is_over() -> None:
    assert Walk((), 1).is_over
    assert Walk((), 1).found() == {}

"""Request-ids that nobody can tell from others."""

from __future__ import annotations

from itertools import pairwise

from netmon.snmp.request_ids import FIRST, LAST, RequestIds


def test_they_fit_four_octets_whatever_they_are() -> None:
    ids = RequestIds()
    drawn = [ids.take(()) for _ in range(5000)]
    assert all(FIRST <= one <= LAST for one in drawn)
    assert all(len(one.to_bytes(4, "big", signed=True)) == 4 and one >> 23 for one in drawn)


def test_none_is_near_the_one_before() -> None:
    ids = RequestIds()
    drawn = [ids.take(()) for _ in range(5000)]
    near = sum(abs(one - other) < 1 << 20 for one, other in pairwise(drawn))
    assert near < 25, "by chance one in a thousand is"


def test_none_that_is_taken_is_drawn() -> None:
    class All:
        """Everything is taken but multiples of 64."""

        def __contains__(self, number: object) -> bool:
            return isinstance(number, int) and number % 64 != 0

    ids = RequestIds()
    assert all(ids.take(All()) % 64 == 0 for _ in range(50))

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp.wheel import SLOTS, TimerWheel

TICK = 10
STEP = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 8), st.integers(-50, TICK * SLOTS * 3)),
    st.tuples(st.just("cancel"), st.integers(0, 8), st.just(0)),
    st.tuples(st.just("wait"), st.just(0), st.one_of(st.integers(0, 300), st.integers(0, TICK * SLOTS * 2))),
)


@given(st.lists(STEP, max_size=40))
def test_every_item_expires_once_never_early_and_at_most_one_tick_late(steps: list[tuple[str, int, int]]) -> None:
    now = 12_345
    wheel: TimerWheel[int] = TimerWheel(TICK, now)
    deadlines: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for what, key, amount in steps:
        if what == "add" and key not in deadlines:
            ticks[key] = wheel.add(key, key, now + amount)
            deadlines[key] = now + max(0, amount)  # already past: due at the next tick
        elif what == "cancel":
            wheel.cancel(key, ticks.get(key, 0))
            deadlines.pop(key, None)
        elif what == "add":
            pass
        else:
            now += amount
            for expired in wheel.expire(now):
                assert deadlines.pop(expired) <= now
            assert all(deadline > now - 2 * TICK for deadline in deadlines.values())
        assert len(wheel) == len(deadlines)
    assert sorted(wheel.expire(now + 10 * TICK * SLOTS)) == sorted(deadlines)
    assert not wheel

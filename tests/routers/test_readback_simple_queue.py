"""What RouterOS prints of its simple queues beside what tests/routers/test_readbacks.py has, read."""

from __future__ import annotations

import pytest

from netmon.routers.dialects import Names, Way
from netmon.routers.readback_simple_queue import SimpleQueueReadback
from netmon.routers.readbacks import Ours
from netmon.routers.session import AnswerUnreadableError

NAMES = Names.of("dinkes-main")
SIMPLE = SimpleQueueReadback()


def queue(max_limit: str, disabled: str = "false") -> str:
    return f"target=ether2\nmax-limit={max_limit}\ndisabled={disabled}\ncomment=netmon\n"


def test_a_queue_on_a_port_of_a_bridge_is_told_to_see_nothing() -> None:
    others = ["", "", "", "fasttrack=0", "bridge=bridge1"]
    (warning,) = SIMPLE.state([""], others, NAMES, "ether2").warnings
    assert "limit at bridge1" in warning


@pytest.mark.parametrize("gone", ["max-limit", "disabled", "comment"])
def test_a_queue_of_which_not_all_was_told_is_not_read(gone: str) -> None:
    said = "".join(line for line in queue("4M/8M").splitlines(keepends=True) if not line.startswith(gone))
    with pytest.raises(AnswerUnreadableError, match=f"did not tell {gone}"):
        SIMPLE.state([said], [], NAMES, "ether2")
    with pytest.raises(AnswerUnreadableError, match="'perhaps'"):
        SIMPLE.state([queue("4M/8M", disabled="perhaps")], [], NAMES, "ether2")


def test_what_is_ours_is_listed_though_its_rate_cannot_be_read() -> None:
    said = f"queue={NAMES.object}\ntarget=ether2\nmax-limit=much\n"
    tree = f"tree={NAMES.object}.egress\npacket-mark={NAMES.object}.egress\nmax-limit=much\ncomment=netmon on e2\n"
    assert SIMPLE.ours([said, tree]) == (
        Ours(NAMES.object, "ether2", None, None),
        Ours(NAMES.object, "e2", Way.EGRESS, None),
    )


@pytest.mark.parametrize(
    ("said", "warned"),
    [
        ("scheduler=true", None),
        ("scheduler=false", "device mode forbids schedulers"),
        ("fasttrack-six=0", None),
        ("fasttrack-six=1", "FastTrack is on"),
    ],
)
def test_what_keeps_limits_from_routeros_7_is_told_at_first_sight(said: str, warned: str | None) -> None:
    warnings = SIMPLE.survey(["version=7.18 (stable)", "fasttrack=0", said]).warnings
    assert warnings == () if warned is None else warned in warnings[0]

"""The demo's story: each step told once, in order, from what netmon recorded; a step that is late is a failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from netmon.cli.demo_screen import screen, told_plainly
from netmon.cli.demo_story import STEPS, Line, Sight, Story
from netmon.core.changes import Action, Change, Outcome, Proof, Receipt
from netmon.core.model import NANOSECONDS, Direction, RateLimit, RuleRef, Verdict, VerdictReason
from netmon.store.values import ReceiptLink

BEGAN_NS = 1_795_000_000 * NANOSECONDS
WHO = ("disdik", Direction.DOWNLOAD)
LINE = Line("disdik", "Dinas Pendidikan", "disdik-1", Direction.DOWNLOAD, 650 * 10**6, 600 * 10**6, 200 * 10**6, None)
VERDICT = Verdict(
    agency="disdik",
    direction=Direction.DOWNLOAD,
    limit=RateLimit(10**7),
    reason=VerdictReason.OVER_QUOTA,
    policy="demo-download",
    rule=RuleRef("quotas/demo.yaml", 10),
    step=2,
    period_start_ns=BEGAN_NS,
    until_ns=None,
    evidence={"proven_bytes": 650 * 10**6, "quota_bytes": 600 * 10**6},
)
EVENT: tuple[str, dict[str, Any]] = (
    "netmon/v1/simulated-province/event/quota/disdik",
    {"id": "691df9d07a6b2163-0", "data": {"agency": "disdik", "kind": "quota", "reason": "over_quota"}},
)


def link(second: int, to_bps: int | None, outcome: Outcome = Outcome.CONFIRMED) -> ReceiptLink:
    change = Change(
        router="gubernuran",
        circuit="disdik-1",
        agency="disdik",
        direction=Direction.DOWNLOAD,
        action=Action.SET if to_bps else Action.REMOVE,
        from_bps=None,
        to_bps=to_bps,
        reason=VerdictReason.OVER_QUOTA,
        rule=None,
    )
    at_ns = BEGAN_NS + second * NANOSECONDS
    receipt = Receipt(f"nm-{second}", at_ns, change, outcome, Proof.READ_BACK, "read back", 10**8)
    return ReceiptLink(receipt, "c", second, "0" * 64, "fed8ef545bf92d8f" + "0" * 48)


def sight(second: int, **changes: Any) -> Sight:
    whole = Sight(
        now_ns=BEGAN_NS + second * NANOSECONDS,
        routers=4,
        answering=4,
        lines=(LINE,),
        verdicts={},
        receipts=(),
        events=(),
        platforms={"gubernuran": "RouterOS"},
    )
    return replace(whole, **changes)


SLOWED = replace(LINE, rate_bps=10_100_000, limit_bps=10**7)
STAGES = [
    sight(1, answering=3),
    sight(2),
    sight(20, verdicts={WHO: VERDICT}),
    sight(21, verdicts={WHO: VERDICT}, receipts=(link(21, 10**7, Outcome.FAILED),)),
    sight(22, verdicts={WHO: VERDICT}, receipts=(link(22, 10**7),)),
    sight(23, receipts=(link(22, 10**7),), events=(EVENT,)),
    sight(26, lines=(replace(SLOWED, rate_bps=150 * 10**6),)),
    sight(27, lines=(SLOWED,)),
    sight(60, receipts=(link(15, None),)),
    sight(61, receipts=(link(61, None), link(22, 10**7))),
]


def test_each_step_is_told_once_and_only_when_it_happened() -> None:
    story = Story(BEGAN_NS)
    told = [[one.step.title for one in story.look(stage)] for stage in STAGES]
    assert told == [
        [],
        ["polled"],
        ["over quota", "planned"],
        [],
        ["pushed", "receipt"],
        ["alert"],
        [],
        ["slowed"],
        [],
        ["lifted"],
    ]
    assert story.complete
    assert story.seconds == 61
    assert story.look(STAGES[-1]) == []
    assert story.overdue(BEGAN_NS + 9999 * NANOSECONDS) is None


def test_the_story_reads_as_sentences() -> None:
    story = Story(BEGAN_NS)
    for stage in STAGES:
        story.look(stage)
    assert [one.sentence for one in story.told] == [
        "1 agencies on 4 routers answer over SNMP",
        "Dinas Pendidikan has used 650 MB of 600 MB (download)",
        "disdik-1 to 10 Mb/s, by quotas/demo.yaml line 10",
        "gubernuran (RouterOS), SSH, 0.1 s; read back: 10 Mb/s",
        "nm-22, hash fed8ef545bf92d8f...",
        "received: event/quota/disdik, id 691df9d07a6b2163...",
        "disdik-1 now counts 10.1 Mb/s",
        "a new period began; disdik-1 read back: no limit",
    ]
    assert told_plainly(story.told[0]).endswith("  polled      1 agencies on 4 routers answer over SNMP")


@pytest.mark.parametrize("count", range(len(STEPS)))
def test_a_step_that_does_not_happen_in_time_is_overdue(count: int) -> None:
    story = Story(BEGAN_NS)
    for stage in STAGES:
        if len(story.told) < count:
            story.look(stage)
    waiting = STEPS[len(story.told)]
    deadline_ns = BEGAN_NS + waiting.deadline_s * NANOSECONDS
    assert story.overdue(deadline_ns) is None
    assert story.overdue(deadline_ns + 1) == waiting


@pytest.mark.parametrize("height", [24, 30, 60])
def test_the_screen_fits_the_terminal(height: int) -> None:
    lines = tuple(replace(LINE, agency=f"opd-{number}", used_bytes=number * 10**7) for number in range(16))
    story = Story(BEGAN_NS)
    for stage in STAGES:
        story.look(stage)
    out = Console(width=80, height=height, force_terminal=True, color_system=None, markup=False)
    shown = out.render_lines(screen(story, sight(70, lines=lines), out, ("one", "two", "three")))
    assert len(shown) <= height
    text = ["".join(segment.text for segment in line) for line in shown]
    assert sum("opd-" in line for line in text) >= 4
    assert sum("✓" in line for line in text) == len(STEPS)

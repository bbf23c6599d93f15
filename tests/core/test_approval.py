"""Which tightenings wait for persons, and whose word for them counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netmon.core import approval
from netmon.core.approval import ApprovalPolicy, Objection, PlanApproval, Required, Threshold
from netmon.core.changes import Awaited
from netmon.core.model import Direction
from netmon.core.refusals import Tightening
from netmon.core.requests import Word

MBPS = 1_000_000
HOUR = 3600 * 10**9
ALWAYS = ApprovalPolicy(Required.ALWAYS)
NOW = 1_000


def one(agency: str, to_bps: int = 4 * MBPS, **how: object) -> Tightening:
    plain = Tightening(f"{agency}-fo", agency, Direction.DOWNLOAD, "palu", "ether1", 10 * MBPS, to_bps)
    return replace(plain, **how)  # type: ignore[arg-type]


THREE = [one("arsip"), one("dinkes"), one("dishub")]


def waiting(tightened: list[Tightening], policy: ApprovalPolicy = ALWAYS) -> Awaited:
    found = approval.awaited(tightened, policy)
    assert found is not None
    return found


def word(by: str, at_ns: int = NOW, on_behalf: str | None = None) -> Word:
    return Word(by, at_ns, "the council agreed", on_behalf)


def given(what: Awaited, by: str, at_ns: int = NOW, before: tuple[PlanApproval, ...] = ()) -> PlanApproval:
    found = approval.approve(what, what.hash, before, word(by, at_ns), HOUR)
    assert isinstance(found, PlanApproval)
    return found


@pytest.mark.parametrize(
    ("policy", "tightened", "needed"),
    [
        (ApprovalPolicy(), THREE, None),
        (ALWAYS, THREE, 1),
        (ALWAYS, [], None),
        (ALWAYS, [one("arsip", shared=True)], None),
        (ApprovalPolicy(Required.ABOVE, Threshold(agencies=3)), THREE, None),
        (ApprovalPolicy(Required.ABOVE, Threshold(agencies=2)), THREE, 1),
        (ApprovalPolicy(Required.ABOVE, Threshold(bps=18 * MBPS)), THREE, None),
        (ApprovalPolicy(Required.ABOVE, Threshold(9, 17 * MBPS)), THREE, 1),
        (ApprovalPolicy(Required.ALWAYS, second_above=Threshold(agencies=3)), THREE, 1),
        (ApprovalPolicy(Required.ALWAYS, second_above=Threshold(agencies=2)), THREE, 2),
        (ApprovalPolicy(Required.ALWAYS, second_above=Threshold(bps=1)), THREE, 2),
    ],
)
def test_how_many_must_approve_follows_from_how_much_is_tightened(
    policy: ApprovalPolicy, tightened: list[Tightening], needed: int | None
) -> None:
    found = approval.awaited(tightened, policy)
    assert (None if found is None else found.needed) == needed
    if found is not None:
        assert (found.agencies, found.bps) == (3, 18 * MBPS)


def test_an_approval_holds_for_these_tightenings_until_it_expires() -> None:
    what = waiting(THREE)
    held = given(what, "siti")
    assert not approval.approved(what, [], NOW)
    assert approval.approved(what, [held], NOW + HOUR - 1)
    assert not approval.approved(what, [held], NOW + HOUR)


@pytest.mark.parametrize(
    ("later", "holds"),
    [
        (THREE[::-1], True),
        (THREE[:2], True),
        ([*THREE, one("bappeda")], False),
        ([*THREE[:2], one("dishub", 3 * MBPS)], False),
        ([*THREE[:2], one("dishub", from_bps=20 * MBPS)], False),
        ([*THREE[:2], one("dishub", to_floor_bps=1)], False),
        ([*THREE[:2], one("dishub", router="gowa")], False),
    ],
    ids=["another order", "fewer", "one more", "to less", "from more", "another floor", "another router"],
)
def test_what_is_desired_or_observed_otherwise_needs_approval_anew(later: list[Tightening], holds: bool) -> None:
    held = given(waiting(THREE), "siti")
    assert approval.approved(waiting(later), [held], NOW) is holds


def test_a_second_approver_is_another_person() -> None:
    policy = ApprovalPolicy(Required.ALWAYS, second_above=Threshold(agencies=2))
    what = waiting(THREE, policy)
    first = given(what, "siti")
    assert not approval.approved(what, [first], NOW)
    for again in (word("siti"), word("Siti "), word("budi", on_behalf="siti")):
        assert approval.approve(what, what.hash, [first], again, HOUR) is Objection.APPROVED_ALREADY
    second = given(what, "budi", before=(first,))
    assert approval.approved(what, [first, second], NOW)
    assert approval.approve(what, what.hash, [first, second], word("wayan"), HOUR) is Objection.ENOUGH


def test_a_person_whose_word_has_expired_may_give_it_again() -> None:
    what = waiting(THREE)
    first = given(what, "siti")
    assert given(what, "siti", NOW + HOUR, (first,)).expires_ns == NOW + 2 * HOUR


def test_only_what_waits_now_can_be_approved_and_a_hash_must_tell_which() -> None:
    what = waiting(THREE)
    other = waiting(THREE[:2])
    assert what.hash != other.hash
    for digest in (other.hash, "", what.hash[:11], what.hash + "0"):
        assert approval.approve(what, digest, [], word("siti"), HOUR) is Objection.NOT_WAITING
    assert approval.approve(None, what.hash, [], word("siti"), HOUR) is Objection.NOT_WAITING
    short = approval.approve(what, what.hash[:12], [], word("siti"), HOUR)
    assert isinstance(short, PlanApproval)
    assert short.hash == what.hash

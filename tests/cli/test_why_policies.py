"""What people read of policies in full and of what was decided for a time, in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.ledgers import MINUTE_NS
from support.why_site import NOW_NS, SLOWED_NS, Site, a_site

from netmon.cli.messages import Language
from netmon.cli.messages_en import ENGLISH
from netmon.cli.messages_id import INDONESIAN
from netmon.cli.why import page
from netmon.core.directives import Directive, DirectiveKind
from netmon.core.supply import Rates

K = DirectiveKind
POLICY = "policies/quotas/hourly.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


def told(site: Site, language: Language = ENGLISH) -> str:
    """On one line, as wide as it takes."""
    return " ".join(" ".join(line for line, _ in page(site.why(), language, 4000)).split())


def given(site: Site, kind: DirectiveKind, lasts_ns: int | None = MINUTE_NS, **of: Any) -> None:
    until_ns = None if lasts_ns is None else NOW_NS + lasts_ns
    directive = Directive("", kind, "dinkes", "vaksinasi", "ani", SLOWED_NS, until_ns, **of)
    site.write(lambda ledger: ledger.give_directive(directive))


WRITTEN = [
    (
        "direction: download",
        "direction: sum",
        "were used (127.1%), download and upload together, in the period",
        "terpakai (127,1%), unduhan dan unggahan dijumlahkan, dalam periode",
    ),
    (
        "volume: 1 GB",
        "volume: 1 GB\n    rollover: 20%",
        "200 MB of the 1.2 GB were left of the period before and carried over.",
        "200 MB dari 1,2 GB itu adalah sisa periode sebelumnya",
    ),
    (
        "volume: 1 GB",
        'volume: 1 GB\n    when: {hours: "20:45-07:00"}',
        "Again 18 November 2026, 20:45 WITA: from then on the limit is 10 Mb/s, as things stand.",
        "Berlaku lagi 18 November 2026 pukul 20.45 WITA: sejak saat itu batasnya 10 Mb/s, menurut keadaan sekarang.",
    ),
    (
        "volume: 1 GB",
        'volume: 1 GB\n    when: {hours: "07:00-20:45"}',
        "Ends 18 November 2026, 20:45 WITA, with the hours in which the policy slows.",
        "Berakhir 18 November 2026 pukul 20.45 WITA, bersama jam berlakunya pembatasan menurut kebijakan.",
    ),
    (
        "volume: 1 GB",
        "volume: 1 GB\n    grace: 10m",
        "The policy is new, or was changed lately: it slows nobody yet.",
        "Kebijakan masih baru atau baru diubah: belum ada pembatasan karenanya.",
    ),
    (
        "slow_to: 10 Mbps",
        "slow_to: 10 Mbps, may_breach_floor: true, legal_basis: Pergub 12",
        "It may be lower than what the agency is guaranteed: Pergub 12.",
        "Batas itu boleh lebih rendah daripada yang dijamin bagi instansi: Pergub 12.",
    ),
    (
        "period: 1h\n    volume: 1 GB",
        "period: day\n    p95: 4 Mbps",
        "cannot fall below 0 b/s any more; it is held against 4 Mb/s (0.0%).",
        "tidak mungkin lagi di bawah 0 b/s; pembandingnya 4 Mb/s (0,0%).",
    ),
]


@pytest.mark.parametrize(("old", "new", "english", "indonesian"), WRITTEN, ids=[row[1] for row in WRITTEN])
def test_each_part_of_a_policy_has_its_words(site: Site, old: str, new: str, english: str, indonesian: str) -> None:
    site.edit(POLICY, old, new)
    assert english in told(site)
    assert indonesian in told(site, INDONESIAN)


DECIDED = [
    (K.BOOST, {"rates": Rates(30_000_000, 1)}, "Decided ani gave the agency at least 30 Mb/s until 18 November 2026,"),
    (
        K.EXEMPTION,
        {},
        "Decided ani exempted the agency from every policy until 18 November 2026, 20:32 WITA: vaksinasi.",
    ),
    (K.EXEMPTION, {"policy": "hourly"}, "Decided ani exempted the agency from hourly until"),
    (K.FREEZE, {"lasts_ns": None}, "Decided ani froze the limits until further notice: vaksinasi."),
]


@pytest.mark.parametrize(("kind", "of", "english"), DECIDED)
def test_who_decided_what_and_until_when_is_told(
    site: Site, kind: DirectiveKind, of: dict[str, Any], english: str
) -> None:
    given(site, kind, **of)
    assert english in told(site)
    assert "Diputuskan ani" in told(site, INDONESIAN)


def test_what_was_decided_for_an_agency_without_a_quota_is_told_too(site: Site) -> None:
    site.edit("netmon.yaml", "Dinas Kesehatan, quotas: [hourly]", "Dinas Kesehatan")
    given(site, K.BOOST, rates=Rates(30_000_000, 1))
    assert "Decided ani gave the agency at least 30 Mb/s until 18 November 2026," in told(site)


@pytest.mark.parametrize("language", [ENGLISH, INDONESIAN], ids=["en", "id"])
def test_under_a_boost_the_page_says_what_the_limit_would_be_and_when_that_is(site: Site, language: Language) -> None:
    given(site, K.BOOST, rates=Rates(30_000_000, 1))
    text = told(site, language)
    for sentence in (
        language.sentences.set_aside.format(limit="10 Mb/s"),
        language.sentences.until["directive"].format(
            until=language.instant("2026-11-18T20:32:00+08:00", "Asia/Makassar")
        ),
    ):
        assert sentence in text


def test_a_circuit_that_stands_by_is_told_apart_from_one_that_carries(site: Site) -> None:
    site.edit("netmon.yaml", "role: parallel", "role: backup")
    text = told(site)
    assert "dinkes-radio stands by and keeps 500 kb/s. dinkes-main carries and gets the rest, 9.5 Mb/s." in text

"""netmon why: sentences for those who are limited, in their language, on any terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.governed import HOUR_NS, record, written
from support.ledgers import MINUTE_NS, a_receipt
from support.schemas import conforms
from support.why_site import DOWN, NOW_NS, SLOWED, SLOWED_NS, STALE, Site, a_site

from netmon.cli.app import run
from netmon.cli.messages import Language
from netmon.cli.messages_en import ENGLISH
from netmon.cli.messages_id import INDONESIAN
from netmon.cli.why import language_named, page
from netmon.core.changes import Outcome
from netmon.core.model import VerdictReason

BOTH = pytest.mark.parametrize("language", [ENGLISH, INDONESIAN], ids=["en", "id"])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = a_site(tmp_path)
    made.recorded()
    return made


def lines(data: dict[str, Any], language: Language = ENGLISH, width: int = 80) -> list[str]:
    return [line for line, _ in page(data, language, width)]


def told(data: dict[str, Any], language: Language = ENGLISH) -> str:
    """On one line, as wide as it takes."""
    return " ".join(" ".join(lines(data, language, 4000)).split())


def test_an_agency_s_head_reads_what_why_until_when_and_what_would_end_it_sooner(site: Site) -> None:
    receipt = replace(a_receipt("nm-1"), at_ns=SLOWED_NS + 2_000_000_000)
    site.write(lambda ledger: record(ledger, receipt, 5_000_000))
    assert lines(site.why())[:29] == [
        "Dinas Kesehatan (dinkes), 18 November 2026, 20:31 WITA",
        "",
        "Download",
        "  The quota policy slows the agency as a whole to 10 Mb/s. In effect since 18",
        "  November 2026, 20:25 WITA.",
        "  Why           1.24 GB of 1 GB were used (124.0%) in the period from 18",
        "                November 2026, 20:00 WITA to 18 November 2026, 21:00 WITA. Step",
        "                2 of the policy hourly is in force; it begins at 1 GB. The rule:",
        "                policies/quotas/hourly.yaml, line 8.",
        "  Data          Only proven bytes count. None are estimated, and no time is",
        "                unaccounted for. When it was decided, 1 GB were proven. Last",
        "                read: 18 November 2026, 20:31 WITA.",
        "  Shared        10 Mb/s is divided equally among the 2 circuits that carry: 5",
        "                Mb/s each.",
        "  dinkes-main   Due: 5 Mb/s. In force on palu-core: 5 Mb/s, as of 18 November",
        "                2026, 20:25:02 WITA. Last change, 18 November 2026, 20:25:02",
        "                WITA: none -> 5 Mb/s; confirmed, read back (receipt nm-1).",
        "  dinkes-radio  Due: 5 Mb/s. None is in force on palu-core. Not set: the circuit",
        "                is only observed (mode: observe).",
        "  Ends          18 November 2026, 21:00 WITA, with the period.",
        "  Sooner        - if the policy hourly is changed, to a volume of 1.25 GB for",
        "                  instance, or taken off the agency",
        "                - if the agency is exempted or boosted for a time (netmon",
        "                  exempt, netmon boost)",
        "                - if an operator frees a circuit for a time (netmon revert)",
        "                Using less does not end it: what was used stays counted until",
        "                the period ends.",
        "",
        "Upload",
    ]


def test_the_same_in_indonesian(site: Site) -> None:
    text = told(site.why(), INDONESIAN)
    assert text.startswith(
        "Dinas Kesehatan (dinkes), 18 November 2026 pukul 20.31 WITA Unduhan Menurut kebijakan kuota,"
    )
    assert "1,24 GB dari 1 GB terpakai (124,0%)" in text
    assert "Sebab 1,24 GB" in text
    assert "Berakhir 18 November 2026 pukul 21.00 WITA, bersama periodenya." in text
    assert text.endswith("Unggahan Tidak ada kuota yang berlaku, jadi netmon tidak membatasi kecepatan.")


SCENES = [
    ("now", None, NOW_NS),
    ("recorded", SLOWED_NS + MINUTE_NS // 2, NOW_NS),
    ("before anything", SLOWED_NS - MINUTE_NS, NOW_NS),
    ("stale", None, NOW_NS + 10 * MINUTE_NS),
    ("clock", None, SLOWED_NS),
    ("after the period", None, NOW_NS + HOUR_NS),
]


@BOTH
@pytest.mark.parametrize(("at_ns", "now_ns"), [scene[1:] for scene in SCENES], ids=[scene[0] for scene in SCENES])
@pytest.mark.parametrize("width", [80, 100])
def test_what_people_read_fits_their_terminal(
    site: Site, language: Language, at_ns: int | None, now_ns: int, width: int
) -> None:
    site.write(lambda ledger: record(ledger, a_receipt("nm-1", Outcome.UNKNOWN), 5_000_000))
    site.write(lambda ledger: ledger.hold("dinkes-radio", "surgery by video " * 9, "budi", SLOWED_NS, None))
    shown = lines(site.why(at=None if at_ns is None else written(at_ns), now_ns=now_ns), language, width)
    assert [line for line in shown if len(line) > width or line != line.rstrip()] == []
    assert [line for line in shown if "{" in line] == []


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (STALE, "stays slowed to 10 Mb/s: its usage has not been read lately"),
        (replace(SLOWED, reason=VerdictReason.FROZEN_CLOCK), "netmon's clock cannot be trusted"),
        (replace(SLOWED, reason=VerdictReason.HELD_BY_HYSTERESIS), "if less than 980 MB turn out to be proven"),
        (replace(SLOWED, reason=VerdictReason.NEAR_QUOTA, limit=None, step=1), "a notice is given, but no limit set."),
        (
            replace(SLOWED, reason=VerdictReason.RESTORED_POLICY_CHANGED, limit=None, step=0),
            "changed or taken off the agency: the limit it had set is over.",
        ),
    ],
    ids=lambda value: value.reason.value if hasattr(value, "reason") else "",
)
def test_each_reason_has_its_words(site: Site, verdict: Any, sentence: str) -> None:
    site.recorded(verdict, NOW_NS)
    assert sentence in told(site.why(at=written(NOW_NS)))


def test_what_is_estimated_or_unknown_is_said_not_to_count(site: Site) -> None:
    data = site.why(at=written(SLOWED_NS + MINUTE_NS // 2))
    only = "Only proven bytes count: nothing else is held against the agency."
    assert f"{only} 20 MB more are estimated. Last read" in told(data)
    stale = told(site.why(now_ns=NOW_NS + 10 * MINUTE_NS))
    assert f"{only} For 10 min it is not known what passed." in stale


def test_a_limit_whose_period_is_over_is_told_to_be_overdue(site: Site) -> None:
    text = told(site.why(at=written(SLOWED.until_ns or 0), now_ns=NOW_NS + HOUR_NS))
    assert "The period was over 18 November 2026, 21:00 WITA; the limit ends once that can be judged." in text


def test_a_pending_change_a_refused_plan_and_an_unknown_limit_are_told(site: Site) -> None:
    assert "The change is pending (netmon plan)." in told(site.why())
    site.write(lambda ledger: ledger.note_limit("dinkes-main", DOWN, None, False, NOW_NS))
    assert "What is in force on palu-core is not known; it is read again first." in told(site.why())
    site.write(lambda ledger: ledger.note_limit("dinkes-main", DOWN, None, True, NOW_NS))
    site.edit("policies/quotas/hourly.yaml", "10 Mbps", "1 kbps")
    assert "netmon tightens nothing at present: 1000 bit/s cannot be divided among 2 circuits" in told(site.why())


def test_of_several_policies_each_is_told(site: Site) -> None:
    quotas = site.directory / "policies" / "quotas"
    more = (quotas / "hourly.yaml").read_text().replace("hourly", "daily").replace("1h", "day").replace("1 GB", "1 TB")
    (quotas / "daily.yaml").write_text(more)
    site.edit("netmon.yaml", "quotas: [hourly]", "quotas: [hourly, daily]")
    text = told(site.why())
    assert "The policy hourly says 10 Mb/s. The policy daily sets no limit. The strictest counts: hourly." in text


def test_what_does_not_divide_evenly_and_a_single_circuit_are_told(site: Site) -> None:
    site.edit("policies/quotas/hourly.yaml", "10 Mbps", "10001 bps")
    assert "What does not divide evenly goes, 1 b/s each, to dinkes-main." in told(site.why())
    site.edit("policies/quotas/hourly.yaml", "1 GB", "500 MB")
    site.edit("netmon.yaml", "agency: dinkes, interface: ether2", "agency: arsip, interface: ether2")
    assert "The agency has one circuit, which gets all of 10 kb/s." in told(site.why())


def test_an_agency_without_a_circuit_is_told_so(site: Site) -> None:
    for name in ("ether1", "ether2"):
        site.edit("netmon.yaml", f"agency: dinkes, interface: {name}", f"agency: arsip, interface: {name}")
    assert told(site.why()).endswith("No circuit is configured for this agency: nothing is counted or limited.")


# --- the verb ------------------------------------------------------------------------------------


def asked(site: Site, *arguments: str) -> Sequence[str]:
    return ["why", "dinkes", "-c", str(site.directory / "netmon.yaml"), *arguments]


def test_what_programs_read_conforms_to_its_schema(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(asked(site, "--at", written(NOW_NS), "--output", "json")) == 0
    found = json.loads(capsys.readouterr().out)
    conforms("why", found)
    assert found["data"]["basis"] == "recorded"


@pytest.mark.parametrize(
    ("environment", "title"),
    [
        ({"LANG": "id_ID.UTF-8"}, "Unduhan"),
        ({"LANG": "in"}, "Unduhan"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "id_ID"}, "Unduhan"),
        ({"LANG": "id_ID.UTF-8", "LC_ALL": "C.UTF-8"}, "Download"),
        ({"LANG": "is_IS"}, "Download"),
        ({}, "Download"),
    ],
)
def test_the_language_is_the_system_s(
    site: Site,
    environment: dict[str, str],
    title: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(asked(site)) == 0
    assert title in capsys.readouterr().out.splitlines()


def test_the_language_may_be_asked_for(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(asked(site, "--language", "id")) == 0
    assert "Unduhan" in capsys.readouterr().out.splitlines()
    assert (language_named("en"), language_named("id")) == (ENGLISH, INDONESIAN)
    assert run(asked(site, "--language", "fr")) == 2


def test_an_agency_there_is_none_of_is_exit_code_2(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "dinke", "-c", str(site.directory / "netmon.yaml")]) == 2
    assert capsys.readouterr().err == "netmon: there is no agency dinke; did you mean dinkes?\n"

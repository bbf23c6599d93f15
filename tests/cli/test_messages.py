"""Every sentence in both languages, with the same placeholders; figures and times as each language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from string import Formatter

import pytest

from netmon.cli.messages import Language, Sentences
from netmon.cli.messages_en import ENGLISH
from netmon.cli.messages_id import INDONESIAN
from netmon.core.changes import Outcome, Proof
from netmon.core.model import Direction, VerdictReason
from netmon.core.planning import Withheld

LANGUAGES = pytest.mark.parametrize("language", [ENGLISH, INDONESIAN], ids=["en", "id"])
NAMES = [field.name for field in fields(Sentences)]
LIMITING = {
    VerdictReason.OVER_QUOTA,
    VerdictReason.HELD_BY_HYSTERESIS,
    VerdictReason.HELD_TO_PERIOD_END,
    VerdictReason.GRACE,
    VerdictReason.BOOSTED,
    VerdictReason.FROZEN_STALE,
    VerdictReason.FROZEN_CLOCK,
    VerdictReason.FROZEN_BY_OPERATOR,
}


def sentences(of: Language, name: str) -> Mapping[str, str]:
    found = getattr(of.sentences, name)
    return found if isinstance(found, Mapping) else {"": found}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_is_there_in_both_languages_with_the_same_placeholders(name: str) -> None:
    english, indonesian = sentences(ENGLISH, name), sentences(INDONESIAN, name)
    assert english.keys() == indonesian.keys()
    assert all(text.strip() for text in (*english.values(), *indonesian.values()))
    assert {key: placeholders(text) for key, text in english.items()} == {
        key: placeholders(text) for key, text in indonesian.items()
    }


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("data",)])
def test_no_sentence_was_left_untranslated(name: str) -> None:
    english, indonesian = sentences(ENGLISH, name), sentences(INDONESIAN, name)
    assert [text for key, text in english.items() if indonesian[key] == text] == []


@LANGUAGES
def test_nothing_that_may_have_to_be_said_lacks_a_sentence(language: Language) -> None:
    say = language.sentences
    assert set(say.directions) == set(Direction)
    assert set(say.free) == set(VerdictReason)
    assert set(say.limited) == LIMITING
    assert set(say.withheld) == set(Withheld)
    assert set(say.outcomes) == set(Outcome)
    assert set(say.proofs) == set(Proof)


@pytest.mark.parametrize(
    ("language", "rate", "volume", "percent"),
    [(ENGLISH, "7.5 Mb/s", "1.24 TB", "124.0%"), (INDONESIAN, "7,5 Mb/s", "1,24 TB", "124,0%")],
    ids=["en", "id"],
)
def test_figures_have_the_language_s_decimal_sign(language: Language, rate: str, volume: str, percent: str) -> None:
    assert language.rate(7_500_000) == rate
    assert language.volume(1_240_000_000_000) == volume
    assert language.percent(1.24) == percent


@pytest.mark.parametrize(
    ("language", "written", "zone", "shown"),
    [
        (ENGLISH, "2026-03-01T16:31:00+08:00", "Asia/Makassar", "1 March 2026, 16:31 WITA"),
        (ENGLISH, "2026-11-22T00:00:05+09:00", "Asia/Jayapura", "22 November 2026, 00:00:05 WIT"),
        (INDONESIAN, "2026-03-01T16:31:00+08:00", "Asia/Makassar", "1 Maret 2026 pukul 16.31 WITA"),
        (INDONESIAN, "2026-08-17T10:00:30.250+07:00", "Asia/Jakarta", "17 Agustus 2026 pukul 10.00.30 WIB"),
        (INDONESIAN, "2026-12-31T20:00:00+00:00", "Asia/Jakarta", "1 Januari 2027 pukul 03.00 WIB"),
    ],
)
def test_an_instant_is_written_in_the_agency_s_zone(language: Language, written: str, zone: str, shown: str) -> None:
    assert language.instant(written, zone) == shown


@pytest.mark.parametrize(
    ("seconds", "english", "indonesian"),
    [
        (0, "0 s", "0 detik"),
        (59, "59 s", "59 detik"),
        (3661, "1 h 1 min", "1 jam 1 menit"),
        (90_000, "1 d 1 h", "1 hari 1 jam"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: int, english: str, indonesian: str) -> None:
    assert (ENGLISH.duration(seconds), INDONESIAN.duration(seconds)) == (english, indonesian)


@pytest.mark.parametrize(
    ("octets", "shown"), [(1_240_000_001, "1.25 GB"), (1_250_000_000, "1.25 GB"), (999_500_001, "1 GB"), (7, "7 B")]
)
def test_a_volume_that_has_to_suffice_is_rounded_up(octets: int, shown: str) -> None:
    assert ENGLISH.volume_not_below(octets) == shown

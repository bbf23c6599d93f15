"""Other policies for a trial: a directory of them, or a whole configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.governed import QUOTAS, TEXT, write_site

from netmon.config.alternative import alternative
from netmon.config.errors import ConfigError
from netmon.config.load import Configuration, load


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "site").mkdir()
    return load(write_site(tmp_path / "site"))


def test_a_policy_takes_the_place_of_the_one_of_its_name_and_agencies_keep_theirs(
    configuration: Configuration, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(QUOTAS.replace("1 GB", "2 GB"))
    other = alternative(configuration, tmp_path)
    assert configuration.policies["hourly"].volume_bytes == 10**9
    assert other.policies["hourly"].volume_bytes == 2 * 10**9
    assert other.policies.keys() == configuration.policies.keys()
    assert (other.agencies, other.circuits) == (configuration.agencies, configuration.circuits)


def test_policies_are_also_found_where_a_configuration_has_them(configuration: Configuration, tmp_path: Path) -> None:
    folder = tmp_path / "trial" / "policies" / "quotas"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(QUOTAS.replace("1 GB", "3 GB"))
    assert alternative(configuration, tmp_path / "trial").policies["hourly"].volume_bytes == 3 * 10**9


def test_a_policy_on_a_class_that_no_counter_tells_apart_is_refused_where_the_agency_has_it(
    configuration: Configuration, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(QUOTAS.replace("    period:", "    class: domestic\n    period:"))
    with pytest.raises(ConfigError) as caught:
        alternative(configuration, tmp_path)
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"{configuration.files[0]}:")
    assert "agencies.dinkes.quotas[0]: hourly is a policy on domestic traffic alone" in first


@pytest.mark.parametrize(("own", "days"), [("", 1), ("holidays: {2026-12-25: Natal, 2027-01-01: Tahun Baru}\n", 2)])
def test_holidays_are_those_of_the_directory_or_else_those_configured(tmp_path: Path, own: str, days: int) -> None:
    (tmp_path / "site").mkdir()
    path = write_site(tmp_path / "site")
    (path.parent / "policies" / "quotas" / "holidays.yaml").write_text("holidays: {2026-08-17: Kemerdekaan}\n")
    window = "    when: [{days: [mon-fri], holidays: exclude}]\n    period:"
    (tmp_path / "mine.yaml").write_text(QUOTAS.replace("    period:", window) + own)
    (found,) = alternative(load(path), tmp_path).policies["hourly"].when
    assert len(found.calendar) == days


def test_a_whole_configuration_takes_the_place_of_all_but_the_ledger(
    configuration: Configuration, tmp_path: Path
) -> None:
    (tmp_path / "trial").mkdir()
    path = write_site(tmp_path / "trial")
    path.write_text(TEXT.replace("{name: Dinas Kearsipan}", "{name: Dinas Kearsipan, quotas: [hourly]}"))
    other = alternative(configuration, tmp_path / "trial")
    assert [agency.quotas for agency in other.agencies] == [("hourly",), ("hourly",)]
    assert other.settings.ledger == configuration.settings.ledger


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no quota policy in it"),
        (QUOTAS.replace("1 GB", "1"), "quotas.hourly.volume"),
        (QUOTAS.replace("hourly", "hourli"), "no agency has hourli in its quotas; name policies as agencies do"),
    ],
    ids=["empty", "broken", "of nobody"],
)
def test_what_cannot_be_used_is_named_with_its_place(
    configuration: Configuration, tmp_path: Path, text: str | None, message: str
) -> None:
    directory = tmp_path / "trial"
    directory.mkdir()
    if text is not None:
        (directory / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        alternative(configuration, directory)
    assert str(caught.value).startswith(str(directory))

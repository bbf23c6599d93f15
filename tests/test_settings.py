"""Quantities as people write them, secrets by reference, unknown keys refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from netmon.core.model import NANOSECONDS
from netmon.settings import (
    DurationNs,
    PermilleRatio,
    RateBps,
    SecretRef,
    SecretUnavailableError,
    Settings,
    VolumeBytes,
)
from netmon.store.settings import LedgerSettings


class Example(Settings):
    every: DurationNs = NANOSECONDS
    rate: RateBps = 1
    volume: VolumeBytes = 1
    share: PermilleRatio = 1


def test_quantities_become_integers_in_base_units() -> None:
    example = Example.model_validate({"every": "1m30s", "rate": "50 Mbps", "volume": "2 TB", "share": "80%"})
    assert (example.every, example.rate) == (90 * NANOSECONDS, 50_000_000)
    assert (example.volume, example.share) == (2 * 10**12, 800)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("every", 30, "a number without a unit; write for example 30s"),
        ("rate", 50.5, "a number without a unit; write for example 50 Mbps"),
        ("volume", True, "a number without a unit; write for example 2 TB"),
        ("share", "0%", "must be greater than zero"),
        ("rate", "fast", "is not a rate; write for example"),
        ("evry", "1s", "Extra inputs are not permitted"),
    ],
)
def test_what_is_not_a_quantity_is_refused_with_an_example(key: str, value: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Example.model_validate({key: value})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example().rate = 2  # type: ignore[misc]


def test_a_secret_is_read_from_the_environment_a_file_or_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETMON_TEST_SECRET", "from-environment")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "token").write_text("from-file\n")
    assert SecretRef(env="NETMON_TEST_SECRET").reveal() == "from-environment"
    assert SecretRef(file=tmp_path / "token").reveal() == "from-file"
    assert SecretRef(credential="token").reveal() == "from-file"


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ({"env": "NETMON_NO_SUCH"}, "environment variable NETMON_NO_SUCH is not set; set it"),
        ({"file": "/no/such/file"}, "secret file /no/such/file cannot be read"),
        ({"credential": "token"}, "needs systemd's CREDENTIALS_DIRECTORY; add LoadCredential= to the unit"),
    ],
)
def test_a_secret_that_is_not_there_says_where_it_should_be(
    reference: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SecretUnavailableError, match=sentence):
        SecretRef.model_validate(reference).reveal()


@pytest.mark.parametrize("reference", [{}, {"env": "A", "file": "b"}])
def test_a_secret_is_exactly_one_reference(reference: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        SecretRef.model_validate(reference)


def test_a_literal_secret_shows_nowhere() -> None:
    secret = SecretRef.model_validate("hunter2")
    shown = f"{secret!r} {secret} {secret.model_dump()} {secret.model_dump_json()}"
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in shown


def test_a_ledger_may_be_written_as_a_url() -> None:
    assert LedgerSettings.model_validate("sqlite:////var/lib/x.db").path == Path("/var/lib/x.db")
    with pytest.raises(ValidationError, match="write sqlite:///PATH"):
        LedgerSettings.model_validate("mysql://x")

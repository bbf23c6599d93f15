"""The data folders ship with the installation."""

from __future__ import annotations

import pytest

from netmon.bundled import FOLDERS, folder


@pytest.mark.parametrize("name", FOLDERS)
def test_every_data_folder_is_there_and_holds_something(name: str) -> None:
    assert any(folder(name).rglob("*.*"))


def test_a_folder_that_is_missing_is_a_damaged_installation() -> None:
    with pytest.raises(FileNotFoundError, match="data folder plugins is missing; install netmon again"):
        folder("plugins")

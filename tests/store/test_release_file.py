"""The file of the global hold: whole or not at all, and what cannot be read holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netmon.core.kill_switch import Noted, Release, Sweep, Swept, SweptState
from netmon.store.errors import StoreError
from netmon.store.release_file import LARGEST, ReleaseFile
from netmon.store.settings import LedgerSettings

NOTED = Noted(
    Release("hold-1", 1, "sari", "a fault"),
    (Sweep("sweep-1", "hold-1", 2, "sari", (Swept("palu", SweptState.CLEARED, ("NM-1 ether1",)),)),),
)


@pytest.fixture
def file(tmp_path: Path) -> ReleaseFile:
    return ReleaseFile.of(LedgerSettings(path=tmp_path / "copy-of-a-ledger.db"))


def test_it_stands_in_the_ledgers_directory_whatever_the_ledger_is_called(file: ReleaseFile, tmp_path: Path) -> None:
    assert file.path == tmp_path / "netmon.hold"


def test_what_is_written_is_read_by_others(file: ReleaseFile) -> None:
    assert file.read() is None
    file.write(NOTED)
    assert file.read() == NOTED == ReleaseFile(file.path).read()
    assert file.path.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in file.path.parent.iterdir()] == ["netmon.hold"]


def test_what_another_wrote_meanwhile_is_seen_at_once(file: ReleaseFile) -> None:
    file.write(NOTED)
    assert file.read() == NOTED
    other = Noted(Release("hold-2", 3, "budi", "another"))
    ReleaseFile(file.path).write(other)
    assert file.read() == other
    ReleaseFile(file.path).remove()
    assert file.read() is None
    file.remove()


@pytest.mark.parametrize("contents", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"release": {"id": 1}}', b" " * (LARGEST + 1)])
def test_a_file_that_cannot_be_read_holds(file: ReleaseFile, contents: bytes) -> None:
    file.path.write_bytes(contents)
    found = file.read()
    assert found is not None
    assert found.release.ended is None
    assert "cannot be read" in found.release.reason
    assert found.release.reason.isprintable()


def test_a_directory_in_its_place_holds_as_well(file: ReleaseFile) -> None:
    file.path.mkdir()
    found = file.read()
    assert found is not None
    assert found.release.ended is None


def test_where_it_cannot_be_written_nothing_is_left_behind(tmp_path: Path) -> None:
    file = ReleaseFile(tmp_path / "gone" / "netmon.hold")
    with pytest.raises(StoreError, match="cannot be written: No such file or directory"):
        file.write(NOTED)
    assert list(tmp_path.iterdir()) == []


def test_it_is_on_disk_before_anybody_acts_on_it(file: ReleaseFile, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        done.append("fsync")
        fsync(descriptor)

    def noted_rename(one: Path, to: Path) -> Path:
        done.append("rename")
        return rename(one, to)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    file.write(NOTED)
    assert done == ["fsync", "rename", "fsync"]

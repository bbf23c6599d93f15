"""known_hosts: read as paramiko reads it, written so that ssh-keygen finds it, and nobody else's lines touched."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.routers.host_keys import (
    HostKey,
    KeyState,
    compared,
    name_of,
    recorded_keys,
    revoked_keys,
    with_keys,
    without_host,
)

SALT = bytes(range(20))
ED, RSA = HostKey("ssh-ed25519", b"ed"), HostKey("ssh-rsa", b"rsa")
OTHER_ED, OTHER_RSA = HostKey("ssh-ed25519", b"another"), HostKey("ssh-rsa", b"another")


def line(hosts: str, key: HostKey, comment: str = "") -> str:
    return f"{hosts} {key.type} {base64.b64encode(key.blob).decode()}{comment}\n"


@pytest.mark.parametrize("port", [22, 2222])
@pytest.mark.parametrize("hashed", [False, True])
def test_what_is_written_is_found_by_netmon_paramiko_and_openssh(tmp_path: Path, port: int, hashed: bool) -> None:
    import paramiko  # type: ignore[import-untyped]

    key = paramiko.RSAKey.generate(1024)
    ours = HostKey(key.get_name(), key.asbytes())
    before = with_keys(line("|1|AAAA|BBBB", ED), "192.0.2.9", 22, [], []) if hashed else "# a comment\n"
    text = with_keys(before, "192.0.2.1", port, [ours], [SALT])
    assert text.startswith(before)
    assert recorded_keys(text, "192.0.2.1", port) == (ours,)
    assert recorded_keys(text, "192.0.2.1", port + 1) == ()
    assert ("192.0.2.1" in text) is not hashed
    file = tmp_path / "known_hosts"
    file.write_text(text)
    keys = paramiko.HostKeys(str(file)).lookup(name_of("192.0.2.1", port))
    assert keys is not None
    assert keys["ssh-rsa"] == key
    found = subprocess.run(
        ["ssh-keygen", "-l", "-F", name_of("192.0.2.1", port), "-f", file], capture_output=True, text=True, check=True
    )
    assert ours.fingerprint in found.stdout


def test_each_key_is_compared_with_what_is_recorded() -> None:
    def states(*shown: HostKey, recorded: tuple[HostKey, ...]) -> list[KeyState]:
        return [one.state for one in compared(shown, recorded)]

    assert states(ED, RSA, recorded=()) == [KeyState.NEW, KeyState.NEW]
    assert states(ED, RSA, recorded=(ED,)) == [KeyState.SAME, KeyState.NEW]
    assert states(ED, recorded=(ED, RSA)) == [KeyState.SAME, KeyState.NOT_OFFERED]
    assert states(ED, OTHER_RSA, recorded=(ED, RSA)) == [KeyState.SAME, KeyState.CHANGED]
    assert states(OTHER_ED, OTHER_RSA, recorded=(ED,)) == [KeyState.CHANGED, KeyState.CHANGED]
    assert [one.recorded for one in compared([OTHER_ED], (ED, RSA))] == [ED, None]
    assert [one.state for one in compared([ED], (ED,), {ED})] == [KeyState.REVOKED]


def test_a_server_that_shows_only_other_types_has_changed() -> None:
    [shown, gone] = compared([RSA], (ED,))
    assert (shown.state, shown.recorded, gone.state) == (KeyState.CHANGED, ED, KeyState.NOT_OFFERED)


def test_marked_lines_comments_and_nonsense_are_no_record() -> None:
    text = (
        f"# 192.0.2.1 ssh-ed25519 AAAA\n\n@revoked {line('192.0.2.1', ED)}@cert-authority {line('192.0.2.1', RSA)}"
        "192.0.2.1 ssh-ed25519 n%t-base64\n192.0.2.1 lonely\n|1|x 192.0.2.1 AAAA\n"
    )
    assert recorded_keys(text, "192.0.2.1", 22) == ()
    assert revoked_keys(text) == {ED}
    assert without_host(text, "192.0.2.1", 22) == text


def test_a_server_is_taken_out_of_lines_it_shares_and_others_stay_as_they_are() -> None:
    others = f"# kept\n{line('core-2', ED, ' operator@office')}"
    hashed = with_keys(line("|1|AAAA|BBBB", ED), "core-1", 22, [RSA], [SALT]).splitlines(keepends=True)[-1]
    text = f"{others}{line('core-1', ED)}{hashed}{line('core-1,core-3', RSA, ' both')}"
    assert without_host(text, "core-1", 22) == f"{others}{line('core-3', RSA, ' both')}"


def test_a_last_line_without_its_end_gets_one() -> None:
    text = with_keys(line("core-2", ED).rstrip("\n"), "core-1", 22, [RSA], [SALT])
    assert text == line("core-2", ED) + line("core-1", RSA)


@given(st.text(max_size=300), st.binary(min_size=1, max_size=40))
def test_whatever_the_file_holds_adding_and_taking_out_leaves_the_rest(text: str, blob: bytes) -> None:
    key = HostKey("ssh-ed25519", blob)
    before = without_host(text, "core-1", 22)
    added = with_keys(before, "core-1", 22, [key], [SALT])
    assert recorded_keys(added, "core-1", 22)[-1:] == (key,)
    assert without_host(added, "core-1", 22).removesuffix("\n") == before.removesuffix("\n")

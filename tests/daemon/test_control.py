"""The control socket, spoken over a real Unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
import stat
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.processes import PATIENCE_S

from netmon.daemon import control
from netmon.daemon.control import (
    SCHEMA,
    CommandError,
    ControlRefusedError,
    ControlServer,
    ControlUnavailableError,
    person,
    request,
)
from netmon.store.errors import StoreError


async def echo(args: Mapping[str, Any]) -> Any:
    return {"args": dict(args)}


async def refuse(args: Mapping[str, Any]) -> Any:
    raise CommandError(f"there is no circuit {args['circuit']!r}; netmon plan lists them")


async def break_down(_: Mapping[str, Any]) -> Any:
    raise StoreError("the ledger is full or its disk is; free space on that file system")


async def hang(_: Mapping[str, Any]) -> Any:
    await asyncio.Event().wait()


NO_ARGS = {"args": {"by": person(os.getuid())}}
VERBS = {"echo": echo, "refuse": refuse, "break": break_down, "hang": hang}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlServer]:
    one = ControlServer(path, VERBS)
    await one.start()
    yield one
    await one.stop()


async def ask(path: Path, verb: str, **args: object) -> Any:
    return await asyncio.to_thread(request, path, verb, args)


async def raw(path: Path, line: bytes) -> Any:
    """What the server answers to one line, decoded; None where it only hangs up."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    await writer.wait_closed()
    return json.loads(answer) if answer else None


async def test_a_verb_is_done_and_answered(server: ControlServer, path: Path) -> None:
    assert await ask(path, "echo", circuit="dinkes-fo") == {"args": {"circuit": "dinkes-fo", "by": person(os.getuid())}}


async def test_a_client_is_who_the_kernel_says_and_not_who_it_claims_to_be(server: ControlServer, path: Path) -> None:
    assert await ask(path, "echo", by="the governor") == {"args": {"by": person(os.getuid())}}


CONNECT_AS = """
import os, socket, sys
os.seteuid(int(sys.argv[2]))
with socket.socket(socket.AF_UNIX) as channel:
    channel.connect(sys.argv[1])
    channel.sendall(b'{"schema": "netmon/control/1", "verb": "echo", "args": {"by": "root"}}\\n')
    print(channel.makefile().readline(), end="")
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A socket's place that other users may reach."""
    with TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory) / "control.sock"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to be somebody else")
@pytest.mark.parametrize("uid", [1, 4_000_000_001])
async def test_every_user_is_told_apart_also_one_without_a_name(public: Path, uid: int) -> None:
    server = ControlServer(public, VERBS)
    await server.start()
    await asyncio.to_thread(public.chmod, 0o666)
    try:
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CONNECT_AS, str(public), str(uid), stdout=asyncio.subprocess.PIPE
        )
        answer, _ = await client.communicate()
    finally:
        await server.stop()
    assert json.loads(answer)["data"] == {"args": {"by": person(uid)}}
    assert person(uid) == (pwd.getpwuid(1).pw_name if uid == 1 else "uid 4000000001")


async def test_only_owner_and_group_may_use_the_socket(server: ControlServer, path: Path) -> None:
    mode = os.lstat(path).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


async def test_the_permissions_of_other_files_are_left_as_they_were(server: ControlServer, tmp_path: Path) -> None:
    before = os.umask(0o022)
    os.umask(before)
    other = ControlServer(tmp_path / "other.sock", {})
    await other.start()
    after = os.umask(before)
    await other.stop()
    assert after == before


async def test_a_refusal_reaches_the_operator_in_its_own_words(server: ControlServer, path: Path) -> None:
    with pytest.raises(ControlRefusedError, match=r"^there is no circuit 'x'; netmon plan lists them$"):
        await ask(path, "refuse", circuit="x")


async def test_a_verb_that_breaks_down_is_told_and_the_daemon_goes_on(server: ControlServer, path: Path) -> None:
    with pytest.raises(ControlRefusedError, match=r"^the ledger is full or its disk is; free space"):
        await ask(path, "break")
    assert await ask(path, "echo") == NO_ARGS


async def test_an_unknown_verb_is_refused_with_those_there_are(server: ControlServer, path: Path) -> None:
    with pytest.raises(ControlRefusedError, match=r"^unknown verb 'halt'; known are break, echo, hang, refuse$"):
        await ask(path, "halt")


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[]\n",
        b"7\n",
        b"null\n",
        b"\xff\xfe\n",
        b"{}\n",
        b"\n",
        b"",
        json.dumps({"schema": SCHEMA}).encode() + b"\n",
        json.dumps({"schema": SCHEMA, "verb": ["echo"]}).encode() + b"\n",
        json.dumps({"schema": SCHEMA, "verb": {}}).encode() + b"\n",
        json.dumps({"schema": SCHEMA, "verb": "echo", "args": [1]}).encode() + b"\n",
        json.dumps({"schema": SCHEMA, "verb": "echo", "args": None}).encode() + b"\n",
    ],
)
async def test_what_is_not_a_request_is_told_what_one_looks_like(
    server: ControlServer, path: Path, line: bytes
) -> None:
    answer = await raw(path, line)
    assert answer == {"ok": False, "error": f"not a {SCHEMA} request; send one JSON object with schema, verb and args"}


async def test_another_schema_is_refused_by_name(server: ControlServer, path: Path) -> None:
    answer = await raw(path, json.dumps({"schema": "netmon/control/9", "verb": "echo"}).encode() + b"\n")
    assert answer["ok"] is False
    assert "'netmon/control/9' is not netmon/control/1" in answer["error"]


async def test_a_line_without_end_ends_the_conversation_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "LONGEST_LINE", 1000)
    server = ControlServer(path, VERBS)
    await server.start()
    try:
        assert await raw(path, b"x" * 5000 + b"\n") is None
        assert await ask(path, "echo") == NO_ARGS
    finally:
        await server.stop()


async def test_requests_do_not_wait_for_one_another(server: ControlServer, path: Path) -> None:
    _, writer = await asyncio.open_unix_connection(str(path))
    writer.write(json.dumps({"schema": SCHEMA, "verb": "hang"}).encode() + b"\n")
    assert await asyncio.wait_for(ask(path, "echo"), PATIENCE_S) == NO_ARGS
    writer.close()
    await writer.wait_closed()


def test_without_a_daemon_the_sentence_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(
        ControlUnavailableError, match=r"no daemon listens on .*control\.sock; start it with netmon run"
    ):
        request(tmp_path / "control.sock", "status", {})


def test_a_socket_that_a_killed_daemon_left_is_no_daemon(tmp_path: Path) -> None:
    left = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.bind(str(left))
    assert left.exists()
    with pytest.raises(ControlUnavailableError):
        request(left, "status", {})


async def test_a_socket_that_a_killed_daemon_left_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.bind(str(path))
    server = ControlServer(path, VERBS)
    await server.start()
    assert await ask(path, "echo") == NO_ARGS
    await server.stop()
    with pytest.raises(FileNotFoundError):
        os.lstat(path)


@pytest.mark.parametrize(("answer", "sentence"), [(b"", "went away before it answered"), (b"junk\n", "went away")])
def test_a_daemon_that_hangs_up_is_told_apart_from_none(tmp_path: Path, answer: bytes, sentence: str) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ControlRefusedError, match=sentence):
            request(path, "status", {})
        thread.join()


async def test_a_daemon_that_does_not_answer_in_time_is_told_apart_too(
    server: ControlServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PATIENCE_S", 0.1)
    with pytest.raises(ControlRefusedError, match="has not answered for 0 s; see netmon status"):
        await ask(path, "hang")


async def test_a_directory_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        await ControlServer(tmp_path / "file" / "control.sock", {}).start()

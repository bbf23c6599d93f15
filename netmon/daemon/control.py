"""The control socket: how state-changing verbs reach the running daemon (invariant 5).

Protocol, one JSON line each way over a Unix stream socket (owner and group only):

    -> {"schema": "netmon/control/1", "verb": "revert", "args": {"circuit": "rsud-1"}}
    <- {"ok": true, "data": {...}}   or   {"ok": false, "error": "one sentence"}

Each verb finds in `by` who the kernel says is at the other end, whatever the client put there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

SCHEMA = "netmon/control/1"
LONGEST_LINE = 1 << 20
PATIENCE_S = 300.0
"""A change on a slow router may take minutes; a client waits no longer than this."""

_UCRED = struct.Struct("iII")


class ControlUnavailableError(RuntimeError):
    """No daemon listens on the control socket."""


class ControlRefusedError(RuntimeError):
    """The daemon answered that it will not or cannot; the message is its own sentence."""


class CommandError(RuntimeError):
    """A command that cannot be carried out; the message is what the operator is told."""


Verb = Callable[[Mapping[str, Any]], Awaitable[Any]]


class ControlServer:
    """Listens on the socket and hands each verb to its function."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb]) -> None:
        self._path, self._verbs = path, dict(verbs)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises OSError where the socket cannot be made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)  # the ledger's lock says that we are the only daemon
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        before = os.umask(0o117)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(before)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LONGEST_LINE)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            uid = _peer(writer.get_extra_info("socket"))
            # Names may come from a directory on the network.
            by = await asyncio.get_running_loop().run_in_executor(None, person, uid)
            line = await asyncio.wait_for(reader.readline(), 10)
            writer.write(json.dumps(await self._answer(line, by)).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            log.debug("a client of the control socket went away")
        finally:
            writer.close()

    async def _answer(self, line: bytes, by: str) -> dict[str, Any]:
        try:
            request = json.loads(line)
            schema, verb, args = request["schema"], request["verb"], request.get("args", {})
            known = isinstance(verb, str) and isinstance(args, dict)
        except (ValueError, KeyError, TypeError):
            known = False
        if not known:
            return _refused(f"not a {SCHEMA} request; send one JSON object with schema, verb and args")
        if schema != SCHEMA:
            return _refused(f"schema {schema!r} is not {SCHEMA}; use the netmon command of the daemon's version")
        function = self._verbs.get(verb)
        if function is None:
            return _refused(f"unknown verb {verb!r}; known are {', '.join(sorted(self._verbs))}")
        try:
            return {"ok": True, "data": await function({**args, "by": by})}
        except RuntimeError as error:  # CommandError, and what the rooms say in their own sentences
            return _refused(str(error))


def request(path: Path, verb: str, args: Mapping[str, Any], patience_s: float | None = None) -> Any:
    """Sends one verb to the running daemon and returns its data; `patience_s`: None for PATIENCE_S.

    Raises ControlUnavailableError where none listens, ControlRefusedError with the daemon's sentence.
    """
    patience_s = PATIENCE_S if patience_s is None else patience_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(patience_s)
        try:
            channel.connect(str(path))
            channel.sendall(json.dumps({"schema": SCHEMA, "verb": verb, "args": dict(args)}).encode() + b"\n")
            with channel.makefile("rb") as stream:
                answer = json.loads(stream.readline())
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise ControlUnavailableError(f"no daemon listens on {path}; start it with netmon run") from error
        except PermissionError as error:
            raise ControlRefusedError(f"{path} is not yours to use; join the daemon's group") from error
        except TimeoutError as error:
            raise ControlRefusedError(
                f"the daemon has not answered for {patience_s:.0f} s; see netmon status"
            ) from error
        except (OSError, ValueError) as error:
            raise ControlRefusedError(f"the daemon went away before it answered ({error}); see its log") from error
    if not answer.get("ok"):
        raise ControlRefusedError(str(answer.get("error", "the daemon refused without a reason")))
    return answer["data"]


def person(uid: int) -> str:
    """The login name of a user id, for the record; `uid 1234` where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _peer(channel: socket.socket) -> int:
    """The user id of who connected; SO_PEERCRED of unix(7): pid, uid and gid."""
    found = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    uid: int = _UCRED.unpack(found)[1]
    return uid


def _refused(sentence: str) -> dict[str, Any]:
    return {"ok": False, "error": sentence}

"""The way to a server, that a test can cut where it likes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Wire:
    """Passes octets between clients of its port and a Unix socket."""

    port: int
    cut_before: bytes | None = None
    """What a client says with these octets is not passed on any more: both ends are closed instead."""
    cut_after: bytes | None = None
    """The answer to these octets is awaited, and not passed on any more."""
    silent: bool = False
    """With a cut, only the client's end is closed: the server believes that the client is still there."""
    cuts: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    """Ends that the server still holds."""

    def cut(self) -> None:
        """Every connection, as if the network were gone."""
        for one in self._open:
            _shut(one)
        self._open.clear()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        self._open.append(client)
        back = threading.Thread(target=self._answers, args=(server, client), daemon=True)
        back.start()
        with suppress(OSError):
            while said := client.recv(65536):
                if self.cut_before is not None and self.cut_before in said:
                    self.cut_before = None
                    break
                if self.cut_after is not None and self.cut_after in said:
                    self.cut_after = None
                    _shut(client)
                    server.sendall(said)
                    back.join(10)
                    break
                server.sendall(said)
            else:
                _shut(server)
                return
        self.cuts += 1
        _shut(client)
        if self.silent:
            self._open.append(server)
        else:
            _shut(server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                client.sendall(said)
        _shut(client)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def wire(port: int, to: Path) -> Iterator[Wire]:
    """From `port` of the loopback interface to the socket `to`."""
    passing = Wire(port)
    with socket.create_server(("127.0.0.1", port)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    server = socket.socket(socket.AF_UNIX)
                    try:
                        server.connect(str(to))
                    except OSError:
                        _shut(server)
                        _shut(client)
                        continue
                    threading.Thread(target=passing._serve, args=(client, server), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield passing
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            passing.cut()

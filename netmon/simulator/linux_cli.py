"""The command line of a simulated Linux router: a shell over a kernel that exists only here.

Nothing of tc is saved: after a reboot the limits are gone, and /run is empty.
"""

from __future__ import annotations

import asyncio
import re

from netmon.simulator.console import Logout
from netmon.simulator.coreutils import PROGRAMS
from netmon.simulator.device import Router
from netmon.simulator.linux_host import Files, Jobs, Stream, Streams, Terminal
from netmon.simulator.linux_network import Network
from netmon.simulator.shell import ExitShell, Shell
from netmon.simulator.shell_syntax import IncompleteError

_CLIENT_PORT = 40_000
"""Of every login's other end: nothing here looks at it."""


class Linux:
    """Running configuration, files and jobs of one router."""

    banner = ""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.network = Network(router)
        self.jobs = Jobs()
        self.files = Files(kernel=self._kernel)

    def _kernel(self, path: str) -> str | None:
        if path == "/proc/uptime":
            return f"{self._router.uptime_ticks() / 100:.2f} 0.00\n"
        process = re.fullmatch(r"/proc/(\d+)/cmdline", path)
        return None if process is None else self.jobs.commands.get(int(process[1]))

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return self.network.limit_bps(interface, outward)

    def reboot(self) -> None:
        self.jobs.kill_all()
        self.files.forget_volatile()
        self.network.reboot()

    async def stop(self) -> None:
        await asyncio.gather(*self.jobs.kill_all(), return_exceptions=True)

    def seat(self, username: str, peer: str) -> LinuxSeat:
        terminal = Terminal()
        shell = self.shell(username, peer, _CLIENT_PORT, terminal)
        return LinuxSeat(shell, terminal, f"{username}@{self._router.name}:~# ")

    async def execute(self, username: str, peer: str, command: str) -> tuple[str, str, int]:
        """`ssh router COMMAND`: standard output, standard error and status."""
        out, err = Stream(), Stream()
        status = await self.shell(username, peer, _CLIENT_PORT, None).run_to_end(command, Streams("", out, err))
        return out.text, err.text, status

    def shell(self, username: str, peer: str, peer_port: int, terminal: Terminal | None) -> Shell:
        """A login shell; `terminal` is None when a single command is to be run."""
        pid = self.jobs.new_pid()
        return Shell(
            programs={**PROGRAMS, "tc": self.network.tc, "ip": self.network.ip},
            files=self.files,
            jobs=self.jobs,
            before=self._router.settle,
            variables={
                "HOME": "/root",
                "HOSTNAME": self._router.name,
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "SSH_CONNECTION": f"{peer} {peer_port} {self._router.address} 22",
                "USER": username,
            },
            pid=pid,
            group=pid,
            terminal=terminal,
        )


class LinuxSeat:
    """An interactive shell; a command may take several lines."""

    def __init__(self, shell: Shell, terminal: Terminal, prompt: str) -> None:
        self._shell = shell
        self._terminal = terminal
        self._prompt = prompt
        self._pending = ""

    @property
    def prompt(self) -> str:
        return "> " if self._pending else self._prompt

    @property
    def echo(self) -> bool:
        return self._terminal.echo

    async def run(self, line: str) -> str:
        out = Stream()
        text, self._pending = self._pending + line, ""
        try:
            await self._shell.run(text, Streams("", out, out))
        except IncompleteError:
            self._pending = f"{text}\n"
            return ""
        except ExitShell as end:
            raise Logout(f"{out.text}logout", end.status) from None
        return out.text

    def close(self) -> None:
        """Jobs go on without the shell that started them."""

"""The command line of a simulated Linux router: a shell over a kernel that exists only here.

Nothing of tc is saved: after a reboot the limits are gone, and /run is empty.
"""

from __future__ import annotations

import asyncio

from netmon.simulator.coreutils import PROGRAMS
from netmon.simulator.device import Router
from netmon.simulator.linux_host import Files, Jobs, Terminal
from netmon.simulator.linux_network import Network
from netmon.simulator.shell import Shell


class Linux:
    """Running configuration, files and jobs of one router."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.network = Network(router)
        self.files = Files()
        self.jobs = Jobs()

    def limit_bps(self, interface: str, outward: bool) -> int | None:
        return self.network.limit_bps(interface, outward)

    def reboot(self) -> None:
        self.jobs.kill_all()
        self.files.forget_volatile()
        self.network.reboot()

    async def stop(self) -> None:
        await asyncio.gather(*self.jobs.kill_all(), return_exceptions=True)

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

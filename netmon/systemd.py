"""What the init system is told: sd_notify(3) datagrams to NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(message: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Sends e.g. `READY=1` or `WATCHDOG=1`; False where no init system listens."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.sendto(message.encode(), address)
    return True


def watchdog_interval_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often `WATCHDOG=1` is due: a third of WATCHDOG_USEC; None without a watchdog."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 3_000_000 if microseconds.isdigit() and int(microseconds) > 0 else None

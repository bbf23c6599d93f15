"""The enforcer process: owns Netmiko's threads and the write credentials, which the daemon never holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netmon.bundled import folder
from netmon.core.model import Direction, Intent, Step
from netmon.core.resolving import ResolveAction
from netmon.daemon.processes import Channel, ChildFailedError
from netmon.routers.dialects import Dialect, load_dialect
from netmon.routers.enforcer import Apply, Done, Enforcer, EnforcerBusyError, Inspect, Job, Read, Resolve
from netmon.routers.port import Target
from netmon.routers.session import Login
from netmon.routers.settings import RouterSettings, SshSettings
from netmon.settings import SecretUnavailableError


@dataclass(frozen=True, slots=True)
class Setup:
    """What the process is started with: references to secrets, not the secrets."""

    ssh: SshSettings
    directory: Path
    """Where policies/enforcement is looked for before the bundled one."""


@dataclass(frozen=True, slots=True)
class Order:
    """A job as the daemon gives it: without a login."""

    router: str
    settings: RouterSettings
    platform: str
    """Folder under policies/enforcement."""
    target: Target
    intent: Intent | None = None
    action: ResolveAction | None = None
    """With an intent: None applies or inspects it, else what was resolved about it."""
    apply: bool = False
    direction: Direction | None = None
    """Without an intent: the direction to read."""


@dataclass(frozen=True, slots=True)
class StepBegins:
    """The enforcer's question: may this step begin? Answered once it is durably recorded."""

    intent: str
    step: Step


def main(channel: Channel, setup: Setup) -> None:
    """Carries orders out until the daemon is gone; then nothing more is begun."""
    from netmon.routers.ssh import open_session

    folders = (setup.directory / "policies" / "enforcement", folder("policies") / "enforcement")
    dialects: dict[str, Dialect] = {}

    def dialect(platform: str) -> Dialect:
        if platform not in dialects:
            dialects[platform] = load_dialect(platform, folders)
        return dialects[platform]

    def progress(intent: str, step: Step) -> None:
        channel.ask(StepBegins(intent, step))

    enforcer = Enforcer(setup.ssh.threads, open_session, dialect, progress, time.time_ns, time.monotonic_ns)

    def handle(order: Any, reply: Callable[[Any, bool], None]) -> None:
        try:
            future = enforcer.submit(_job(order, setup.ssh))
        except (EnforcerBusyError, SecretUnavailableError, LookupError) as error:
            reply(str(error), True)
            return
        future.add_done_callback(lambda done: _answer(done, reply))

    channel.serve(handle)
    enforcer.cancel()


def _answer(done: Future[Done], reply: Callable[[Any, bool], None]) -> None:
    error = done.exception()
    if error is None:
        reply(done.result(), False)
    elif isinstance(error, ChildFailedError):
        reply(f"the step could not be recorded, so it was not begun: {error}", True)
    else:
        reply(f"{type(error).__name__}: {error}", True)


def _job(order: Order, ssh: SshSettings) -> Job:
    login = _login(order, ssh)
    if order.intent is None:
        return Read(order.target, order.direction or Direction.DOWNLOAD, login)
    if order.apply:
        return Apply(order.intent, order.target, login)
    if order.action is None:
        return Inspect(order.intent, order.target, login)
    return Resolve(order.intent, order.target, login, order.action)


def _login(order: Order, ssh: SshSettings) -> Login:
    name = order.settings.ssh
    if name is None or ssh.known_hosts is None:
        raise LookupError(f"router {order.router} has no ssh credential or there is no ssh.known_hosts; configure both")
    credential = ssh.credentials[name]
    return Login(
        router=order.router,
        address=order.settings.address,
        port=order.settings.ssh_port,
        platform=order.platform,
        username=credential.username,
        known_hosts=ssh.known_hosts,
        password=credential.password.reveal() if credential.password is not None else None,
        key_file=credential.private_key,
        connect_timeout_ns=ssh.connect_timeout,
        command_timeout_ns=ssh.command_timeout,
    )

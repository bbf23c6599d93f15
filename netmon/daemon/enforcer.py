"""The enforcer process: owns Netmiko's threads and the write credentials, which the daemon never holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from netmon.bundled import folder
from netmon.core.changes import Intent, Step
from netmon.core.model import Direction, Placement
from netmon.core.resolving import ResolveAction
from netmon.daemon.processes import Channel, ChildFailedError
from netmon.routers.adopting import Course
from netmon.routers.cli_profile import CliCollector
from netmon.routers.cli_reading import CliReading
from netmon.routers.cli_session import Collect, collect
from netmon.routers.cli_templates import Templates
from netmon.routers.dialects import Dialect, load_dialect
from netmon.routers.enforcement import Progress
from netmon.routers.enforcer import (
    Apply,
    Done,
    Enforcer,
    EnforcerBusyError,
    Inspect,
    Job,
    ListOurs,
    MoveAside,
    Read,
    Renew,
    Resolve,
    SurveyRouter,
    TakeOver,
    Wipe,
)
from netmon.routers.port import Target
from netmon.routers.readbacks import Foreign, Ours, Owner
from netmon.routers.session import Jump, Login
from netmon.routers.settings import RouterSettings, SshSettings
from netmon.routers.terminal import Terminal
from netmon.settings import SecretRef, SecretUnavailableError


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
class RenewOrder:
    """Put off the end of a limit that is as expected; yields Renewal."""

    router: str
    settings: RouterSettings
    platform: str
    target: Target
    direction: Direction
    bps: int
    placement: Placement | None
    expires_s: int
    token: str


@dataclass(frozen=True, slots=True)
class ListOursOrder:
    """List everything of netmon's on a router; yields Belongings."""

    router: str
    settings: RouterSettings
    platform: str


@dataclass(frozen=True, slots=True)
class WipeOrder:
    """Take one thing of netmon's off; yields Wiped."""

    router: str
    settings: RouterSettings
    platform: str
    thing: Ours


@dataclass(frozen=True, slots=True)
class SurveyOrder:
    """Look at a router and its circuits' ports, altering nothing; yields Surveyed."""

    router: str
    settings: RouterSettings
    platform: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class TakeOverOrder:
    """Mark a router as ours, whoever's it was; yields Taken."""

    router: str
    settings: RouterSettings
    platform: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class MoveAsideOrder:
    """Set somebody else's shapers at a port aside, or put them back; yields Moved."""

    router: str
    settings: RouterSettings
    platform: str
    target: Target
    course: Course
    arm: str
    earlier: str | None
    things: tuple[Foreign, ...]
    revert_s: int


@dataclass(frozen=True, slots=True)
class CollectOrder:
    """Read a router's command line, without a login; yields CliReading. Nothing is altered."""

    router: str
    settings: RouterSettings
    platform: str
    """Folder under policies/enforcement that has the terminal where `terminal` is None."""
    collectors: tuple[CliCollector, ...]
    terminal: Terminal | None = None
    zone: tzinfo | None = None
    """Of the router's clock, for times that name none."""


@dataclass(frozen=True, slots=True)
class StepBegins:
    """The enforcer's question: may this step begin? Answered once it is durably recorded."""

    intent: str
    step: Step


AnyOrder = Order | RenewOrder | ListOursOrder | WipeOrder | SurveyOrder | TakeOverOrder | MoveAsideOrder | CollectOrder


def main(channel: Channel, setup: Setup) -> None:
    """Carries orders out until the daemon is gone; then nothing more is begun."""

    def progress(intent: str, step: Step) -> None:
        channel.ask(StepBegins(intent, step))

    enforcer = make_enforcer(setup, progress)

    def handle(order: Any, reply: Callable[[Any, bool], None]) -> None:
        try:
            future = enforcer.submit(job_of(order, setup.ssh))
        except (EnforcerBusyError, SecretUnavailableError, LookupError) as error:
            reply(str(error), True)
            return
        future.add_done_callback(lambda done: _answer(done, reply))

    channel.serve(handle)
    enforcer.close()


def make_enforcer(setup: Setup, progress: Progress) -> Enforcer:
    """Threads that talk to routers, in this process; `progress` records a change's steps. To be closed."""
    from netmon.routers.ssh import open_session, open_terminal

    folders = _dialect_folders(setup.directory)
    templates = Templates.beside(setup.directory)
    dialects: dict[str, Dialect] = {}

    def dialect(platform: str) -> Dialect:
        if platform not in dialects:
            dialects[platform] = load_dialect(platform, folders)
        return dialects[platform]

    def read(job: Collect) -> CliReading:
        return collect(job, lambda platform: dialect(platform).settings, open_terminal, templates, time.monotonic_ns)

    return Enforcer(setup.ssh.threads, open_session, dialect, progress, time.time_ns, time.monotonic_ns, read)


def collect_once(order: CollectOrder, setup: Setup) -> CliReading:
    """Reads one router's command line here and now, in this process and without the daemon.

    Blocks for seconds. Raises LookupError where the router has no ssh credential or there is no known_hosts,
    SecretUnavailableError, and DialectError where the platform has no terminal.
    """
    from netmon.routers.ssh import open_terminal

    job = Collect(_login(order, setup.ssh), order.collectors, order.terminal, order.zone)

    def terminal(platform: str) -> Terminal:
        return load_dialect(platform, _dialect_folders(setup.directory)).settings

    return collect(job, terminal, open_terminal, Templates.beside(setup.directory), time.monotonic_ns)


def _dialect_folders(directory: Path) -> tuple[Path, Path]:
    return directory / "policies" / "enforcement", folder("policies") / "enforcement"


def _answer(done: Future[Done], reply: Callable[[Any, bool], None]) -> None:
    error = done.exception()
    if error is None:
        reply(done.result(), False)
    elif isinstance(error, ChildFailedError):
        reply(f"the step could not be recorded, so it was not begun: {error}", True)
    else:
        reply(f"{type(error).__name__}: {error}", True)


def job_of(order: AnyOrder, ssh: SshSettings) -> Job:  # noqa: PLR0911 - a table
    """The order with the login it needs.

    Raises LookupError where the router has no ssh credential or there is no known_hosts, SecretUnavailableError.
    """
    login = _login(order, ssh)
    match order:
        case CollectOrder():
            return Collect(login, order.collectors, order.terminal, order.zone)
        case RenewOrder(target=target, direction=direction, bps=bps, placement=placement):
            return Renew(target, direction, bps, placement, order.expires_s, order.token, login)
        case ListOursOrder():
            return ListOurs(login)
        case WipeOrder(thing=thing):
            return Wipe(thing, login)
        case TakeOverOrder(owner=owner):
            return TakeOver(owner, login)
        case MoveAsideOrder(course=course, things=things, target=target):
            return MoveAside(course, order.arm, order.earlier, things, order.revert_s, target, login)
        case SurveyOrder(targets=targets):
            return SurveyRouter(targets, login)
        case Order():
            return _of_a_limit(order, login)


def _of_a_limit(order: Order, login: Login) -> Job:
    if order.intent is None:
        return Read(order.target, order.direction or Direction.DOWNLOAD, login)
    if order.apply:
        return Apply(order.intent, order.target, login)
    if order.action is None:
        return Inspect(order.intent, order.target, login)
    return Resolve(order.intent, order.target, login, order.action)


def _login(order: AnyOrder, ssh: SshSettings) -> Login:
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
        password=_revealed(credential.password),
        key_file=credential.private_key,
        enable_secret=_revealed(credential.enable_secret),
        jump=jump_of(order.settings, ssh),
        legacy_algorithms=order.settings.ssh_legacy_algorithms,
        connect_timeout_ns=ssh.connect_timeout,
        command_timeout_ns=ssh.command_timeout,
    )


def jump_of(router: RouterSettings, ssh: SshSettings) -> Jump | None:
    """The host through which a router is reached. Raises SecretUnavailableError."""
    if router.ssh_jump is None:
        return None
    host = ssh.jump_hosts[router.ssh_jump]
    credential = ssh.credentials[host.credential]
    password = _revealed(credential.password)
    return Jump(router.ssh_jump, host.address, host.port, credential.username, password, credential.private_key)


def _revealed(secret: SecretRef | None) -> str | None:
    return None if secret is None else secret.reveal()

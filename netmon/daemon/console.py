"""A configured router's command line read once, in this process and without the daemon: `netmon poll --console`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from netmon.config import documents
from netmon.config.documents import Locator
from netmon.config.errors import ConfigError, Loc
from netmon.config.load import Configuration
from netmon.config.secrets import check_secrets
from netmon.daemon.enforcer import CollectOrder, Setup, collect_once
from netmon.routers.cli_reading import CliReading
from netmon.routers.cli_session import not_read
from netmon.routers.dialects import DialectError
from netmon.routers.profiles import Profile
from netmon.routers.session import Failure


def check_console(configuration: Configuration, router: str, profile: Profile | None) -> None:
    """Whether there is all that a login takes, before anything is asked of the router.

    `profile` is the configured platform's; None: it is to be recognised. Raises ConfigError, and
    SecretUnavailableError for a systemd credential outside of its unit.
    """
    ssh, name = configuration.settings.ssh, configuration.settings.routers[router].ssh
    if name is None:
        raise _refusal(
            configuration,
            ("routers", router, "ssh"),
            "missing, and a command line is read over SSH; add it, or leave --console out",
        )
    if ssh.known_hosts is None:
        raise _refusal(
            configuration,
            ("ssh", "known_hosts"),
            "missing; name a file with the routers' host keys; netmon ssh-trust records them",
        )
    if profile is not None and not profile.cli:
        raise _refusal(configuration, ("routers", router, "platform"), _no_cli(profile))
    used = {"ssh.known_hosts", *(f"ssh.credentials.{name}.{part}" for part in ("password", "private_key"))}
    if unreadable := [problem for problem in check_secrets(configuration) if problem.path in used]:
        raise ConfigError(unreadable)
    if (password := ssh.credentials[name].password) is not None:
        password.reveal()


def read_console(configuration: Configuration, router: str, profile: Profile) -> CliReading:
    """What the profile's commands tell; blocks for seconds. What went wrong with the session is in the value.

    For a router that `check_console` let pass. Raises SecretUnavailableError.
    """
    settings = configuration.settings
    if not profile.cli:
        return not_read(Failure.DIALECT, _no_cli(profile))
    order = CollectOrder(
        router,
        settings.routers[router],
        profile.enforcement or profile.platform,
        profile.cli,
        profile.terminal,
        ZoneInfo(settings.site.timezone),
    )
    try:
        return collect_once(order, Setup(settings.ssh, configuration.directory))
    except DialectError as error:
        return not_read(Failure.DIALECT, " ".join(str(error).splitlines()))


def _no_cli(profile: Profile) -> str:
    return (
        f"the profile {profile.platform} has no cli section, so there is no command to ask;"
        f" add one to collectors/{profile.platform}.yaml, or leave --console out"
    )


def _refusal(configuration: Configuration, loc: Loc, message: str) -> ConfigError:
    read = (documents.read(file)[0] for file in configuration.files)
    locator = Locator([document for document in read if document is not None], configuration.files[0])
    return ConfigError([locator.problem(loc, message)])

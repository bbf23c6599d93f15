"""The options by which an SNMP agent is named and its credential given without a configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from netmon.settings import SecretRef
    from netmon.snmp.client import Agent
    from netmon.snmp.users import User

F = TypeVar("F", bound=Callable[..., Any])
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Given:
    """What was given on the command line; None: not given."""

    community: str | None
    community_file: Path | None
    community_env: str | None
    user: str | None
    auth: str | None
    auth_password_file: Path | None
    auth_password_env: str | None
    priv: str | None
    priv_password_file: Path | None
    priv_password_env: str | None
    context: str | None
    port: int | None
    timeout: str | None

    @property
    def is_empty(self) -> bool:
        return all(getattr(self, field.name) is None for field in fields(self))


def agent_options(function: F) -> F:
    """Every option of Given, handed over as one argument `given`."""

    @wraps(function)
    def gathered(*args: Any, **kwargs: Any) -> Any:
        given = Given(**{field.name: kwargs.pop(field.name) for field in fields(Given)})
        return function(*args, given=given, **kwargs)

    path = click.Path(path_type=Path)
    options = (
        click.option("--community", help="SNMP community [public]. Others on this host see it in ps."),
        click.option("--community-file", type=path, help="File that holds the SNMP community."),
        click.option("--community-env", metavar="NAME", help="Environment variable that holds it."),
        click.option("--user", help="SNMPv3 user; version 3 is spoken where one is given."),
        click.option("--auth", metavar="PROTOCOL", help="MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512."),
        click.option("--auth-password-file", type=path, help="File that holds the authentication password."),
        click.option("--auth-password-env", metavar="NAME", help="Environment variable that holds it."),
        click.option(
            "--priv", metavar="PROTOCOL", help="DES, AES-128, AES-192, AES-256; Cisco's: AES-192-C, AES-256-C."
        ),
        click.option("--priv-password-file", type=path, help="File that holds the privacy password."),
        click.option("--priv-password-env", metavar="NAME", help="Environment variable that holds it."),
        click.option("--context", help="SNMPv3 contextName."),
        click.option("--port", type=click.IntRange(1, 65535), help="UDP port [161]."),
        click.option("--timeout", metavar="DURATION", help="For one request [2s]."),
    )
    decorated: Any = gathered
    # Like stacked decorators, the last one comes first in --help.
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def agent_given(address: str, given: Given) -> Agent:
    """The agent at this address. Raises click.UsageError, and SecretUnavailableError."""
    from netmon.core.units import UnitError, parse_duration
    from netmon.snmp.client import Agent

    try:
        timeout_ns = parse_duration(given.timeout or "2s")
    except UnitError as error:
        raise click.UsageError(f"--timeout: {error}") from None
    user = _user(given)
    community = b"" if user is not None else _community(given)
    # As in URLs and in router consoles.
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    return Agent(bare, given.port or 161, community, timeout_ns, user=user, context=(given.context or "").encode())


def _community(given: Given) -> bytes:
    written = {
        "--community": given.community,
        "--community-file": given.community_file,
        "--community-env": given.community_env,
    }
    both = [option for option, value in written.items() if value is not None]
    if len(both) > 1:
        raise click.UsageError(f"{both[0]} and {both[1]} exclude each other; give one of them")
    secret = _secret("--community", given.community_file, given.community_env)
    return (secret.reveal() if secret is not None else given.community or "public").encode()


def _user(given: Given) -> User | None:
    from netmon.snmp.security_errors import SnmpUserError
    from netmon.snmp.users import User, auth_protocol, priv_protocol

    auth_secret = _secret("--auth-password", given.auth_password_file, given.auth_password_env)
    priv_secret = _secret("--priv-password", given.priv_password_file, given.priv_password_env)
    of_v3 = (given.auth, auth_secret, given.priv, priv_secret, given.context)
    if given.user is None:
        if any(one is not None for one in of_v3):
            raise click.UsageError("--auth, --priv and --context belong to SNMPv3; give --user too")
        return None
    if any(one is not None for one in (given.community, given.community_file, given.community_env)):
        raise click.UsageError("--user speaks SNMPv3, which has no community; give one or the other")
    for name, protocol, secret in (("auth", given.auth, auth_secret), ("priv", given.priv, priv_secret)):
        if (protocol is None) != (secret is None):
            raise click.UsageError(f"--{name} and --{name}-password-file (or -env) go together; give both or neither")
    auth = None if given.auth is None else _protocol("--auth", given.auth, auth_protocol)
    priv = None if given.priv is None else _protocol("--priv", given.priv, priv_protocol)
    try:
        return User(given.user.encode(), auth, _revealed(auth_secret), priv, _revealed(priv_secret))
    except SnmpUserError as error:
        raise click.UsageError(str(error)) from None


def _secret(option: str, file: Path | None, env: str | None) -> SecretRef | None:
    from netmon.settings import SecretRef

    if file is not None and env is not None:
        raise click.UsageError(f"{option}-file and {option}-env exclude each other; give one of them")
    if file is None and env is None:
        return None
    return SecretRef(file=file, env=env)


def _revealed(secret: SecretRef | None) -> bytes:
    return b"" if secret is None else secret.reveal().encode()


def _protocol(option: str, written: str, named: Callable[[str], P]) -> P:
    from netmon.snmp.security_errors import SnmpUserError

    try:
        return named(written)
    except SnmpUserError as error:
        raise click.UsageError(f"{option}: {error}") from None

"""A configured router as the SNMP manager addresses it."""

from __future__ import annotations

from dataclasses import replace

from netmon.config.load import Configuration
from netmon.settings import SecretRef, SecretUnavailableError
from netmon.snmp.client import Agent
from netmon.snmp.codec import V1, V2C
from netmon.snmp.security_errors import SnmpUserError
from netmon.snmp.settings import SnmpCredential
from netmon.snmp.users import User


def agent_of(configuration: Configuration, router: str) -> Agent:
    """Reveals the community or the passwords. Raises SecretUnavailableError, also for a password SNMPv3 forbids."""
    settings = configuration.settings.routers[router]
    return replace(
        agent_with(configuration, settings.snmp),
        address=settings.address,
        port=settings.snmp_port,
        requests_per_second=settings.snmp_requests_per_second,
    )


def agent_with(configuration: Configuration, name: str) -> Agent:
    """An agent nowhere, asked with the credential of that name. Raises SecretUnavailableError as agent_of."""
    snmp = configuration.settings.snmp
    credential, proof = snmp.credentials[name], credential_of(configuration, name)
    return Agent(
        address="",
        community=b"" if isinstance(proof, User) else proof,
        timeout_ns=snmp.timeout,
        retries=snmp.retries,
        user=proof if isinstance(proof, User) else None,
        context=credential.context.encode(),
        version=V1 if credential.version == "1" else V2C,
    )


def credential_of(configuration: Configuration, name: str) -> bytes | User:
    """The community or the user of a credential, revealed. Raises SecretUnavailableError as agent_of."""
    credential = configuration.settings.snmp.credentials[name]
    try:
        user = _user(credential)
    except SnmpUserError as error:
        raise SecretUnavailableError(f"snmp.credentials.{name}: {error}") from None
    return _revealed(credential.community) if user is None else user


def voices_of(configuration: Configuration) -> list[tuple[str, str, tuple[bytes | User, ...]]]:
    """Each router's name, its address, and what its traps may prove themselves by. Raises as credential_of.

    Empty where notifications are not received.
    """
    wanted = configuration.settings.snmp.notifications
    if wanted is None:
        return []
    shared = tuple(credential_of(configuration, name) for name in wanted.credentials)
    return [
        (name, router.address, (credential_of(configuration, router.snmp), *shared))
        for name, router in configuration.settings.routers.items()
    ]


def _user(credential: SnmpCredential) -> User | None:
    if credential.user is None:
        return None
    return User(
        credential.user.encode(),
        credential.auth,
        _revealed(credential.auth_password),
        credential.priv,
        _revealed(credential.priv_password),
    )


def _revealed(secret: SecretRef | None) -> bytes:
    return b"" if secret is None else secret.reveal().encode()

"""A configured router as the SNMP manager addresses it."""

from __future__ import annotations

from netmon.config.load import Configuration
from netmon.settings import SecretRef, SecretUnavailableError
from netmon.snmp.client import Agent
from netmon.snmp.codec import V1, V2C
from netmon.snmp.security_errors import SnmpUserError
from netmon.snmp.settings import SnmpCredential
from netmon.snmp.users import User


def agent_of(configuration: Configuration, router: str) -> Agent:
    """Reveals the community or the passwords. Raises SecretUnavailableError, also for a password SNMPv3 forbids."""
    snmp, settings = configuration.settings.snmp, configuration.settings.routers[router]
    credential = snmp.credentials[settings.snmp]
    try:
        user = _user(credential)
    except SnmpUserError as error:
        raise SecretUnavailableError(f"snmp.credentials.{settings.snmp}: {error}") from None
    return Agent(
        address=settings.address,
        port=settings.snmp_port,
        community=_revealed(credential.community),
        timeout_ns=snmp.timeout,
        retries=snmp.retries,
        user=user,
        context=credential.context.encode(),
        version=V1 if credential.version == "1" else V2C,
    )


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

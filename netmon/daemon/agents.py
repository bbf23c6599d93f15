"""A configured router as the SNMP manager addresses it."""

from __future__ import annotations

from netmon.config.load import Configuration
from netmon.snmp.client import Agent


def agent_of(configuration: Configuration, router: str) -> Agent:
    """Reveals the community. Raises SecretUnavailableError."""
    snmp, settings = configuration.settings.snmp, configuration.settings.routers[router]
    return Agent(
        address=settings.address,
        port=settings.snmp_port,
        community=snmp.credentials[settings.snmp].community.reveal().encode(),
        timeout_ns=snmp.timeout,
        retries=snmp.retries,
    )

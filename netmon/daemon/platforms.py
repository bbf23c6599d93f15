"""Which dialect routers speak, found out without a daemon."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from netmon.config.load import Configuration
from netmon.core.model import NANOSECONDS
from netmon.daemon.agents import agent_of
from netmon.routers.discovery import DiscoveryError, discover
from netmon.routers.profiles import Profiles
from netmon.settings import SecretUnavailableError
from netmon.snmp.client import Client
from netmon.snmp.errors import SnmpError

log = logging.getLogger(__name__)


AT_ONCE = 50
"""Routers asked at the same time."""


async def platforms_of(
    configuration: Configuration, profiles: Profiles, routers: Iterable[str]
) -> dict[str, str | None]:
    """Each router's enforcement dialect; one whose platform is not configured is asked what it is."""
    found: dict[str, str | None] = {}
    unknown: list[str] = []
    for router in routers:
        platform = configuration.settings.routers[router].platform
        if platform is None:
            unknown.append(router)
        else:
            found[router] = profiles.named(platform).enforcement
    if unknown:
        async with await Client.open(source=configuration.settings.snmp.source_address) as client:
            gate = asyncio.Semaphore(AT_ONCE)
            asked = await asyncio.gather(*(_asked(configuration, profiles, client, gate, one) for one in unknown))
        found |= {router: platform for router, platform in zip(unknown, asked, strict=True) if platform is not None}
    return found


async def _asked(
    configuration: Configuration, profiles: Profiles, client: Client, gate: asyncio.Semaphore, router: str
) -> str | None:
    try:
        async with gate, asyncio.timeout(configuration.settings.snmp.poll_deadline / NANOSECONDS):
            seen = await discover(client, agent_of(configuration, router), profiles, None)
    except (SnmpError, DiscoveryError, TimeoutError, SecretUnavailableError) as error:
        log.warning("%s: its platform is not configured and cannot be recognised: %s", router, error)
        return None
    return seen.profile.enforcement

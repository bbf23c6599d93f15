"""Settings of the SNMP manager: the `snmp` key of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from netmon.settings import SECOND, DurationNs, Name, SecretRef, Settings


class SnmpCredential(Settings):
    """How to be let in by an agent."""

    version: Literal["2c"] = "2c"
    community: SecretRef


class SnmpSettings(Settings):
    credentials: dict[Name, SnmpCredential] = Field(default_factory=dict)
    poll_interval: DurationNs = 30 * SECOND
    """How often each router is visited."""
    poll_deadline: DurationNs = 10 * SECOND
    """A visit not finished by then has failed; other routers never wait for it."""
    timeout: DurationNs = 2 * SECOND
    """How long one request waits for its reply before it is sent again."""
    retries: int = Field(default=2, ge=0, le=10)
    in_flight: int = Field(default=1000, ge=1, le=2500)
    """Requests waiting for replies at once, over all routers."""
    rediscover_interval: DurationNs = 3600 * SECOND
    """How often the interface table is walked again although nothing seems to have changed."""

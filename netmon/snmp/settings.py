"""Settings of the SNMP manager: the `snmp` key of the configuration."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from netmon.settings import SECOND, DurationNs, Name, SecretRef, Settings
from netmon.snmp.addresses import misspelling
from netmon.snmp.users import MAX_NAME, AuthProtocol, PrivProtocol, auth_protocol, priv_protocol

MAX_CONTEXT: Final = 255
"""Octets of contextName, an SnmpAdminString (RFC 3411 section 5)."""


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _named(protocol: Callable[[str], AuthProtocol | PrivProtocol]) -> BeforeValidator:
    """Accepts what vendors call a protocol besides what it is called here."""

    def read(value: Any) -> Any:
        text = _as_text(value)
        return protocol(text) if isinstance(text, str) else text

    return BeforeValidator(read)


def _of_octets(most: int) -> AfterValidator:
    """SNMP limits octets of UTF-8, not characters."""

    def read(value: str) -> str:
        octets = len(value.encode())
        if octets > most:
            raise ValueError(f"has {octets} octets in UTF-8, and may have {most}; use a shorter one")
        return value

    return AfterValidator(read)


class SnmpCredential(Settings):
    """How to be let in by an agent: by a community (versions 1 and 2c), or as a user (version 3).

    A user's level follows from what is given: nothing is noAuthNoPriv, `auth` authNoPriv, `auth` and `priv` authPriv.
    """

    version: Annotated[Literal["1", "2c", "3"], BeforeValidator(_as_text)] = "2c"
    community: SecretRef | None = None
    user: Annotated[str, Field(min_length=1), _of_octets(MAX_NAME)] | None = None
    auth: Annotated[AuthProtocol, _named(auth_protocol)] | None = None
    auth_password: SecretRef | None = None
    priv: Annotated[PrivProtocol, _named(priv_protocol)] | None = None
    """`aes192` and `aes256` lengthen keys as Net-SNMP does, `aes192c` and `aes256c` as Cisco does."""
    priv_password: SecretRef | None = None
    context: Annotated[str, _of_octets(MAX_CONTEXT)] = ""
    """contextName, where the agent has several."""

    @model_validator(mode="after")
    def _fits_the_version(self) -> SnmpCredential:
        given = [name for name in _OF_V3 if getattr(self, name)]
        if self.version != "3":
            if given:
                raise ValueError(f"{given[0]} belongs to version 3; write version: 3, or remove it")
            if self.community is None:
                raise ValueError(f"version {self.version} needs a community")
            return self
        if self.community is not None:
            raise ValueError("version 3 has no community; remove it, or write version: 2c")
        if self.user is None:
            raise ValueError("version 3 needs a user")
        for protocol in ("auth", "priv"):
            if (getattr(self, protocol) is None) != (getattr(self, f"{protocol}_password") is None):
                raise ValueError(f"{protocol} and {protocol}_password go together; add the other, or remove both")
        if self.priv is not None and self.auth is None:
            raise ValueError("priv needs auth too: SNMPv3 has no privacy without authentication")
        return self


_OF_V3: Final = ("user", "auth", "auth_password", "priv", "priv_password", "context")


def _an_address(value: str) -> str:
    if problem := misspelling(value):
        raise ValueError(problem)
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address of this host; write for example 10.20.0.5") from None


class NotificationSettings(Settings):
    """Where traps and informs are received, and how many are looked at."""

    listen: tuple[Annotated[str, AfterValidator(_an_address)], ...] = Field(
        default=("0.0.0.0", "::"),  # noqa: S104 - routers send from everywhere; the gate knows them
        min_length=1,
        max_length=16,
    )
    port: int = Field(default=162, ge=0, le=65_535)
    """0: any free port, for tests."""
    credentials: tuple[Name, ...] = ()
    """Communities and users that every router may use in notifications, besides the one it is polled with."""
    rate: int = Field(default=50, ge=1, le=500)
    """Decoded a second over all routers; each takes about a millisecond."""
    burst: int = Field(default=100, ge=1, le=5_000)
    source_rate: int = Field(default=10, ge=1, le=500)
    """The same for one router."""
    source_burst: int = Field(default=50, ge=1, le=5_000)
    queue: int = Field(default=256, ge=1, le=10_000)
    """Received and not yet decoded."""


def _a_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}; escape special characters with \\") from None
    return value


def _names_an_agency(value: str) -> str:
    if "agency" not in re.compile(_a_pattern(value)).groupindex:
        raise ValueError("has no group named agency; mark the agency's name as (?P<agency>...)")
    return value


Pattern = Annotated[str, Field(min_length=1, max_length=500)]


class DiscoverSettings(Settings):
    """How `netmon discover` looks for routers, and what it reads out of ifAlias."""

    credentials: tuple[Name, ...] = ()
    """In the order they are tried; empty: all of snmp.credentials, version 3 first."""
    rate: int = Field(default=100, ge=1, le=1000)
    """Requests a second over all addresses, repeated ones counted."""
    in_flight: int = Field(default=200, ge=1, le=2000)
    """Addresses asked at once."""
    timeout: DurationNs = SECOND
    """How long the first question to an address waits for its answer; each later round half as long again."""
    retries: int = Field(default=1, ge=0, le=3)
    """Rounds over the credentials after the first."""
    alias_patterns: tuple[Annotated[Pattern, AfterValidator(_names_an_agency)], ...] = (
        r"(?i)\b(?:opd|agency|customer|cust)\s*[:=]\s*(?P<agency>[a-z0-9][\w.-]*)",
        r"(?i)^\d+/(?P<agency>[a-z][\w.-]*)(?:/|$)",
    )
    """Regular expressions searched in ifAlias; the first that fits counts. Its group `agency` says whom it serves."""
    uplink_patterns: tuple[Annotated[Pattern, AfterValidator(_a_pattern)], ...] = (
        r"(?i)^(?:uplink|upstream|transit|isp|ix|iix)\b",
    )
    """The same for ports that carry purchased capacity."""


class SnmpSettings(Settings):
    credentials: dict[Name, SnmpCredential] = Field(default_factory=dict)
    poll_interval: DurationNs = 30 * SECOND
    """How often each router is visited."""
    poll_deadline: DurationNs = 10 * SECOND
    """A visit not finished by then has failed; other routers never wait for it."""
    survey_interval: DurationNs = 300 * SECOND
    """How often each router's health, transceivers and neighbours are read."""
    survey_deadline: DurationNs = 60 * SECOND
    """A survey not finished by then has failed."""
    timeout: DurationNs = 1 * SECOND
    """How long one request waits for its reply before it is sent again."""
    retries: int = Field(default=3, ge=0, le=10)
    in_flight: int = Field(default=1000, ge=1, le=2500)
    """Requests waiting for replies at once, over all routers."""
    source_address: Annotated[str, AfterValidator(_an_address)] | None = None
    """Address of this host that requests to agents of its family come from; None: whichever the route takes."""
    rediscover_interval: DurationNs = 3600 * SECOND
    """How often the interface table is walked again although nothing seems to have changed."""
    notifications: NotificationSettings | None = None
    """None: traps and informs are not received."""
    discover: DiscoverSettings = DiscoverSettings()

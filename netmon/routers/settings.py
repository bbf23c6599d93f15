"""Settings of the routers: the `routers` and `ssh` keys of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from netmon.core.model import Circuit, Faces, Mode, Role
from netmon.settings import SECOND, DurationNs, Name, RateBps, SecretRef, Settings

LONGEST_LIMITED_NAME: Final = 64
"""Characters of the name of a port that netmon limits."""


def _printable(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("must be printable, without blanks at its ends, as the router's ifName says")
    return name


InterfaceName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
"""ifName or ifDescr, a DisplayString (RFC 2863; RFC 2579: at most 255 octets), as `mib.decode_text` reads it."""


def can_be_limited(interface: str) -> bool:
    """Whether a limit can be set on a port of this name: only printable ASCII goes to a router's command line."""
    return interface.isascii() and len(interface) <= LONGEST_LIMITED_NAME


class SshCredential(Settings):
    """A login on a router; a key, a password, or both."""

    username: str = Field(pattern=r"^[A-Za-z0-9._@+-]{1,64}$")
    password: SecretRef | None = None
    private_key: Path | None = None

    @model_validator(mode="after")
    def _some_way_in(self) -> SshCredential:
        if self.password is None and self.private_key is None:
            raise ValueError("an SSH credential needs private_key, password or both")
        return self


class SshSettings(Settings):
    credentials: dict[Name, SshCredential] = Field(default_factory=dict)
    known_hosts: Path | None = None
    """OpenSSH known_hosts file; a router whose key is not in it is never touched."""
    connect_timeout: DurationNs = 10 * SECOND
    command_timeout: DurationNs = 10 * SECOND
    threads: int = Field(default=8, ge=1, le=32)


class CircuitSettings(Settings):
    agency: Name
    interface: InterfaceName
    """ifName on the router; where it is to be limited, one that `can_be_limited`."""
    faces: Faces
    role: Role = Role.PRIMARY
    mode: Mode | None = None
    """None: the router's mode."""
    alias: str | None = None
    port_speed: RateBps | None = None
    pools: tuple[Name, ...] = ()


class RouterSettings(Settings):
    address: str
    """IPv4 or IPv6 address, or a host name, of the management interface."""
    platform: Name | None = None
    """Name of a collectors/*.yaml profile; None: recognised by sysObjectID and sysDescr."""
    snmp: Name = "default"
    snmp_port: int = Field(default=161, ge=1, le=65535)
    snmp_requests_per_second: int | None = Field(default=None, ge=1, le=10_000)
    """SNMP requests the router is sent at most, repeated ones counted; None: no bound."""
    ssh: Name | None = None
    """SSH credential; None: the router can only be observed."""
    ssh_port: int = Field(default=22, ge=1, le=65535)
    mode: Mode = Mode.OBSERVE
    override_observation: str | None = None
    """Why limits may be enforced here before seven days were observed."""
    poll_interval: DurationNs | None = None
    uplinks: tuple[str, ...] = ()
    """ifNames that carry purchased capacity: counted, never limited."""
    circuits: dict[Name, CircuitSettings] = Field(default_factory=dict)

    def circuit_values(self, router: str) -> tuple[Circuit, ...]:
        """The router's circuits as core values, in the order written."""
        return tuple(
            Circuit(
                id=name,
                agency=c.agency,
                router=router,
                interface=c.interface,
                faces=c.faces,
                role=c.role,
                mode=c.mode or self.mode,
                alias=c.alias,
                port_speed_bps=c.port_speed,
                pools=c.pools,
            )
            for name, c in self.circuits.items()
        )

"""Settings of the routers: the `routers` and `ssh` keys of the configuration."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from netmon.core.code_points import EVERY, NAMES, shown
from netmon.core.model import Circuit, Faces, Mode, Role, ShapingPoint, TrafficClass
from netmon.core.supply import Backhaul, Rates
from netmon.routers.algorithms import LegacyAlgorithm
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
    enable_secret: SecretRef | None = None
    """What the router asks for before it gives the login its privileges (IOS: enable, VRP: super)."""

    @model_validator(mode="after")
    def _some_way_in(self) -> SshCredential:
        if self.password is None and self.private_key is None:
            raise ValueError("an SSH credential needs private_key, password or both")
        return self


class JumpHost(Settings):
    """A host through which routers are reached over SSH."""

    address: str
    port: int = Field(default=22, ge=1, le=65535)
    credential: Name


class SshSettings(Settings):
    credentials: dict[Name, SshCredential] = Field(default_factory=dict)
    known_hosts: Path | None = None
    """OpenSSH known_hosts file; a router whose key is not in it is never touched."""
    jump_hosts: dict[Name, JumpHost] = Field(default_factory=dict)
    """Named by routers' ssh_jump."""
    connect_timeout: DurationNs = 10 * SECOND
    command_timeout: DurationNs = 10 * SECOND
    threads: int = Field(default=8, ge=1, le=32)


class Classifier(StrEnum):
    """What keeps a class of traffic apart from the others, so that a port's counter counts that class alone."""

    PORT = "port"
    VLAN = "vlan"
    VRF = "vrf"


def _prefix(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must be an IPv4 or IPv6 prefix, for example 10.10.1.0/24 or 2001:db8:1::/48") from None
    if network.prefixlen == 0:
        raise ValueError("covers every address; name the agency's own")
    if ipaddress.ip_interface(text).ip != network.network_address:
        raise ValueError(f"is an address within {network}; write that")
    return str(network)


Prefix = Annotated[str, AfterValidator(_prefix)]
"""Canonical, as `ipaddress` writes it."""


def _code_point(written: Any) -> int:
    point = NAMES.get(written.lower(), written) if isinstance(written, str) else written
    if isinstance(point, bool) or not isinstance(point, int) or point not in EVERY:
        raise ValueError("must be a DiffServ code point: 0 to 63, or a name such as cs1, af11, ef, le or va")
    return point


CodePoint = Annotated[int, BeforeValidator(_code_point)]
"""A number, or its name in any case (RFC 2474)."""


class ShapingPointSettings(Settings):
    """A port that several circuits share, told apart there by their agencies' prefixes and code points."""

    router: Name
    interface: InterfaceName
    """ifName on that router."""
    faces: Faces
    """Of that port."""
    prefixes: tuple[Prefix, ...] = Field(max_length=32)
    """The agency's, behind this circuit."""
    port_speed: RateBps | None = None
    """What the port passes, where that is less than the pools its circuits draw on."""
    dscp: tuple[CodePoint, ...] = ()
    """Of packets that are the circuit's; left out: what circuits with the same prefixes do not name."""

    @field_validator("prefixes")
    @classmethod
    def _some(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        if not prefixes:
            raise ValueError("must not be empty")
        return prefixes

    @field_validator("dscp")
    @classmethod
    def _each_once(cls, dscp: tuple[int, ...]) -> tuple[int, ...]:
        if not dscp:
            raise ValueError("must not be empty; leave it out for what other circuits do not name")
        if twice := {point for point in dscp if dscp.count(point) > 1}:
            raise ValueError(f"names {shown(twice)} twice; keep one of them")
        return tuple(sorted(dscp))


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
    """Purchased capacity that it draws on."""
    crosses: tuple[Name, ...] = ()
    """Uplinks and backhauls on its way."""
    traffic_class: TrafficClass = Field(default=TrafficClass.ALL, alias="class")
    classifier: Classifier | None = None
    """Given where `class` is not all."""
    limited_at: ShapingPointSettings | None = None
    """None: at the port where it is measured, which is its own."""


class BackhaulSettings(Settings):
    """A link of our own that several circuits cross, and that is narrower than what they may have."""

    interface: InterfaceName | None = None
    """Its port on this router; None: it is not watched."""
    download: RateBps
    upload: RateBps


def _point(of: ShapingPointSettings | None) -> ShapingPoint | None:
    if of is None:
        return None
    return ShapingPoint(of.router, of.interface, of.faces, of.prefixes, of.port_speed, of.dscp)


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
    ssh_jump: Name | None = None
    """Of ssh.jump_hosts; None: the router is reached directly."""
    ssh_legacy_algorithms: tuple[LegacyAlgorithm, ...] = ()
    """Accepted on this router although they are weak."""
    allow_unguarded: bool = False
    """Limits may be set where the router cannot undo a change, or end a limit, by itself."""
    mode: Mode = Mode.OBSERVE
    override_observation: str | None = None
    """Why limits may be enforced here before seven days were observed."""
    poll_interval: DurationNs | None = None
    uplinks: tuple[str, ...] = ()
    """ifNames that carry purchased capacity: counted, never limited. Those of pools' uplinks are among them."""
    backhauls: dict[Name, BackhaulSettings] = Field(default_factory=dict)
    circuits: dict[Name, CircuitSettings] = Field(default_factory=dict)

    @property
    def watched(self) -> tuple[str, ...]:
        """The ports that are polled: of circuits, uplinks and backhauls, each once."""
        ports = [circuit.interface for circuit in self.circuits.values()]
        ports += self.uplinks
        ports += [backhaul.interface for backhaul in self.backhauls.values() if backhaul.interface is not None]
        return tuple(dict.fromkeys(ports))

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
                crosses=c.crosses,
                traffic_class=c.traffic_class,
                limited_at=_point(c.limited_at),
            )
            for name, c in self.circuits.items()
        )

    def backhaul_values(self, router: str) -> tuple[Backhaul, ...]:
        """The router's backhauls as core values, in the order written."""
        return tuple(
            Backhaul(name, router, b.interface, Rates(b.download, b.upload)) for name, b in self.backhauls.items()
        )

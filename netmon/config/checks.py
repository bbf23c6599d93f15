"""What no single value shows: references that lead nowhere, ports counted twice, limits nobody could set."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from netmon.config.errors import Loc, did_you_mean
from netmon.config.settings import NetmonSettings
from netmon.core.model import Mode
from netmon.routers.settings import LONGEST_LIMITED_NAME, CircuitSettings, RouterSettings, can_be_limited
from netmon.settings import SecretRef, Settings
from netmon.snmp.addresses import is_literal, misspelling

LONGEST_SOCKET_PATH: Final = 107
"""Bytes in sockaddr_un.sun_path but the closing NUL (unix(7))."""
SUGGESTIONS: Final = 25
"""Different misspelt names for which the nearest known one is looked up; it costs milliseconds each."""

A_LITERAL: Final = (
    "a literal secret; write {file: PATH}, {env: NAME} or {credential: NAME}, or set allow_plaintext_secrets: true"
)

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")

Finding = tuple[Loc, str]


@dataclass(frozen=True, slots=True)
class Known:
    """The names written in the configuration, those of broken entries included."""

    pools: Collection[str]
    links: Collection[str]
    """Uplinks of pools, and backhauls."""
    agencies: Collection[str]
    routers: Collection[str]
    snmp_credentials: Collection[str]
    ssh_credentials: Collection[str]
    platforms: Collection[str]
    policies: Collection[str]
    jump_hosts: Collection[str] = ()
    broken: Collection[Loc] = ()
    """Places that could not be read; nothing is said about what they would hold."""

    def is_broken(self, *above: str) -> bool:
        """Whether anything in that mapping, or the mapping itself, could not be read."""
        return any(loc[: len(above)] == above[: len(loc)] for loc in self.broken)


def check(settings: NetmonSettings, known: Known) -> Iterator[Finding]:
    """Everything wrong between the entries, in the order of the configuration."""
    names = Names()
    yield from _secrets(settings)
    yield from (finding for finding in _sections(settings) if not known.is_broken(*map(str, finding[0][:-1])))
    yield from _credentials(settings, known, names)
    yield from _agencies(settings, known, names)
    yield from _routers(settings, known, names)


class Names:
    """Says that a name is unknown, and which one may have been meant."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], str] = {}

    def unknown(self, kind: str, name: str, known: Collection[str], where: str) -> str:
        if (kind, name) not in self._said:
            hint = did_you_mean(name, known) if len(self._said) < SUGGESTIONS else ""
            self._said[kind, name] = f"no {kind} is named {name}{hint or f'; define it under {where}'}"
        return self._said[kind, name]


def secrets_of(settings: Settings, loc: Loc = ()) -> Iterator[tuple[Loc, SecretRef]]:
    """Every secret reference below `settings`, with its place. Routers hold none."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretRef):
            yield (*loc, name), value
        elif isinstance(value, Settings):
            yield from secrets_of(value, (*loc, name))
        elif isinstance(value, dict) and name != "routers":
            for key, entry in value.items():
                if isinstance(entry, Settings):
                    yield from secrets_of(entry, (*loc, name, key))


def _secrets(settings: NetmonSettings) -> Iterator[Finding]:
    if settings.allow_plaintext_secrets:
        return
    for loc, secret in secrets_of(settings):
        if secret.plaintext is not None:
            yield loc, A_LITERAL
    influx = settings.outputs.influx
    if influx is not None and "@" in influx.url.partition("://")[2].partition("/")[0]:
        yield ("outputs", "influx", "url"), "a literal secret inside a URL; take it out and use token: {file: PATH}"


def _sections(settings: NetmonSettings) -> Iterator[Finding]:
    length = len(bytes(settings.control.socket))
    if length > LONGEST_SOCKET_PATH:
        yield (
            ("control", "socket"),
            f"the path is {length} bytes long, a socket's at most {LONGEST_SOCKET_PATH}; choose a shorter one",
        )
    if settings.snmp.poll_deadline > settings.snmp.poll_interval:
        yield ("snmp", "poll_deadline"), "is longer than snmp.poll_interval; make it shorter"
    mqtt, http = settings.outputs.mqtt, settings.http
    if mqtt is not None and mqtt.password is not None and mqtt.username is None:
        yield ("outputs", "mqtt", "password"), "a password without a username; add username"
    if (http.username is None) != (http.password is None):
        given = "username" if http.password is None else "password"
        yield ("http", given), "username and password belong together; give both or neither"
    if (http.certificate is None) != (http.private_key is None):
        given = "certificate" if http.private_key is None else "private_key"
        yield ("http", given), "certificate and private_key belong together; give both or neither"


def _credentials(settings: NetmonSettings, known: Known, names: Names) -> Iterator[Finding]:
    """Credentials named outside of routers."""
    yield from _jump_hosts(settings, known, names)
    heard, credentials = settings.snmp.notifications, known.snmp_credentials
    if not credentials and known.is_broken("snmp"):
        return
    lists = (("notifications", heard.credentials if heard else ()), ("discover", settings.snmp.discover.credentials))
    for section, listed in lists:
        for position, name in enumerate(listed):
            if name not in credentials:
                yield (
                    ("snmp", section, "credentials", position),
                    names.unknown("SNMP credential", name, credentials, "snmp.credentials"),
                )


def _jump_hosts(settings: NetmonSettings, known: Known, names: Names) -> Iterator[Finding]:
    for name, host in settings.ssh.jump_hosts.items():
        loc: Loc = ("ssh", "jump_hosts", name)
        if problem := _address_problem(host.address):
            yield (*loc, "address"), problem
        if host.credential not in known.ssh_credentials:
            yield (
                (*loc, "credential"),
                names.unknown("SSH credential", host.credential, known.ssh_credentials, "ssh.credentials"),
            )


def _agencies(settings: NetmonSettings, known: Known, names: Names) -> Iterator[Finding]:
    parents = {name: agency.parent for name, agency in settings.agencies.items()}
    in_a_loop_told: set[str] = set()
    for name, agency in settings.agencies.items():
        loc: Loc = ("agencies", name)
        if agency.parent is not None:
            if agency.parent not in known.agencies:
                yield (*loc, "parent"), names.unknown("agency", agency.parent, known.agencies, "agencies")
            loop = _loop(name, parents)
            if loop and not in_a_loop_told.intersection(loop):
                in_a_loop_told.update(loop)
                yield (*loc, "parent"), f"agencies form a loop: {' -> '.join((*loop, loop[0]))}; take one parent away"
        for position, quota in enumerate(agency.quotas):
            if quota not in known.policies:
                yield (
                    (*loc, "quotas", position),
                    names.unknown("quota policy", quota, known.policies, "quotas in policies/quotas/*.yaml"),
                )
            elif quota in agency.quotas[:position]:
                yield (*loc, "quotas", position), f"{quota} stands twice; keep one"


def _loop(start: str, parents: Mapping[str, str | None]) -> tuple[str, ...]:
    """The names on a loop through `start`; empty when its line of parents ends."""
    trail = [start]
    current = parents.get(start)
    while current is not None and current not in trail:
        trail.append(current)
        current = parents.get(current)
    return tuple(trail) if current == start else ()


def _routers(settings: NetmonSettings, known: Known, names: Names) -> Iterator[Finding]:
    circuits: dict[str, str] = {}
    addresses: dict[tuple[str, int], str] = {}
    enforced = False
    for name, router in settings.routers.items():
        loc: Loc = ("routers", name)
        twin = addresses.setdefault((router.address.lower(), router.snmp_port), name)
        if twin != name:
            yield (*loc, "address"), f"router {twin} has the same address; each router is polled once, so merge them"
        if router.poll_interval is not None and router.poll_interval < settings.snmp.poll_deadline:
            yield (*loc, "poll_interval"), "is shorter than snmp.poll_deadline; make it longer"
        yield from _router(loc, router, known, names)
        yield from _ports(loc, router)
        for circuit, of in router.circuits.items():
            here: Loc = (*loc, "circuits", circuit)
            twin = circuits.setdefault(circuit, name)
            if twin != name:
                yield here, f"router {twin} already has a circuit {circuit}; circuit names are unique over all routers"
            yield from _circuit(here, of, known, names)
            if (of.mode or router.mode) is Mode.ENFORCE:
                enforced = True
                if of.limited_at is not None or known.is_broken(*map(str, here), "limited_at"):
                    continue  # see shaping_checks
                if router.ssh is None:
                    yield (
                        ((*here, "mode") if of.mode else here),
                        f"cannot be enforced: router {name} has no ssh credential; add ssh, or use mode: observe",
                    )
                if not can_be_limited(of.interface):
                    yield (
                        (*here, "interface"),
                        (
                            f"cannot be enforced: limits are set on ports whose names are ASCII of at most"
                            f" {LONGEST_LIMITED_NAME} characters; rename the port, or use mode: observe"
                        ),
                    )
    if enforced and settings.ssh.known_hosts is None and not known.is_broken("ssh"):
        yield (
            ("ssh", "known_hosts"),
            "limits are enforced, so it must name a file with the routers' host keys; netmon ssh-trust records them",
        )


def _router(loc: Loc, router: RouterSettings, known: Known, names: Names) -> Iterator[Finding]:
    problem = _address_problem(router.address)
    if problem:
        yield (*loc, "address"), problem
    snmp, ssh = known.snmp_credentials, known.ssh_credentials
    if router.snmp not in snmp and (snmp or not known.is_broken("snmp")):
        yield (*loc, "snmp"), names.unknown("SNMP credential", router.snmp, snmp, "snmp.credentials")
    if router.ssh is not None and router.ssh not in ssh and (ssh or not known.is_broken("ssh")):
        yield (*loc, "ssh"), names.unknown("SSH credential", router.ssh, ssh, "ssh.credentials")
    jumps = known.jump_hosts
    if router.ssh_jump is not None and router.ssh_jump not in jumps and (jumps or not known.is_broken("ssh")):
        yield (*loc, "ssh_jump"), names.unknown("jump host", router.ssh_jump, jumps, "ssh.jump_hosts")
    if router.platform is not None and router.platform not in known.platforms:
        yield (*loc, "platform"), names.unknown("platform", router.platform, known.platforms, "collectors/*.yaml")


def _circuit(loc: Loc, circuit: CircuitSettings, known: Known, names: Names) -> Iterator[Finding]:
    if circuit.agency not in known.agencies:
        yield (*loc, "agency"), names.unknown("agency", circuit.agency, known.agencies, "agencies")
    for position, pool in enumerate(circuit.pools):
        if pool not in known.pools:
            yield (*loc, "pools", position), names.unknown("pool", pool, known.pools, "pools")


def _ports(loc: Loc, router: RouterSettings) -> Iterator[Finding]:
    """Accounting rule 14: a port is counted once, and never together with a sub-interface of its own."""
    owners: dict[str, str] = {}
    for name, circuit in router.circuits.items():
        here: Loc = (*loc, "circuits", name, "interface")
        port = circuit.interface
        if port in router.uplinks:
            yield here, f"{port} is an uplink of this router; an uplink carries everyone and is no agency's circuit"
        first = owners.setdefault(port, name)
        if first != name:
            yield here, f"{port} is already counted by circuit {first}; a port belongs to one circuit"
    for port, name in owners.items():
        parent = port.rpartition(".")[0]
        while parent:
            if parent in owners:
                yield (
                    (*loc, "circuits", name, "interface"),
                    f"{port} is a sub-interface of {parent}, which circuit {owners[parent]} counts; count one of them",
                )
            parent = parent.rpartition(".")[0]


def _address_problem(address: str) -> str:
    problem = misspelling(address)
    if problem or is_literal(address):
        return problem
    if re.fullmatch(r"[0-9.]+", address) or not _HOST_NAME.fullmatch(address):
        port = re.fullmatch(r"[^:]+:\d+", address) is not None
        return (
            f"{address!r} is not an IP address or host name"
            f"{'; write the port as snmp_port or ssh_port' if port else '; write for example 10.20.0.1'}"
        )
    return ""

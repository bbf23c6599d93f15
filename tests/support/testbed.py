"""A real Linux router in network namespaces: agencies and the internet around it, sshd and snmpd on it.

    root namespace --mg0-- router --ag1-- agency 1
                             |  \\---ag2-- agency 2
                            up0 -- internet

Needs root, iproute2, sshd, snmpd, openssl and iperf3. Everything is named at random, so several beds live side
by side, and everything ends with the block: the processes by their pids, the namespaces by their names.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.processes import free_port, listens, running, wait_until

TOOLS = ("ip", "tc", "sshd", "snmpd", "snmpget", "snmpset", "ssh-keygen", "openssl", "iperf3")


@dataclass(frozen=True)
class Port:
    """A port of the router and what is at its far end."""

    interface: str
    """ifName on the router."""
    alias: str
    """Its description, in the kernel and as ifAlias over SNMP."""
    mac: str
    gateway: str
    """The router's own address on it."""
    namespace: str | None
    """At the far end; None: the root namespace."""
    address: str
    """Of the far end."""


@dataclass(frozen=True)
class LinuxRouter:
    """The bed while it runs."""

    namespace: str
    """Of the router."""
    directory: Path
    ssh_address: str
    ssh_port: int
    ssh_user: str
    password: str = field(repr=False)
    key_file: Path
    known_hosts: Path
    snmp_address: str
    snmp_port: int
    community: str
    agencies: tuple[Port, ...]
    uplink: Port
    management: Port

    @property
    def internet(self) -> str:
        """The namespace behind the uplink."""
        assert self.uplink.namespace is not None
        return self.uplink.namespace

    def exec(self, namespace: str, *command: str | Path) -> str:
        """Standard output of a command in a namespace; AssertionError with its complaint if it fails."""
        return _call("ip", "netns", "exec", namespace, *command)

    def on_router(self, *command: str | Path) -> str:
        return self.exec(self.namespace, *command)

    def octets(self, interface: str) -> tuple[int, int]:
        """Received and sent bytes of a router's port, as the kernel counts them now."""
        (link,) = json.loads(self.on_router("ip", "-j", "-s", "link", "show", "dev", interface))
        return int(link["stats64"]["rx"]["bytes"]), int(link["stats64"]["tx"]["bytes"])

    def octets_by_snmp(self, interface: str) -> tuple[int, int]:
        """Received and sent bytes of a router's port as its agent tells them: up to some seconds old."""
        (link,) = json.loads(self.on_router("ip", "-j", "link", "show", "dev", interface))
        columns = [f"1.3.6.1.2.1.31.1.1.1.{column}.{link['ifindex']}" for column in (6, 10)]
        agent = f"{self.snmp_address}:{self.snmp_port}"
        received, sent = _call("snmpget", "-v2c", "-c", self.community, "-Oqv", agent, *columns).split()
        return int(received), int(sent)

    def measure_mbps(
        self, sender: Port, receiver: Port, seconds: int = 2, ask_mbps: int | None = None, omit: int = 1
    ) -> float:
        """What TCP (cubic) gets from one far end to another, Mb/s; `omit` seconds of slow start left out.

        That is payload: of a limit on the wire it is 95.6 % (1,448 of 1,514 bytes).
        """
        assert sender.namespace is not None
        assert receiver.namespace is not None
        port = str(free_port())
        server = ["ip", "netns", "exec", receiver.namespace, "iperf3", "-s", "-1", "-p", port]
        limit = ["-b", f"{ask_mbps}M"] if ask_mbps is not None else []
        with running(
            server,
            lambda: f":{port} " in self.exec(receiver.namespace or "", "ss", "-Hltn"),
            self.directory / f"iperf3-{port}.log",
        ):
            said = self.exec(
                sender.namespace,
                *("iperf3", "-c", receiver.address, "-B", sender.address, "-p", port, "-J", "-C", "cubic"),
                *("-t", str(seconds), "-O", str(omit), *limit),
            )
        return float(json.loads(said)["end"]["sum_received"]["bits_per_second"]) / 1e6

    def download_mbps(self, agency: int, seconds: int = 2, ask_mbps: int | None = None) -> float:
        return self.measure_mbps(self.uplink, self.agencies[agency], seconds, ask_mbps)

    def upload_mbps(self, agency: int, seconds: int = 2, ask_mbps: int | None = None) -> float:
        return self.measure_mbps(self.agencies[agency], self.uplink, seconds, ask_mbps)

    def route_behind(self, agency: int, network: str, address: str) -> None:
        """One more network at an agency's far end, `address/length` its own there: several share the port then."""
        port = self.agencies[agency]
        assert port.namespace is not None
        self.on_router("ip", "route", "add", network, "via", port.address)
        self.exec(port.namespace, "ip", "addr", "add", address, "dev", "lo")

    @contextmanager
    def receiving(
        self, agency: int, address: str, seconds: int, upload: bool = False, dscp: int = 0
    ) -> Iterator[list[tuple[float, float]]]:
        """TCP (cubic) from the internet to an address behind an agency's port for so long, or up from there, marked.

        The list holds, once the block has ended, (instant on the monotonic clock, Mb/s) for every tenth of a second,
        as the address's end saw them.
        """
        here, there = self.agencies[agency].namespace or "", self.internet
        port, found = str(free_port()), list[tuple[float, float]]()
        # With -4, for a socket of both families would mark IPv6 packets only.
        server = ["ip", "netns", "exec", there, "iperf3", "-s", "-1", "-4", "-p", port]
        client = ["ip", "netns", "exec", here, "iperf3", "-c", self.uplink.address, "-p", port, "-B", address]
        with running(
            server, lambda: f":{port} " in self.exec(there, "ss", "-Hltn"), self.directory / f"iperf3-{port}.log"
        ):
            began = time.monotonic()
            process = subprocess.Popen(
                [
                    *client,
                    *(() if upload else ("-R",)),
                    "-J",
                    "-C",
                    "cubic",
                    "-l",
                    "8K",
                    "-i",
                    "0.1",
                    "-t",
                    str(seconds),
                    "--tos",
                    str(dscp << 2),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                yield found
            finally:
                said, _ = process.communicate()
        for interval in json.loads(said)["intervals"]:
            found.append((began + interval["sum"]["end"], interval["sum"]["bits_per_second"] / 1e6))

    def many_mbps(self, *paths: tuple[Port, Port, int | None], seconds: int = 2) -> list[float]:
        """Several (sender, receiver, ask_mbps) at the same time."""
        with ThreadPoolExecutor(len(paths)) as pool:
            return list(pool.map(lambda p: self.measure_mbps(p[0], p[1], seconds, p[2]), paths))


def missing() -> str | None:
    """Why there can be no bed here, or None."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"needs {', '.join(lacking)} installed" if lacking else None


@contextmanager
def linux_router(directory: Path, agencies: int = 2) -> Iterator[LinuxRouter]:
    """A router with as many agencies (10.10.<n>.2 behind ag<n>), the internet at 10.99.0.2 behind up0."""
    directory.mkdir(parents=True, exist_ok=True)
    tag = secrets.token_hex(3)
    router = f"nmt-{tag}-r"
    with ExitStack() as stack:
        namespaces = [router, f"nmt-{tag}-i", *(f"nmt-{tag}-a{n + 1}" for n in range(agencies))]
        for namespace in namespaces:
            stack.callback(_delete_namespace, namespace)
            _call("ip", "netns", "add", namespace)
            _in(namespace, "ip", "link", "set", "lo", "up")
        _in(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        uplink = _join(router, "up0", "uplink to the provider", namespaces[1], "10.99.0.1/24", "10.99.0.2/24")
        ports = tuple(
            _join(router, f"ag{n}", f"agency {n}", f"nmt-{tag}-a{n}", f"10.10.{n}.1/24", f"10.10.{n}.2/24")
            for n in range(1, agencies + 1)
        )
        subnet = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}.{4 * secrets.randbelow(64)}"
        first, last = subnet.rsplit(".", 1)
        management = _join_root(router, f"nmt{tag}", f"{first}.{int(last) + 1}/30", f"{first}.{int(last) + 2}/30")
        key, known_hosts = stack.enter_context(_sshd(router, directory, management.gateway))
        stack.enter_context(_snmpd(router, directory, management.gateway, (*ports, uplink, management)))
        yield LinuxRouter(
            namespace=router,
            directory=directory,
            ssh_address=management.gateway,
            ssh_port=22,
            ssh_user="netmon",
            password=_password(directory),
            key_file=key,
            known_hosts=known_hosts,
            snmp_address=management.gateway,
            snmp_port=161,
            community="watch",
            agencies=ports,
            uplink=uplink,
            management=management,
        )


def _join(router: str, name: str, alias: str, far: str, near_net: str, far_net: str) -> Port:
    _in(router, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", far)
    _in(router, "ip", "link", "set", name, "alias", alias, "up")
    _in(router, "ip", "addr", "add", near_net, "dev", name)
    _in(far, "ip", "addr", "add", far_net, "dev", "eth0")
    # Packets of one segment, as on a wire: with 64 kB ones a slow limit's queue would hold one and a half.
    _in(far, "ip", "link", "set", "eth0", "gso_max_segs", "1", "up")
    gateway = near_net.partition("/")[0]
    _in(far, "ip", "route", "add", "default", "via", gateway)
    return Port(name, alias, _mac(router, name), gateway, far, far_net.partition("/")[0])


def _join_root(router: str, root_name: str, root_net: str, near_net: str) -> Port:
    _in(router, "ip", "link", "add", "mg0", "type", "veth", "peer", "name", root_name, "netns", str(os.getpid()))
    _in(router, "ip", "link", "set", "mg0", "alias", "management", "up")
    _in(router, "ip", "addr", "add", near_net, "dev", "mg0")
    _call("ip", "addr", "add", root_net, "dev", root_name)
    _call("ip", "link", "set", root_name, "up")
    near, far = (net.partition("/")[0] for net in (near_net, root_net))
    return Port("mg0", "management", _mac(router, "mg0"), near, None, far)


@contextmanager
def _sshd(router: str, directory: Path, address: str) -> Iterator[tuple[Path, Path]]:
    """sshd with a login `netmon` (uid 0 there, by key or password) known only inside the router."""
    key, host_key = directory / "id_ed25519", directory / "host_ed25519"
    for path in (key, host_key):
        _call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    secret = secrets.token_hex(12)
    (directory / "password").write_text(secret)
    hashed = _call("openssl", "passwd", "-6", secret).strip()
    (directory / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    (directory / "home").mkdir()
    (directory / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n"
        f"netmon:x:0:0:netmon:{directory / 'home'}:/bin/bash\n"
        "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n"
    )
    (directory / "shadow").write_text(f"root:*:19000::::::\nnetmon:{hashed}:19000::::::\nsshd:*:19000::::::\n")
    (directory / "sshd_config").write_text(
        f"Port 22\nListenAddress {address}\nHostKey {host_key}\nAuthorizedKeysFile {directory / 'authorized_keys'}\n"
        "UsePAM no\nUseDNS no\nStrictModes no\nPermitRootLogin yes\nPidFile none\nMaxStartups 50\n"
        "PasswordAuthentication yes\nKbdInteractiveAuthentication no\nPrintMotd no\nPrintLastLog no\n"
    )
    public = host_key.with_suffix(".pub").read_text().split()
    known_hosts = directory / "known_hosts"
    known_hosts.write_text(f"{address} {public[0]} {public[1]}\n")
    # A private /run: each router has its own /run/netmon, as it would have.
    run = directory / "run"
    (run / "sshd").mkdir(parents=True, mode=0o755)
    script = (
        f"mount --bind {directory / 'passwd'} /etc/passwd && mount --bind {directory / 'shadow'} /etc/shadow"
        f" && mount --bind {run} /run && exec /usr/sbin/sshd -D -e -f {directory / 'sshd_config'}"
    )
    with running(
        ["ip", "netns", "exec", router, "sh", "-c", script], lambda: listens(22, address), directory / "sshd.log"
    ):
        yield key, known_hosts


@contextmanager
def _snmpd(router: str, directory: Path, address: str, ports: tuple[Port, ...]) -> Iterator[None]:
    """snmpd with communities `watch` and, to write, `set`; ifAlias set to each port's description."""
    (directory / "snmpd.conf").write_text("rocommunity watch\nrwcommunity set\nsysName testbed\n")
    (directory / "snmp").mkdir()
    command: list[str | Path] = [
        "ip",
        "netns",
        "exec",
        router,
        "snmpd",
        "-f",
        "-Lo",
        "-C",
        "-c",
        directory / "snmpd.conf",
    ]
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(directory / "snmp")}

    def answers() -> bool:
        reply = subprocess.run(
            ["snmpget", "-v2c", "-c", "watch", "-t", "0.2", "-r", "0", address, "1.3.6.1.2.1.1.3.0"],
            capture_output=True,
            check=False,
        )
        return reply.returncode == 0

    with running([*command, f"udp:{address}:161"], answers, directory / "snmpd.log", environment):
        for port in ports:
            index = json.loads(_in(router, "ip", "-j", "link", "show", "dev", port.interface))[0]["ifindex"]
            _call(
                *("snmpset", "-v2c", "-c", "set", address),
                *(f"1.3.6.1.2.1.31.1.1.1.18.{index}", "s", port.alias),
            )
        yield


def _password(directory: Path) -> str:
    return (directory / "password").read_text()


def _mac(namespace: str, interface: str) -> str:
    return str(json.loads(_in(namespace, "ip", "-j", "link", "show", "dev", interface))[0]["address"])


def _in(namespace: str, *command: str | Path) -> str:
    return _call("ip", "netns", "exec", namespace, *command)


def _call(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr}{done.stdout}"
    return done.stdout


def _delete_namespace(namespace: str) -> None:
    """Ends what still runs in it (shells of sessions, undo jobs), then deletes it."""

    def pids() -> list[int]:
        done = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
        return [int(pid) for pid in done.stdout.split()]

    for pid in pids():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_until(lambda: not pids(), f"the processes of {namespace} to end")
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)

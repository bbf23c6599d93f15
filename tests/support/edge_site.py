"""netmon's configuration for the real Linux router of the tests: two agencies behind it, one pool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.testbed import LinuxRouter


def write_edge_site(
    directory: Path,
    bed: LinuxRouter,
    port: int,
    download: str,
    agencies: Mapping[str, str],
    outputs: str = "",
    revert_after: str = "20s",
) -> Path:
    """Makes `directory` with netmon.yaml and the bed's secrets. `agencies`: two, in the order of the bed's, each with
    what stands besides its name; each has a circuit `<agency>-1` of 1 Gb/s up and `download` together.
    """
    directory.mkdir()
    for name, secret in (("community", bed.community), ("ssh", bed.password)):
        (directory / name).write_text(secret + "\n")
    listed = "\n".join(f"  {name}: {{name: {name.title()}, {rest}}}" for name, rest in agencies.items())
    circuits = "\n".join(
        f"      {name}-1: {{agency: {name}, interface: {at.interface}, faces: agency, pools: [internet]}}"
        for name, at in zip(agencies, bed.agencies, strict=True)
    )
    path = directory / "netmon.yaml"
    path.write_text(
        f"""\
site: {{name: testbed, timezone: Asia/Jakarta}}
ledger: {{path: {directory / "ledger.db"}}}
snmp:
  poll_interval: 1s
  poll_deadline: 1s
  timeout: 400ms
  credentials: {{default: {{community: {{file: {directory / "community"}}}}}}}
ssh:
  known_hosts: {bed.known_hosts}
  credentials:
    default: {{username: {bed.ssh_user}, password: {{file: {directory / "ssh"}}}, private_key: {bed.key_file}}}
pools:
  internet:
    class: all
    download: {download}
    upload: 1 Gbps
    uplinks: {{main: {{router: edge, interface: {bed.uplink.interface}}}}}
agencies:
{listed}
routers:
  edge:
    address: {bed.snmp_address}
    snmp_port: {bed.snmp_port}
    platform: linux
    ssh: default
    ssh_port: {bed.ssh_port}
    mode: enforce
    override_observation: a test of the whole loop
    circuits:
{circuits}
{outputs}http: {{port: {port}}}
control:
  socket: {directory / "control.sock"}
  interval: 1s
  revert_after: {revert_after}
  require_synchronised_clock: false
"""
    )
    return path

"""Writes the configuration with which an ordinary `netmon run` governs the simulated province."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from netmon.simulator.device import Platform
from netmon.simulator.province import MBPS, POOL, THIRSTY, UPLOADING, Province, Unit, circuit_id

QUOTAS: Final = """\
# The demo's period is a minute, so that a whole period can be watched.
quotas:
  # Reached after about 20 s at the rate the thirsty agency gets of the crowded pool.
  demo-download:
    direction: download
    period: 60s
    volume: 600 MB
    ladder:
      - {at: 80%, notify: true}
      - {at: 100%, slow_to: 10 Mbps}
      - {at: 120%, slow_to: 5 Mbps}
    hysteresis: 2%
  # Reached after about 25 s by the agency that sends its cameras' pictures.
  demo-upload:
    direction: upload
    period: 60s
    volume: 1200 MB
    ladder:
      - {at: 80%, notify: true}
      - {at: 100%, slow_to: 20 Mbps}
      - {at: 120%, slow_to: 5 Mbps}
    hysteresis: 2%
  # Ample: nobody else reaches these.
  opd-download:
    direction: download
    period: 60s
    volume: 2 GB
    ladder:
      - {at: 80%, notify: true}
      - {at: 100%, slow_to: 50 Mbps}
    hysteresis: 2%
  opd-upload:
    direction: upload
    period: 60s
    volume: 3 GB
    ladder:
      - {at: 80%, notify: true}
      - {at: 100%, slow_to: 50 Mbps}
    hysteresis: 2%
"""
_SECRET_MODE = 0o600


def write_configuration(directory: Path, province: Province, http_port: int = 0) -> Path:
    """Writes netmon.yaml, the quota policies, secrets and known_hosts of a running province.

    Ledger and control socket are to be in the same directory, which is made if need be; keep its path
    short, a Unix socket's name has at most 107 octets. Returns the path of netmon.yaml. Raises OSError.
    """
    secrets = directory / "secrets"
    quotas = directory / "policies" / "quotas"
    for folder in (directory, secrets, quotas):
        folder.mkdir(parents=True, exist_ok=True)
    _write_secret(secrets / "community", province.community)
    for unit in province.units:
        _write_secret(secrets / f"{unit.router.name}-password", unit.account.password)
    known_hosts = directory / "known_hosts"
    known_hosts.write_text("".join(unit.known_hosts_line for unit in province.units), encoding="utf-8")
    (quotas / "demo.yaml").write_text(QUOTAS, encoding="utf-8")
    path = directory / "netmon.yaml"
    path.write_text(_netmon_yaml(directory.absolute(), province, http_port), encoding="utf-8")
    return path


def _write_secret(path: Path, secret: str) -> None:
    path.touch(mode=_SECRET_MODE)
    path.write_text(secret + "\n", encoding="utf-8")


def _netmon_yaml(directory: Path, province: Province, http_port: int) -> str:
    parts = [
        f"""\
# A simulated province, written by netmon for its demo. Everything here runs on loopback.
site: {{name: simulated-province, timezone: Asia/Makassar}}
ledger: {{path: {_text(directory / "ledger.db")}}}
control:
  socket: {_text(directory / "control.sock")}
  interval: 2s
  revert_after: 20s
  require_synchronised_clock: false  # nothing keeps the time of a machine that only shows a demo
http: {{host: 127.0.0.1, port: {http_port}}}
alerts: {{router_down_after: 10s}}
snmp:
  poll_interval: 1s
  poll_deadline: 1s
  timeout: 300ms
  credentials:
    default: {{version: "2c", community: {{file: {_text(directory / "secrets" / "community")}}}}}
ssh:
  known_hosts: {_text(directory / "known_hosts")}
  credentials:
"""
    ]
    for unit in province.units:
        password = _text(directory / "secrets" / f"{unit.router.name}-password")
        parts.append(f"    {unit.router.name}: {{username: {unit.account.username}, password: {{file: {password}}}}}\n")
    if province.mqtt_port is not None:
        parts.append(f"outputs:\n  mqtt: {{host: 127.0.0.1, port: {province.mqtt_port}, client_id: netmon-demo}}\n")
    parts.append(
        "pools:\n  internet:"
        f" {{class: all, download: {POOL.download_bps // MBPS} Mbps, upload: {POOL.upload_bps // MBPS} Mbps}}\n"
    )
    parts.append("agencies:\n")
    for agency in province.agencies:
        download = "demo-download" if agency.id == THIRSTY else "opd-download"
        upload = "demo-upload" if agency.id == UPLOADING else "opd-upload"
        parts.append(
            f"  {agency.id}: {{name: {_text(agency.name)}, code: {agency.code}, quotas: [{download}, {upload}]}}\n"
        )
    parts.append("routers:\n")
    parts += [_router(unit) for unit in province.units]
    return "".join(parts)


def _router(unit: Unit) -> str:
    lines = [
        f"  {unit.router.name}:",
        f"    address: {unit.router.address}",
        f"    snmp_port: {unit.snmp_port}",
        f"    ssh: {unit.router.name}",
        f"    ssh_port: {unit.ssh_port}",
        "    mode: enforce",
        "    override_observation: simulated province",
        f"    uplinks: [{unit.uplink.name}]",
        "    circuits:",
    ]
    for agency in unit.site.agencies:
        port = unit.agency_port(agency.id)
        # What Linux calls an alias and what net-snmp shows as ifAlias are two things: not checked there.
        alias = f", alias: {port.alias}" if unit.site.platform is Platform.ROUTEROS else ""
        lines.append(
            f"      {circuit_id(agency.id)}: {{agency: {agency.id}, interface: {port.name}, faces: agency,"
            f" port_speed: 1 Gbps, pools: [internet]{alias}}}"
        )
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """A string of YAML, which every string of JSON is."""
    return json.dumps(str(value), ensure_ascii=False)

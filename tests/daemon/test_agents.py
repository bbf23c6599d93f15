from __future__ import annotations

from pathlib import Path

import pytest

from netmon.config.load import load
from netmon.daemon.agents import agent_of, voices_of
from netmon.settings import SecretUnavailableError
from netmon.snmp.client import Agent
from netmon.snmp.codec import V1
from netmon.snmp.users import AuthProtocol, PrivProtocol, User

CONFIGURATION = """\
site: {name: sulteng, timezone: Asia/Makassar}
ledger: sqlite:///ledger.db
snmp:
  timeout: 3s
  retries: 4
  credentials:
    default: {community: {file: community}}
    old: {version: 1, community: {file: community}}
    reader:
      version: 3
      user: reader
      auth: sha256
      auth_password: {file: auth}
      priv: aes256c
      priv_password: {file: priv}
      context: vrf-9
    short: {version: 3, user: reader, auth: md5, auth_password: {file: short}}
routers:
  r1: {address: 10.20.0.1}
  r2: {address: 10.20.0.2, snmp: old}
  r3: {address: 10.20.0.3, snmp: reader, snmp_port: 1161}
  r4: {address: 10.20.0.4, snmp: short}
"""


def test_a_routers_credential_becomes_its_agent(tmp_path: Path) -> None:
    (tmp_path / "netmon.yaml").write_text(CONFIGURATION, encoding="utf-8")
    secrets = {"community": "hush\n", "auth": "authentication\n", "priv": "and privacy\n", "short": "hush\n"}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret, encoding="utf-8")
    configuration = load(tmp_path / "netmon.yaml")
    assert agent_of(configuration, "r1") == Agent("10.20.0.1", 161, b"hush", 3_000_000_000, 4)
    assert agent_of(configuration, "r2") == Agent("10.20.0.2", 161, b"hush", 3_000_000_000, 4, version=V1)
    user = User(b"reader", AuthProtocol.SHA256, b"authentication", PrivProtocol.AES256C, b"and privacy")
    assert agent_of(configuration, "r3") == Agent("10.20.0.3", 1161, b"", 3_000_000_000, 4, user, b"vrf-9")
    with pytest.raises(SecretUnavailableError, match=r"^snmp\.credentials\.short: .* must have 8") as caught:
        agent_of(configuration, "r4")
    assert "hush" not in str(caught.value)


def test_each_router_may_send_traps_by_its_own_credential_and_the_shared_ones(tmp_path: Path) -> None:
    (tmp_path / "netmon.yaml").write_text(
        """\
site: {name: sulteng, timezone: Asia/Makassar}
ledger: sqlite:///ledger.db
allow_plaintext_secrets: true
snmp:
  credentials:
    default: {community: hush}
    reader: {version: 3, user: reader, auth: sha, auth_password: authentication}
    traps: {community: told}
  notifications: {credentials: [traps]}
agencies: {dinkes: {name: Dinas Kesehatan}}
routers:
  r1: {address: 10.20.0.1, circuits: {c1: {agency: dinkes, interface: ether1, faces: agency}}}
  r2: {address: r2.example, snmp: reader, circuits: {c2: {agency: dinkes, interface: ether1, faces: agency}}}
""",
        encoding="utf-8",
    )
    assert voices_of(load(tmp_path / "netmon.yaml")) == [
        ("r1", "10.20.0.1", (b"hush", b"told")),
        ("r2", "r2.example", (User(b"reader", AuthProtocol.SHA, b"authentication"), b"told")),
    ]

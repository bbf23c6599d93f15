"""Loading a configuration: what is accepted, and every sentence by which anything else is refused."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.config.errors import SHOWN, ConfigError, Problem
from netmon.config.load import Configuration, load
from netmon.core.model import Faces, Mode, Role
from netmon.settings import SecretRef

SOUND = """\
site: {name: sulteng, timezone: Asia/Makassar}
ledger: sqlite:///ledger.db
snmp: {credentials: {default: {community: {file: community}}}}
ssh:
  credentials: {limiter: {username: netmon, private_key: id_ed25519}}
  known_hosts: known_hosts
pools: {internet: {class: internet, download: 1 Gbps, upload: 1 Gbps}}
agencies:
  pemprov: {name: Pemerintah Provinsi}
  dinkes: {name: Dinas Kesehatan, parent: pemprov, quotas: [standard-download]}
routers:
  core-1:
    address: 10.20.0.1
    ssh: limiter
    uplinks: [ether1]
    circuits:
      dinkes-fo: {agency: dinkes, interface: ether2, faces: agency, pools: [internet], mode: enforce}
      dinkes-radio: {agency: dinkes, interface: ether3, faces: province, role: backup}
"""


def write(directory: Path, text: str, name: str = "netmon.yaml") -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def refused(path: Path) -> list[str]:
    """The problems' lines, with file names cut down to their last part."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.replace(f"{path.parent if path.is_file() else path}/", "") for line in str(caught.value).splitlines()]


def refused_text(directory: Path, text: str) -> list[str]:
    return refused(write(directory, text))


def sound(directory: Path, *changes: tuple[str, str]) -> Path:
    """The sound configuration with words replaced; every word must be there."""
    text = SOUND
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return write(directory, text)


def test_a_sound_file_becomes_frozen_values(tmp_path: Path) -> None:
    configuration = load(sound(tmp_path))
    fibre, radio = configuration.circuits
    assert (fibre.id, fibre.agency, fibre.router, fibre.interface) == ("dinkes-fo", "dinkes", "core-1", "ether2")
    assert (fibre.faces, fibre.mode, fibre.pools) == (Faces.AGENCY, Mode.ENFORCE, ("internet",))
    assert (radio.faces, radio.role, radio.mode) == (Faces.PROVINCE, Role.BACKUP, Mode.OBSERVE)
    assert [agency.id for agency in configuration.agencies] == ["pemprov", "dinkes"]
    assert configuration.agencies[1].timezone == "Asia/Makassar"
    assert configuration.settings.pools["internet"].download == 1_000_000_000
    assert configuration.files == (tmp_path / "netmon.yaml",)
    assert configuration.directory == tmp_path
    assert "standard-download" in configuration.policies


def test_relative_paths_count_from_the_configuration_directory(tmp_path: Path) -> None:
    settings = load(sound(tmp_path)).settings
    assert settings.ledger.path == tmp_path / "ledger.db"
    assert settings.ssh.known_hosts == tmp_path / "known_hosts"
    assert settings.ssh.credentials["limiter"].private_key == tmp_path / "id_ed25519"
    assert settings.snmp.credentials["default"].community == SecretRef(file=tmp_path / "community")
    assert settings.control.socket == Path("/run/netmon/control.sock")


def test_secrets_are_not_read_by_loading(tmp_path: Path) -> None:
    assert not (tmp_path / "community").exists()
    load(sound(tmp_path))


MINIMAL = "site: {name: x}\n"
NAMES = "lower-case letters, digits, dots, dashes or underscores, at most 64, a letter or digit at both ends"

SCHEMA_FAULTS = [
    ("site missing", "ledger: sqlite:///l.db\n", "netmon.yaml:1:1: site: is missing; add it"),
    ("an empty file", "", "netmon.yaml:1:1: site: is missing; add it"),
    ("a list", "- site\n", "netmon.yaml:1:1: must be a mapping, written as `key: value` lines"),
    (
        "an unknown key near a known one",
        "site: {name: x, timezon: Asia/Jakarta}\n",
        "netmon.yaml:1:17: site.timezon: unknown key; did you mean timezone?",
    ),
    (
        "an unknown key near none",
        "site: {name: x, vlan: 7}\n",
        "netmon.yaml:1:17: site.vlan: unknown key; known here: name, timezone",
    ),
    (
        "an unknown time zone",
        "site: {name: x, timezone: Asia/Palu}\n",
        "netmon.yaml:1:27: site.timezone: 'Asia/Palu' is not an IANA time zone; write for example Asia/Jakarta",
    ),
    ("a name in capitals", "site: {name: Sulteng}\n", f"netmon.yaml:1:14: site.name: must be {NAMES}"),
    ("a number for text", "site: {name: 7}\n", "netmon.yaml:1:14: site.name: must be text; put quotes around it"),
    (
        "an empty value",
        "site:\n  name:\n",
        "netmon.yaml:2:8: site.name: is empty; give it a value or leave the key out",
    ),
    (
        "a mapping missing",
        "site: palu\n",
        "netmon.yaml:1:7: site: must be a mapping, written as `key: value` lines",
    ),
    (
        "a named mapping missing",
        MINIMAL + "pools: [a]\n",
        "netmon.yaml:2:1: pools: must be a mapping, written as `key: value` lines",
    ),
    (
        "a list missing",
        MINIMAL + "agencies: {a: {name: A, quotas: standard-download}}\n",
        "netmon.yaml:2:33: agencies.a.quotas: must be a list, written as [a, b]",
    ),
    (
        "a duration without a unit",
        MINIMAL + "snmp: {timeout: 30}\n",
        "netmon.yaml:2:17: snmp.timeout: a number without a unit; write for example 30s",
    ),
    (
        "a duration of nothing",
        MINIMAL + "snmp: {timeout: 0s}\n",
        "netmon.yaml:2:17: snmp.timeout: must be greater than zero",
    ),
    (
        "a rate that is none",
        MINIMAL + "pools: {p: {download: fast, upload: 1 Gbps}}\n",
        "netmon.yaml:2:23: pools.p.download: 'fast' is not a rate; write for example 50 Mbps or 1 Gbit/s",
    ),
    (
        "a word out of a list",
        MINIMAL + "pools: {p: {class: intrenet, download: 1 Gbps, upload: 1 Gbps}}\n",
        (
            "netmon.yaml:2:20: pools.p.class: 'intrenet' is not one of all, internet, domestic, international;"
            " did you mean internet?"
        ),
    ),
    ("a number too large", MINIMAL + "http: {port: 70000}\n", "netmon.yaml:2:14: http.port: must be at most 65535"),
    ("a number too small", MINIMAL + "snmp: {retries: -1}\n", "netmon.yaml:2:17: snmp.retries: must be at least 0"),
    (
        "text for a number",
        MINIMAL + "http: {port: many}\n",
        "netmon.yaml:2:14: http.port: must be a whole number",
    ),
    (
        "text for a truth value",
        MINIMAL + "allow_plaintext_secrets: perhaps\n",
        "netmon.yaml:2:26: allow_plaintext_secrets: must be true or false",
    ),
    (
        "an interface with a newline",
        MINIMAL + 'agencies: {a: {name: A}}\nrouters:\n  r:\n    circuits: {c: {agency: a, interface: "e\\n1", '
        "faces: agency}}\n    address: 10.0.0.1\nsnmp: {credentials: {default: {community: {env: C}}}}\n",
        (
            "netmon.yaml:5:42: routers.r.circuits.c.interface: must be printable, without blanks at its ends,"
            " as the router's ifName says"
        ),
    ),
    (
        "an SSH login without a way in",
        MINIMAL + "ssh: {credentials: {x: {username: netmon}}}\n",
        "netmon.yaml:2:21: ssh.credentials.x: an SSH credential needs private_key, password or both",
    ),
    (
        "a ledger that is none",
        MINIMAL + "ledger: mysql://netmon:hunter2@db/netmon\n",
        (
            "netmon.yaml:2:9: ledger: 'mysql://**@db/netmon' is not a ledger; write sqlite:///PATH"
            " or postgresql://HOST/DATABASE"
        ),
    ),
    (
        "a key that YAML reads as a number",
        MINIMAL + "agencies: {123: {name: A}}\n",
        "netmon.yaml:2:12: agencies.123: must be text; put quotes around it",
    ),
    (
        "a secret of two kinds",
        MINIMAL + "snmp: {credentials: {default: {community: {env: A, file: B}}}}\n",
        (
            "netmon.yaml:2:32: snmp.credentials.default.community:"
            " a secret is exactly one of {env: NAME}, {file: PATH} or {credential: NAME}"
        ),
    ),
    (
        "a cipher that nobody has",
        "site: {name: x}\nsnmp: {credentials: {x: {version: 3, user: u, priv: aes-512}}}\n",
        (
            "netmon.yaml:2:53: snmp.credentials.x.priv: 'aes-512' is not known;"
            " use des, aes128, aes192, aes256, aes192c, aes256c"
        ),
    ),
    (
        "a user name of more octets than characters",
        f"site: {{name: x}}\nsnmp: {{credentials: {{x: {{version: 3, user: {'é' * 17}}}}}}}\n",
        "netmon.yaml:2:44: snmp.credentials.x.user: has 34 octets in UTF-8, and may have 32; use a shorter one",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), [f[1:] for f in SCHEMA_FAULTS], ids=[f[0] for f in SCHEMA_FAULTS])
def test_what_breaks_the_schema_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert refused_text(tmp_path, text) == [sentence]


SYNTAX_FAULTS = [
    ("tab", "site:\n\tname: x\n", "netmon.yaml:2:1: a value begins with a tab or special character"),
    (
        "unclosed list",
        "site: [a\nb: 1\n",
        "netmon.yaml:2:2: a list or mapping in brackets is not closed",
    ),
    ("two colons", "site: name: x\n", "netmon.yaml:1:11: a colon where none may stand"),
    ("unclosed quote", "site: 'x\n", "netmon.yaml:2:1: a quote is not closed"),
    ("indentation", "site:\n  name: x\n timezone: y\n", "netmon.yaml:3:2: the indentation does not fit"),
    ("alias without anchor", "site: *hunter2\n", "netmon.yaml:1:7: an alias (*) without its anchor (&)"),
    ("tag", "site: !hunter2 x\n", "netmon.yaml:1:7: a tag (!) means nothing here"),
    ("two documents", "site: {name: x}\n---\nsite: {name: y}\n", "netmon.yaml:2:1: a second document"),
    (
        "a date that is none",
        "site: {name: 2026-13-45}\n",
        "netmon.yaml:1:14: a date or number that does not exist",
    ),
    ("key in braces", "site: {{a: b}: c}\n", "netmon.yaml:1:8: a key must be plain text"),
    ("very deep", "site: " + "[" * 100_000 + "\n", "netmon.yaml:1:25: nested more than 20 levels deep"),
]


@pytest.mark.parametrize(("text", "begin"), [f[1:] for f in SYNTAX_FAULTS], ids=[f[0] for f in SYNTAX_FAULTS])
def test_what_is_not_yaml_is_refused_with_line_and_column(tmp_path: Path, text: str, begin: str) -> None:
    (line,) = refused_text(tmp_path, text)
    assert line.startswith(begin)
    assert "hunter2" not in line


def test_what_is_not_utf_8_is_refused_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "netmon.yaml"
    path.write_bytes(b"site:\n  name: \xff\n")
    assert refused(path) == ["netmon.yaml:2:9: is not UTF-8 text, or holds control characters; save it as UTF-8"]


def test_a_file_that_does_not_exist_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "absent.yaml"
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == (f"{path}:1:1: cannot be read: No such file or directory; check its path and owner")


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    assert refused_text(tmp_path, "site:\n  name: x\n  name: y\n") == [
        "netmon.yaml:3:3: name: the same key stands already in line 2; keep one"
    ]


def test_what_a_merge_key_brings_may_be_overridden(tmp_path: Path) -> None:
    text = """\
    site: {name: x}
    pools:
      a: &link {download: 1 Gbps, upload: 1 Gbps, provider: P}
      b: {<<: *link, provider: Q}
    """
    assert load(write(tmp_path, text)).settings.pools["b"].provider == "Q"


FAULTS_BETWEEN_ENTRIES = [
    (
        ("parent: pemprov", "parent: pemprof"),
        "10:43: agencies.dinkes.parent: no agency is named pemprof; did you mean pemprov?",
    ),
    (
        ("name: Pemerintah Provinsi", "name: P, parent: dinkes"),
        "9:30: agencies.pemprov.parent: agencies form a loop: pemprov -> dinkes -> pemprov; take one parent away",
    ),
    (
        ("[standard-download]", "[standard-downlod]"),
        "10:61: agencies.dinkes.quotas[0]: no quota policy is named standard-downlod; did you mean standard-download?",
    ),
    (
        ("[standard-download]", "[standard-download, standard-download]"),
        "10:80: agencies.dinkes.quotas[1]: standard-download stands twice; keep one",
    ),
    (
        ("pools: [internet]", "pools: [intranet]"),
        "17:77: routers.core-1.circuits.dinkes-fo.pools[0]: no pool is named intranet; did you mean internet?",
    ),
    (
        ("agency: dinkes, interface: ether3", "agency: archive, interface: ether3"),
        ("18:30: routers.core-1.circuits.dinkes-radio.agency: no agency is named archive; known here: dinkes, pemprov"),
    ),
    (
        ("10.20.0.1", "10.20.0.1:161"),
        (
            "13:14: routers.core-1.address: '10.20.0.1:161' is not an IP address or host name;"
            " write the port as snmp_port or ssh_port"
        ),
    ),
    (
        ("10.20.0.1", "10.20.0.256"),
        ("13:14: routers.core-1.address: '10.20.0.256' is not an IP address or host name; write for example 10.20.0.1"),
    ),
    (
        ("10.20.0.1", "fe80::1"),
        (
            "13:14: routers.core-1.address: 'fe80::1' is link-local: its interface has to be written behind it,"
            " for example fe80::1%eth0"
        ),
    ),
    (
        ("10.20.0.1", "::ffff:10.20.0.1"),
        ("13:14: routers.core-1.address: '::ffff:10.20.0.1' is an IPv4 address in the form of IPv6; write 10.20.0.1"),
    ),
    (
        ("10.20.0.1", "'[2001:db8::1]:161'"),
        ("13:14: routers.core-1.address: '[2001:db8::1]:161' has brackets; write 2001:db8::1, and its port apart"),
    ),
    (
        (
            "  known_hosts: known_hosts\n",
            "  known_hosts: known_hosts\n  jump_hosts: {b: {address: fe80::9, credential: limiter}}\n",
        ),
        (
            "7:29: ssh.jump_hosts.b.address: 'fe80::9' is link-local: its interface has to be written behind it,"
            " for example fe80::9%eth0"
        ),
    ),
    (
        ("ssh: limiter", "ssh: limitr"),
        "14:10: routers.core-1.ssh: no SSH credential is named limitr; did you mean limiter?",
    ),
    (
        ("ssh: limiter", "snmp: v2\n    ssh: limiter"),
        "14:11: routers.core-1.snmp: no SNMP credential is named v2; known here: default",
    ),
    (
        ("{file: community}}}}", "{file: community}}}, notifications: {credentials: [trap]}}"),
        ("3:94: snmp.notifications.credentials[0]: no SNMP credential is named trap; known here: default"),
    ),
    (
        ("ssh: limiter", "ssh: limiter\n    ssh_jump: bastion"),
        "15:15: routers.core-1.ssh_jump: no jump host is named bastion; define it under ssh.jump_hosts",
    ),
    (
        (
            "  known_hosts: known_hosts\n",
            "  known_hosts: known_hosts\n  jump_hosts: {b: {address: h, credential: hop}}\n",
        ),
        "7:44: ssh.jump_hosts.b.credential: no SSH credential is named hop; known here: limiter",
    ),
    (
        ("ssh: limiter", "platform: routeross\n    ssh: limiter"),
        "14:15: routers.core-1.platform: no platform is named routeross; did you mean routeros?",
    ),
    (
        ("    ssh: limiter\n", ""),
        (
            "16:94: routers.core-1.circuits.dinkes-fo.mode: cannot be enforced: router core-1 has no ssh credential;"
            " add ssh, or use mode: observe"
        ),
    ),
    (
        ("  known_hosts: known_hosts\n", ""),
        (
            "4:1: ssh.known_hosts: limits are enforced, so it must name a file with the routers' host keys"
            "; netmon ssh-trust records them"
        ),
    ),
    (
        ("interface: ether2", "interface: ether1"),
        (
            "17:46: routers.core-1.circuits.dinkes-fo.interface: ether1 is an uplink of this router;"
            " an uplink carries everyone and is no agency's circuit"
        ),
    ),
    (
        ("interface: ether2", 'interface: "Intel® #2"'),
        (
            "17:46: routers.core-1.circuits.dinkes-fo.interface: cannot be enforced: limits are set on ports whose"
            " names are ASCII of at most 64 characters; rename the port, or use mode: observe"
        ),
    ),
    (
        ("interface: ether2", f"interface: {'e' * 65}"),
        (
            "17:46: routers.core-1.circuits.dinkes-fo.interface: cannot be enforced: limits are set on ports whose"
            " names are ASCII of at most 64 characters; rename the port, or use mode: observe"
        ),
    ),
    (
        ("interface: ether3", f"interface: {'e' * 256}"),
        "18:49: routers.core-1.circuits.dinkes-radio.interface: must be at most 255 characters",
    ),
    (
        ("interface: ether3", "interface: ether2"),
        (
            "18:49: routers.core-1.circuits.dinkes-radio.interface: ether2 is already counted by circuit dinkes-fo;"
            " a port belongs to one circuit"
        ),
    ),
    (
        ("interface: ether3", "interface: ether2.100"),
        (
            "18:49: routers.core-1.circuits.dinkes-radio.interface: ether2.100 is a sub-interface of ether2,"
            " which circuit dinkes-fo counts; count one of them"
        ),
    ),
    (
        ("{community: {file: community}}", "{community: hunter2}"),
        (
            "3:43: snmp.credentials.default.community: a literal secret; write {file: PATH}, {env: NAME} or"
            " {credential: NAME}, or set allow_plaintext_secrets: true"
        ),
    ),
    (
        ("ledger: sqlite:///ledger.db", "ledger: postgresql://netmon:hunter2@db/ledger"),
        (
            "2:1: ledger.password: a literal secret; write {file: PATH}, {env: NAME} or"
            " {credential: NAME}, or set allow_plaintext_secrets: true"
        ),
    ),
    (
        ("ledger: sqlite:///ledger.db", "outputs: {influx: {url: 'http://netmon:hunter2@db:8086'}}"),
        "2:25: outputs.influx.url: a literal secret inside a URL; take it out and use token: {file: PATH}",
    ),
    (
        ("ledger: sqlite:///ledger.db", "outputs: {mqtt: {host: h, password: {env: P}}}"),
        "2:27: outputs.mqtt.password: a password without a username; add username",
    ),
    (
        ("ledger: sqlite:///ledger.db", "http: {username: prometheus}"),
        "2:18: http.username: username and password belong together; give both or neither",
    ),
    (
        ("ledger: sqlite:///ledger.db", "http: {private_key: key.pem}"),
        "2:21: http.private_key: certificate and private_key belong together; give both or neither",
    ),
    (
        ("snmp: {", "snmp: {poll_deadline: 40s, "),
        "3:23: snmp.poll_deadline: is longer than snmp.poll_interval; make it shorter",
    ),
    (
        ("ssh: limiter", "poll_interval: 5s\n    ssh: limiter"),
        "14:20: routers.core-1.poll_interval: is shorter than snmp.poll_deadline; make it longer",
    ),
    (
        ("ledger: sqlite:///ledger.db", f"control: {{socket: /{'s' * 107}}}"),
        "2:19: control.socket: the path is 108 bytes long, a socket's at most 107; choose a shorter one",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), FAULTS_BETWEEN_ENTRIES, ids=[f[0][1] for f in FAULTS_BETWEEN_ENTRIES])
def test_what_does_not_fit_together_is_refused_in_one_sentence(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    assert refused(sound(tmp_path, change)) == [f"netmon.yaml:{sentence}"]


def test_circuit_names_and_addresses_are_unique_over_all_routers(tmp_path: Path) -> None:
    second = """\
      core-2:
        address: 10.20.0.1
        circuits:
          dinkes-fo: {agency: dinkes, interface: ether2, faces: agency}
    """
    assert refused(write(tmp_path, SOUND + dedent(second).replace("core-2", "  core-2"))) != []
    path = write(tmp_path, SOUND + "".join(f"  {line}\n" for line in dedent(second).splitlines()))
    assert refused(path) == [
        (
            "netmon.yaml:20:14: routers.core-2.address: router core-1 has the same address;"
            " each router is polled once, so merge them"
        ),
        (
            "netmon.yaml:22:7: routers.core-2.circuits.dinkes-fo: router core-1 already has a circuit dinkes-fo;"
            " circuit names are unique over all routers"
        ),
    ]


def test_all_problems_are_told_at_once_those_between_sound_entries_too(tmp_path: Path) -> None:
    path = sound(
        tmp_path,
        ("name: sulteng", "name: Sulteng"),
        ("download: 1 Gbps", "download: fast"),
        ("parent: pemprov", "parent: pemprof"),
        ("ether1", "ether2"),
        ("faces: province", "faces: provinse"),
        ("ssh: limiter", "ssh: limitr"),
    )
    write(tmp_path, "quotas: {q: {direction: sideways}}\n", "policies/quotas/mine.yaml")
    assert [line.split(": ")[0] + ": " + line.split(": ")[1] for line in refused(path)] == [
        "netmon.yaml:1:14: site.name",
        "netmon.yaml:7:47: pools.internet.download",
        "netmon.yaml:10:43: agencies.dinkes.parent",
        "netmon.yaml:14:10: routers.core-1.ssh",
        "netmon.yaml:17:46: routers.core-1.circuits.dinkes-fo.interface",
        "netmon.yaml:18:64: routers.core-1.circuits.dinkes-radio.faces",
        "policies/quotas/mine.yaml:1:10: quotas.q.ladder",
        "policies/quotas/mine.yaml:1:10: quotas.q.period",
        "policies/quotas/mine.yaml:1:25: quotas.q.direction",
    ]


def test_thousands_of_problems_are_counted_beyond_the_first_hundred() -> None:
    error = ConfigError(Problem(Path("n.yaml"), line, 1, "site", "is missing; add it") for line in range(1, SHOWN + 8))
    lines = str(error).splitlines()
    assert len(lines) == SHOWN + 1
    assert lines[-1] == "... and 7 more problems"


def test_a_directory_of_files_is_one_configuration(tmp_path: Path) -> None:
    whole = SOUND.split("agencies:\n")
    write(tmp_path, whole[0], "10-site.yaml")
    write(tmp_path, "agencies:\n" + whole[1], "20-entries.yml")
    write(tmp_path, "agencies: {arsip: {name: Arsip}}\n", "30-more.yaml")
    write(tmp_path, "not: [read", "notes.txt")
    configuration = load(tmp_path)
    assert [agency.id for agency in configuration.agencies] == ["pemprov", "dinkes", "arsip"]
    assert configuration.settings.ledger.path == tmp_path / "ledger.db"
    assert [file.name for file in configuration.files] == ["10-site.yaml", "20-entries.yml", "30-more.yaml"]


def test_what_two_files_define_is_refused_with_both_places(tmp_path: Path) -> None:
    write(tmp_path, SOUND, "a.yaml")
    write(tmp_path, "agencies:\n  arsip: {name: Arsip}\n  dinkes: {name: Other}\nsite: palu\n", "b.yaml")
    assert refused(tmp_path) == [
        "b.yaml:3:3: agencies.dinkes: is already defined at a.yaml:10:3; keep one of them",
        "b.yaml:4:1: site: is already defined at a.yaml:1:1; keep one of them",
    ]


def test_a_problem_is_placed_in_the_file_that_has_it(tmp_path: Path) -> None:
    write(tmp_path, SOUND, "a.yaml")
    write(tmp_path, "agencies:\n  arsip: {nam: Arsip}\n", "b.yaml")
    assert refused(tmp_path) == [
        "b.yaml:2:3: agencies.arsip.name: is missing; add it",
        "b.yaml:2:11: agencies.arsip.nam: unknown key; did you mean name?",
    ]


def test_a_directory_without_yaml_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == [f"{tmp_path}:1:1: the directory holds no .yaml file; write netmon.yaml there"]


def test_a_literal_secret_is_admitted_only_on_request(tmp_path: Path) -> None:
    path = sound(tmp_path, ("{file: community}", "hunter2"), ("site:", "allow_plaintext_secrets: true\nsite:"))
    configuration = load(path)
    community = configuration.settings.snmp.credentials["default"].community
    assert community is not None
    assert community.reveal() == "hunter2"
    assert "hunter2" not in repr(configuration)
    assert "hunter2" not in str(configuration.settings.model_dump())
    assert "hunter2" not in configuration.settings.model_dump_json()


SECRETS = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=8, max_size=24)
PLACES = [
    "snmp: {{credentials: {{default: {{community: {} }} }} }}",
    "snmp: {{credentials: {{default: {{community: {{ {}: }} }} }} }}",
    "snmp: {{credentials: {{default: {{community: [{}] }} }} }}",
    "ssh: {{credentials: {{x: {{username: 'n m', password: {} }} }} }}",
    "outputs: {{mqtt: {{host: h, port: x, password: {} }} }}",
    "http: {{password: {} }}",
]


@given(secret=SECRETS, place=st.sampled_from(PLACES))
def test_no_error_ever_shows_a_secret(tmp_path_factory: pytest.TempPathFactory, secret: str, place: str) -> None:
    quoted = "'Zq" + secret.replace("'", "''") + "'"
    directory = tmp_path_factory.mktemp("secret")
    path = write(directory, MINIMAL + place.format(quoted) + "\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "Zq" + secret not in str(caught.value)
    assert "Zq" + secret not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_thousands_of_routers_load_in_seconds(tmp_path: Path) -> None:
    count = 5000
    lines = ["site: {name: nation}", "snmp: {credentials: {default: {community: {env: C}}}}", "agencies:"]
    lines += [f"  a{i}: {{name: Agency {i}, quotas: [standard-download]}}" for i in range(count)]
    lines.append("routers:")
    for i in range(count):
        lines += [
            f"  r{i}:",
            f"    address: 10.{i >> 16}.{i >> 8 & 255}.{i & 255}",
            "    uplinks: [ether1]",
            "    circuits:",
            f"      c{i}: {{agency: a{i}, interface: ether2, faces: agency, port_speed: 1 Gbps}}",
        ]
    path = write(tmp_path, "\n".join(lines) + "\n")
    began = time.process_time()
    configuration: Configuration = load(path)
    assert len(configuration.circuits) == count
    assert time.process_time() - began < 6

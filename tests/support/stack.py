"""What surrounds netmon in the system test: mosquitto with accounts, Prometheus, VictoriaMetrics, and netmon itself."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.processes import free_port, listens, running

NETMON = Path(sys.executable).with_name("netmon")


@dataclass(frozen=True)
class Broker:
    """A mosquitto that admits `netmon` to write and `noc` to read `netmon/#`, and nobody else."""

    port: int
    netmon_password: str
    noc_password: str


@contextmanager
def mosquitto(directory: Path) -> Iterator[Broker]:
    directory.mkdir()
    broker = Broker(free_port(), "write-secret", "read-secret")
    passwords, acl = directory / "passwords", directory / "acl"
    passwords.touch(mode=0o600)
    for user, password in (("netmon", broker.netmon_password), ("noc", broker.noc_password)):
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, password], check=True, capture_output=True)
    acl.write_text("user netmon\ntopic write netmon/#\nuser noc\ntopic read netmon/#\n")
    acl.chmod(0o600)
    (directory / "mosquitto.conf").write_text(
        f"listener {broker.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nacl_file {acl}\n"
        f"user {getpass.getuser()}\npersistence true\n"
        f"persistence_location {directory}/\nautosave_interval 1\nautosave_on_changes true\n"
    )
    with running(
        ["mosquitto", "-c", directory / "mosquitto.conf"], lambda: listens(broker.port), directory / "mosquitto.log"
    ):
        yield broker


@contextmanager
def subscriber(broker: Broker, directory: Path) -> Iterator[Path]:
    """A NOC subscriber on everything; yields the file it writes, a JSON document per message."""
    log = directory / "subscriber.jsonl"
    command = [
        "stdbuf",
        "-oL",
        "mosquitto_sub",
        "-h",
        "127.0.0.1",
        "-p",
        str(broker.port),
        "-u",
        "noc",
        "-P",
        broker.noc_password,
    ]
    with running(
        [*command, "-V", "5", "-q", "1", "-t", "netmon/#", "-F", "%j", "-d"], lambda: "SUBACK" in _text(log), log
    ):
        yield log


def messages(log: Path) -> list[dict[str, Any]]:
    """The messages received so far, payloads decoded: {topic, retain, payload}."""
    found = []
    for line in _text(log).splitlines():
        if line.startswith('{"'):
            message = json.loads(line)
            payload = message.get("payload") or ""
            message["payload"] = json.loads(payload) if str(payload).startswith("{") else payload
            found.append(message)
    return found


@contextmanager
def prometheus(directory: Path, target_port: int, rules: Sequence[Path] = ()) -> Iterator[str]:
    """A Prometheus that scrapes netmon every second; yields its URL."""
    directory.mkdir()
    port = free_port()
    listed = "".join(f"  - {rule}\n" for rule in rules)
    (directory / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        + (f"rule_files:\n{listed}" if listed else "")
        + f"scrape_configs: [{{job_name: netmon, static_configs: [{{targets: ['127.0.0.1:{target_port}']}}]}}]\n"
    )
    command = [
        "prometheus",
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, lambda: fetch(f"{url}/-/ready")[0] == 200, directory / "prometheus.log"):
        yield url


def query(url: str, expression: str) -> list[dict[str, Any]]:
    """An instant query's result vector, of Prometheus or VictoriaMetrics."""
    status, body = fetch(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert status == 200, f"{expression}: {body}"
    result: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return result


@contextmanager
def victoria_metrics(directory: Path) -> Iterator[str]:
    """Takes InfluxDB v2 writes; yields its URL."""
    directory.mkdir()
    port = free_port()
    command = [
        "victoria-metrics",
        f"-storageDataPath={directory / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-search.latencyOffset=1ms",
        "-dedup.minScrapeInterval=1ms",
        "-retentionPeriod=1",
        "-memory.allowedPercent=10",
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, lambda: fetch(f"{url}/health")[0] == 200, directory / "victoria.log"):
        yield url


def fetch(url: str) -> tuple[int, str]:
    """Status and body of a GET; status 0 where nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def sample(url: str, name: str, **labels: str) -> int | float | None:
    """One sample of an exposition, integers exact; None where there is no such series."""
    for line in fetch(f"{url}/metrics")[1].splitlines():
        head, _, value = line.rpartition(" ")
        if head.split("{")[0] == name and all(f'{key}="{wanted}"' in head for key, wanted in labels.items()):
            return int(value) if value.lstrip("-").isdigit() else float(value)
    return None


def cli(*arguments: str | Path, config: Path) -> dict[str, Any]:
    """The document a verb prints with `--output json`; AssertionError with its complaint on failure."""
    verb, *rest = arguments
    command = [str(NETMON), str(verb), *map(str, rest), "-c", str(config), "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}: {done.stderr}{done.stdout}"
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@contextmanager
def netmon_run(config: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon from its readiness on; ended by SIGTERM at the latest with the block."""
    with running(
        [NETMON, "run", "-c", config], lambda: fetch(f"http://127.0.0.1:{port}/readyz")[0] == 200, log
    ) as daemon:
        yield daemon


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""

"""Settings of the outputs: the `outputs` and `http` keys of the configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from netmon.settings import SECOND, DurationNs, SecretRef, Settings


class MqttSettings(Settings):
    host: str
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password: SecretRef | None = None
    tls: bool = False
    ca_file: Path | None = None
    client_id: str = "netmon"
    timeout: DurationNs = 10 * SECOND


class InfluxSettings(Settings):
    url: str
    org: str = "netmon"
    bucket: str = "netmon"
    token: SecretRef | None = None
    interval: DurationNs = 10 * SECOND
    batch: int = Field(default=500, ge=1, le=50_000)
    """Visits sent in one request."""
    timeout: DurationNs = 10 * SECOND


class OutputsSettings(Settings):
    mqtt: MqttSettings | None = None
    influx: InfluxSettings | None = None


class HttpSettings(Settings):
    """`/metrics`, `/healthz` and `/readyz`."""

    host: str = "127.0.0.1"
    port: int = Field(default=9469, ge=0, le=65535)
    """0: any free port; `netmon status` tells which."""
    certificate: Path | None = None
    private_key: Path | None = None
    username: str | None = None
    password: SecretRef | None = None
    """With `username`: basic authentication for /metrics."""

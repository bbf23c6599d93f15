"""The base of every room's Settings and the scalar types they share.

A `Settings` is frozen and refuses unknown keys. Quantities are written as people write them and
held as integers (nanoseconds, bit/s, bytes). A secret is a reference, resolved where it is used
and never shown.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from netmon.core import units
from netmon.core.model import NANOSECONDS

SECOND = NANOSECONDS
MILLISECOND = NANOSECONDS // 1000


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _written(parse: Callable[[str], int], example: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            return parse(value)
        if isinstance(value, bool) or not isinstance(value, int) or value != 0:
            raise ValueError(f"a number without a unit; write for example {example}")
        return value

    return read


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError("must be greater than zero")
    return value


def _as_text(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^\\s*{pattern}\\s*$", "examples": [example]})


DURATION_SCHEMA = _as_text(r"(\d+(\.\d+)?\s*(ms|min|s|m|h|d|w)\s*)+", "30s")
VOLUME_SCHEMA = _as_text(r"\d+(\.\d+)?\s*([kKMGTP]i?)?B", "2 TB")
PERCENT_SCHEMA = _as_text(r"\d+(\.\d+)?\s*%", "80%")
RATE_SCHEMA = _as_text(r"\d+(\.\d+)?\s*[kKMGT]?(bps|bit/s|b/s)", "50 Mbps")

DurationNs = Annotated[
    int, BeforeValidator(_written(units.parse_duration, "30s")), AfterValidator(_positive), DURATION_SCHEMA
]
DurationOrNoneNs = Annotated[int, BeforeValidator(_written(units.parse_duration, "30s")), DURATION_SCHEMA]
"""May be 0."""
RateBps = Annotated[int, BeforeValidator(_written(units.parse_rate, "50 Mbps")), AfterValidator(_positive), RATE_SCHEMA]
VolumeBytes = Annotated[
    int, BeforeValidator(_written(units.parse_volume, "2 TB")), AfterValidator(_positive), VOLUME_SCHEMA
]
PermilleRatio = Annotated[
    int, BeforeValidator(_written(units.parse_percent, "80%")), AfterValidator(_positive), PERCENT_SCHEMA
]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$")]
"""Identifier of an agency, circuit, router, pool or policy: lower-case, digits, dot, dash, underscore."""


class SecretUnavailableError(RuntimeError):
    """A referenced secret cannot be read; the message names the reference and the remedy, never the value."""


class SecretRef(Settings):
    """`{env: NAME}`, `{file: PATH}` or `{credential: NAME}` (a systemd credential); exactly one.

    `plaintext` holds a literal, which the configuration loader admits only under
    `allow_plaintext_secrets: true`.
    """

    env: str | None = None
    file: Path | None = None
    credential: str | None = None
    plaintext: SecretStr | None = Field(default=None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _literal(cls, value: Any) -> Any:
        return {"plaintext": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretRef:
        given = [name for name in ("env", "file", "credential", "plaintext") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("a secret is exactly one of {env: NAME}, {file: PATH} or {credential: NAME}")
        return self

    def reveal(self) -> str:
        """The secret itself, without a trailing newline. Raises SecretUnavailableError."""
        if self.plaintext is not None:
            return self.plaintext.get_secret_value()
        if self.env is not None:
            try:
                return os.environ[self.env]
            except KeyError:
                raise SecretUnavailableError(
                    f"environment variable {self.env} is not set; set it or use {{file: PATH}}"
                ) from None
        path = self.file
        if path is None:
            directory = os.environ.get("CREDENTIALS_DIRECTORY")
            if directory is None:
                raise SecretUnavailableError(
                    f"credential {self.credential} needs systemd's CREDENTIALS_DIRECTORY;"
                    " add LoadCredential= to the unit"
                )
            path = Path(directory) / str(self.credential)
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SecretUnavailableError(
                f"secret file {path} cannot be read: {error}; check its path and owner"
            ) from error

    def __repr__(self) -> str:
        if self.plaintext is not None:
            return "SecretRef(**redacted**)"
        return f"SecretRef({self.env or self.file or self.credential})"

    __str__ = __repr__

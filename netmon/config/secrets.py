"""Whether what the configuration refers to can be read here and now, and used: secrets and key files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from netmon.config import documents
from netmon.config.checks import secrets_of
from netmon.config.documents import Locator
from netmon.config.errors import Loc, Problem
from netmon.config.load import Configuration
from netmon.settings import SecretUnavailableError
from netmon.snmp.users import password_problem


def check_secrets(configuration: Configuration) -> tuple[Problem, ...]:
    """Every secret and key file that cannot be read by this process, and every password that SNMPv3 forbids.

    systemd credentials exist only inside the unit, so outside of one they are not asked for.
    """
    found = [*_secrets(configuration), *_files(configuration)]
    if not found:
        return ()
    read = (documents.read(file)[0] for file in configuration.files)
    locator = Locator([document for document in read if document is not None], configuration.files[0])
    return tuple(sorted(locator.problem(loc, message) for loc, message in found))


def _secrets(configuration: Configuration) -> Iterator[tuple[Loc, str]]:
    in_unit = "CREDENTIALS_DIRECTORY" in os.environ
    for loc, secret in secrets_of(configuration.settings):
        if secret.credential is not None and not in_unit:
            continue
        try:
            revealed = secret.reveal()
        except SecretUnavailableError as error:
            yield loc, str(error)
            continue
        is_of_a_user = loc[:2] == ("snmp", "credentials") and loc[-1] in ("auth_password", "priv_password")
        if is_of_a_user and (problem := password_problem(revealed.encode(errors="surrogateescape"))):
            yield loc, f"an SNMPv3 password {problem}; set another one here and on the routers"


def _files(configuration: Configuration) -> Iterator[tuple[Loc, str]]:
    settings = configuration.settings
    named: list[tuple[Loc, Path | None]] = [
        (("ssh", "known_hosts"), settings.ssh.known_hosts),
        (("http", "certificate"), settings.http.certificate),
        (("http", "private_key"), settings.http.private_key),
    ]
    named += [
        (("ssh", "credentials", name, "private_key"), credential.private_key)
        for name, credential in settings.ssh.credentials.items()
    ]
    if settings.outputs.mqtt is not None:
        named.append((("outputs", "mqtt", "ca_file"), settings.outputs.mqtt.ca_file))
    for loc, path in named:
        if path is None:
            continue
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            yield loc, f"{path} cannot be read: {error.strerror}; check its path and owner"

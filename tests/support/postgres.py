"""A real PostgreSQL server for tests: one for each worker, started when it is first asked for, ended by its own pid."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from netmon.store.location import Server
from support.processes import PATIENCE_S, wait_until

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name))
"""Debian keeps the programs of every version off the path."""
FASTER = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""For tests in which no machine fails."""
_NUMBERS = itertools.count()


@dataclass(slots=True)
class PostgresServer:
    """A cluster in a directory of its own, reached by a socket there; `postgres` is its superuser, `netmon` is none."""

    directory: Path
    settings: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    user: str | None = field(default_factory=lambda: "postgres" if os.geteuid() == 0 else None)
    """PostgreSQL refuses to be run by root."""

    def url(self, user: str = "netmon", database: str = "ledgers", **more: str) -> str:
        query = urlencode({"host": str(self.directory), **more})
        return f"postgresql://{user}@/{database}?{query}"

    def connect(self, user: str = "postgres", database: str = "ledgers") -> psycopg.Connection[Any]:
        return psycopg.connect(self.url(user, database), autocommit=True)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """As the superuser."""
        with self.connect() as connection:
            cursor = connection.execute(statement, prepare=False)
            return [] if cursor.description is None else cursor.fetchall()

    def create(self) -> None:
        words = ["--pgdata", str(self.data), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        # A dictionary's order, in which "a" comes before "B": the ledger's must not depend on it.
        words += ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"]
        subprocess.run(
            [self.programs / "initdb", *words], check=True, capture_output=True, cwd=self.directory, **self._as_user()
        )
        self.start()
        with self.connect(database="postgres") as connection:
            connection.execute("CREATE ROLE netmon LOGIN")
            connection.execute("CREATE DATABASE ledgers OWNER netmon")

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def socket(self) -> Path:
        return self.directory / ".s.PGSQL.5432"

    @property
    def programs(self) -> Path:
        return INSTALLED[-1]

    def start(self) -> None:
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.directory), **self.settings}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *words],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                **self._as_user(),
            )
        wait_until(self._answers, "PostgreSQL to be ready")

    def stop(self, kind: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: sessions are ended first; SIGQUIT: as if the machine had failed; SIGTERM: waits for sessions."""
        if self.process is not None:
            self.process.send_signal(kind)
            self.process.wait(PATIENCE_S)
            self.process = None

    @contextmanager
    def database(self) -> Iterator[Server]:
        """A place for a ledger that nothing is in yet: a schema of its own."""
        schema = f"site_{os.getpid()}_{next(_NUMBERS)}"
        self.run(f"CREATE SCHEMA {schema} AUTHORIZATION netmon")
        try:
            yield Server(self.url(options=f"-csearch_path={schema}"))
        finally:
            self.run(f"DROP SCHEMA {schema} CASCADE")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()[-2000:]
        with suppress(psycopg.OperationalError), self.connect(database="postgres"):
            return True
        return False

    def _as_user(self) -> dict[str, Any]:
        return {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}


@contextmanager
def postgres_server(settings: Mapping[str, str]) -> Iterator[PostgresServer]:
    """A server of one's own, from its creation to its end."""
    if not INSTALLED:
        pytest.skip("needs PostgreSQL (apt-get install postgresql)")
    # A socket's path may only be so long, and must be open to the server's user: pytest's own directories are neither.
    directory = Path(tempfile.mkdtemp(prefix="netmon-pg-"))
    server = PostgresServer(directory, settings)
    try:
        if server.user is not None:
            entry = pwd.getpwnam(server.user)
            os.chown(directory, entry.pw_uid, entry.pw_gid)
        directory.chmod(0o755)
        server.create()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The worker's server; each test takes a `database()` of it."""
    with postgres_server(FASTER) as server:
        yield server


def as_superuser(place: Server) -> psycopg.Connection[Any]:
    """A session of somebody who may do anything, even what references forbid."""
    connection = psycopg.connect(place.url, user="postgres", autocommit=True)
    connection.execute("SET session_replication_role = replica")
    connection.autocommit = False
    return connection

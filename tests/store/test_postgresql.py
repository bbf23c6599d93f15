"""A ledger on a server: its one writer, and what the server and the way to it can do."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from support.ledgers import (
    START_NS,
    a_visit,
    an_intent,
    asked,
    audited,
    held_elsewhere,
    opened,
    settings_of,
    small_disk,
)
from support.postgres import PostgresServer, postgres_server
from support.processes import free_port, wait_until
from support.wire import Wire, wire

from netmon.core.heads import Visit
from netmon.settings import SecretRef
from netmon.store.backup import back_up, restore
from netmon.store.care import examine
from netmon.store.errors import LedgerLockedError, StoreError
from netmon.store.ledger import Ledger
from netmon.store.location import Server
from netmon.store.reader import LedgerReader

WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from netmon.store.reader import LedgerReader
from netmon.store.location import Server
LedgerReader.open(Server("postgresql://netmon@db/ledgers"))
"""
TESTS = Path(__file__).parents[1]


@pytest.fixture
def place(postgres: PostgresServer) -> Iterator[Server]:
    with postgres.database() as database:
        yield database


@pytest.fixture
def way(postgres: PostgresServer) -> Iterator[Wire]:
    with wire(free_port(), postgres.socket) as one:
        yield one


@pytest.fixture
def far(place: Server, way: Wire) -> Server:
    """The same place, at the other end of the wire."""
    query = place.url.partition("?")[2].partition("&")[2]
    return Server(f"postgresql://netmon@127.0.0.1:{way.port}/ledgers?sslmode=disable&gssencmode=disable&{query}")


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A server that writes to disk what it acknowledges, for tests in which it dies."""
    with postgres_server({}) as server:
        yield server


# --- one writer -----------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_the_first_is_and_a_killed_one_leaves_no_lock(place: Server) -> None:
    with (
        held_elsewhere(place) as holder,
        pytest.raises(LedgerLockedError, match=rf"in use by process {holder} on .*; .* control socket"),
        opened(place),
    ):
        pass
    with opened(place) as ledger:
        assert ledger.heads() == {}


def test_the_lock_holds_within_one_process_and_closing_gives_it_back(place: Server) -> None:
    for _ in range(2):
        with opened(place), pytest.raises(LedgerLockedError), opened(place):
            pass


def test_ledgers_in_two_schemas_of_one_database_have_writers_of_their_own(postgres: PostgresServer) -> None:
    with postgres.database() as one, postgres.database() as other, opened(one) as here, opened(other) as there:
        assert here.commit([a_visit("a", 1)]) == there.commit([a_visit("b", 1)]) == [True]
        assert (list(here.heads()), list(there.heads())) == (["a"], ["b"])


def test_readers_see_one_snapshot_and_never_write(place: Server) -> None:
    with opened(place) as ledger, closing(LedgerReader.open(place)) as reader:
        ledger.commit([a_visit("a", 1)])
        with reader._transaction() as connection:
            count = "SELECT count(*) FROM visit"
            assert connection.exec_driver_sql(count).scalar() == 1
            ledger.commit([a_visit("a", 2)])
            assert connection.exec_driver_sql(count).scalar() == 1
            with pytest.raises(Exception, match="read-only transaction"):
                connection.exec_driver_sql("DELETE FROM visit")


def test_a_role_that_does_not_wait_for_the_disk_is_made_to(postgres: PostgresServer) -> None:
    with postgres.database() as place:
        lazy = Server(place.url + "%20-csynchronous_commit%3Doff")
        with opened(lazy) as ledger, ledger._transaction() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


# --- a session that is lost -----------------------------------------------------------------------


def end_sessions(postgres: PostgresServer) -> None:
    postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'netmon'")


def test_a_session_lost_while_nobody_used_it_is_replaced_unseen(postgres: PostgresServer, place: Server) -> None:
    with opened(place) as ledger, closing(LedgerReader.open(place)) as reader:
        ledger.commit([a_visit("a", 1)])
        end_sessions(postgres)
        assert ledger.commit([a_visit("a", 2)]) == [True]
        assert reader.first_visits_ns(["a"]).keys() == {"a"}
        with pytest.raises(LedgerLockedError), opened(place):
            pass


def test_a_session_lost_in_a_transaction_keeps_nothing_of_it(postgres: PostgresServer, place: Server) -> None:
    with opened(place) as ledger:
        with pytest.raises(StoreError, match=r"cannot be reached; start the server .* netmon goes on by itself"):
            lose_a_transaction(ledger, postgres)
        assert ledger.cursor("influx") == 0
        assert ledger.commit([a_visit("a", 1)]) == [True]


def lose_a_transaction(ledger: Ledger, postgres: PostgresServer) -> None:
    with ledger._transaction() as connection:
        for sink in ("influx", "mqtt"):
            connection.exec_driver_sql(f"INSERT INTO cursor VALUES ('{sink}', 1)")
            end_sessions(postgres)


@pytest.mark.parametrize("silent", [False, True], ids=["closed", "half open"])
def test_a_commit_whose_answer_is_lost_is_known_to_be_kept(way: Wire, far: Server, silent: bool) -> None:
    with opened(far) as ledger:
        way.silent, way.cut_after = silent, b"COMMIT"
        ledger.record_intent(an_intent("i1"))
        assert way.cuts == 1
        assert [one.id for one in ledger.open_intents()] == ["i1"]


@pytest.mark.parametrize("silent", [False, True], ids=["closed", "half open"])
def test_a_commit_that_never_arrives_is_known_to_be_undone(way: Wire, far: Server, silent: bool) -> None:
    with opened(far) as ledger:
        way.silent, way.cut_before = silent, b"COMMIT"
        with pytest.raises(StoreError, match=r"cannot be reached"):
            ledger.record_intent(an_intent("i1"))
        assert way.cuts == 1
        assert ledger.open_intents() == []
        ledger.record_intent(an_intent("i1"))


def test_a_writer_that_was_cut_off_refuses_to_go_on_after_another(
    place: Server, way: Wire, far: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(far) as ledger:
        ledger.commit([a_visit("a", 1)])
        way.cut()
        with opened(place) as other:
            with pytest.raises(StoreError, match=r"in use by process \d+ on "):
                ledger.commit([a_visit("a", 2)])
            other.commit([a_visit("a", 2, [(7, 7)])])
        for _ in range(2):
            with pytest.raises(StoreError, match=r"was opened by another writer meanwhile \(process .* restart netmon"):
                ledger.commit([a_visit("a", 2)])
        assert asked(place, "SELECT count(*) FROM visit") == [(2,)]


def test_a_writer_whose_claim_is_another_s_writes_nothing(place: Server) -> None:
    with opened(place) as ledger:
        asked(place, "UPDATE meta SET value = 'netmon 1, process 9 on moon' WHERE key = 'writer'")
        with pytest.raises(StoreError, match=r"another writer meanwhile \(process 9 on moon\)"):
            ledger.commit([a_visit("a", 1)])
    assert asked(place, "SELECT count(*) FROM visit") == [(0,)]


# --- what the server can do -----------------------------------------------------------------------


def refused(place: Server, words: str) -> str:
    """What the writer and a reader are told."""
    for call in (lambda: Ledger.open(settings_of(place), START_NS), lambda: LedgerReader.open(place)):
        with pytest.raises(StoreError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_server_that_is_away_is_a_sentence() -> None:
    refused(Server(f"postgresql://netmon@127.0.0.1:{free_port()}/ledgers"), r"cannot be reached; start the server")


def test_a_wrong_or_missing_password_is_a_sentence_without_it(mortal: PostgresServer) -> None:
    mortal.run("CREATE ROLE careful LOGIN PASSWORD 'hunter2'")
    rules = mortal.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all careful scram-sha-256\n" + before)
    mortal.run("SELECT pg_reload_conf()")
    url = mortal.url("careful")
    try:
        words = r"refused netmon's login; correct ledger\.password"
        wait_until(lambda: "password" in login(mortal), "the rules to be read")
        refused(Server(url), words)
        assert "hunter3" not in refused(Server(url, SecretRef(plaintext="hunter3")), words)
        assert "hunter3" not in repr(Server(url, SecretRef(plaintext="hunter3")))
        refused(
            Server(url, SecretRef(plaintext="hunter2")), r"may not be used by netmon's role|start `netmon run` once"
        )
    finally:
        rules.write_text(before)
        mortal.run("SELECT pg_reload_conf()")


def test_a_password_that_cannot_be_read_is_a_sentence(place: Server) -> None:
    refused(
        Server(place.url, SecretRef(file=Path("/absent"))), r"cannot be opened without its password: secret file /ab"
    )


def test_only_migrations_may_take_their_time(place: Server) -> None:
    for _ in range(2):
        with opened(place) as ledger, ledger._transaction() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "2400ms"


def login(server: PostgresServer) -> str:
    try:
        server.connect("careful").close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def test_a_role_or_a_database_there_is_none_of_is_a_sentence(postgres: PostgresServer) -> None:
    refused(Server(postgres.url("nobody")), r"refused netmon's login")
    refused(Server(postgres.url(database="absent")), r"is not there; create the database")


def test_a_url_that_libpq_does_not_know_is_a_sentence(postgres: PostgresServer) -> None:
    refused(Server(postgres.url(sslmoed="require")), r"cannot be opened; correct ledger\.url")


def test_a_schema_that_is_not_ours_is_a_sentence(postgres: PostgresServer) -> None:
    postgres.run("CREATE SCHEMA IF NOT EXISTS theirs")
    place = Server(postgres.url(options="-csearch_path=theirs"))
    with pytest.raises(StoreError, match=r"has no schema to be in|may not be used by netmon's role"), opened(place):
        pass


def test_a_database_of_another_encoding_is_a_sentence(postgres: PostgresServer) -> None:
    with postgres.connect() as connection:
        connection.execute(
            "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0 OWNER netmon"
        )
    refused(Server(postgres.url(database="latin")), r"is encoded in LATIN1; create its database with ENCODING 'UTF8'")


def test_a_crowded_server_is_a_sentence(postgres: PostgresServer, place: Server) -> None:
    postgres.run("ALTER ROLE netmon CONNECTION LIMIT 0")
    try:
        refused(place, r"has no connection left; end other sessions")
    finally:
        postgres.run("ALTER ROLE netmon CONNECTION LIMIT -1")


def test_a_ledger_that_may_only_be_read_is_a_sentence(place: Server) -> None:
    with opened(place):
        pass
    closed = Server(place.url + "%20-cdefault_transaction_read_only%3Don")
    with pytest.raises(StoreError, match=r"may only be read; point ledger\.url at the primary"), opened(closed):
        pass
    LedgerReader.open(closed).close()


def test_another_session_that_keeps_it_locked_is_a_sentence_and_no_loss(place: Server) -> None:
    with opened(place) as ledger:
        ledger.commit([a_visit("a", 1)])
        with psycopg.connect(place.url) as other:
            other.execute("LOCK TABLE visit IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreError, match=r"stayed locked by another session; end what has it open"):
                ledger.commit([a_visit("a", 2)])
        assert ledger.commit([a_visit("a", 2)]) == [True]


def test_a_statement_that_takes_too_long_is_ended(place: Server) -> None:
    with opened(place), closing(LedgerReader.open(place, 20_000_000)) as reader:
        with (
            pytest.raises(StoreError, match=r"did not answer in time; see in pg_stat_activity"),
            reader._transaction() as connection,
        ):
            connection.exec_driver_sql("SELECT pg_sleep(60)")
        assert reader.cursor("influx") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_refuses_a_whole_batch_and_goes_on_when_there_is_room(
    tmp_path: Path, postgres: PostgresServer, place: Server
) -> None:
    with small_disk(postgres.directory / "small", "8m") as disk:
        shutil.chown(disk, "postgres", "postgres")
        postgres.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
        postgres.run("GRANT CREATE ON TABLESPACE small TO netmon")
        narrow = Server(place.url + "%20-cdefault_tablespace%3Dsmall")
        with opened(narrow) as ledger:
            ledger.commit([a_visit("a", 1)])
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(shutil.disk_usage(disk).free - 40_000))
            with pytest.raises(StoreError, match=r"is full or its server's disk is; free space there"):
                ledger.commit(many("a", 2))
            head = ledger.head("a")
            assert head is not None
            assert head.sequence == 1
            ballast.unlink()
            assert all(ledger.commit(many("a", 2)))
        asked(narrow, "DROP TABLE IF EXISTS " + ", ".join(tables(narrow)) + " CASCADE")
        postgres.run("DROP TABLESPACE small")


def many(router: str, first: int) -> list[Visit]:
    return [a_visit(router, sequence, [(1, 1)] * 200) for sequence in range(first, first + 40)]


def tables(place: Server) -> list[str]:
    return [name for (name,) in asked(place, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")]


def test_a_server_that_dies_loses_nothing_acknowledged_and_the_writer_goes_on(mortal: PostgresServer) -> None:
    with mortal.database() as place, opened(place) as ledger:
        acknowledged, sentences, over = 0, set[str](), threading.Event()

        def commit() -> None:
            nonlocal acknowledged
            sequence = 1
            while not over.is_set():
                try:
                    # What is refused was in the ledger already: its acknowledgement had been lost.
                    ledger.commit([a_visit("a", sequence, [(sequence * 1000, sequence)])])
                except StoreError as error:
                    sentences.add(str(error))
                    continue
                acknowledged = sequence
                sequence += 1

        def more() -> None:
            reached = acknowledged + 20
            wait_until(lambda: acknowledged >= reached, "commits")

        thread = threading.Thread(target=commit)
        thread.start()
        try:
            for kind in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):
                more()
                mortal.stop(kind)
                mortal.start()
            more()
        finally:
            over.set()
            thread.join(60)
        head = ledger.head("a")
        assert head is not None
        assert head.sequence >= acknowledged
        assert asked(place, "SELECT count(*), max(sequence) FROM visit") == [(head.sequence, head.sequence)]
        assert head.in_total == (head.sequence * 1000,)
        assert all("cannot be reached" in one or "midst of a commit" in one for one in sentences)
        assert examine(place).fault is None


# --- what is done elsewhere -----------------------------------------------------------------------


def test_copies_are_made_with_the_server_s_own_tools(tmp_path: Path, postgres: PostgresServer) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE copied OWNER netmon")
    place = Server(postgres.url(database="copied"))
    with opened(place) as ledger:
        ledger.append_link("note", "n", "{}")
    with pytest.raises(StoreError, match=r"own tools copy it; run `pg_dump .*--dbname='postgresql:") as caught:
        back_up(place, tmp_path / "copy")
    command = str(caught.value).partition("`")[2].partition("`")[0]
    dump(postgres, command.replace("FILE", str(postgres.directory / "copy")))
    with pytest.raises(StoreError, match=r"own tools copy it; run `pg_restore .*--dbname='postgresql:") as caught:
        restore(settings_of(place), tmp_path / "copy", START_NS)
    command = str(caught.value).partition("`")[2].partition("`")[0]
    asked(place, "DROP TABLE signature; DROP TABLE link")
    dump(postgres, command.replace("FILE", str(postgres.directory / "copy")))
    assert [one.links for one in audited(place).chains] == [1]


def dump(postgres: PostgresServer, command: str) -> None:
    program, *words = shlex.split(command)
    done = subprocess.run([postgres.programs / program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_its_driver_one_sentence_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_DRIVER], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "a ledger in PostgreSQL needs psycopg, which is not installed; run pip install 'netmon[postgresql]'"
    )

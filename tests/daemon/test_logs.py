"""What the daemon writes to standard error, for people and for the journal."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from netmon.daemon.logs import JournalFormatter, configure_logging


@pytest.fixture
def fresh() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    logging.getLogger().handlers.clear()
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    configure_logging()
    return out


def a_record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord("netmon.daemon", level, "", 0, text, None, None)


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
        (logging.INFO + 1, 6),
    ],
)
def test_a_line_for_the_journal_begins_with_its_priority(level: int, priority: int) -> None:
    formatter = JournalFormatter("%(name)s: %(message)s")
    assert formatter.format(a_record(level, "it happened")) == f"<{priority}>netmon.daemon: it happened"


def test_what_has_several_lines_stays_one_entry_of_the_journal() -> None:
    formatter = JournalFormatter("%(message)s")
    assert formatter.format(a_record(logging.ERROR, "one\ntwo\nthree")) == "<3>one | two | three"


def test_an_exception_stays_in_its_entry_too() -> None:
    record = a_record(logging.ERROR, "it failed")
    try:
        raise ValueError("why")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = JournalFormatter("%(message)s").format(record)
    assert "\n" not in line
    assert line.endswith("ValueError: why")


def test_under_systemd_lines_carry_priorities(fresh: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    out = written(monkeypatch)
    logging.getLogger("netmon.x").warning("the ledger commits again")
    assert out.getvalue() == "<4>netmon.x: the ledger commits again\n"


def test_in_a_terminal_lines_carry_time_and_level(fresh: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    out = written(monkeypatch)
    logging.getLogger("netmon.x").info("netmon watches 3 routers")
    time, level, text = out.getvalue().rstrip("\n").split(" ", 2)
    assert len(time.split(":")) == 3
    assert level == "INFO"
    assert text.strip() == "netmon watches 3 routers"


def test_chatty_libraries_are_heard_only_when_something_is_wrong(
    fresh: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    out = written(monkeypatch)
    for name in ("paramiko.transport", "netmiko", "aiohttp.access", "aiomqtt"):
        logging.getLogger(name).info("hello")
        logging.getLogger("netmon").debug("hello")
    assert out.getvalue() == ""
    logging.getLogger("paramiko.transport").warning("the key changed")
    assert "the key changed" in out.getvalue()

"""netmon release and resume: what is asked first, and what is done where no daemon answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.governed import fill_ledger, write_site
from support.schemas import conforms

from netmon.cli.app import run
from netmon.daemon import control, oneshot

ANSWER = {
    "id": "hold-1",
    "at_ns": 1_795_000_000_000_000_000,
    "by": "sari",
    "reason": "a fault",
    "trouble": None,
    "routers": [
        {"router": "palu", "state": "cleared", "removed": ["NM-1 ether1 egress"], "left": [], "detail": None},
        {"router": "gowa", "state": "not_read", "removed": [], "left": [], "detail": "unreachable: no answer"},
    ],
    "remaining": ["gowa"],
    "set_aside": [{"circuit": "dinkes-fo", "router": "palu", "things": ["simple-queue boss"]}],
}
FREE = {**ANSWER, "routers": ANSWER["routers"][:1], "remaining": []}  # type: ignore[index]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = write_site(tmp_path)
    fill_ledger(tmp_path)
    return str(path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Verbs given to the daemon, and, after a colon, done without it."""
    return []


def daemon(
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    answer: Mapping[str, Any] = ANSWER,
    fails: Exception | None = None,
) -> None:
    def request(path: Path, verb: str, args: Mapping[str, Any], patience_s: float = 0) -> Mapping[str, Any]:
        asked.append(verb)
        if fails is not None:
            raise fails
        return answer

    def perform(configuration: object, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(f":{verb}")
        return answer

    monkeypatch.setattr(control, "request", request)
    monkeypatch.setattr(oneshot, "perform", perform)


def test_the_hold_comes_first_and_what_remains_ends_with_1(
    config: str, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon(monkeypatch, asked)
    assert run(["release", "--all", "--yes", "--reason", "a fault", "-c", config]) == 1
    assert asked == ["hold", "sweep"]
    shown = capsys.readouterr().out
    assert "Limits may still be in force on: gowa" in shown
    assert "Still set aside on palu: simple-queue boss; netmon release dinkes-fo" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    "fails",
    [control.ControlUnavailableError("none"), control.ControlRefusedError("it has not answered for 10 s")],
    ids=["down", "hung"],
)
def test_a_daemon_that_is_down_or_hangs_is_done_without(
    config: str, asked: list[str], fails: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon(monkeypatch, asked, FREE, fails)
    assert run(["release", "--all", "--yes", "--reason", "a fault", "-c", config]) == 0
    assert asked == ["hold", ":sweep"]


def test_its_document_conforms(
    config: str, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon(monkeypatch, asked)
    run(["release", "--all", "--yes", "--reason", "a fault", "-c", config, "--output", "json"])
    conforms("release", json.loads(capsys.readouterr().out))


def test_a_hold_that_stands_nowhere_ends_with_1_and_says_what_to_do(
    config: str, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon(monkeypatch, asked, {**FREE, "trouble": "the disk is full"})
    assert run(["release", "--all", "--yes", "--reason", "a fault", "-c", config]) == 1
    assert "Stop every netmon" in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "code"), [("sulteng", 0), ("sumbar", 2)])
def test_whoever_cannot_name_the_site_does_not_mean_it(
    config: str, asked: list[str], typed: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon(monkeypatch, asked, FREE)
    monkeypatch.setattr("rich_click.prompt", lambda *_, **__: typed)
    assert run(["release", "--all", "--reason", "a fault", "-c", config]) == code
    assert bool(asked) is (code == 0)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--orphans"], ["palu-core"], ["palu-core", "--all"], ["--all", "--orphans"], ["--all", "--yes"]],
)
def test_what_is_wrongly_asked_ends_with_2_and_does_nothing(
    config: str, asked: list[str], arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon(monkeypatch, asked)
    reason = [] if arguments == ["--all", "--yes"] else ["--reason", "a fault"]
    assert run(["release", *arguments, *reason, "-c", config]) == 2
    assert asked == []


def test_where_nothing_is_held_resume_ends_with_1(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["resume", "--reason", "mended", "-c", config]) == 1
    assert "nothing is held" in capsys.readouterr().err


GIVEN = {
    "circuit": "dinkes-fo",
    "router": "palu-core",
    "interface": "ether1",
    "things": [{"kind": "simple-queue", "name": "boss", "way": None, "setting": "target=ether1 max-limit=1M/1M"}],
}


@pytest.mark.parametrize(
    ("fails", "asks"),
    [
        (None, ["adopt", "give_back"]),
        (control.ControlUnavailableError("none"), ["adopt", ":adopt", "give_back", ":give_back"]),
    ],
    ids=["up", "down"],
)
def test_a_circuit_is_adopted_and_given_back_and_what_is_moved_is_shown(
    config: str,
    asked: list[str],
    fails: Exception | None,
    asks: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    daemon(monkeypatch, asked, GIVEN, fails)
    assert run(["adopt", "dinkes-fo", "--reason", "ours now", "-c", config]) == 0
    assert run(["release", "dinkes-fo", "--reason", "as it was", "-c", config]) == 0
    assert asked == asks
    shown = capsys.readouterr().out
    assert shown.count("target=ether1 max-limit=1M/1M") == 2
    assert "Put back at ether1 of palu-core" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_a_router_is_not_taken_for_a_circuit(config: str, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    daemon(monkeypatch, asked, GIVEN)
    assert run(["adopt", "palu-core", "--reason", "ours now", "-c", config]) == 2
    assert asked == []

"""Preflight, drift, what was left behind and two netmons, on a real Linux router."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.processes import wait_until
from support.released import Scene, kinds_of, limited, pressed, scene, take_off
from support.schemas import conforms
from support.stack import cli
from support.testbed import missing

reason = missing()
pytestmark = [pytest.mark.system, pytest.mark.skipif(reason is not None, reason=reason or "")]


def preflight(at: Scene) -> dict[str, object]:
    done = at.run("preflight", "edge", "--output", "json")
    document = json.loads(done.stdout)
    conforms("preflight", document)
    (row,) = document["data"]
    assert done.returncode == (0 if row["ready"] else 1)
    found: dict[str, object] = row
    return found


def circuit_of(row: dict[str, object], name: str) -> dict[str, object]:
    circuits = row["circuits"]
    assert isinstance(circuits, list)
    return next(one for one in circuits if one["circuit"] == name)


def test_preflight_names_what_stands_in_the_way_and_alters_nothing(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        before = at.bed.on_router("tc", "qdisc", "show")
        row = preflight(at)
        assert row["ready"]
        assert (row["host_key"], row["privileged"], row["undo"], row["ends_limits"]) == ("known", True, "job", True)
        assert at.bed.on_router("tc", "qdisc", "show") == before
        port = at.bed.agencies[1].interface
        at.bed.on_router(*f"tc qdisc add dev {port} root tbf rate 9mbit burst 9k limit 18k".split())
        row = preflight(at)
        assert not row["ready"]
        assert circuit_of(row, "rsud-1")["ready"]
        arsip = circuit_of(row, "arsip-1")
        assert arsip["reason"] == "foreign_shaper"
        assert "tbf" in str(arsip["foreigners"])
        shown = at.run("preflight", "edge").stdout
        assert "adoptable: netmon adopt arsip-1" in shown
        assert "tbf" in shown
        assert [line for line in shown.splitlines() if len(line) > 80] == []
        at.config.write_text(at.config.read_text().replace(f"interface: {port},", "interface: mg0,"))
        assert circuit_of(preflight(at), "arsip-1")["reason"] == "management_path"
        assert at.run("preflight", "nowhere").returncode == 2


def cli_limits(at: Scene) -> object:
    """Limits that the ledger takes to be in force."""
    return json.loads(at.run("status", "--output", "json").stdout)["data"]["limits"]


def withheld(at: Scene) -> set[str]:
    return {change["withheld"] for change in cli("plan", config=at.config)["data"]["changes"]}


def test_what_somebody_undoes_is_set_again_twice_and_then_left_to_a_person(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        at.config.write_text(at.config.read_text().replace("control:\n", "control:\n  drift_interval: 1s\n"))
        with at.daemon():
            limited(at)
            for _ in range(2):
                take_off(at)
                limited(at)
            take_off(at)
            wait_until(lambda: "contested" in withheld(at), "the quarrel to be left to a person")
            assert not at.is_limited()
            assert at.run("apply").returncode == 0
            assert at.is_limited()
            assert "drift" in kinds_of(at.directory / "ledger.db")


def test_what_was_left_behind_is_told_and_removed(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        with at.daemon():
            limited(at)
        assert preflight(at)["left_behind"] == []
        done = at.run("release", "edge", "--orphans", "--reason", "to see whether there is anything")
        assert done.returncode == 0, done.stderr
        assert at.is_limited(), "what is configured stays"
        at.config.write_text(at.config.read_text().replace("rsud-1:", "rsud-new:"))
        assert preflight(at)["left_behind"]
        done = at.run("release", "edge", "--orphans", "--reason", "the circuit was renamed")
        assert done.returncode == 0, done.stderr
        assert "Taken off edge: NM-" in done.stdout
        assert not at.is_limited()
        assert preflight(at)["left_behind"] == []
        assert cli_limits(at) == []


def test_another_netmon_leaves_the_router_alone_until_it_is_taken_over(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        with at.daemon():
            limited(at)
        take_off(at)
        for path in at.directory.glob("ledger.db*"):
            path.rename(path.with_name(f"old-{path.name}"))
        with at.daemon():
            wait_until(lambda: pressed(at) and "another netmon" in at.problems(), "the other's marker to be told")
            assert not at.is_limited()
            done = at.run("adopt", "edge", "--take-over", "--reason", "the old one is gone")
            assert done.returncode == 0, done.stderr
            limited(at)
            assert "another netmon" not in at.problems()
            assert cli("receipts", config=at.config)["data"]


def queue_of(at: Scene) -> str:
    return at.bed.on_router("tc", "qdisc", "show", "dev", at.bed.agencies[0].interface)


def test_what_somebody_else_has_set_is_adopted_and_given_back(tmp_path: Path) -> None:
    with scene(tmp_path) as at:
        at.bed.on_router(*f"tc qdisc add dev {at.bed.agencies[0].interface} root handle 7: bfifo limit 30000".split())
        before = queue_of(at)
        with at.daemon():
            done = at.run("adopt", "rsud-1", "--reason", "ours now")
            assert (done.returncode, "bfifo" in done.stdout) == (0, True), done.stderr
            limited(at)
            assert "bfifo limit 30000" not in queue_of(at)
        done = at.run("release", "rsud-1", "--reason", "back to how it was")
        assert done.returncode == 0, done.stderr
        assert queue_of(at) == before
        assert circuit_of(preflight(at), "rsud-1")["reason"] == "foreign_shaper"
        kinds = [kind for kind in kinds_of(at.directory / "ledger.db") if kind in {"adoption", "restoration"}]
        assert kinds == ["adoption", "adoption", "restoration", "restoration"]

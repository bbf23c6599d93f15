"""The command line: what it costs to start, and every error as one sentence with the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.governed import write_site
from support.processes import PATIENCE_S

from netmon import __version__
from netmon.cli.app import netmon, run

HEAVY = ("sqlalchemy", "aiohttp", "netmiko", "influxdb_client", "pydantic", "yaml", "asyncio", "rich.live", "uvloop")


def loaded_by(*arguments: str) -> list[str]:
    """Heavy modules loaded once the command has been carried out."""
    code = (
        "import json, os, sys\n"
        "from netmon.cli.app import run\n"
        f"code = run({list(arguments)!r})\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.stdout.flush(); print(json.dumps([code, loaded]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    exit_code, loaded = json.loads(done.stderr.splitlines()[-1])
    assert exit_code == 0
    return list(loaded)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("usage", "--help"), ("demo", "--help")])
def test_help_pays_for_no_heavy_library(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) == []


def test_help_lists_every_verb_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb in ("run", "check", "poll", "usage", "plan", "apply", "revert", "receipts", "status", "demo", "assets"):
        assert f"\n  {verb} " in shown
        assert run([verb, "--help"]) == 0
    assert max(map(len, shown.splitlines())) <= 80


def test_the_list_of_verbs_says_of_each_what_its_own_help_says() -> None:
    context = click.Context(netmon)
    for verb in netmon.list_commands(context):
        shown = netmon.get_command(context, verb)
        name, command, rest = netmon.resolve_command(context, [verb, "--help"])
        assert shown is not None
        assert command is not None
        assert command.get_short_help_str(200) == shown.get_short_help_str(200)
        assert (name, rest) == (verb, ["--help"])


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"netmon {__version__}\n"


WRONGLY_ASKED = [
    (["usag"], "netmon: there is no verb usag; did you mean usage?; see netmon --help"),
    (["xyzzy"], "netmon: there is no verb xyzzy; netmon --help lists them"),
    (["poll"], "netmon: Missing argument 'ROUTER'; see netmon poll --help"),
    (["usage", "--nope"], "netmon: No such option '--nope'; did you mean '--to'?; see netmon usage --help"),
    (
        ["usage", "--by", "week"],
        "netmon: Invalid value for '--by': 'week' is not one of 'agency', 'circuit', 'day'; see netmon usage --help",
    ),
    (
        ["usage", "--period", "2026-11", "--to", "2026-12-01"],
        "netmon: --period and --from/--to exclude each other; give one of them; see netmon usage --help",
    ),
    (["revert", "dinkes-main"], "netmon: Missing option '--reason'; see netmon revert --help"),
    (
        ["poll", "10.0.0.1", "--timeout", "3"],
        "netmon: --timeout: '3' is not a duration; write for example 30s, 5m or 1h30m; see netmon poll --help",
    ),
    (
        ["poll", "10.0.0.1", "--community", "a", "--community-file", "b"],
        "netmon: --community and --community-file exclude each other; give one of them; see netmon poll --help",
    ),
    (
        ["poll", "10.0.0.1", "--community-file", "/nowhere"],
        (
            "netmon: secret file /nowhere cannot be read: [Errno 2] No such file or directory: '/nowhere';"
            " check its path and owner"
        ),
    ),
    (
        ["poll", "10.0.0.1", "--platform", "routeross"],
        "netmon: no platform is called routeross; did you mean routeros?",
    ),
    (["check", "-c", "/nowhere.yaml"], "/nowhere.yaml:1:1: cannot be read: No such file or directory; check its path"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONGLY_ASKED, ids=[" ".join(case[0]) for case in WRONGLY_ASKED])
def test_a_wrong_command_line_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith(sentence.removesuffix("; see netmon --help"))
    assert len(err.splitlines()) == 1


def test_a_verb_that_needs_a_ledger_says_where_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_site(tmp_path)
    for verb in ("usage", "plan", "receipts"):
        assert run([verb, "-c", str(path)]) == 1
        assert capsys.readouterr().err == (
            f"netmon: there is no ledger at {tmp_path}/ledger.db; start `netmon run` first, or correct ledger.path\n"
        )


def test_the_configuration_s_place_comes_from_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETMON_CONFIG", str(write_site(tmp_path)))
    assert run(["check"]) == 0
    assert capsys.readouterr().out.startswith(
        f"{tmp_path}/netmon.yaml: nothing is wrong; 1 router, 3 circuits, 2 agencies"
    )


def test_check_names_every_problem_on_its_own_line_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("agency: arsip", "agency: arsib").replace("ssh: limiter", "ssh: limitr"))
    assert run(["check", "-c", str(path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{path}:14:10: routers.palu-core.ssh: no SSH credential is named limitr; did you mean limiter?",
        f"{path}:21:28: routers.palu-core.circuits.arsip-main.agency: no agency is named arsib; did you mean arsip?",
    ]


def test_check_also_tries_the_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_site(tmp_path)
    (tmp_path / "password").unlink()
    assert run(["check", "-c", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    place = f"{path}:6:45: ssh.credentials.limiter.password: "
    assert line.startswith(f"{place}secret file {tmp_path}/password cannot be read")


def test_check_also_reads_the_collectors_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_site(tmp_path)
    (tmp_path / "collectors").mkdir()
    (tmp_path / "collectors" / "mine.yaml").write_text("descriptio: x\n")
    assert run(["check", "-c", str(path)]) == 2
    assert f"{tmp_path}/collectors/mine.yaml:1:1: " in capsys.readouterr().err


def test_output_that_nobody_reads_any_more_ends_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "netmon", "check", "-c", str(write_site(tmp_path))]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_assets_are_exported_and_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "policies" / "quotas" / "standard.yaml"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine\n")
    assert run(["assets", "export", str(tmp_path)]) == 0
    assert kept.read_text() == "mine\n"
    assert (tmp_path / "collectors" / "routeros.yaml").is_file()
    assert capsys.readouterr().out.endswith("files written, 1 kept as they were\n")

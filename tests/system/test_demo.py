"""The demo is the main job on a simulated province: an ordinary daemon, nothing scripted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.stack import NETMON

pytestmark = pytest.mark.system

STEPS = ("polled", "over quota", "planned", "pushed", "receipt", "alert", "slowed", "lifted")


def test_the_demo_sees_every_step_of_the_main_job_and_ends_by_itself(tmp_path: Path) -> None:
    done = subprocess.run(
        [NETMON, "demo", "--once", "--directory", tmp_path / "d"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = " ".join(done.stdout.split()).partition("The whole job was seen in")[2]
    assert [step for step in STEPS if step not in summary] == []

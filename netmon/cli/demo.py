"""netmon demo: the main job, watched, against a simulated province on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from netmon.cli.common import console

if TYPE_CHECKING:
    import asyncio

    from netmon.cli.demo_screen import Show
    from netmon.cli.demo_story import Story
    from netmon.simulator.subscriber import Heard

LOOK_EVERY_S = 0.5
END_WITHIN_S = 12.0
LOG_LINES = 15
PLATFORMS = {"routeros": "RouterOS", "linux": "Linux"}


@click.command("demo")
@click.option("--once", is_flag=True, help="End when every step was seen (0), or one did not happen in time (1).")
@click.option(
    "--directory", type=click.Path(file_okay=False, path_type=Path), help="Where to put its files, and keep them."
)
def command(once: bool, directory: Path | None) -> int:
    """Show the main job against a simulated province on loopback.

    16 agencies on 4 routers ask for four times the bandwidth that was bought. An ordinary `netmon run` polls them,
    slows the one that passes its quota, and lifts the limit when the (one-minute) period ends.
    """
    import asyncio
    import tempfile

    try:
        if directory is not None:
            return asyncio.run(_demo(directory.absolute(), once))
        with tempfile.TemporaryDirectory(prefix="netmon-demo-") as folder:
            return asyncio.run(_demo(Path(folder), once))
    except ModuleNotFoundError as error:
        if error.name not in {"amqtt", "asyncssh"}:
            raise
        raise click.ClickException("the demo needs more packages; install netmon[demo]") from error
    except KeyboardInterrupt:
        return 130 if once else 0


async def _demo(directory: Path, once: bool) -> int:
    import asyncio
    import signal
    import sys

    from netmon.cli.demo_screen import Show
    from netmon.config.load import load
    from netmon.simulator.configuration import write_configuration
    from netmon.simulator.province import running_province
    from netmon.simulator.subscriber import listening

    task = asyncio.current_task()
    assert task is not None
    for asked_to_end in (signal.SIGTERM, signal.SIGHUP):  # the latter when its terminal is closed
        asyncio.get_running_loop().add_signal_handler(asked_to_end, task.cancel)
    async with running_province() as province:
        path = write_configuration(directory, province)
        assert province.mqtt_port is not None
        platforms = {unit.router.name: PLATFORMS[unit.router.platform] for unit in province.units}
        async with listening(province.mqtt_port) as heard:
            with (directory / "log").open("wb") as log:
                daemon = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "netmon", "run", "-c", str(path), stdout=log, stderr=log
                )
            try:
                show = Show(load(path), path, platforms)
                problem = await _watch(show, daemon, heard, once)
            finally:
                code = await _end(daemon)
    if problem is None and code != 0:
        problem = f"netmon run ended with {code}"
    return _summary(show.story, problem, directory / "log")


async def _watch(show: Show, daemon: asyncio.subprocess.Process, heard: Heard, once: bool) -> str | None:
    """Shows what happens until it is over; returns what went wrong, if anything did."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "demo") as thread, show:
        try:
            while daemon.returncode is None:
                await loop.run_in_executor(thread, show.look, tuple(heard.events))
                show.draw()
                step = show.story.overdue(show.now_ns)
                if step is not None:
                    return f"the step {step.title!r} did not happen within {step.deadline_s} s"
                if once and show.story.complete:
                    return None
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await loop.run_in_executor(thread, show.watcher.close)
    return f"netmon run ended with {daemon.returncode}"


async def _end(daemon: asyncio.subprocess.Process) -> int:
    """Asks the daemon to drain and end, as systemd would; returns its exit code."""
    import asyncio

    if daemon.returncode is None:
        daemon.terminate()
    try:
        return await asyncio.wait_for(daemon.wait(), END_WITHIN_S)
    except TimeoutError:
        daemon.kill()
        return await daemon.wait()


def _summary(story: Story, problem: str | None, log: Path) -> int:
    out = console()
    if problem is None:
        seconds = story.seconds
        out.print(f"The whole job was seen in {seconds} s: {', '.join(told.step.title for told in story.told)}.")
        return 0
    out.print(f"netmon: the demo failed: {problem}; the daemon's last words:", style="bold red")
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]:
        out.print(f"  {line}")
    return 1

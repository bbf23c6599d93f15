"""How the demo looks: calm, at 80 columns, in colour where there is a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from rich import box
from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from netmon.cli.common import console
from netmon.cli.demo_story import STEPS, Line, Sight, Story, Told
from netmon.cli.demo_watch import Watcher
from netmon.config.load import Configuration
from netmon.core.model import NANOSECONDS, Direction
from netmon.core.periods import from_ns
from netmon.core.units import format_rate, format_volume
from netmon.daemon.control import ControlRefusedError, ControlUnavailableError, request

BAR: Final = 18
TABLE_HEAD: Final = 2
FEWEST_ROWS: Final = 4
ARROWS: Final = {Direction.DOWNLOAD: "down", Direction.UPLOAD: "up"}


def screen(story: Story, sight: Sight | None, out: Console, footer: Sequence[str]) -> ConsoleRenderable:
    """Everything at once; shows as many agencies as fit, the fullest first."""
    above: list[ConsoleRenderable] = [Rule(Text("netmon: a province's bandwidth", style="bold"), style="dim")]
    if sight is not None:
        above += [Text(_totals(sight), style="dim", justify="center"), Text()]
    below: list[ConsoleRenderable] = [
        Text(),
        Rule(style="dim"),
        Padding(steps(story), (0, 0, 1, 0)),
        *(Text(one, style="dim") for one in footer),
    ]
    if sight is None:
        return Group(*above, *below)
    rows = out.height - len(out.render_lines(Group(*above, *below))) - TABLE_HEAD - 1
    return Group(*above, agencies(sight, max(FEWEST_ROWS, rows), story.subject), *below)


def agencies(sight: Sight, rows: int, subject: tuple[str, Direction] | None) -> Table:
    """Each agency by the direction in which it used most of its quota; the order of the inventory."""
    fullest: dict[str, Line] = {}
    for line in sight.lines:
        other = fullest.get(line.agency)
        if other is None or (line.limit_bps is not None, line.used_ratio) > (
            other.limit_bps is not None,
            other.used_ratio,
        ):
            fullest[line.agency] = line
    kept = sorted(fullest.values(), key=lambda line: -line.used_ratio)[:rows]
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", expand=True)
    shown.add_column("agency", no_wrap=True)
    shown.add_column("way", no_wrap=True)
    shown.add_column("quota used", no_wrap=True)
    for figure in ("of", "now", "limit"):
        shown.add_column(figure, justify="right", no_wrap=True)
    for line in (one for one in fullest.values() if one in kept):
        shown.add_row(
            Text(line.agency, style="bold" if subject is not None and line.agency == subject[0] else ""),
            ARROWS[line.direction],
            _bar(line.used_ratio),
            format_volume(line.quota_bytes),
            "-" if line.rate_bps is None else format_rate(line.rate_bps),
            Text("-", style="dim") if line.limit_bps is None else Text(format_rate(line.limit_bps), style="bold red"),
        )
    return shown


def steps(story: Story) -> Table:
    """The main job, step by step, with a tick where it happened."""
    shown = Table.grid(padding=(0, 2), expand=True)
    shown.add_column(no_wrap=True)
    shown.add_column(no_wrap=True)
    shown.add_column(ratio=1, overflow="fold")
    for at, step in enumerate(STEPS):
        if at < len(story.told):
            told = story.told[at]
            shown.add_row(
                Text("✓ " + _clock(told.at_ns), style="green"), Text(step.title, style="bold"), Text(told.sentence)
            )
        elif at == len(story.told):
            shown.add_row(Text("… waiting ", style="yellow"), Text(step.title, style="yellow"), Text())
        else:
            shown.add_row(Text("  " + " " * 8), Text(step.title, style="dim"), Text())
    return shown


class Show:
    """What is seen and how it is shown: live on a terminal, a line per step elsewhere."""

    def __init__(self, configuration: Configuration, path: Path, platforms: Mapping[str, str]) -> None:
        self.watcher = Watcher(configuration, platforms)
        self.now_ns = time.time_ns()
        self.story = Story(self.now_ns)
        self._socket, self._path = configuration.settings.control.socket, path
        self._sight: Sight | None = None
        self._port: int | None = None
        self._told = 0
        self._console = console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None

    def __enter__(self) -> Show:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def look(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Reads the ledger and asks the daemon where its metrics are; may block for a moment."""
        self.now_ns = time.time_ns()
        self._sight = self.watcher.look(self.now_ns, events)
        self.story.look(self._sight)
        if self._port is None and self._sight.answering:
            try:
                self._port = request(self._socket, "status", {})["http_port"]
            except (ControlUnavailableError, ControlRefusedError):
                return

    def draw(self) -> None:
        if self._live is not None:
            self._live.update(screen(self.story, self._sight, self._console, self._footer()), refresh=True)
            return
        for told in self.story.told[self._told :]:
            self._console.print(told_plainly(told), soft_wrap=True)
        self._told = len(self.story.told)

    def _footer(self) -> Sequence[str]:
        if self._port is None:
            return ("netmon run is starting ...",)
        return (
            f"Metrics:      http://127.0.0.1:{self._port}/metrics",
            f"Look closer:  netmon status -c {self._path}",
            "Ctrl-C ends it all.",
        )


def told_plainly(told: Told) -> str:
    """One line per step, for where there is no terminal."""
    return f"{_clock(told.at_ns)}  {told.step.title:<11} {told.sentence}"


def _totals(sight: Sight) -> str:
    parts = []
    for direction in Direction:
        rates = [line.rate_bps for line in sight.lines if line.direction is direction and line.rate_bps is not None]
        parts.append(f"{format_rate(sum(rates))} {ARROWS[direction]}")
    return f"1 Gb/s bought each way, four times that asked for; now {', '.join(parts)}"


def _bar(ratio: float) -> Text:
    filled = min(BAR, round(ratio * BAR))
    style = "red" if ratio >= 1 else "yellow" if ratio >= 0.8 else "green"
    return Text.assemble(("━" * filled, style), ("━" * (BAR - filled), "bright_black"), (f" {ratio:>4.0%}", style))


def _clock(at_ns: int) -> str:
    moment: datetime = from_ns(at_ns // NANOSECONDS * NANOSECONDS)
    return moment.astimezone().strftime("%H:%M:%S")

"""The working day as a picture; imports matplotlib, which is an extra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from bench.working_day import CLOSES_S, MBPS, OPENS_S, POOL_BPS, STEP_S, Instant, Tally
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from netmon.cli.pictures import CARRIED, STYLE, WOULD_BE

FLOORS = "#009E73"
"""Okabe and Ito's green."""
TURNS_DRAWN = 4
"""In one mean: two minutes."""
TOP_PERCENT = 400


def draw(tally: Tally, file: Path) -> None:
    """As PNG or SVG, by the file's ending; replaces it. Raises OSError."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 7), layout="constrained")
        rates, changes, floors = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1.3, 1.3))
        _rates(rates, tally.instants)
        _changes(changes, tally.instants)
        _floors(floors, tally)
        hours = range(OPENS_S // 3600, CLOSES_S // 3600 + 1)
        floors.set_xticks(hours, [f"{hour:02}:00" for hour in hours])
        floors.set_xlim(hours[0], hours[-1])
        metadata = {"Date": None} if file.suffix == ".svg" else {}
        figure.savefig(file, dpi=150, metadata=metadata)


def _rates(axes: Axes, instants: Sequence[Instant]) -> None:
    drawn = [instants[at : at + TURNS_DRAWN] for at in range(0, len(instants), TURNS_DRAWN)]
    hours = [turns[0].second / 3600 for turns in drawn]
    wanted, carried = (
        [sum(getattr(one, name) for one in turns) / len(turns) / MBPS for turns in drawn]
        for name in ("wanted_bps", "carried_bps")
    )
    there = [min(one.there_bps for one in turns) / MBPS for turns in drawn]
    axes.plot(hours, wanted, color=WOULD_BE, linewidth=1.1)
    axes.fill_between(hours, carried, color=CARRIED, alpha=0.35, linewidth=0)
    axes.plot(hours, carried, color=CARRIED, linewidth=0.9)
    axes.step(hours, there, color="black", linewidth=1.2, linestyle=(0, (5, 2)), where="post")
    axes.set_title(f"{POOL_BPS // MBPS:,} Mb/s bought, {max(wanted):,.0f} wanted: download, Mb/s", loc="left")
    _said(axes, 10.5, max(wanted) * 0.8, "wanted", WOULD_BE)
    _said(axes, 6.9, 1060, "bought, and up", "black")
    _said(axes, 10.5, 450, "carried", "black")
    axes.annotate("an uplink fails", (13.25, 610), (13.6, 1250), arrowprops={"arrowstyle": "-", "linewidth": 0.8})
    axes.set_ylim(bottom=0)
    _plain(axes)


def _changes(axes: Axes, instants: Sequence[Instant]) -> None:
    by_hour: dict[int, int] = {}
    for one in instants:
        by_hour[one.second // 3600] = by_hour.get(one.second // 3600, 0) + one.altered
    bars = axes.bar([hour + 0.5 for hour in by_hour], list(by_hour.values()), width=0.8, color="#767676")
    axes.bar_label(bars, fmt="{:,.0f}", fontsize=8, padding=1)
    mean = sum(by_hour.values()) * 3600 // (len(instants) * STEP_S)
    axes.set_title(f"Limits altered in each hour, of 80 circuits; {mean:,} on average", loc="left")
    axes.set_ylim(top=max(by_hour.values()) * 1.2 or 1)
    _plain(axes)


def _floors(axes: Axes, tally: Tally) -> None:
    hours = [one.second / 3600 for one in tally.instants]
    least = [math.nan if one.floor_permille is None else one.floor_permille / 10 for one in tally.instants]
    axes.plot(hours, [min(one, TOP_PERCENT) for one in least], color=FLOORS, linewidth=1)
    axes.axhline(100, color="black", linewidth=1.2, linestyle=(0, (5, 2)))
    axes.set_ylim(0, TOP_PERCENT)
    axes.set_title(
        f"The worst-served agency's limit, of the floor it was owed, %; {tally.violations} times below", loc="left"
    )
    _plain(axes)


def _said(axes: Axes, hour: float, mbps: float, text: str, colour: str) -> None:
    axes.text(hour, mbps, text, color=colour, ha="center", fontweight="bold")


def _plain(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)

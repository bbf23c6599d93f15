"""A replayed period as a picture; imports matplotlib, which is an extra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import matplotlib as mpl
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from netmon.core.foregone import CELLS_A_BIN, Foregone
from netmon.core.model import NANOSECONDS, Direction
from netmon.core.periods import GRID_NS
from netmon.daemon.whatif import Replayed

STRIPS: Final = 30
"""Agencies drawn, those with the greatest harm."""
SHORT_BINS: Final = 96
"""Up to so many hours are dated with the time of day."""
# Okabe and Ito's colours, which the colour-blind tell apart; the strips differ in lightness, too.
CARRIED: Final = "#0072B2"
WOULD_BE: Final = "#D55E00"
STRIP_COLOURS: Final = ("#FFFFFF", "#DDDDDD", "#F0B67F", "#D55E00", "#7A2E00")
STRIP_TEXTS: Final = ("a limit, nothing cut off", "slowed up to 20 min of the hour", "up to 40 min", "longer")
STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",  # text stays text: it can be searched, and read aloud
    "svg.hashsalt": "netmon",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(found: Replayed, file: Path) -> None:
    """As PNG or SVG, by the file's ending; replaces it. Raises OSError."""
    slowed = [at for at in found.affected() if (of := found.cases[at].foregone).limited or of.slowed]
    rows = slowed[:STRIPS]
    with mpl.rc_context(STYLE):
        strips = 0.6 + 0.19 * max(len(rows), 1)
        figure = Figure(figsize=(12, 5.4 + strips), layout="constrained")
        download, upload, below = figure.subplots(3, 1, sharex=True, height_ratios=(2.2, 1.6, strips))
        _title(figure, found)
        for axes, direction in ((download, Direction.DOWNLOAD), (upload, Direction.UPLOAD)):
            _rates(axes, found, direction)
        download.legend(loc="upper right", ncols=3, frameon=False, bbox_to_anchor=(1, 1.16), borderaxespad=0)
        _strips(below, found, rows, len(slowed))
        _time_axis(below, found)
        metadata = {"Date": None} if file.suffix == ".svg" else {}
        figure.savefig(file, dpi=150, metadata=metadata)


def _bins(found: Replayed) -> int:
    return -(-_cells(found) // CELLS_A_BIN)


def _cells(found: Replayed) -> int:
    return found.cases[0].foregone.cells


def _title(figure: Figure, found: Replayed) -> None:
    slowed = len({case.agency.id for case in found.cases if case.foregone.slowed})
    agencies = len({case.agency.id for case in found.cases})
    figure.suptitle(
        f"{found.period.label}, replayed: {slowed} of {agencies} agencies would have been slowed",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
    )


def _rates(axes: Axes, found: Replayed, direction: Direction) -> None:
    """Of all agencies together: hourly means, or in a short period every cell; nothing where nobody was measured."""
    cells = 1 if _bins(found) <= SHORT_BINS else CELLS_A_BIN
    rates = found.supplied[None, direction].rates_bps(cells)
    carried, left = ([math.nan if one is None else one[at] / 1e6 for one in rates] for at in (0, 1))
    start = found.period.start_ns
    times = [_days(start + at * cells * GRID_NS) for at in range(len(rates))]
    axes.fill_between(times, left, color=CARRIED, alpha=0.2, linewidth=0, step="post")
    axes.fill_between(times, left, carried, color=WOULD_BE, linewidth=0, step="post", label="would have been cut off")
    axes.step(times, carried, color=CARRIED, linewidth=0.9, where="post", label="carried")
    bought = _purchased(found, direction)
    if bought is not None:
        axes.axhline(bought / 1e6, color="black", linewidth=1, linestyle=(0, (5, 3)), label="purchased")
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"{direction.value}, Mb/s")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:g}")


def _purchased(found: Replayed, direction: Direction) -> int | None:
    """Of all pools together; None where there are none, or only some agencies are shown."""
    every = [
        of.purchased_bps
        for (pool, way), of in found.supplied.items()
        if pool is not None and way is direction and of.purchased_bps is not None
    ]
    return sum(every) if every else None


def _days(at_ns: int) -> float:
    """As matplotlib counts time: days since 1970, UTC."""
    return at_ns / (86_400 * NANOSECONDS)


def _strips(axes: Axes, found: Replayed, rows: Sequence[int], of: int) -> None:
    """When each agency would have been limited and slowed, hour by hour."""
    cases = [found.cases[number] for number in rows]
    axes.set_title(
        f"Limited and slowed, hour by hour, the most affected first ({len(rows)} of {of})"
        if rows
        else "No agency would have been limited",
        loc="left",
        fontsize=10,
    )
    axes.tick_params(axis="y", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    if not cases:
        axes.set_yticks([])
        return
    start = _days(found.period.start_ns)
    colours = ListedColormap(STRIP_COLOURS)
    axes.imshow(
        [_levels(case.foregone) for case in cases],
        aspect="auto",
        interpolation="nearest",
        cmap=colours,
        norm=BoundaryNorm([at - 0.5 for at in range(len(STRIP_COLOURS) + 1)], colours.N),
        extent=(start, start + _bins(found) / 24, len(cases) - 0.5, -0.5),
    )
    axes.set_yticks(range(len(cases)), [f"{case.agency.id}  {case.direction.value}" for case in cases], fontsize=8)
    for line in range(1, len(cases)):
        axes.axhline(line - 0.5, color="white", linewidth=1.5)
    axes.legend(
        handles=[
            Patch(facecolor=colour, label=text) for colour, text in zip(STRIP_COLOURS[1:], STRIP_TEXTS, strict=True)
        ],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(STRIP_TEXTS),
        frameon=False,
        borderaxespad=0.2,
        fontsize=8,
    )


def _levels(of: Foregone) -> list[int]:
    """Of STRIP_COLOURS, by hour."""
    return [
        1 + -(-3 * slowed // CELLS_A_BIN) if slowed else int(limited > 0)
        for limited, slowed in zip(of.limited_bins, of.slowed_bins, strict=True)
    ]


def _time_axis(axes: Axes, found: Replayed) -> None:
    zone = ZoneInfo(found.zone)
    form = "%d %b" if _bins(found) > SHORT_BINS else "%d %b %H:%M"
    axes.xaxis.set_major_locator(
        dates.AutoDateLocator(tz=zone, minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    )
    axes.xaxis.set_major_formatter(dates.DateFormatter(form, tz=zone))  # type: ignore[no-untyped-call]
    axes.set_xlim(_days(found.period.start_ns), _days(found.period.end_ns))
    axes.set_xlabel(f"time in {found.zone}")

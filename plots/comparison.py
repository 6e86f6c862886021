"""Engine by policy: failed requests with their reasons, and peak use of each region.

    python3 plots/comparison.py out/results.json -o comparison.png
"""

from __future__ import annotations

import sys
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

import style
import units
from command import figure_main
from results import REASONS, Configuration, Results
from words import REASON_SHORT, outcome, spread

ROW_INCHES = 0.27
ROWS_MAX = 36  # what fits on a printed page


def _failures(axes: Any, configurations: list[Configuration], longest: float) -> None:
    rows = range(len(configurations))
    left = [0.0] * len(configurations)
    for reason in REASONS:
        widths = [configuration.failed_for(reason) for configuration in configurations]
        axes.barh(
            rows,
            widths,
            left=left,
            height=0.62,
            color=style.REASON_COLOURS[reason],
            hatch=style.REASON_HATCHES[reason],
            edgecolor="white",
            linewidth=0.4,
        )
        left = [start + width for start, width in zip(left, widths)]
    for row, configuration in enumerate(configurations):
        text = f"{spread(configuration.failed(), units.count)}, {outcome(configuration)}"
        axes.text(left[row] + longest * 0.02, row, text, va="center", fontsize=7.5)
    axes.set_xlim(0, longest * 1.75)
    ticks = MaxNLocator(4, integer=True).tick_values(0, longest)
    axes.set_xticks([tick for tick in ticks if 0 <= tick <= longest])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.count(value)))
    axes.set_yticks(rows, [units.shorten(item.label, 34) for item in configurations])
    axes.set_ylim(len(configurations) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.set_title("Failed requests")
    axes.set_xlabel("requests")


def _peaks(axes: Any, results: Results, configurations: list[Configuration]) -> None:
    names = [region.name for region in results.document.scenario.regions]
    table = []
    for configuration in configurations:
        found = {summary.name: summary.peak_used_share for summary in configuration.regions()}
        table.append([found.get(name, 0.0) for name in names])
    colours = matplotlib.colormaps["cividis"]
    axes.imshow(table, aspect="auto", cmap=colours, vmin=0, vmax=1)
    for row, values in enumerate(table):
        for column, value in enumerate(values):
            ink = style.ink_on(colours(min(value, 1.0)))
            text = f"{value * 100:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7.5)
    crowded = len(names) * max(map(len, names), default=0) > 38
    axes.set_xticks(
        range(len(names)),
        [units.shorten(name, 18) for name in names],
        rotation=90 if crowded else 0,
    )
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel("peak use of each region (% of its size)")


def draw(results: Results, configurations: list[Configuration]) -> Figure:
    longest = max([1.0, *(sum(map(item.failed_for, REASONS)) for item in results.configurations)])
    regions = len(results.document.scenario.regions)
    made = style.figure(ROW_INCHES * len(configurations) + 1.35)
    grid = made.add_gridspec(
        2,
        2,
        height_ratios=[0.25, ROW_INCHES * len(configurations) + 0.6],
        width_ratios=[1, min(1.0, 0.25 + 0.1 * regions)],
    )
    key = made.add_subplot(grid[0, :])
    key.set_axis_off()
    handles = [
        Patch(
            facecolor=style.REASON_COLOURS[reason],
            hatch=style.REASON_HATCHES[reason],
            edgecolor="white",
            label=REASON_SHORT[reason],
        )
        for reason in REASONS
    ]
    style.key_above(key, handles)
    _failures(made.add_subplot(grid[1, 0]), configurations, longest)
    _peaks(made.add_subplot(grid[1, 1]), results, configurations)
    return made


def _picture(results: Results, name: str, configurations: list[Configuration]) -> style.Picture:
    rows = [
        f"{item.label}: {units.count(item.failed().median)} failed, {outcome(item)}"
        for item in configurations
    ]
    alt = "Failed requests and peak use by engine and policy. " + "; ".join(rows) + "."
    title = "Engines and policies compared"
    return style.Picture(name, title, alt, lambda: draw(results, configurations))


def pictures(results: Results) -> list[style.Picture]:
    found = results.configurations
    parts = [found[start : start + ROWS_MAX] for start in range(0, len(found), ROWS_MAX)]
    if len(parts) == 1:
        return [_picture(results, "comparison", found)]
    return [_picture(results, f"comparison_{number}", part) for number, part in enumerate(parts, 1)]


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

"""Occupancy over time: bytes asked for, bytes used, and the largest free block, per region.

    python3 plots/occupancy.py out/results.json -o occupancy.png

A picture for each run that carries samples.
"""

from __future__ import annotations

import sys
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import style
import units
from command import figure_main
from results import Results, failure_times
from schema import RegionSamples, Run

USED_TINT = "#a9d6f2"


def _panel(
    axes: Any, results: Results, run: Run, series: RegionSamples, times: list[float], factor: float
) -> None:
    memory = results.memory(series.name)
    axes.fill_between(
        times, style.hold(series.used_bytes), step="post", color=USED_TINT, linewidth=0
    )
    axes.fill_between(
        times, style.hold(series.live_bytes), step="post", color=style.BLUE, linewidth=0
    )
    axes.step(
        times,
        style.hold(series.largest_free_bytes),
        where="post",
        color=style.VERMILLION,
        linestyle=(0, (4, 1.5)),
        linewidth=1.0,
    )
    axes.axhline(memory.size_bytes, color=style.INK, linestyle=":", linewidth=1)
    axes.set_ylim(0, memory.size_bytes * 1.04)
    style.byte_axis(axes.yaxis, memory.size_bytes, 4)
    axes.set_title(f"{units.shorten(series.name, 32)}: {units.size(memory.size_bytes)}")
    style.failure_marks(axes, [time / factor for time in failure_times(results, run, series.name)])


def draw(results: Results, run: Run) -> Figure:
    samples = run.samples
    if samples is None or not samples.time_ns or not samples.regions:
        return style.empty("This run carries no samples.")
    row_inches = 1.15 if len(samples.regions) <= 4 else 1.05
    made, key, axes = style.panels(len(samples.regions), row_inches, key_inches=0.5)
    factor = style.time_axis(axes[-1][0], run.simulated_ns)
    times = style.sample_times(samples.time_ns, run.simulated_ns, factor)
    for row, series in enumerate(samples.regions):
        _panel(axes[row][0], results, run, series, times, factor)
    handles: list[Any] = [
        Patch(facecolor=style.BLUE, label="asked for (live)"),
        Patch(facecolor=USED_TINT, label="used beyond that (rounding, headers)"),
        Line2D([], [], color=style.VERMILLION, linestyle=(0, (4, 1.5)), label="largest free block"),
        Line2D([], [], color=style.INK, linestyle=":", label="size of the region"),
    ]
    if run.failures.first:
        handles.append(style.failure_key())
    style.key_above(key, handles, 3)
    return made


def pictures(results: Results) -> list[style.Picture]:
    made = []
    for number, run in enumerate(results.detailed(lambda run: run.samples)):
        title = f"Occupancy: {results.run_label(run)}"
        peaks = [
            f"{use.name} peaks at {units.size(use.peak_used_bytes)} of"
            f" {units.size(use.memory_bytes)}"
            for use in run.regions
        ]
        alt = f"{title}. Bytes used over simulated time: {'; '.join(peaks)}."
        picture = style.Picture(
            f"occupancy_{number + 1}", title, alt, lambda run=run: draw(results, run)  # type: ignore
        )
        made.append(picture)
    if not made:
        words = "No run carries samples."
        made.append(style.Picture("occupancy_1", "Occupancy", words, lambda: style.empty(words)))
    return made


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

"""The heap map: address upwards, time to the right, colour for how much is in use.

    python3 plots/heap_map.py out/results.json -o heap_map.png

A panel for each region of one run, a picture for each run that carries a map.
"""

from __future__ import annotations

import sys
from typing import Any

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import style
import units
from command import figure_main
from results import Results, failure_times
from schema import HeapMap, Run


def _times(run: Run, chart: HeapMap) -> list[int]:
    if chart.time_ns is not None:
        return chart.time_ns
    assert run.samples is not None  # checked when the file was loaded
    return run.samples.time_ns


def _panel(axes: Any, results: Results, run: Run, chart: HeapMap, factor: float) -> None:
    memory = results.memory(chart.name)
    times = _times(run, chart)
    axes.set_title(
        f"{units.shorten(chart.name, 32)}: {units.size(memory.size_bytes)} at {memory.base}, "
        f"{units.shorten(memory.attr_name, 32)}"
    )
    axes.set_ylabel("offset")
    axes.set_ylim(0, memory.size_bytes)
    axes.grid(False)
    style.byte_axis(axes.yaxis, memory.size_bytes, 4)
    if not times or not chart.bins:
        axes.text(0.5, 0.5, "no samples", ha="center", va="center", transform=axes.transAxes)
        return
    # Each column holds from its sample to the next one, the last to the end of the run.
    edges = style.sample_times(times, max(run.simulated_ns, times[-1] + 1), factor)
    bounds = [min(bin * chart.bin_bytes, memory.size_bytes) for bin in range(chart.bins + 1)]
    shares = [[column[bin] / 255 for column in chart.columns] for bin in range(chart.bins)]
    axes.pcolormesh(edges, bounds, shares, cmap="cividis", vmin=0, vmax=1, rasterized=True)
    style.failure_marks(axes, [time / factor for time in failure_times(results, run, chart.name)])


def draw(results: Results, run: Run) -> Figure:
    charts = run.heap_map or []
    if not charts:
        return style.empty("This run carries no heap map.")
    row_inches = 1.25 if len(charts) <= 4 else 1.1
    made, key, axes = style.panels(len(charts), row_inches, key_inches=0.5)
    factor = style.time_axis(axes[-1][0], run.simulated_ns)
    for row, chart in enumerate(charts):
        _panel(axes[row][0], results, run, chart, factor)
    bar = key.inset_axes((0.0, 0.4, 0.2, 0.25))
    made.colorbar(ScalarMappable(Normalize(0, 100), "cividis"), cax=bar, orientation="horizontal")
    bar.set_title("share in use (%)", fontsize=8, pad=3)
    bar.tick_params(labelsize=7, length=2)
    bar.set_in_layout(False)
    if run.failures.first:
        key.legend(handles=[style.failure_key()], loc="center left", bbox_to_anchor=(0.26, 0.5))
    return made


def pictures(results: Results) -> list[style.Picture]:
    made = []
    for number, run in enumerate(results.detailed(lambda run: run.heap_map)):
        title = f"Heap map: {results.run_label(run)}"
        names = units.listed([chart.name for chart in run.heap_map or []])
        alt = f"{title}. Which addresses of {names} were in use, over simulated time."
        picture = style.Picture(
            f"heap_map_{number + 1}", title, alt, lambda run=run: draw(results, run)  # type: ignore
        )
        made.append(picture)
    if not made:
        words = "No run carries a heap map."
        made.append(style.Picture("heap_map_1", "Heap map", words, lambda: style.empty(words)))
    return made


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

"""Fragmentation over time: the runs with samples side by side, a row for each region.

    python3 plots/fragmentation.py out/results.json -o fragmentation.png

Left: how much of the free memory is outside the largest free block. Right: what the heap holds
beyond what was asked for, as a share of it; moments with less than a tenth of the region's peak
of live bytes are left out, since a ratio to almost nothing says nothing.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Optional

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

import style
import units
from command import figure_main
from results import Results, external_fragmentation, overhead
from schema import RegionSamples, Run


def _percents(shares: list[Optional[float]]) -> list[float]:
    return [math.nan if share is None else share * 100 for share in shares]


def _scattered(series: RegionSamples) -> list[float]:
    pairs = zip(series.largest_free_bytes, series.free_bytes)
    return _percents([external_fragmentation(largest, free) for largest, free in pairs])


def _beyond(series: RegionSamples) -> list[float]:
    floor = max(series.live_bytes, default=0) / 10
    pairs = zip(series.used_bytes, series.live_bytes)
    return _percents([overhead(used, live) if live >= floor else None for used, live in pairs])


def _draw_run(row: list[Any], run: Run, series: RegionSamples, factor: float, look: Any) -> None:
    assert run.samples is not None
    times = style.sample_times(run.samples.time_ns, run.simulated_ns, factor)
    row[0].step(times, style.hold(_scattered(series)), where="post", **look)
    row[1].step(times, style.hold(_beyond(series)), where="post", **look)


def draw(results: Results) -> Figure:
    runs = results.detailed(lambda run: run.samples)
    if not runs:
        return style.empty("No run carries samples.")
    regions = results.document.scenario.regions
    made, key, axes = style.panels(
        len(regions), 1.2 if len(regions) <= 4 else 1.05, 2, 0.22 * ((len(runs) + 1) // 2) + 0.1
    )
    longest = max(run.simulated_ns for run in runs)
    factor = [style.time_axis(panel, longest) for panel in axes[-1]][0]
    handles = []
    for index, run in enumerate(runs):
        look = {**style.line_style(index), "linewidth": 1.0}
        label = units.shorten(results.run_label(run), 50)
        handles.append(Line2D([], [], label=label, **look))
        for series in run.samples.regions if run.samples else []:
            names = [region.name for region in regions]
            _draw_run(axes[names.index(series.name)], run, series, factor, look)
    for region, (left, right) in zip(regions, axes):
        name = units.shorten(region.name, 24)
        left.set_title(f"{name}: free, not in the largest block")
        right.set_title(f"{name}: used beyond what was asked")
        left.set_ylim(0, 100)
        right.set_ylim(0, max(1.0, right.get_ylim()[1]))
        right.yaxis.set_major_locator(MaxNLocator(4))
        style.percent_axis(left.yaxis)
        style.percent_axis(right.yaxis)
    style.key_above(key, handles, 2)
    return made


def pictures(results: Results) -> list[style.Picture]:
    runs = [results.run_label(run) for run in results.detailed(lambda run: run.samples)]
    title = "Fragmentation over time"
    alt = f"{title}, per region, of {units.listed(runs) or 'no run'}."
    return [style.Picture("fragmentation", title, alt, lambda: draw(results))]


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

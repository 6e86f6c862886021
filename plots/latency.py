"""Latency: for each kind of operation, the time that a share of the calls stays below.

    python3 plots/latency.py out/results.json -o latency.png

A line for each engine, over all its runs that were timed. Both axes are logarithmic: the
horizontal one in the share of slower calls, so that the slow tail has room.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

import style
import units
from command import figure_main
from results import Results, unique

KINDS = ("alloc", "free", "realloc", "calloc")
Curve = tuple[list[float], list[float]]


def merge(results: Results, engine: str, kind: str) -> tuple[Counter[int], int]:
    """All of an engine's calls of a kind: counts by upper bound, and the slowest."""
    counts: Counter[int] = Counter()
    slowest = 0
    for run in results.document.runs:
        if run.engine != engine or run.latency is None:
            continue
        operation = run.latency.operations.get(kind)
        if operation is not None:
            slowest = max(slowest, operation.max)
            for bound, number in operation.buckets:
                counts[bound] += number
    return counts, slowest


def curve(counts: Counter[int], slowest: int) -> Curve:
    """x = -log10(share of slower calls), y = latency bound; a step for each bucket."""
    total = sum(counts.values())
    across: list[float] = []
    up: list[float] = []
    seen = 0
    start = 0.0
    for bound in sorted(counts):
        if not counts[bound]:
            continue
        seen += counts[bound]
        end = -math.log10((total - seen) / total) if seen < total else math.log10(total) + 0.3
        height = max(1, min(bound, slowest) if slowest else bound)
        across += [start, end]
        up += [height, height]
        start = end
    return across, up


def percentile(counts: Counter[int], slowest: int, share: float) -> int:
    """The bound that `share` of the calls stays within."""
    wanted = math.ceil(share * sum(counts.values()))
    seen = 0
    for bound in sorted(counts):
        seen += counts[bound]
        if seen >= wanted:
            return min(bound, slowest) if slowest else bound
    return slowest


def _share_label(value: float, _: Any) -> str:
    kept = 100 * (1 - 10**-value)
    return "50" if value < 0.5 else f"{kept:.{max(0, round(value) - 2)}f}"


def share_ticks(widest: float) -> list[float]:
    """50 %, then each further nine; every third one where they would crowd."""
    nines = range(1, int(widest) + 1, 1 if widest < 7.5 else 3)
    return [math.log10(2)] + [float(number) for number in nines]


def kinds_timed(results: Results) -> list[str]:
    timed = unique(
        kind
        for run in results.document.runs
        if run.latency
        for kind, operation in run.latency.operations.items()
        if operation.count
    )
    return [kind for kind in KINDS if kind in timed] + [kind for kind in timed if kind not in KINDS]


def unit(results: Results) -> str:
    return next((run.latency.unit for run in results.document.runs if run.latency), "ns")


def draw(results: Results) -> Figure:
    kinds = kinds_timed(results)
    if not kinds:
        return style.empty("Latency was not measured in this file.")
    engines = [
        engine
        for engine in results.engines
        if any(run.latency for run in results.document.runs if run.engine == engine)
    ]
    columns = 2 if len(kinds) > 1 else 1
    rows = (len(kinds) + columns - 1) // columns
    key_inches = 0.22 * ((len(engines) + 3) // 4) + 0.1
    made, key, grid = style.panels(rows, 2.3, columns, key_inches)
    cells = [panel for row in grid for panel in row]
    unit_name = unit(results)
    widest = 1.0
    for kind, panel in zip(kinds, cells):
        for index, engine in enumerate(engines):
            counts, slowest = merge(results, engine, kind)
            if counts:
                across, up = curve(counts, slowest)
                widest = max(widest, across[-1])
                panel.plot(across, up, **style.line_style(index))
        panel.set_title(kind)
        panel.set_yscale("log")
        panel.yaxis.set_minor_locator(NullLocator())
        if unit_name == "ns":
            panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: units.duration(value)))
            panel.set_ylabel("latency (host time)")
        else:
            panel.set_ylabel(f"latency ({unit_name})")
        panel.set_xlabel("share of calls that are at most this slow (%)")
        panel.tick_params(labelbottom=True)
    for panel in cells[len(kinds) :]:
        panel.set_axis_off()
    for panel in cells[: len(kinds)]:
        panel.set_xlim(0, widest)
        panel.xaxis.set_major_locator(FixedLocator(share_ticks(widest)))
        panel.xaxis.set_major_formatter(FuncFormatter(_share_label))
    handles = [
        Line2D([], [], label=units.shorten(engine, 30), **style.line_style(index))
        for index, engine in enumerate(engines)
    ]
    style.key_above(key, handles, 4)
    return made


def pictures(results: Results) -> list[style.Picture]:
    title = "Latency distribution"
    kinds = units.listed(kinds_timed(results))
    alt = (
        f"{title} of {kinds} by engine, host time, logarithmic."
        if kinds
        else "Latency was not measured in this file."
    )
    return [style.Picture("latency", title, alt, lambda: draw(results))]


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

"""Figures of the benches, one or two for each.

    python3 plots/bench.py out/bench -o out/bench

Reads NAME.json of every bench where it is there, and writes a PNG and an SVG of the same name for
each (of instructions.json also percentiles.png). Exit codes as smh's: 0 done, 2 bad usage or bad
input, with one line on standard error.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any, Callable, Optional, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

import bench_more
import style
import units
from bench_more import ROW_INCHES, Rows, engine_panel, key, line_look, look, plain_log, unique
from command import fail
from files import write_whole


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _short(value: float) -> str:
    """10 000 000 as "10 M"."""
    for least, name in ((1e6, " M"), (1e3, " k")):
        if value >= least:
            return f"{value / least:g}{name}"
    return f"{value:g}"


def _dots(rows: Rows, who: str, what: str, value: str, label: str) -> Figure:
    """A row per trace and one for the geometric mean, a mark per engine."""
    names = unique(rows, who)
    traces = unique(rows, what)
    found = {(row[who], row[what]): row[value] for row in rows if value in row}
    made = style.figure(ROW_INCHES * (len(traces) + 1) + 1.2)
    grid = made.add_gridspec(2, 1, height_ratios=[0.5, ROW_INCHES * (len(traces) + 1) + 0.6])
    key(made, grid[0], names, False)
    axes = made.add_subplot(grid[1])
    for index, name in enumerate(names):
        places = [place for place, trace in enumerate(traces) if (name, trace) in found]
        values = [found[name, traces[place]] for place in places]
        if values and len(values) == len(traces):
            places, values = [*places, len(traces)], [*values, _geometric_mean(values)]
        axes.plot(values, places, linestyle="none", zorder=3 - index / 100, **look(index))
    axes.axhline(len(traces) - 0.5, color=style.MUTED, linewidth=0.7)
    axes.set_xscale("log")
    limit = max(found.values(), default=1) * 1.02
    lowest = min(found.values(), default=1)
    near, far = (0.25, 0.5, 0.75, 1, 1.1, 1.25, 1.5, 2, 3), (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32)
    axes.set_xlim(lowest * 0.97, limit)
    ticks = near if limit / lowest < 4 else far
    plain_log(axes.xaxis)
    axes.set_xticks([tick for tick in ticks if lowest * 0.97 <= tick <= limit])
    axes.set_yticks(range(len(traces) + 1), [*traces, "geometric mean"])
    axes.set_ylim(len(traces) + 0.5, -0.5)
    axes.set_xlabel(label)
    return made


def footprint(document: dict[str, Any]) -> Figure:
    rows = document["results"]
    return _dots(rows, "engine", "trace", "ratio", "smallest arena / peak live bytes")


def speed(document: dict[str, Any]) -> Figure:
    label = f"time of a replay, relative to {document['reference']} (median of ratios)"
    return _dots(document["results"], "contestant", "case", "ratio", label)


def instructions(document: dict[str, Any]) -> Figure:
    """Mean, 99th percentile and maximum over all workloads, a panel per call."""
    rows: Rows = document["results"]
    engines = unique(rows, "engine")
    calls = ["alloc", "free", "aligned_alloc", "realloc"]
    made = style.figure(ROW_INCHES * len(engines) * 2 + 1.6)
    grid = made.add_gridspec(2, 2)
    for place, call in enumerate(calls):
        axes = made.add_subplot(grid[place // 2, place % 2])
        for row, engine in enumerate(engines):
            mine = [item for item in rows if item["engine"] == engine and item["call"] == call]
            if not mine:
                continue
            count = sum(item["calls"] for item in mine)
            mean = sum(item["mean"] * item["calls"] for item in mine) / count
            most = max(item["max"] for item in mine)
            axes.plot([mean, most], [row, row], color=style.FAINT, linewidth=2, zorder=1)
            axes.plot([mean], [row], "o", color=style.BLUE, markersize=4.5)
            axes.plot([max(item["p99"] for item in mine)], [row], "|", color=style.BLACK)
            axes.plot([most], [row], "D", color=style.VERMILLION, markersize=4)
        label = "instructions: mean (dot), worst p99 (bar), maximum (diamond)"
        engine_panel(axes, engines, call, place, label)
    return made


def scaling(document: dict[str, Any]) -> Figure:
    """Two panels: live blocks, heap size; a line per contestant."""
    rows: Rows = document["results"]
    names = unique(rows, "contestant")
    made = style.figure(3.6)
    grid = made.add_gridspec(2, 2, height_ratios=[0.18, 1])
    key(made, grid[0, :], names, True)
    for place, (axis, label) in enumerate((("live", "live blocks"), ("heap", "heap size"))):
        axes = made.add_subplot(grid[1, place])
        for index, name in enumerate(names):
            points = sorted(
                (float(row["case"].split("_")[1].rstrip("K")), row["ns_median"])
                for row in rows
                if row["contestant"] == name and row["case"].startswith(axis)
            )
            if points:
                axes.plot(*zip(*points), **line_look(index))
        axes.set_xscale("log", base=10 if axis == "live" else 2)
        axes.set_yscale("log")
        plain_log(axes.yaxis)
        if axis == "live":
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.size(value * 1024)))
        axes.set_xlabel(label)
        if place == 0:
            axes.set_ylabel("ns per operation")
    return made


# Figure: the bench whose results it draws.
FIGURES: dict[str, tuple[str, Callable[[dict[str, Any]], Figure]]] = {
    "footprint": ("footprint", footprint),
    "timeline": ("timeline", bench_more.timeline),
    "speed": ("speed", speed),
    "instructions": ("instructions", instructions),
    "percentiles": ("instructions", bench_more.percentiles),
    "worst": ("worst", bench_more.worst),
    "scaling": ("scaling", scaling),
    "aligned": ("aligned", bench_more.aligned),
    "growth": ("growth", bench_more.growth),
    "full": ("full", bench_more.full),
    "regions": ("regions", bench_more.regions),
    "threads": ("threads", bench_more.threads),
    "replay": ("replay", bench_more.replay),
}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the JSON files are")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    drawn = 0
    for name, (bench, draw) in FIGURES.items():
        path = options.folder / f"{bench}.json"
        if not path.is_file():
            continue
        try:
            document = json.loads(path.read_text())
            if document["schema"] != 1 or document["bench"] != bench or not document["results"]:
                return fail(f"{path}: no results of this bench in schema 1")
            made = draw(document)
            options.output.mkdir(parents=True, exist_ok=True)
            for kind in ("png", "svg"):
                write_whole(options.output / f"{name}.{kind}", style.render(made, kind))
        except (ValueError, KeyError, TypeError) as error:
            return fail(f"{path}: not as the bench writes it ({error!r})")
        except OSError as error:
            return fail(f"{path}: {error.strerror}")
        drawn += 1
    if drawn == 0:
        return fail(f"{options.folder}: no results of a bench")
    return 0


if __name__ == "__main__":
    sys.exit(main())

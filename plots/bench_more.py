"""Figures of the benches that ask about one thing each: buffers, growth, refusals, regions,
threads, the worst case, the replay, and a heap over time.

Owns: one function per figure; bench.py names them and shares its marks.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

import style
import units

Rows = list[dict[str, Any]]
Document = dict[str, Any]
MARKERS = "osD^vP*Xd<>h"
ROW_INCHES = 0.24
SHARE_MOST = 1.6
PERCENTILES = (0, 25, 50, 75, 90, 95, 99, 99.9, 100)


def unique(rows: Rows, key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))


def look(index: int) -> dict[str, Any]:
    return {
        "color": style.LINE_COLOURS[index % len(style.LINE_COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4.5,
        "markerfacecolor": "none" if index >= len(style.LINE_COLOURS) else None,
    }


def line_look(index: int) -> dict[str, Any]:
    return {**look(index), "linestyle": style.line_style(index)["linestyle"]}


def key(made: Figure, cell: Any, names: Sequence[str], dashed: bool, marked: bool = True) -> None:
    strip = made.add_subplot(cell)
    strip.set_axis_off()
    handles = []
    for index, name in enumerate(names):
        shown = {**look(index), "linestyle": "none"}
        if dashed:
            shown = line_look(index) if marked else style.line_style(index)
        handles.append(Line2D([], [], label=name, **shown))
    style.key_above(strip, handles, columns=min(6, len(handles)))


def plain_log(axis: Any) -> None:
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def engine_panel(axes: Any, engines: Sequence[str], call: str, place: int, label: str) -> None:
    """Finishes one of four panels (0 to 3) of instructions on a log axis, a row per engine."""
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    axes.set_yticks(range(len(engines)), engines if place % 2 == 0 else [])
    axes.set_ylim(len(engines) - 0.5, -0.5)
    axes.set_title(call)
    if place >= 2:
        axes.set_xlabel(label)


def _key_inches(names: Sequence[str]) -> float:
    return 0.22 * ((len(names) + 5) // 6) + 0.1


def _dot_panel(
    axes: Any,
    rows: Rows,
    who: str,
    what: str,
    value: Callable[[dict[str, Any]], float],
    names: Sequence[str],
    log: bool,
) -> None:
    """A row per case, a mark per engine."""
    cases = unique(rows, what)
    for index, name in enumerate(names):
        mine = [row for row in rows if row[who] == name]
        axes.plot(
            [value(row) for row in mine],
            [cases.index(row[what]) for row in mine],
            linestyle="none",
            zorder=3 - index / 100,
            **look(index),
        )
    axes.set_yticks(range(len(cases)), [units.shorten(str(case), 42) for case in cases])
    axes.set_ylim(len(cases) - 0.5, -0.5)
    if log:
        axes.set_xscale("log")
        plain_log(axes.xaxis)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))


Panel = tuple[Rows, str, str, Callable[[dict[str, Any]], float], str, bool]


def _dot_figure(panels: Sequence[Panel]) -> Figure:
    """Panels above each other: rows, who, what, value, label, logarithmic."""
    panels = [panel for panel in panels if panel[0]]
    names = list(dict.fromkeys(row[panel[1]] for panel in panels for row in panel[0]))
    heights = [ROW_INCHES * len(unique(panel[0], panel[2])) + 0.6 for panel in panels]
    made = style.figure(sum(heights) + _key_inches(names))
    grid = made.add_gridspec(len(panels) + 1, 1, height_ratios=[_key_inches(names), *heights])
    key(made, grid[0], names, False)
    for place, (rows, who, what, value, label, log) in enumerate(panels):
        axes = made.add_subplot(grid[place + 1])
        _dot_panel(axes, rows, who, what, value, names, log)
        axes.set_xlabel(label)
    return made


def _timed(document: Document) -> Rows:
    return [row for row in document["results"] if "ratio" in row and "case" in row]


def _ratio_panel(document: Document) -> Panel:
    label = f"time, relative to {document['reference']} (median of ratios)"
    return (_timed(document), "contestant", "case", lambda row: float(row["ratio"]), label, True)


def aligned(document: Document) -> Figure:
    fitted: Rows = []
    for row in document["results"]:
        if "fitted" in row:
            granule = ", granule" if row["granule"] else ""
            case = f"{row['bytes']} at {row['align']}{granule}, tables {row['metadata']}"
            fitted.append({**row, "contestant": row["engine"], "case": case})
    return _dot_figure(
        [
            _ratio_panel(document),
            (
                fitted,
                "contestant",
                "case",
                lambda row: 100 * row["fitted"] / row["ideal"],
                "buffers that fit, % of what a region without metadata holds",
                False,
            ),
        ]
    )


def growth(document: Document) -> Figure:
    moved = [row for row in document["results"] if "moved" in row]
    return _dot_figure(
        [
            _ratio_panel(document),
            (
                moved,
                "contestant",
                "case",
                lambda row: 100 * row["moved"] / row["resizes"],
                "reallocs that moved their block, %",
                False,
            ),
        ]
    )


def full(document: Document) -> Figure:
    counted = [
        {**row, "contestant": row["engine"]} for row in document["results"] if "instructions" in row
    ]
    label = "instructions of a refusal (maximum)"
    return _dot_figure(
        [
            _ratio_panel(document),
            (counted, "contestant", "case", lambda row: float(row["max"]), label, True),
        ]
    )


def regions(document: Document) -> Figure:
    """Instructions over the number of regions: finding the owner, and the calls."""
    rows: Rows = document["results"]
    names = unique(rows, "engine")
    made = style.figure(5.2)
    grid = made.add_gridspec(3, 2, height_ratios=[_key_inches(names), 2.3, 2.3])
    key(made, grid[0, :], names, True)
    wanted = (
        ("owner_mean", "region_of, mean over all regions"),
        ("free_first", "free of a block of the first region"),
        ("alloc_first", "alloc that the first candidate serves"),
        ("alloc_last", "alloc that only the last region matches"),
    )
    for place, (value, label) in enumerate(wanted):
        axes = made.add_subplot(grid[1 + place // 2, place % 2])
        for index, name in enumerate(names):
            mine = [row for row in rows if row["engine"] == name]
            axes.plot(
                [row["regions"] for row in mine], [row[value] for row in mine], **line_look(index)
            )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        if value == "alloc_last":
            axes.set_yscale("log")
            plain_log(axes.yaxis)
        else:
            axes.set_ylim(0, None)
        axes.set_title(label)
        if place >= 2:
            axes.set_xlabel("regions in the pool")
        if place % 2 == 0:
            axes.set_ylabel("instructions")
    return made


def threads(document: Document) -> Figure:
    names = {
        ("shared", 1): "1 thread",
        ("shared", 2): "2, one region",
        ("own", 2): "2, a region each",
    }
    rows = [{**row, "case": names[row["way"], row["threads"]]} for row in document["results"]]
    wall = "wall time of an operation, relative to one thread (median of ratios)"
    own = "processor time of an operation, relative to one thread"
    return _dot_figure(
        [
            (rows, "contestant", "case", lambda row: float(row["ratio"]), wall, True),
            (rows, "contestant", "case", lambda row: float(row["cpu_ratio"]), own, True),
        ]
    )


def replay(document: Document) -> Figure:
    rows = [row for row in document["results"] if row["way"] != "generated"]
    label = "million operations a second"
    return _dot_figure(
        [(rows, "way", "trace", lambda row: row["operations_a_second"] / 1e6, label, True)]
    )


def worst(document: Document) -> Figure:
    """What was found in the heap where it was most, and the bound beside it."""
    rows: Rows = document["results"]
    most: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        place = (row["engine"], row["call"])
        if place not in most or row["found"] > most[place]["found"]:
            most[place] = row
    engines = unique(rows, "engine")
    calls = unique(rows, "call")
    made = style.figure(ROW_INCHES * len(engines) * 2 + 1.9)
    rows_inches = ROW_INCHES * len(engines) + 0.6
    grid = made.add_gridspec(3, 2, height_ratios=[0.3, rows_inches, rows_inches])
    strip = made.add_subplot(grid[0, :])
    strip.set_axis_off()
    style.key_above(
        strip,
        [
            Line2D(
                [],
                [],
                label="worst found",
                linestyle="none",
                marker="D",
                color=style.VERMILLION,
                markersize=4,
            ),
            Line2D(
                [],
                [],
                label="stated bound (none: unbounded)",
                linestyle="none",
                marker="|",
                color=style.BLACK,
                markersize=9,
                markeredgewidth=1.5,
            ),
        ],
    )
    for place, call in enumerate(calls):
        axes = made.add_subplot(grid[1 + place // 2, place % 2])
        for line, engine in enumerate(engines):
            row = most.get((engine, call))
            if row is None:
                continue
            axes.plot([row["found"]], [line], "D", color=style.VERMILLION, markersize=4)
            if row["bound"] is not None:
                axes.plot(
                    [row["bound"]],
                    [line],
                    "|",
                    color=style.BLACK,
                    markersize=9,
                    markeredgewidth=1.5,
                )
        engine_panel(axes, engines, call, place, "instructions")
    return made


def _quantiles(rows: Rows) -> Optional[list[float]]:
    """PERCENTILES of the histograms of all rows together."""
    counts: dict[int, int] = {}
    for row in rows:
        for value, calls in row.get("histogram", []):
            counts[value] = counts.get(value, 0) + calls
    total = sum(counts.values())
    if total == 0:
        return None
    found: list[float] = []
    for percentile in PERCENTILES:
        passed = 0
        for value in sorted(counts):
            passed += counts[value]
            if passed * 100 >= percentile * total:
                found.append(value)
                break
    return found


def percentiles(document: Document) -> Figure:
    """Latency in instructions over percentiles: all workloads together, a panel per call."""
    rows: Rows = document["results"]
    engines = unique(rows, "engine")
    made = style.figure(5.4)
    grid = made.add_gridspec(3, 2, height_ratios=[_key_inches(engines), 2.4, 2.4])
    key(made, grid[0, :], engines, True)
    for place, call in enumerate(("alloc", "free", "aligned_alloc", "realloc")):
        axes = made.add_subplot(grid[1 + place // 2, place % 2])
        for index, engine in enumerate(engines):
            mine = [row for row in rows if row["engine"] == engine and row["call"] == call]
            values = _quantiles(mine)
            if values is not None:
                axes.plot(range(len(PERCENTILES)), values, **line_look(index))
        axes.set_yscale("log")
        plain_log(axes.yaxis)
        axes.set_xticks(range(len(PERCENTILES)), [f"{value:g}" for value in PERCENTILES])
        axes.set_title(call)
        if place >= 2:
            axes.set_xlabel("percentile of calls")
        if place % 2 == 0:
            axes.set_ylabel("instructions")
    return made


def timeline(document: Document) -> Figure:
    """A row per trace: what is reserved beyond what was asked for, and what is free but scattered.
    What exceeds SHARE_MOST of the peak leaves the panel: such an engine needs a larger arena."""
    rows: Rows = document["results"]
    names = unique(rows, "engine")
    traces = unique(rows, "trace")
    heights = [_key_inches(names), *[1.05] * len(traces)]
    made = style.figure(sum(heights) + 0.35)
    grid = made.add_gridspec(len(traces) + 1, 2, height_ratios=heights)
    key(made, grid[0, :], names, True, marked=False)
    for line, trace in enumerate(traces):
        left = made.add_subplot(grid[line + 1, 0])
        right = made.add_subplot(grid[line + 1, 1])
        for index, name in enumerate(names):
            for row in rows:
                if row["trace"] != trace or row["engine"] != name:
                    continue
                peak = row["peak_bytes"]
                at = [100 * sample[0] / row["operations"] for sample in row["samples"]]
                shown = {**style.line_style(index), "linewidth": 1.0}
                left.plot(at, [sample[2] / peak for sample in row["samples"]], **shown)
                right.plot(
                    at, [max(0, sample[4] - sample[5]) / peak for sample in row["samples"]], **shown
                )
        asked = next(row for row in rows if row["trace"] == trace)
        left.fill_between(
            [100 * sample[0] / asked["operations"] for sample in asked["samples"]],
            [sample[1] / asked["peak_bytes"] for sample in asked["samples"]],
            color=style.FAINT,
            linewidth=0,
        )
        left.set_title(f"{units.shorten(trace, 28)}: reserved / peak asked for")
        right.set_title("free outside the largest chunk / peak")
        for panel in (left, right):
            panel.set_xlim(0, 100)
            panel.set_ylim(0, min(panel.get_ylim()[1], SHARE_MOST))
            panel.yaxis.set_major_locator(MaxNLocator(4))
            panel.tick_params(labelbottom=line == len(traces) - 1)
            if line == len(traces) - 1:
                panel.set_xlabel("operations of the trace, % (grey: asked for)")
    return made

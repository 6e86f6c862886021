"""The allocator's cost in the target's cycles: for each region, calls by engine.

    python3 plots/cycles.py out/results.json -o cycles.png

Needs results of `smh run --cycles` or `smh compare --cycles`: counted by the simulator, so the same
on every machine. A row is all runs of an engine; the axis is logarithmic.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Optional

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

import latency
import style
import units
from command import figure_main
from results import Results

ROW_INCHES = 0.25
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
NO_REGION = "(served by no region)"


@dataclass
class Cost:
    """One kind of call to one region, over all runs of one engine."""

    region: Optional[str]  # none: requests that no region served
    engine: str
    kind: str
    counts: Counter[int] = field(default_factory=Counter)  # by upper bound of their bucket
    calls: int = 0
    sum: int = 0
    least: int = 0
    most: int = 0

    def within(self, share: float) -> int:
        """The cycles that a share of the calls stays within."""
        return max(self.least, latency.percentile(self.counts, self.most, share))

    @property
    def mean(self) -> float:
        return self.sum / self.calls

    @property
    def place(self) -> str:
        return NO_REGION if self.region is None else self.region


def costs(results: Results) -> list[Cost]:
    """By region, then kind, then engine."""
    found: dict[tuple[Optional[str], str, str], Cost] = {}
    for run in results.document.runs:
        for region in run.cycles.regions if run.cycles else []:
            for kind, calls in region.operations.items():
                if not calls.count:
                    continue
                key = (region.name, run.engine, kind)
                cost = found.setdefault(key, Cost(*key, least=calls.min))
                cost.calls += calls.count
                cost.sum += calls.sum
                cost.least = min(cost.least, calls.min)
                cost.most = max(cost.most, calls.max)
                for bound, number in calls.buckets:
                    cost.counts[bound] += number
    names: list[Optional[str]] = [region.name for region in results.document.scenario.regions]
    kinds = [*latency.KINDS, *sorted({cost.kind for cost in found.values()} - {*latency.KINDS})]
    engines = results.engines
    return sorted(
        found.values(),
        key=lambda cost: (
            (names + [None]).index(cost.region),
            kinds.index(cost.kind),
            engines.index(cost.engine),
        ),
    )


def unit(results: Results) -> str:
    return next((run.cycles.unit for run in results.document.runs if run.cycles), "cycles")


MARKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("50 % of the calls", {"marker": "o", "color": style.BLUE}),
    ("99 %", {"marker": "D", "color": style.ORANGE}),
    ("slowest", {"marker": "v", "color": style.VERMILLION}),
)


def _tick(value: float) -> str:
    if value < 10**6:
        return units.count(value)
    return "10" + str(round(math.log10(value))).translate(RAISED)


def _row(axes: Any, row: int, cost: Cost) -> None:
    least, most = max(1, cost.least), max(1, cost.most)
    axes.plot([least, most], [row, row], color=style.MUTED, linewidth=0.8)
    wide = [max(1, cost.within(0.1)), max(1, cost.within(0.9))]
    axes.plot(wide, [row, row], color=style.SKY, linewidth=6, solid_capstyle="butt", zorder=1.5)
    values = (cost.within(0.5), cost.within(0.99), cost.most)
    for value, (_, look) in zip(values, MARKS):
        axes.plot([max(1, value)], [row], linestyle="none", markersize=5, **look)
    words = " / ".join(units.count(value) for value in values)
    transform = axes.get_yaxis_transform()
    axes.text(1.02, row, words, va="center", fontsize=7.5, transform=transform)


def draw(results: Results, shown: list[Cost]) -> Figure:
    """All of `shown` are of one region."""
    kinds = list(dict.fromkeys(cost.kind for cost in shown))
    by_kind = [[cost for cost in shown if cost.kind == kind] for kind in kinds]
    columns = 2 if len(kinds) > 1 else 1
    rows = (len(kinds) + columns - 1) // columns
    height = ROW_INCHES * max(map(len, by_kind)) + 0.75
    made = style.figure(rows * height + 0.35)
    grid = made.add_gridspec(rows + 1, columns, height_ratios=[0.3] + [height] * rows)
    key = made.add_subplot(grid[0, :])
    key.set_axis_off()
    handles = [Line2D([], [], linestyle="none", label=label, **look) for label, look in MARKS]
    wide = {"color": style.SKY, "linewidth": 6}
    handles.append(Line2D([], [], label="10th to 90th percentile", **wide))
    handles.append(Line2D([], [], color=style.MUTED, linewidth=0.8, label="all"))
    style.key_above(key, handles, 5)
    longest = max(cost.most for cost in shown)
    least = min(cost.least for cost in shown)
    for index, costs_of_kind in enumerate(by_kind):
        axes = made.add_subplot(grid[1 + index // columns, index % columns])
        for row, cost in enumerate(costs_of_kind):
            _row(axes, row, cost)
        axes.set_xscale("log")
        axes.set_xlim(max(1, least) * 0.8, max(2, longest) * 1.3)
        axes.xaxis.set_major_locator(LogLocator(10, numticks=6 if longest < 10**6 else 4))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
        names = [units.shorten(cost.engine, 18) for cost in costs_of_kind]
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        axes.set_title(costs_of_kind[0].kind)
        axes.text(
            1.02,
            1.02,
            "50 % / 99 % / max",
            fontsize=7,
            color=style.MUTED,
            va="bottom",
            transform=axes.transAxes,
        )
        axes.set_xlabel(unit(results))
    return made


def pictures(results: Results) -> list[style.Picture]:
    """None where cycles were not simulated."""
    found = costs(results)
    made = []
    for number, place in enumerate(dict.fromkeys(cost.place for cost in found), 1):
        shown = [cost for cost in found if cost.place == place]

        def render(shown: list[Cost] = shown) -> Figure:
            return draw(results, shown)

        rows = [
            f"{cost.kind} by {cost.engine}: {units.count(cost.within(0.5))}, "
            f"{units.count(cost.within(0.99))}, {units.count(cost.most)}"
            for cost in shown
        ]
        alt = f"Cycles of calls to {place}: half of them, 99 percent, slowest. {'; '.join(rows)}."
        made.append(style.Picture(f"cycles_{number}", f"Calls to {place}", alt, render))
    return made


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

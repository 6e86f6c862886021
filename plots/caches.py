"""Miss rates: for each region and level of cache, the share of accesses that missed, by engine.

    python3 plots/caches.py out/results.json -o miss_rates.png

Needs results of `smh run --cycles` or `smh compare --cycles`. A bar is all runs of an engine.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Patch

import style
import units
from command import figure_main
from results import Results, unique

ROW_INCHES = 0.25
ROWS_MAX = 36


@dataclass
class Use:
    """One level's counters for one region, over all runs of one engine."""

    level: str
    region: str
    engine: str
    loads: int = 0
    load_misses: int = 0
    stores: int = 0
    store_misses: int = 0
    write_backs: int = 0

    @property
    def accesses(self) -> int:
        return self.loads + self.stores

    @property
    def misses(self) -> int:
        return self.load_misses + self.store_misses

    @property
    def label(self) -> str:
        region = units.shorten(self.region, 20)
        return f"{self.level} · {region} · {units.shorten(self.engine, 20)}"


def uses(results: Results) -> list[Use]:
    """What was accessed at all: by level, then region, then engine."""
    found: dict[tuple[str, str, str], Use] = {}
    for run in results.document.runs:
        for level in run.cycles.levels if run.cycles else []:
            for counters in level.regions:
                key = (level.level, counters.name, run.engine)
                use = found.setdefault(key, Use(*key))
                use.loads += counters.loads
                use.load_misses += counters.load_misses
                use.stores += counters.stores
                use.store_misses += counters.store_misses
                use.write_backs += counters.write_backs
    regions = [region.name for region in results.document.scenario.regions]
    engines = results.engines
    levels = unique(level for level, _, _ in found)
    return sorted(
        (use for use in found.values() if use.accesses),
        key=lambda use: (
            levels.index(use.level),
            regions.index(use.region),
            engines.index(use.engine),
        ),
    )


def draw(shown: list[Use]) -> Figure:
    made = style.figure(ROW_INCHES * len(shown) + 1.05)
    grid = made.add_gridspec(2, 1, height_ratios=[0.25, ROW_INCHES * len(shown) + 0.5])
    key = made.add_subplot(grid[0, 0])
    key.set_axis_off()
    looks = (
        ("loads that missed", style.BLUE, ""),
        ("stores that missed", style.ORANGE, "///"),
    )
    style.key_above(
        key,
        [
            Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=label)
            for label, colour, hatch in looks
        ],
    )
    axes = made.add_subplot(grid[1, 0])
    rows = range(len(shown))
    left = [0.0] * len(shown)
    for (_, colour, hatch), misses in zip(
        looks, ([use.load_misses for use in shown], [use.store_misses for use in shown])
    ):
        widths = [100 * number / use.accesses for number, use in zip(misses, shown)]
        bars = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}
        axes.barh(rows, widths, left=left, height=0.62, **bars)
        left = [start + width for start, width in zip(left, widths)]
    longest = max([*left, 0.01])
    for row, use in enumerate(shown):
        rate = units.percent(use.misses / use.accesses)
        text = f"{rate}: {units.count(use.misses)} of {units.count(use.accesses)} accesses"
        axes.text(left[row] + longest * 0.015, row, text, va="center", fontsize=7.5)
    axes.set_xlim(0, longest * 1.6)
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= longest]
    axes.set_xticks(ticks)
    style.percent_axis(axes.xaxis)
    axes.set_yticks(rows, [use.label for use in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.set_xlabel("misses, of all accesses to the region")
    for row in rows[1:]:
        if (shown[row].level, shown[row].region) != (shown[row - 1].level, shown[row - 1].region):
            axes.axhline(row - 0.5, color=style.FAINT, linewidth=0.8)
    return made


def _picture(name: str, shown: list[Use]) -> style.Picture:
    rows = [f"{use.label}: {units.percent(use.misses / use.accesses)}" for use in shown]
    alt = f"Miss rates by level, region and engine. {'; '.join(rows)}."
    return style.Picture(name, "Miss rates", alt, lambda: draw(shown))


def pictures(results: Results) -> list[style.Picture]:
    """None where cycles were not simulated or no access reached a cache."""
    found = uses(results)
    parts = [found[start : start + ROWS_MAX] for start in range(0, len(found), ROWS_MAX)]
    if len(parts) == 1:
        return [_picture("miss_rates", found)]
    return [_picture(f"miss_rates_{number}", part) for number, part in enumerate(parts, 1)]


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

"""The machine's memory map: a box for each region, lowest address at the bottom.

    python3 plots/memory_map.py out/results.json -o memory_map.png

Boxes grow with the logarithm of the size, so that 64 KiB stays readable beside 8 MiB.
"""

from __future__ import annotations

import math
import sys

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import style
import units
from command import figure_main
from results import Results, base_address, unique
from schema import MemoryRegion

TINTS = ("#cfe8f7", "#fde7bf", "#cdeee3", "#f5dbe8", "#f8f3c4", "#dcdcdc", "#f9d5c0")
BOX_LEFT, BOX_WIDTH = 0.13, 0.4
GAP = 0.3


def _height(region: MemoryRegion, smallest: int) -> float:
    return min(1.0, 0.36 + 0.07 * math.log2(max(region.size_bytes, 1) / max(smallest, 1)))


def _facts(region: MemoryRegion) -> str:
    cache = "not cached" if region.cache == "none" else f"{region.cache} cache"
    words = [units.shorten(region.attr_name, 30), cache]
    if region.cycles:
        words.append(units.plural(region.cycles, "cycle"))
    if region.engine:
        words.append(f"engine {units.shorten(region.engine, 20)}")
    return " · ".join(words)


def draw(results: Results) -> Figure:
    regions = sorted(results.document.scenario.regions, key=base_address)
    if not regions:
        return style.empty("The scenario has no region.")
    smallest = min(region.size_bytes for region in regions)
    tints = unique(region.attr_name for region in regions)
    gaps = [
        base_address(after) - base_address(before) - before.size_bytes
        for before, after in zip(regions, regions[1:])
    ] + [0]
    total = sum(_height(region, smallest) for region in regions) + GAP * sum(map(bool, gaps))
    made = style.figure(total * 0.8 + 0.25)
    axes = made.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.1, total + 0.1)
    bottom = 0.0
    for region, gap in zip(regions, gaps):
        height = _height(region, smallest)
        tint = TINTS[tints.index(region.attr_name) % len(TINTS)]
        axes.add_patch(
            Rectangle((BOX_LEFT, bottom), BOX_WIDTH, height, facecolor=tint, edgecolor=style.INK)
        )
        axes.text(BOX_LEFT - 0.01, bottom, region.base, ha="right", va="center", family="monospace")
        name = units.shorten(region.name, 24)
        middle = bottom + height / 2
        axes.text(BOX_LEFT + 0.01, middle, name, va="center", weight="bold")
        size = units.size(region.size_bytes)
        axes.text(BOX_LEFT + BOX_WIDTH - 0.01, middle, size, ha="right", va="center")
        axes.text(BOX_LEFT + BOX_WIDTH + 0.015, middle, _facts(region), va="center")
        bottom += height
        if gap:
            axes.text(
                BOX_LEFT + BOX_WIDTH / 2,
                bottom + GAP / 2,
                f"{units.size(gap)} apart",
                ha="center",
                va="center",
                fontsize=7.5,
                color=style.MUTED,
            )
            bottom += GAP
    return made


def pictures(results: Results) -> list[style.Picture]:
    regions = results.document.scenario.regions
    facts = [
        f"{region.name} at {region.base}, {units.size(region.size_bytes)}, {region.attr_name}"
        for region in regions
    ]
    alt = "Memory map: " + "; ".join(facts) + "."
    return [style.Picture("memory_map", "Memory map", alt, lambda: draw(results))]


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

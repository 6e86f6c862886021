"""The one look of every figure: colours, type, sizes, and how a figure becomes PNG and SVG.

Invariants: the same results give the same bytes (no dates, a fixed salt for ids); colours are
those of Okabe and Ito, which colour-blind readers can tell apart, and never the only sign: lines
differ in dashes too, bars in hatching; maps use cividis.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

import units

WIDTH_INCHES = 8.6
DOTS_PER_INCH = 160
INK = "#1a1a1a"
FAINT = "#d9d9d9"
MUTED = "#595959"

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILLION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"

LINE_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))

REASON_COLOURS = {"no_region": PURPLE, "fragmented": ORANGE, "full": BLUE}
REASON_HATCHES = {"no_region": "xxx", "fragmented": "///", "full": ""}

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "text.parse_math": False,  # a name may hold a dollar sign
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.3,
    "hatch.linewidth": 0.6,
    "path.simplify": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "smh",
    "figure.constrained_layout.use": True,
}
matplotlib.rcParams.update(SETTINGS)


@dataclass(frozen=True)
class Picture:
    """A figure with what a reader who cannot see it needs."""

    name: str  # of its files, without ending
    title: str
    alt: str
    draw: Callable[[], Figure]


def figure(height_inches: float, width_inches: float = WIDTH_INCHES) -> Figure:
    made = Figure(figsize=(width_inches, height_inches))
    FigureCanvasAgg(made)
    return made


def line_style(index: int) -> dict[str, Any]:
    """Distinct in colour or in dashes for 28 lines: their counts share no divisor."""
    return {
        "color": LINE_COLOURS[index % len(LINE_COLOURS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def time_axis(axes: Any, longest_ns: float, label: str = "simulated time") -> float:
    """Sets limits and label; returns the divisor that turns nanoseconds into the axis' unit."""
    factor, name = units.time_unit(longest_ns)
    axes.set_xlim(0, max(longest_ns, 1) / factor)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.set_xlabel(f"{label} ({name})")
    return float(factor)


def hold(values: Sequence[float]) -> list[float]:
    """Repeats the last value: a sample holds until the next one, the last until the end."""
    return [*values, *values[-1:]]


def sample_times(times_ns: Sequence[int], end_ns: int, factor: float) -> list[float]:
    """The times of held samples in the axis' unit."""
    return [time / factor for time in [*times_ns, max([end_ns, *times_ns[-1:]])]]


def byte_axis(axis: Any, limit: float, most: int = 5) -> None:
    """Ticks at binary steps, labelled with their own unit."""
    axis.set_major_locator(FixedLocator(units.byte_ticks(limit, most)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: units.size(value)))


def percent_axis(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))


def empty(words: str) -> Figure:
    """A figure that says why it shows nothing."""
    made = figure(1.0)
    axes = made.add_subplot()
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color=MUTED, transform=axes.transAxes)
    return made


def key_above(key: Any, handles: Sequence[Any], columns: Optional[int] = None) -> None:
    """One legend for all panels, in the strip above them."""
    if handles:
        key.legend(
            handles=list(handles),
            loc="center left",
            bbox_to_anchor=(0, 0.5),
            borderaxespad=0,
            ncol=columns or min(4, len(handles)),
        )


def panels(
    rows: int, row_inches: float, columns: int = 1, key_inches: float = 0.3
) -> tuple[Figure, Any, list[list[Any]]]:
    """A figure of rows x columns panels that share their time axis, under a strip for the key."""
    made = figure(rows * row_inches + key_inches + 0.35)
    grid = made.add_gridspec(rows + 1, columns, height_ratios=[key_inches] + [row_inches] * rows)
    key = made.add_subplot(grid[0, :])
    key.set_axis_off()
    axes: list[list[Any]] = []
    for row in range(rows):
        axes.append([])
        for column in range(columns):
            above = axes[0][column] if row else None
            panel = made.add_subplot(grid[row + 1, column], sharex=above)
            panel.tick_params(labelbottom=row == rows - 1)
            axes[row].append(panel)
    return made, key, axes


FAILURE_LOOK: dict[str, Any] = {
    "linestyle": "none",
    "marker": "v",
    "markersize": 4.5,
    "markerfacecolor": VERMILLION,
    "markeredgewidth": 0,
}


def failure_marks(panel: Any, times: Sequence[float]) -> None:
    """A triangle on the panel's upper edge for each failed request."""
    if times:
        (marks,) = panel.plot(
            list(times),
            [1.0] * len(times),
            transform=panel.get_xaxis_transform(),
            clip_on=False,
            zorder=5,
            **FAILURE_LOOK,
        )
        marks.set_in_layout(False)


def failure_key() -> Line2D:
    return Line2D([], [], label="failed request for this attribute (first 100)", **FAILURE_LOOK)


def ink_on(colour: Sequence[float]) -> str:
    """Black or white, whichever stands out more (WCAG's relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "black"


def render(made: Figure, kind: str) -> bytes:
    """The bytes of a PNG or SVG file, the same each time."""
    stream = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    made.savefig(stream, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return stream.getvalue()

"""Hazards of caches and devices: the line's states, step by step, one picture for each hazard.

    python3 plots/hazards.py out/results.json -o hazard.png

Steps go from left to right; in each column a strip for memory and one for each cache of the line.
A strip's bytes are coloured by whose they are: strong what a step wrote, pale what was there
before. What hardware did by itself has a grey column with a dashed frame.
"""

from __future__ import annotations

import itertools
import sys
import textwrap
from dataclasses import dataclass
from typing import Any, Iterator, Optional

import matplotlib.colors
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

import style
import units
from command import figure_main
from line_states import BEFORE, NOBODY, History, Moment, View, bytes_of, replay
from results import Results
from schema import Hazard, Owner, Run, Step

PICTURES_MAX = 12
COLUMNS_MAX = 4
LABEL_INCHES = 1.05
GAP_INCHES = 0.14
HEAD_INCHES = 0.78
ROW_INCHES = 0.36
STRIP_INCHES = 0.2
SCALE_INCHES = 0.26
KEY_ROW_INCHES = 0.155
TITLE_INCHES = 0.5
TEXT_INCHES = 0.061  # of a letter at 7.5 points, at most
OWNER_COLOURS = (style.SKY, style.ORANGE, style.GREEN, style.PURPLE, style.YELLOW)
VERBS = {
    "load": "reads",
    "store": "writes",
    "dma_read": "reads",
    "dma_write": "writes",
    "clean": "cleans",
    "invalidate": "invalidates",
    "flush": "flushes",
    "barrier": "waits for its stores",
}
KINDS = {
    "block": "block",
    "freed": "block, freed",
    "stack": "stack buffer",
    "metadata": "metadata of the allocator",
    "nobody": "nobody",
}
MOVES = {
    "eviction": "writes its dirty line back",
    "fill": "fetches the line",
    "drop": "drops its clean line",
}


@dataclass(frozen=True)
class Found:
    """A hazard, and the runs in which it occurs: the first of them tells about it."""

    hazard: Hazard
    runs: list[Run]

    @property
    def owners(self) -> list[str]:
        names = [self.hazard.victim.name, self.hazard.culprit.name]
        return list(dict.fromkeys(name for name in names if name and name != "nobody"))

    @property
    def heading(self) -> str:
        whose = f" of {units.listed(self.owners)}" if self.owners else ""
        return f"{self.hazard.name}{whose}: {self.hazard.title}"

    @property
    def line(self) -> str:
        hazard = self.hazard
        return (
            f"{hazard.region}+0x{hazard.line_offset:06x}, {units.plural(hazard.line_bytes, 'byte')}"
        )

    @property
    def place(self) -> str:
        hazard = self.hazard
        where = f"{hazard.file}:{hazard.line}, " if hazard.file else ""
        actor = f" of {hazard.actor}" if hazard.actor else ""
        return f"{where}operation {units.count(hazard.operation)}{actor}"


def found_in(results: Results) -> list[Found]:
    """Each hazard once: by class, owners and region, over all runs that were judged."""
    groups: dict[tuple[str, str, str, str], Found] = {}
    for run in results.document.runs:
        for hazard in run.hazards or []:
            key = (hazard.name, hazard.victim.name, hazard.culprit.name, hazard.region)
            groups.setdefault(key, Found(hazard, [])).runs.append(run)
    return list(groups.values())


def owner_words(owner: Owner, letter: str = "") -> str:
    if owner.kind == "metadata":
        words = "metadata of the allocator"
    elif owner.kind == "nobody":
        words = "nobody"
    else:
        kind = {"freed": "freed block", "stack": "stack buffer"}.get(owner.kind, owner.kind)
        where = f", {owner.region}+0x{owner.offset:06x}" if owner.region else ""
        words = (
            f"{kind} {units.shorten(owner.name, 34)}, {units.plural(owner.bytes, 'byte')}{where}"
        )
    return f"{letter}: {words}" if letter else words


def step_words(step: Step) -> list[str]:
    """Who does what; to whose bytes; which."""
    cache = "The shared cache" if step.shared_cache else f"The cache of core {step.core}"
    if step.what in MOVES:
        return ["hardware, by itself", f"{cache} {MOVES[step.what]}."]
    if step.what == "drain":
        return ["hardware, by itself", f"Pending stores of core {step.core} are carried out."]
    name = step.owner.name if step.owner is not None else ""
    first, last = step.offset, step.offset + step.bytes - 1
    span = f"byte {first}" if first == last else f"bytes {first}–{last}"
    notes = [f"operation {units.count(step.operation)}"] + ([span] if step.bytes else [])
    if step.what != "access":
        who = "is handed out" if step.what == "hand_out" else "is freed"
        return [f"{units.shorten(name, 18)} {who}", ", ".join(notes)]
    device = not isinstance(step.core, int)
    who = "device" if device else f"core {step.core}"
    notes += ["by the allocator"] if step.by_allocator else []
    notes += ["uncached view"] if step.uncached else []
    notes += ["passes this line over"] if step.skipped else []
    return [f"{who} {VERBS[step.kind or 'load']}", name, ", ".join(notes)]


def pale(colour: str) -> tuple[float, ...]:
    return tuple(1 - 0.38 * (1 - part) for part in matplotlib.colors.to_rgb(colour))


def runs_of(values: list[Any]) -> Iterator[tuple[int, int, Any]]:
    """(first, behind the last, value) of each stretch of equal values."""
    start = 0
    for value, members in itertools.groupby(values):
        end = start + len(list(members))
        yield start, end, value
        start = end


class Drawing:
    """One history, drawn in inches; y goes down from the upper edge."""

    def __init__(self, history: History, found: Found) -> None:
        self.history = history
        self.rows = len(history.moments[0].views) if history.moments else 0
        bands = (len(history.moments) + COLUMNS_MAX - 1) // COLUMNS_MAX
        self.handles = self.key()
        self.key_inches = KEY_ROW_INCHES * ((len(self.handles) + 1) // 2) + 0.12
        self.top = TITLE_INCHES + self.key_inches
        self.band_inches = HEAD_INCHES + self.rows * ROW_INCHES + SCALE_INCHES
        self.height = self.top + bands * self.band_inches + 0.05
        self.figure = style.figure(self.height)
        self.figure.set_layout_engine("none")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, style.WIDTH_INCHES)
        self.axes.set_ylim(self.height, 0)
        self.write(0.1, 0.17, units.shorten(found.heading, 104), fontsize=9, fontweight="bold")
        where = f"line {found.line}; first at {found.place}"
        self.write(0.1, 0.36, units.shorten(where, 130), color=style.MUTED)
        self.axes.legend(
            handles=self.handles,
            loc="upper left",
            bbox_to_anchor=(0.08 / style.WIDTH_INCHES, 1 - TITLE_INCHES / self.height),
            borderaxespad=0,
            borderpad=0,
            ncol=2,
            fontsize=7.5,
            labelspacing=0.35,
            handlelength=2.2,
        )
        columns = min(COLUMNS_MAX, max(2, len(history.moments)))
        room = style.WIDTH_INCHES - LABEL_INCHES - 0.1
        self.column_inches = room / columns
        for index, moment in enumerate(history.moments):
            band, column = divmod(index, COLUMNS_MAX)
            left = LABEL_INCHES + column * self.column_inches
            top = self.top + band * self.band_inches
            if column == 0:
                self.labels(top, moment)
            self.column(left, top, moment)

    def write(self, x: float, y: float, words: str, **look: Any) -> None:
        self.axes.text(x, y, words, **{"va": "center", "fontsize": 7.5, **look})

    def letter(self, name: str) -> str:
        return chr(ord("a") + self.history.owners.index(name) % 26)

    def colour(self, name: str) -> str:
        if name == NOBODY:
            return style.FAINT
        return OWNER_COLOURS[self.history.owners.index(name) % len(OWNER_COLOURS)]

    def key(self) -> list[Any]:
        history = self.history
        known = {owner.name: owner for owner in (history.hazard.culprit, history.hazard.victim)}
        handles: list[Any] = []
        for name in history.owners:
            letter = self.letter(name)
            words = owner_words(known[name], letter) if name in known else f"{letter}: {name}"
            handles.append(Patch(facecolor=self.colour(name), label=words))
        if any(name == NOBODY for name in history.base):
            handles.append(Patch(facecolor=style.FAINT, label="nobody's, or padding"))
        face = pale(self.colour(history.owners[0]) if history.owners else style.BLACK)
        handles.append(Patch(facecolor=face, label="paler: from before these steps"))
        words = "bytes that the step names"
        handles.append(Line2D([], [], color=style.BLUE, linewidth=2.2, label=words))
        if any(view.old for moment in history.moments for view in moment.views):
            look = {"facecolor": "white", "edgecolor": style.INK, "linewidth": 0.5}
            words = "older than the last value written"
            handles.append(Patch(hatch="/////", label=words, **look))
        if any(view.dirty for moment in history.moments for view in moment.views):
            words = "dirty: stored, not written back (thin: rest of the line)"
            handles.append(Line2D([], [], color=style.INK, linewidth=3, label=words))
        words = "lost: the last value is nowhere" if history.lost else "what is read is wrong"
        if history.hazard.name == "H10":
            words = "bytes that must not be given to a device"
        frame = {"facecolor": "white", "edgecolor": style.VERMILLION, "linewidth": 1.8}
        handles.append(Patch(label=words, **frame))
        return handles

    def labels(self, top: float, moment: Moment) -> None:
        for row, view in enumerate(moment.views):
            y = top + HEAD_INCHES + row * ROW_INCHES + STRIP_INCHES / 2
            self.write(0.1, y, view.name, fontsize=8)

    def column(self, left: float, top: float, moment: Moment) -> None:
        width = self.column_inches - GAP_INCHES
        self.head(left, top, width, moment)
        for row, view in enumerate(moment.views):
            self.strip(left, top + HEAD_INCHES + row * ROW_INCHES, width, view)
        self.scale(left, top + HEAD_INCHES + self.rows * ROW_INCHES, width)

    def head(self, left: float, top: float, width: float, moment: Moment) -> None:
        if moment.by_hardware:
            box = Rectangle(
                (left - GAP_INCHES / 2, top),
                self.column_inches,
                self.band_inches - 0.06,
                facecolor="#efefef",
                edgecolor=style.MUTED,
                linestyle=(0, (4, 2)),
                linewidth=0.8,
                zorder=0,
            )
            self.axes.add_patch(box)
        first, *rest = step_words(moment.step)
        room = int(width / TEXT_INCHES)
        lines = [line for words in rest for line in textwrap.wrap(words, room)][:4]
        bold = units.shorten(f"{moment.number}. {first}", int(room * 0.9))
        self.write(left, top + 0.11, bold, fontweight="bold")
        for index, line in enumerate(lines):
            self.write(left, top + 0.26 + 0.135 * index, line, fontsize=7)
        step = moment.step
        if step.bytes and not moment.by_hardware:
            unit = width / self.history.hazard.line_bytes
            start, end = left + step.offset * unit, left + (step.offset + step.bytes) * unit
            y = top + HEAD_INCHES - 0.055
            dashes = (0, (2, 1.5)) if step.skipped else "-"
            self.axes.plot(
                [start, end],
                [y, y],
                color=style.BLUE,
                linewidth=2.2,
                linestyle=dashes,
                solid_capstyle="butt",
            )

    def strip(self, left: float, top: float, width: float, view: View) -> None:
        history = self.history
        unit = width / history.hazard.line_bytes
        if view.writes is None:
            look = {"facecolor": "none", "edgecolor": style.MUTED, "linewidth": 0.6}
            box = Rectangle((left, top), width, STRIP_INCHES, linestyle=(0, (1.5, 2)), **look)
            self.axes.add_patch(box)
            words = "nothing waits" if view.name.startswith("store buffer") else "no copy"
            self.write(
                left + width / 2,
                top + STRIP_INCHES / 2,
                words,
                ha="center",
                fontsize=7,
                color=style.MUTED,
            )
            return
        cells = [self.cell(byte, write, view) for byte, write in enumerate(view.writes)]
        for start, end, cell in runs_of(cells):
            if cell is not None:
                self.stretch(left + start * unit, top, (end - start) * unit, *cell)
        self.axes.add_patch(
            Rectangle(
                (left, top),
                width,
                STRIP_INCHES,
                facecolor="none",
                edgecolor=style.MUTED,
                linewidth=0.6,
            )
        )
        if view.dirty:
            y = top + STRIP_INCHES + 0.04
            if not view.name.startswith("store buffer"):
                self.axes.plot([left, left + width], [y, y], color=style.INK, linewidth=0.8)
            marks = [byte in view.stored for byte in range(len(cells))]
            for start, end, stored in runs_of(marks):
                if stored:
                    ends = [left + start * unit, left + end * unit]
                    self.axes.plot(
                        ends, [y, y], color=style.INK, linewidth=3, solid_capstyle="butt"
                    )
        for start, end, wrong in runs_of([byte in view.wrong for byte in range(len(cells))]):
            if wrong:
                self.axes.add_patch(
                    Rectangle(
                        (left + start * unit, top),
                        (end - start) * unit,
                        STRIP_INCHES,
                        facecolor="none",
                        edgecolor=style.VERMILLION,
                        linewidth=1.8,
                        zorder=4,
                    )
                )

    def cell(self, byte: int, write: Optional[int], view: View) -> Optional[tuple[str, bool, bool]]:
        """Whose, from before, older than the last value; None: nothing there."""
        if write is None:
            return None
        return self.history.owner(byte, write), write == BEFORE, byte in view.old

    def stretch(
        self, left: float, top: float, width: float, name: str, before: bool, old: bool
    ) -> None:
        colour = self.colour(name)
        face = pale(colour) if before and name != NOBODY else colour
        self.axes.add_patch(
            Rectangle(
                (left, top),
                width,
                STRIP_INCHES,
                facecolor=face,
                edgecolor=style.INK,
                linewidth=0,
                hatch="/////" if old else None,
            )
        )
        self.axes.plot([left, left], [top, top + STRIP_INCHES], color="white", linewidth=0.8)
        if name != NOBODY and width > 0.14:
            self.write(
                left + width / 2,
                top + STRIP_INCHES / 2,
                self.letter(name),
                ha="center",
                fontsize=7.5,
                bbox={"boxstyle": "square,pad=0.1", "facecolor": face, "edgecolor": "none"}
                if old
                else None,
            )

    def scale(self, left: float, top: float, width: float) -> None:
        length = self.history.hazard.line_bytes
        step = max(1, length // 4)
        for byte in range(0, length + 1, step):
            x = left + byte * width / length
            side = "left" if byte == 0 else "right" if byte == length else "center"
            self.axes.plot([x, x], [top - 0.06, top - 0.03], color=style.MUTED, linewidth=0.6)
            self.write(x, top + 0.03, str(byte), ha=side, fontsize=6.5, color=style.MUTED)


def draw(results: Results, found: Found) -> Figure:
    history = replay(results, found.hazard)
    if not history.moments:
        return style.empty("The file holds no sequence for this hazard.")
    return Drawing(history, found).figure


def alternative(found: Found) -> str:
    steps = "; ".join(
        f"{number}. {', '.join(word for word in step_words(step) if word)}"
        for number, step in enumerate(found.hazard.sequence, 1)
    )
    wrong = len(bytes_of(found.hazard))
    return (
        f"States of the line {found.line} that lead to hazard {found.heading}. {steps}. "
        f"{units.plural(wrong, 'byte')} of the line go wrong."
    )


def pictures(results: Results) -> list[style.Picture]:
    made = []
    for number, found in enumerate(found_in(results)[:PICTURES_MAX], 1):

        def render(found: Found = found) -> Figure:
            return draw(results, found)

        made.append(style.Picture(f"hazard_{number}", found.heading, alternative(found), render))
    return made


if __name__ == "__main__":
    sys.exit(figure_main(__doc__, pictures))

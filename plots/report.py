"""The report: one self-contained HTML file from a results file, and every figure as PNG and SVG.

    python3 plots/report.py out/results.json -o out

writes out/report.html, out/figures/*.png and out/figures/*.svg; each is whole or not there, the
page comes last. The same results give the same bytes. Exit codes: 0 done, 2 bad usage or input.
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path
from typing import Any, Optional, Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import caches
import comparison
import cycles
import fragmentation
import hazards
import heap_map
import latency
import memory_map
import occupancy
import tables
import units
from command import fail
from files import write_whole
from results import Results, ResultsError, load, violation_count
from schema import Run
from style import Picture, render

MODULES = (
    memory_map,
    comparison,
    hazards,
    heap_map,
    occupancy,
    fragmentation,
    latency,
    cycles,
    caches,
)
TEMPLATES = Path(__file__).resolve().parent / "templates"


class Drawn:
    """A picture in both forms."""

    def __init__(self, picture: Picture) -> None:
        figure = picture.draw()
        self.name, self.title, self.alt = picture.name, picture.title, picture.alt
        width, height = figure.get_size_inches()
        self.flat = bool(height < 0.72 * width)  # two of them share a printed page
        self.svg, self.png = render(figure, "svg"), render(figure, "png")

    @property
    def uri(self) -> str:
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode("ascii")


def run_outcome(run: Run) -> str:
    broken = violation_count(run)
    if broken:
        return f"INVARIANT BROKEN, {units.plural(broken, 'violation')}"
    failed = units.plural(run.failures.total, "failed request")
    return f"{'passes' if run.passed else 'fails'}, {failed}"


def run_command(results: Results, run: Run) -> str:
    engine = "" if run.engine == "as_written" else f"--engine {run.engine} "
    choice = f"{engine}--policy {run.policy} --seed {run.seed}"
    return f"smh run {choice} {results.document.scenario.file}"


def whole_command(results: Results) -> str:
    """The command that wrote the results, with nothing left to defaults."""
    runs = results.document.runs
    if results.document.command == "run":
        command = run_command(results, runs[0])
    else:
        engines, policies = ",".join(results.engines), ",".join(results.policies)
        choice = f"--engine {engines} --policy {policies} --seed {seed_ranges(results.seeds)}"
        command = f"smh compare {choice} {results.document.scenario.file}"
    timed = " --host-time" if any(run.latency for run in runs) else ""
    timed += " --cycles" if any(run.cycles for run in runs) else ""
    return f"{command}{timed} --json results.json"


def seed_ranges(seeds: list[int]) -> str:
    """1,2,3,7 -> 1-3,7."""
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and seed == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], seed]
        else:
            ranges.append([seed])
    return ",".join("-".join(map(str, ends)) for ends in ranges)


def shown_runs(results: Results) -> list[Run]:
    """The runs told in detail: those that carry details; without any, the first ones that fail."""
    detailed = results.detailed(lambda run: run.samples or run.heap_map)
    failing = results.detailed(lambda run: not run.passed)
    return detailed or failing or results.document.runs[:1]


def verdict(results: Results) -> str:
    runs = results.document.runs
    if results.document.verdict:
        return results.document.verdict
    passing = sum(run.passed for run in runs)
    if len(runs) == 1:
        return f"{results.run_label(runs[0])}: {run_outcome(runs[0])}."
    return f"{passing} of {len(runs)} runs pass."


def page(results: Results, drawn: dict[str, list[Drawn]]) -> str:
    runs = results.document.runs
    shown = shown_runs(results)
    context: dict[str, Any] = {
        "document": results.document,
        "scenario": results.document.scenario,
        "source": Path(results.file).name,
        "verdict": verdict(results),
        "passing": sum(run.passed for run in runs),
        "single": len(runs) == 1,
        "broken": sum(violation_count(run) for run in runs),
        "drawn": drawn,
        "command": whole_command(results),
        "results": results,
        "hazards": hazards.found_in(results),
        "judged": sum(run.hazards is not None for run in runs),
        "unlisted": sum(run.hazards_unlisted for run in runs),
        "given_up": sum(run.hazard_lines_given_up for run in runs),
        "tables": tables,
        "shown": [
            {
                "run": run,
                "label": results.run_label(run),
                "outcome": run_outcome(run),
                "command": run_command(results, run),
            }
            for run in shown
        ],
    }
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["capital"] = lambda text: text[:1].upper() + text[1:]
    return environment.get_template("report.html").render(context) + "\n"


def write_report(results: Results, folder: Path) -> Path:
    drawn = {
        module.__name__: [Drawn(picture) for picture in module.pictures(results)]
        for module in MODULES
    }
    content = page(results, drawn)
    for pictures in drawn.values():
        for picture in pictures:
            write_whole(folder / "figures" / f"{picture.name}.svg", picture.svg)
            write_whole(folder / "figures" / f"{picture.name}.png", picture.png)
    target = folder / "report.html"
    write_whole(target, content.encode("utf-8"))
    return target


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, metavar="RESULTS.json")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    try:
        target = write_report(load(options.results), options.output)
    except ResultsError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or options.output}: {error.strerror}")
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())

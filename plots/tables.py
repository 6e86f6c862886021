"""The report's tables: rows of ready words, made from results; the template only lays them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

import caches as cache_figures
import cycles as cycle_figures
import hazards as hazard_figures
import latency
import units
from results import (
    REASONS,
    Configuration,
    RegionSummary,
    Results,
    lowest_largest_free,
    violation_count,
)
from schema import Failure, Run, Violation
from words import outcome, reason, spread

LISTED = 6
BROKEN_LISTED = 16


@dataclass(frozen=True)
class Cell:
    text: str
    share: Optional[float] = None  # drawn as a bar behind the text, 0..1
    number: bool = True

    @property
    def long(self) -> bool:
        """Holds a word that no column is wide enough for, and that may be broken anywhere."""
        return any(len(part) > 26 for part in self.text.split())


@dataclass(frozen=True)
class Table:
    caption: str
    head: list[str]
    rows: list[list[Cell]]
    note: str = ""
    row_heads: int = 1  # leading cells that name the row

    @property
    def heads(self) -> list[Cell]:
        numbers = self.rows[0] if self.rows else []
        return [Cell(text, number=cell.number) for text, cell in zip(self.head, numbers)]


def word(text: str) -> Cell:
    return Cell(text, number=False)


def facts(results: Results) -> list[tuple[str, str]]:
    scenario, first = results.document.scenario, results.document.runs[0]
    match = {"equal": "equal attribute", "all_bits": "all of the asked attribute bits"}
    found = [
        ("Scenario file", scenario.file),
        ("Operations", operations(first)),
        ("Simulated time", units.duration(first.simulated_ns)),
        ("Actors", ", ".join(scenario.actors) or units.NOTHING),
        ("Target", f"{scenario.target_bits} bits, {units.plural(scenario.cores, 'core')}"),
        ("Attributes match by", match.get(scenario.match, scenario.match)),
        ("Policy as written", scenario.policy or units.NOTHING),
        ("Engines", ", ".join(results.engines)),
        ("Policies", ", ".join(results.policies)),
        ("Seeds", ", ".join(str(seed) for seed in results.seeds)),
    ]
    if scenario.line_bytes:
        found.insert(5, ("Cache line", units.size(scenario.line_bytes)))
    return found


def operations(run: Run) -> str:
    known = [(kind, number) for kind, number in run.operations.items() if number]
    total = run.operations.get("total", sum(number for _, number in known))
    parts = [
        f"{units.count(number)} {kind.replace('_', ' ')}"
        for kind, number in known
        if kind != "total"
    ]
    return f"{units.count(total)}: {', '.join(parts)}" if parts else units.count(total)


def memory(results: Results) -> Table:
    rows = [
        [
            word(region.name),
            word(region.base),
            Cell(units.size(region.size_bytes)),
            word(region.attr_name),
            word("none" if region.cache == "none" else region.cache),
            Cell(str(region.cycles) if region.cycles else units.NOTHING),
            word(region.engine or "the run's"),
            Cell(units.size(region.granule_bytes) if region.granule_bytes else "engine's own"),
        ]
        for region in results.document.scenario.regions
    ]
    head = ["Region", "Base", "Size", "Attribute", "Cache", "Cycles", "Engine", "Granule"]
    return Table("Memory map", head, rows)


def _fullest(configuration: Configuration) -> Cell:
    regions = configuration.regions()
    if not regions:
        return Cell(units.NOTHING)
    top = max(regions, key=lambda region: region.peak_used_share)
    size = units.size(top.peak_used_bytes.median)
    return word(f"{top.name}: {units.percent(top.peak_used_share)} ({size})")


def _worst_ratio(configuration: Configuration) -> Cell:
    known = [(region.peak_ratio, region.name) for region in configuration.regions()]
    ratios = [(value, name) for value, name in known if value is not None]
    if not ratios:
        return Cell(units.NOTHING)
    value, name = max(ratios)
    return word(f"{units.ratio(value)} ({name})")


def comparison(results: Results) -> Table:
    rows = []
    for item in results.configurations:
        failed = [Cell(units.count(item.failed_for(reason))) for reason in REASONS]
        rows.append(
            [
                word(item.engine),
                word(item.policy),
                word(outcome(item)),
                Cell(spread(item.failed(), units.count)),
                *failed,
                _fullest(item),
                _worst_ratio(item),
            ]
        )
    head = ["Engine", "Policy", "Result", "Failed requests", "… no region", "… fragmented"]
    head += ["… full", "Fullest region at its peak", "Most fragmented region"]
    note = "Most fragmented: the highest point of the heap against the most bytes live (measure 4)."
    if len(results.seeds) > 1:
        note = f"Medians over {len(results.seeds)} seeds, in brackets the range. {note}"
    return Table("Every engine with every policy", head, rows, note, row_heads=2)


def _matrix(
    results: Results, caption: str, note: str, cell: Callable[[RegionSummary], Cell]
) -> Table:
    names = [region.name for region in results.document.scenario.regions]
    rows = []
    for item in results.configurations:
        found = {summary.name: cell(summary) for summary in item.regions()}
        cells = [found.get(name, Cell(units.NOTHING)) for name in names]
        rows.append([word(item.engine), word(item.policy), *cells])
    return Table(caption, ["Engine", "Policy", *names], rows, note, row_heads=2)


def matrices(results: Results) -> list[Table]:
    def peak(summary: RegionSummary) -> Cell:
        size = units.size(summary.peak_used_bytes.median)
        text = f"{units.percent(summary.peak_used_share)} ({size})"
        return Cell(text, min(1.0, summary.peak_used_share))

    return [
        _matrix(results, "Peak use of each region", "Share of the region's size, and bytes.", peak),
        _matrix(
            results,
            "Fragmentation of each region",
            "Peak heap / peak live bytes (Johnstone and Wilson's fourth measure): 1 is ideal.",
            lambda summary: Cell(units.ratio(summary.peak_ratio)),
        ),
        _matrix(
            results,
            "High water of each region",
            "The end of the highest byte ever handed out: the part of the region that was needed.",
            lambda summary: Cell(units.size(summary.high_water_bytes.median)),
        ),
    ]


def regions(run: Run) -> Table:
    rows = []
    for use in run.regions:
        measures = use.fragmentation
        ratios = (
            [measures.jw1, measures.jw2, measures.jw3, measures.jw4] if measures else [None] * 4
        )
        rows.append(
            [
                word(use.name),
                Cell(units.size(use.peak_used_bytes)),
                Cell(units.size(use.peak_live_bytes)),
                Cell(units.size(use.high_water_bytes)),
                Cell(units.size(use.metadata_bytes)),
                Cell(units.count(use.allocated_blocks)),
                Cell(units.count(use.peak_live_blocks)),
                Cell(units.count(use.failed_requests)),
                Cell(units.size(lowest_largest_free(run, use.name))),
                *(Cell(units.ratio(ratio)) for ratio in ratios),
            ]
        )
    head = ["Region", "Peak used", "Peak live", "High water", "Tables outside", "Blocks allocated"]
    head += ["Blocks live at most", "Failed requests", "Least largest free"]
    head += [f"Measure {number}" for number in (1, 2, 3, 4)]
    return Table("Regions in this run", head, rows)


def attributes(run: Run) -> Table:
    rows = [
        [
            word(use.attr_name),
            Cell(units.count(use.allocated_blocks)),
            Cell(units.size(use.peak_live_bytes)),
            Cell(units.count(use.failed_requests)),
        ]
        for use in run.attributes
    ]
    head = ["Attribute", "Blocks allocated", "Peak live", "Failed requests"]
    return Table("Attributes in this run", head, rows)


def expectations(results: Results) -> Table:
    verdicts: dict[tuple[str, str], list[tuple[Run, str, bool]]] = {}
    for run in results.document.runs:
        for item in run.expectations:
            entry = (run, item.actual, item.passed)
            verdicts.setdefault((item.what, item.allowed), []).append(entry)
    rows = []
    for (what, allowed), entries in verdicts.items():
        missed = [f"{results.run_label(run)}: {actual}" for run, actual, ok in entries if not ok]
        shown = "; ".join(missed[:LISTED])
        if len(missed) > LISTED:
            shown += f"; and {len(missed) - LISTED} more"
        met = len(entries) - len(missed)
        verdict = f"{'met' if not missed else 'NOT MET'}, {met} of {len(entries)}"
        rows.append([word(what), word(allowed), word(verdict), word(shown or units.NOTHING)])
    head = ["Expected", "Allowed", "Runs that meet it", "Runs that do not, with what they had"]
    return Table("Expectations", head, rows)


def _sizes(failures: list[Failure]) -> str:
    low = min(failure.bytes for failure in failures)
    high = max(failure.bytes for failure in failures)
    return units.size(low) if low == high else f"{units.size(low)} to {units.size(high)}"


def failure_groups(run: Run) -> Table:
    groups: dict[tuple[str, str, str, str], list[Failure]] = {}
    for failure in run.failures.first:
        key = (failure.actor, failure.operation, failure.attr_name, failure.reason)
        groups.setdefault(key, []).append(failure)
    rows = []
    for (actor, operation, attr_name, code), failures in groups.items():
        first = failures[0]
        rows.append(
            [
                word(actor),
                word(f"{operation} from {attr_name}"),
                Cell(units.count(len(failures))),
                word(_sizes(failures)),
                word(reason(code)),
                word(f"{units.duration(first.time_ns)}, site {first.site}"),
                Cell(units.size(first.free_bytes)),
                Cell(units.size(first.largest_free_bytes)),
            ]
        )
    head = ["Actor", "Asked for", "Times", "Sizes", "Why it failed", "First", "Free then"]
    head.append("Largest free block then")
    listed, total = len(run.failures.first), run.failures.total
    note = f"Groups of the first {units.count(listed)} of {units.count(total)} failed requests."
    return Table("Failed requests", head, rows, note if listed < total else "")


def failure_list(run: Run) -> Table:
    rows = [
        [
            Cell(units.duration(failure.time_ns)),
            word(failure.actor),
            Cell(str(failure.site)),
            word(failure.operation),
            Cell(units.size(failure.bytes)),
            Cell(str(failure.align) if failure.align else units.NOTHING),
            word(failure.attr_name),
            word(failure.reason),
            Cell(units.size(failure.free_bytes)),
            Cell(units.size(failure.largest_free_bytes)),
        ]
        for failure in run.failures.first
    ]
    head = ["Time", "Actor", "Site", "Operation", "Size", "Alignment", "Attribute", "Reason"]
    return Table("One by one", head + ["Free", "Largest free block"], rows)


def latencies(results: Results) -> Table:
    rows = []
    show = units.duration if latency.unit(results) == "ns" else units.count
    for kind in latency.kinds_timed(results):
        base = None
        for engine in results.engines:
            counts, slowest = latency.merge(results, engine, kind)
            if not counts:
                continue
            middle = latency.percentile(counts, slowest, 0.5)
            base = base or middle
            high = [show(latency.percentile(counts, slowest, part)) for part in (0.99, 0.999)]
            cells = [show(middle), *high, show(slowest), f"{middle / max(base, 1):.2f} ×"]
            calls = units.count(sum(counts.values()))
            rows.append([word(kind), word(engine), Cell(calls), *map(Cell, cells)])
    head = ["Operation", "Engine", "Calls", "Median", "99 % within", "99.9 % within", "Slowest"]
    head.append("Median against the first engine")
    return Table("Latency", head, rows, row_heads=2)


def violations(results: Results) -> Table:
    """A row for each broken rule of each run, with the first case; at most BROKEN_LISTED rows."""
    groups: dict[tuple[str, str], list[Violation]] = {}
    for run in results.document.runs:
        for item in run.violations:
            groups.setdefault((results.run_label(run), item.oracle), []).append(item)
    rows = [
        [
            word(label),
            word(oracle),
            Cell(units.count(len(items))),
            Cell(units.count(items[0].operation_index)),
            word(items[0].message),
        ]
        for (label, oracle), items in groups.items()
    ]
    total = sum(violation_count(run) for run in results.document.runs)
    listed = sum(len(items) for items in groups.values())
    note = f"{units.plural(total, 'violation')} in all, {units.count(listed)} of them in the file."
    if len(rows) > BROKEN_LISTED:
        note += f" Shown: {BROKEN_LISTED} of {len(rows)} groups."
    head = ["Run", "Broken rule", "Cases in the file", "First at operation", "What was found there"]
    return Table("Broken invariants", head, rows[:BROKEN_LISTED], note)


def hazards(results: Results) -> Table:
    """A row for each hazard: class and owners, where, how often, in which runs."""
    judged = sum(run.hazards is not None for run in results.document.runs)
    rows = [
        [
            word(found.hazard.name),
            word(found.hazard.title),
            word(units.listed(found.owners) or units.NOTHING),
            word(found.line),
            word(found.place),
            Cell(units.count(found.hazard.count)),
            Cell(f"{len(found.runs)} of {judged}"),
        ]
        for found in hazard_figures.found_in(results)
    ]
    head = ["Class", "Meaning", "Owners", "Line", "First at", "Times", "Runs"]
    return Table("Hazards", head, rows, "Times: lines and moments at which the first run shows it.")


def hazard_owners(found: hazard_figures.Found) -> Table:
    rows = []
    for role, owner in (("victim", found.hazard.victim), ("culprit", found.hazard.culprit)):
        block = owner.kind in ("block", "freed", "stack")
        rows.append(
            [
                word(role),
                word(owner.name or units.NOTHING),
                word(hazard_figures.KINDS.get(owner.kind, owner.kind)),
                word(f"{owner.region}+0x{owner.offset:06x}" if owner.region else units.NOTHING),
                Cell(units.size(owner.bytes) if block else units.NOTHING),
                Cell(str(owner.align) if block and owner.align else units.NOTHING),
                Cell(units.count(owner.operation) if block else units.NOTHING),
            ]
        )
    head = ["Owner", "Name", "Kind", "At", "Size", "Alignment asked", "Allocated by operation"]
    return Table("Owners", head, rows, "", 2)


def cycles(results: Results) -> Table:
    rows = [
        [
            word(cost.place),
            word(cost.kind),
            word(cost.engine),
            Cell(units.count(cost.calls)),
            Cell(units.count(cost.least)),
            Cell(units.count(round(cost.mean))),
            Cell(units.count(cost.within(0.5))),
            Cell(units.count(cost.within(0.99))),
            Cell(units.count(cost.most)),
        ]
        for cost in cycle_figures.costs(results)
    ]
    head = ["Region", "Call", "Engine", "Calls", "Least", "Mean", "50 %", "99 %", "Most"]
    note = "Cycles of the target's memories and caches; 50 % and 99 %: upper bounds of buckets."
    return Table("Cycles of the allocator", head, rows, note, 3)


def caches(results: Results) -> Table:
    rows = [
        [
            word(use.level),
            word(use.region),
            word(use.engine),
            Cell(units.count(use.loads)),
            Cell(units.count(use.load_misses)),
            Cell(units.count(use.stores)),
            Cell(units.count(use.store_misses)),
            Cell(units.percent(use.misses / use.accesses)),
            Cell(units.count(use.write_backs)),
        ]
        for use in cache_figures.uses(results)
    ]
    head = ["Level", "Region", "Engine", "Loads", "Missed", "Stores", "Missed", "Miss rate"]
    return Table("Caches", [*head, "Written back"], rows, "All runs of an engine together.", 3)

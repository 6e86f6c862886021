"""A results file, loaded, checked and put into groups; every ratio of the report is derived here.

Invariants: what `load` returns is whole (right version, right types, series of equal length, every
region of a run known to the scenario), so that no figure checks again. A Configuration is one
engine with one policy over all its seeds; numbers about it are medians over the seeds.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Optional, Union

from decode import DecodeError, decode
from schema import (
    SCHEMA,
    Document,
    Failure,
    Hazard,
    HeapMap,
    MemoryRegion,
    RegionSamples,
    RegionUse,
    Run,
)

REASONS = ("no_region", "fragmented", "full")
STEPS_BY_HARDWARE = ("eviction", "fill", "drop", "drain")
STEPS = ("access", "hand_out", "free", *STEPS_BY_HARDWARE)
ACCESSES = tuple("load store dma_read dma_write clean invalidate flush barrier".split())


class ResultsError(Exception):
    """One line that names the file, the place in it and what is wrong there."""


@dataclass(frozen=True)
class Spread:
    """A number over seeds."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Iterable[float]) -> "Spread":
        ordered = sorted(values)
        return Spread(statistics.median(ordered), ordered[0], ordered[-1])

    @property
    def varies(self) -> bool:
        return self.low != self.high


@dataclass(frozen=True)
class RegionSummary:
    """One region under one configuration."""

    name: str
    peak_used_bytes: Spread
    peak_used_share: float
    high_water_bytes: Spread
    peak_ratio: Optional[float]  # Johnstone and Wilson's fourth: peak heap / peak live


@dataclass(frozen=True)
class Configuration:
    engine: str
    policy: str
    runs: list[Run]

    @property
    def label(self) -> str:
        return f"{self.engine} · {self.policy}"

    @property
    def passes(self) -> int:
        return sum(run.passed for run in self.runs)

    @property
    def violations(self) -> int:
        return sum(violation_count(run) for run in self.runs)

    def failed(self) -> Spread:
        return Spread.of(run.failures.total for run in self.runs)

    def failed_for(self, reason: str) -> float:
        counts: list[int] = [getattr(run.failures, reason) for run in self.runs]
        return statistics.median(counts)

    def region(self, name: str) -> Optional[RegionSummary]:
        uses = [use for run in self.runs for use in run.regions if use.name == name]
        if not uses:
            return None
        ratios = [use.fragmentation.jw4 for use in uses if use.fragmentation]
        known = [ratio for ratio in ratios if ratio is not None]
        return RegionSummary(
            name=name,
            peak_used_bytes=Spread.of(use.peak_used_bytes for use in uses),
            peak_used_share=statistics.median(
                share(use.peak_used_bytes, use.memory_bytes) or 0.0 for use in uses
            ),
            high_water_bytes=Spread.of(use.high_water_bytes for use in uses),
            peak_ratio=statistics.median(known) if known else None,
        )

    def regions(self) -> list[RegionSummary]:
        found = (self.region(use.name) for use in self.runs[0].regions)
        return [summary for summary in found if summary]


@dataclass(frozen=True)
class Results:
    file: str
    document: Document
    configurations: list[Configuration]

    @property
    def engines(self) -> list[str]:
        return unique(run.engine for run in self.document.runs)

    @property
    def policies(self) -> list[str]:
        return unique(run.policy for run in self.document.runs)

    @property
    def seeds(self) -> list[int]:
        return sorted({run.seed for run in self.document.runs})

    @property
    def untraced(self) -> str:
        """Engines that were loaded, whose own accesses the cycles do not hold."""
        return ", ".join(
            unique(run.engine for run in self.document.runs if run.cycles and not run.cycles.traced)
        )

    def memory(self, name: str) -> MemoryRegion:
        (found,) = (region for region in self.document.scenario.regions if region.name == name)
        return found

    def run_label(self, run: Run) -> str:
        """Names a run among the others: the seed only where there are several."""
        seed = f" · seed {run.seed}" if len(self.seeds) > 1 else ""
        return f"{run.engine} · {run.policy}{seed}"

    def detailed(self, has: Callable[[Run], object], most: int = 4) -> list[Run]:
        """The runs that carry such details, at most `most`: the first, the last and those between
        as the file orders them."""
        found = [run for run in self.document.runs if has(run)]
        return found if len(found) <= most else found[: most - 1] + found[-1:]


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def share(part: float, whole: float) -> Optional[float]:
    return part / whole if whole else None


def violation_count(run: Run) -> int:
    """Of which the file lists the first."""
    return max(run.violation_count, len(run.violations))


def external_fragmentation(largest_free_bytes: int, free_bytes: int) -> Optional[float]:
    """How much of the free memory the largest request could not have: 1 - largest free / free."""
    kept = share(largest_free_bytes, free_bytes)
    return None if kept is None else 1 - kept


def overhead(used_bytes: int, live_bytes: int) -> Optional[float]:
    """What the heap holds for each requested byte, beyond that byte."""
    held = share(used_bytes, live_bytes)
    return None if held is None else held - 1


def lowest_largest_free(run: Run, name: str) -> Optional[int]:
    """The smallest that the region's largest free block ever was, as sampled."""
    if run.samples is None:
        return None
    for series in run.samples.regions:
        if series.name == name and series.largest_free_bytes:
            return min(series.largest_free_bytes)
    return None


def base_address(region: MemoryRegion, path: str = "$") -> int:
    try:
        return int(region.base, 0)
    except ValueError:
        raise DecodeError(path, f"'{region.base[:40]}' is no address like 0x20000000") from None


def failure_times(results: "Results", run: Run, name: str) -> list[int]:
    """When requests with that region's attribute failed (as far as the file lists them)."""
    match = results.document.scenario.match
    region = results.memory(name)
    return [
        failure.time_ns for failure in run.failures.first if region_serves(region, failure, match)
    ]


def region_serves(region: MemoryRegion, failure: Failure, match: str) -> bool:
    """Whether the failed request asked for this region's attribute."""
    if match == "all_bits":
        return region.attr & failure.attr == failure.attr
    return region.attr == failure.attr


def group(runs: list[Run]) -> list[Configuration]:
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.engine, run.policy), []).append(run)
    return [Configuration(engine, policy, members) for (engine, policy), members in groups.items()]


def _same_length(path: str, expected: int, **series: list[int]) -> None:
    for name, values in series.items():
        if len(values) != expected:
            raise DecodeError(f"{path}.{name}", f"{len(values)} values for {expected} times")


def _check_map(path: str, chart: HeapMap, run: Run) -> None:
    times = chart.time_ns
    if times is None:
        if run.samples is None:
            raise DecodeError(f"{path}.time_ns", "missing, and there are no samples")
        times = run.samples.time_ns
    if len(chart.columns) != len(times):
        raise DecodeError(f"{path}.columns", f"{len(chart.columns)} values for {len(times)} times")
    for index, column in enumerate(chart.columns):
        if len(column) != chart.bins:
            where = f"{path}.columns[{index}]"
            raise DecodeError(where, f"{len(column)} values for {chart.bins} bins")
        if column and not 0 <= min(column) <= max(column) <= 255:
            raise DecodeError(f"{path}.columns[{index}]", "values beyond 0..255")


LINE_BYTES_MAX = 1024


def _check_hazard(path: str, hazard: Hazard, names: set[str]) -> None:
    if hazard.region not in names:
        raise DecodeError(f"{path}.region", f"'{hazard.region}' is no region of the scenario")
    length = hazard.line_bytes
    if not 1 <= length <= LINE_BYTES_MAX:
        raise DecodeError(f"{path}.line_bytes", f"{length} beyond 1..{LINE_BYTES_MAX}")
    for index, (start, end) in enumerate(hazard.wrong):
        if not 0 <= start < end <= length:
            where = f"{path}.wrong[{index}]"
            raise DecodeError(where, f"[{start}, {end}] lies beyond the line's {length} bytes")
    for index, step in enumerate(hazard.sequence):
        where = f"{path}.sequence[{index}]"
        if step.offset < 0 or step.bytes < 0 or step.offset + step.bytes > length:
            raise DecodeError(where, f"its bytes lie beyond the line's {length}")
        if step.what in STEPS_BY_HARDWARE and not isinstance(step.core, int):
            raise DecodeError(f"{where}.core", f"'{step.core}' where a core's number belongs")
        if step.what == "access" and step.kind not in ACCESSES:
            raise DecodeError(f"{where}.kind", f"'{step.kind}' is no access")
        if step.what not in STEPS:
            raise DecodeError(f"{where}.what", f"'{step.what}' is no step")


def _check_cycles(path: str, run: Run, names: set[str]) -> None:
    if run.cycles is None:
        return
    for index, region in enumerate(run.cycles.regions):
        if region.name is not None and region.name not in names:
            where = f"{path}.regions[{index}].name"
            raise DecodeError(where, f"'{region.name}' is no region of the scenario")
    for place, level in enumerate(run.cycles.levels):
        for index, use in enumerate(level.regions):
            where = f"{path}.levels[{place}].regions[{index}]"
            if use.name not in names:
                raise DecodeError(f"{where}.name", f"'{use.name}' is no region of the scenario")
            if not (0 <= use.load_misses <= use.loads and 0 <= use.store_misses <= use.stores):
                raise DecodeError(where, "more misses than accesses")


def _check_run(path: str, run: Run, names: set[str]) -> None:
    for index, hazard in enumerate(run.hazards or []):
        _check_hazard(f"{path}.hazards[{index}]", hazard, names)
    _check_cycles(f"{path}.cycles", run, names)

    def known(place: str, items: Iterable[Union[RegionUse, RegionSamples, HeapMap]]) -> None:
        for index, item in enumerate(items):
            if item.name not in names:
                where = f"{path}.{place}[{index}].name"
                raise DecodeError(where, f"'{item.name}' is no region of the scenario")

    known("regions", run.regions)
    if run.samples is not None:
        known("samples.regions", run.samples.regions)
        for index, series in enumerate(run.samples.regions):
            _same_length(
                f"{path}.samples.regions[{index}]",
                len(run.samples.time_ns),
                used_bytes=series.used_bytes,
                live_bytes=series.live_bytes,
                free_bytes=series.free_bytes,
                largest_free_bytes=series.largest_free_bytes,
            )
    known("heap_map", run.heap_map or [])
    for index, chart in enumerate(run.heap_map or []):
        _check_map(f"{path}.heap_map[{index}]", chart, run)


def from_value(value: object, file: str) -> Results:
    """The results in parsed JSON; DecodeError where it is not what version 1 says."""
    if not isinstance(value, dict):
        raise DecodeError("$", "not an object")
    if value.get("schema") != SCHEMA:
        found = repr(value["schema"])[:40] if "schema" in value else "missing"
        raise DecodeError("$.schema", f"{found}; this program reads version {SCHEMA}")
    document: Document = decode(Document, value)
    if not document.runs:
        raise DecodeError("$.runs", "empty: nothing was replayed")
    for index, region in enumerate(document.scenario.regions):
        base_address(region, f"$.scenario.regions[{index}].base")
    names = {region.name for region in document.scenario.regions}
    for index, run in enumerate(document.runs):
        _check_run(f"$.runs[{index}]", run, names)
    return Results(file, document, group(document.runs))


def load(path: Path) -> Results:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return from_value(value, str(path))
    except DecodeError as error:
        raise ResultsError(f"{path}: {error}") from None
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ResultsError(f"{path}: not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ResultsError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise ResultsError(f"{path}: nested too deeply") from None

"""The figures of the benches: drawn from what the benches write, refused when it is something else."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plots"))
import bench  # noqa: E402


def document(name: str, *results: dict[str, object]) -> dict[str, object]:
    return {"bench": name, "schema": 1, "reference": "a", "results": list(results)}


FOOTPRINT = document(
    "footprint",
    {"engine": "a", "trace": "t", "ratio": 1.05},
    {"engine": "b", "trace": "t", "ratio": 2.5},
    {"engine": "c", "trace": "t", "unsupported": True},
)
SPEED = document("speed", {"contestant": "a", "case": "t", "ratio": 1.0})
INSTRUCTIONS = document(
    "instructions",
    {
        "engine": "a",
        "call": "alloc",
        "calls": 3,
        "mean": 80.0,
        "p99": 90,
        "max": 120,
        "histogram": [[72, 2], [120, 1]],
    },
)
SCALING = document(
    "scaling",
    {"contestant": "a", "case": "live_10", "ns_median": 9.0},
    {"contestant": "a", "case": "heap_4K", "ns_median": 9.0},
)
TIMED = {"contestant": "a", "case": "c", "ratio": 1.0}
ALIGNED = document(
    "aligned",
    TIMED,
    {
        "engine": "a",
        "align": 32,
        "bytes": 32,
        "granule": 0,
        "metadata": "inside",
        "fitted": 9,
        "ideal": 10,
    },
)
GROWTH = document("growth", TIMED, {"contestant": "a", "case": "c", "resizes": 4, "moved": 1})
FULL = document("full", TIMED, {"engine": "a", "case": "c", "instructions": 60.0, "max": 61})
REGIONS = document(
    "regions",
    {
        "engine": "a",
        "regions": 1,
        "alloc_first": 9.0,
        "free_first": 9.0,
        "alloc_last": 9.0,
        "owner_mean": 9.0,
    },
    {
        "engine": "a",
        "regions": 2,
        "alloc_first": 9.0,
        "free_first": 9.0,
        "alloc_last": 20.0,
        "owner_mean": 12.0,
    },
)
THREADS = document(
    "threads",
    {"contestant": "a", "way": "shared", "threads": 1, "ratio": 1.0, "cpu_ratio": 1.0},
    {"contestant": "a", "way": "own", "threads": 2, "ratio": 1.1, "cpu_ratio": 1.0},
)
WORST = document(
    "worst",
    {"engine": "a", "call": "alloc", "found": 90, "bound": 100},
    {"engine": "b", "call": "alloc", "found": 900, "bound": None},
)
REPLAY = document(
    "replay",
    {"way": "generated", "operations": 5, "operations_a_second": 1e6},
    {"engine": "a", "trace": "t", "way": "bare", "operations_a_second": 3e7},
)
TIMELINE = document(
    "timeline",
    {
        "engine": "a",
        "trace": "t",
        "operations": 4,
        "peak_bytes": 100,
        "samples": [[0, 0, 0, 1, 150, 150], [4, 100, 110, 2, 40, 30]],
    },
)
EVERY = (
    FOOTPRINT,
    SPEED,
    INSTRUCTIONS,
    SCALING,
    ALIGNED,
    GROWTH,
    FULL,
    REGIONS,
    THREADS,
    WORST,
    REPLAY,
    TIMELINE,
)


class Bench(unittest.TestCase):
    def run_on(self, *documents: dict[str, object]) -> tuple[int, set[str]]:
        with tempfile.TemporaryDirectory() as folder:
            for one in documents:
                Path(folder, f"{one['bench']}.json").write_text(json.dumps(one))
            with contextlib.redirect_stderr(io.StringIO()):
                code = bench.main([folder, "-o", f"{folder}/figures"])
            return code, {path.name for path in Path(folder, "figures").glob("*")}

    def test_each_bench_has_its_figure_in_both_forms(self) -> None:
        code, names = self.run_on(*EVERY)
        self.assertEqual(code, 0)
        self.assertEqual(
            names,
            {f"{name}.{kind}" for name in bench.FIGURES for kind in ("png", "svg")},
        )

    def test_every_bench_has_a_figure(self) -> None:
        root = Path(__file__).resolve().parents[2]
        benches = {path.stem for path in (root / "bench").glob("*.c")}
        self.assertEqual(benches, {name for name, _ in bench.FIGURES.values()})

    def test_lines_differ_in_colour_or_dashes(self) -> None:
        looks = [str(bench.style.line_style(index)) for index in range(28)]
        self.assertEqual(len(set(looks)), len(looks))

    def test_percentiles_come_from_all_histograms_together(self) -> None:
        rows = [{"histogram": [[8, 98]]}, {"histogram": [[16, 1], [80, 1]]}]
        found = bench.bench_more._quantiles(rows)  # pylint: disable=protected-access
        self.assertEqual(found, [8, 8, 8, 8, 8, 8, 16, 80, 80])

    def test_only_what_is_there_is_drawn(self) -> None:
        self.assertEqual(self.run_on(SPEED), (0, {"speed.png", "speed.svg"}))

    def test_no_results_are_bad_input(self) -> None:
        self.assertEqual(self.run_on(), (2, set()))
        self.assertEqual(self.run_on(document("speed")), (2, set()))

    def test_another_schema_is_bad_input(self) -> None:
        self.assertEqual(self.run_on({**SPEED, "schema": 2}), (2, set()))

    def test_a_result_without_its_figure_is_bad_input(self) -> None:
        self.assertEqual(self.run_on(document("scaling", {"contestant": "a"})), (2, set()))


if __name__ == "__main__":
    unittest.main()

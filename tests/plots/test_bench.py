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
    {"engine": "a", "call": "alloc", "calls": 3, "mean": 80.0, "p99": 90, "max": 120},
)
SCALING = document(
    "scaling",
    {"contestant": "a", "case": "live_10", "ns_median": 9.0},
    {"contestant": "a", "case": "heap_4K", "ns_median": 9.0},
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
        code, names = self.run_on(FOOTPRINT, SPEED, INSTRUCTIONS, SCALING)
        self.assertEqual(code, 0)
        self.assertEqual(
            names,
            {f"{name}.{kind}" for name in bench.FIGURES for kind in ("png", "svg")},
        )

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

"""Tests of cycles and miss rates: sums over runs, figures, the report, documents that are broken."""

from __future__ import annotations

import contextlib
import io
import unittest
from typing import Any

from support import LONG_NAME, Folder, bare, changed, read, removed, sample

import caches
import cycles
import test_figures
from decode import DecodeError


def calls(*buckets: Any, least: int = 4, most: int = 90) -> Any:
    count = sum(number for _, number in buckets)
    listed = [list(bucket) for bucket in buckets]
    total = {"count": count, "sum": 10 * count, "mean": 10.0}
    return {**total, "min": least, "max": most, "p50": 12, "p99": 80, "buckets": listed}


def use(name: str, loads: int, misses: int, stores: int = 0, store_misses: int = 0) -> Any:
    counters = {"loads": loads, "load_misses": misses, "stores": stores}
    more = {"store_misses": store_misses, "write_backs": 1, "fills": 2, "miss_rate": None}
    return {"name": name, **counters, **more}


def simulated() -> Any:
    """The sample with two engines' runs simulated, zephyr's twice."""
    value = sample()
    for run in (value["runs"][0], value["runs"][1], value["runs"][4]):
        run["cycles"] = {
            "unit": "cycles",
            "traced": True,
            "regions": [
                {
                    "name": "psram",
                    "operations": {
                        "free": calls((15, 50), (31, 50)),
                        "alloc": calls((12, 60), (50, 39), (95, 1)),
                    },
                },
                {"name": None, "operations": {"alloc": calls((7, 3), most=7)}},
            ],
            "actors": [{"name": "net", "cycles": 900, "allocator_cycles": 30}],
            "levels": [
                {"level": "L1", "regions": [use("psram", 70, 7, 30, 13), use("dtcm", 0, 0)]},
                {"level": "L2", "regions": [use("psram", 20, 20)]},
            ],
        }
    return value


class Sums(unittest.TestCase):
    def test_an_engine_is_summed_over_its_runs(self) -> None:
        first = cycles.costs(read(simulated()))[0]
        self.assertEqual((first.place, first.kind, first.engine), ("psram", "alloc", "zephyr"))
        self.assertEqual((first.calls, first.sum, first.most), (200, 2000, 90))
        self.assertEqual([first.within(share) for share in (0.5, 0.99, 1)], [12, 50, 90])

    def test_misses_are_summed_and_a_region_without_accesses_is_left_out(self) -> None:
        found = caches.uses(read(simulated()))
        self.assertEqual(
            [(use.level, use.region, use.engine) for use in found],
            [
                ("L1", "psram", "zephyr"),
                ("L1", "psram", "first_fit"),
                ("L2", "psram", "zephyr"),
                ("L2", "psram", "first_fit"),
            ],
        )
        self.assertEqual([(use.misses, use.accesses) for use in found[:2]], [(40, 200), (20, 100)])


class Figures(unittest.TestCase):
    def check(self, value: Any) -> None:
        for module in (cycles, caches):
            for made in module.pictures(read(value)):
                with self.subTest(made.name):
                    self.assertEqual(test_figures.Layout.overlaps(made.draw()), [])

    def test_of_the_sample(self) -> None:
        names = [made.name for made in cycles.pictures(read(simulated()))]
        self.assertEqual(names, ["cycles_1", "cycles_2"])
        self.check(simulated())

    def test_of_a_crowd_of_engines_and_of_a_wide_range(self) -> None:
        value = simulated()
        run = value["runs"][0]
        for kind in ("realloc", "calloc"):
            wide = calls((1, 9), (10**12, 1), least=0, most=10**12)
            run["cycles"]["regions"][0]["operations"][kind] = wide
        run["cycles"]["levels"][0]["regions"][0].update(loads=10**12, load_misses=1)
        value["runs"] = [{**run, "engine": f"{index}_{LONG_NAME}"} for index in range(20)]
        self.check(value)

    def test_of_one_call_that_costs_nothing_and_no_misses(self) -> None:
        value = simulated()
        run = value["runs"][0]
        operations = {"alloc": calls((0, 1), least=0, most=0)}
        run["cycles"]["regions"] = [{"name": "psram", "operations": operations}]
        run["cycles"]["levels"] = [{"level": "L1", "regions": [use("psram", 1, 0)]}]
        self.check({**value, "runs": [run]})


class Words(Folder):
    def test_the_report_has_both_pictures_and_tables(self) -> None:
        text = self.page(bare(simulated()))
        for words in ("figures/cycles_1.png", "figures/miss_rates.png", "Cycles of the allocator"):
            self.assertIn(words, text)
        self.assertIn("--cycles --json results.json", text)
        self.assertNotIn("is not traced", text)

    def test_it_says_whose_accesses_are_missing(self) -> None:
        value = bare(simulated())
        value["runs"][4]["cycles"]["traced"] = False
        self.assertIn("What first_fit accesses itself is not traced", self.page(value))

    def test_without_cycles_it_gives_the_command(self) -> None:
        text = self.page(bare(sample()))
        self.assertIn("smh compare --cycles -o out scenarios/camera_stream.json", text)

    def test_a_picture_alone_of_a_file_without_cycles_is_refused(self) -> None:
        path = self.write(sample())
        with contextlib.redirect_stderr(io.StringIO()) as err:
            arguments = [str(path), "-o", str(self.folder / "x.png")]
            self.assertEqual(cycles.figure_main("", cycles.pictures, arguments), 2)
        self.assertIn("holds nothing for this picture", err.getvalue())


class Broken(unittest.TestCase):
    def test_cycles_that_are_not_whole_are_refused_with_the_place(self) -> None:
        at = ("runs", 0, "cycles")
        for value, place, problem in (
            (
                removed(simulated(), *at, "regions", 0, "operations", "free", "p99"),
                ".regions[0].operations.free.p99",
                "missing",
            ),
            (
                changed(simulated(), "mars", *at, "regions", 0, "name"),
                ".regions[0].name",
                "'mars' is no region",
            ),
            (
                changed(simulated(), "mars", *at, "levels", 1, "regions", 0, "name"),
                ".levels[1].regions[0].name",
                "'mars' is no region",
            ),
            (
                changed(simulated(), 71, *at, "levels", 0, "regions", 0, "load_misses"),
                ".levels[0].regions[0]",
                "more misses than accesses",
            ),
        ):
            with self.subTest(place):
                with self.assertRaises(DecodeError) as caught:
                    read(value)
                self.assertEqual(caught.exception.path, "$.runs[0].cycles" + place)
                self.assertIn(problem, caught.exception.problem)


if __name__ == "__main__":
    unittest.main()

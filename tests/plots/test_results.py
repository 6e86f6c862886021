"""Tests of reading results.json: what is refused and how, units, ratios, tables."""

from __future__ import annotations

import contextlib
import copy
import io
import unittest
from collections import Counter
from typing import Any
from unittest import mock

from support import Folder, bare, changed, crowded, read, removed, sample

import files
import latency
import report
import style
import tables
import units
from results import external_fragmentation, failure_times, overhead


class Units(unittest.TestCase):
    def test_bytes_are_shown_in_binary_units_with_three_digits(self) -> None:
        for value, text in (
            (0, "0 B"),
            (1023, "1 023 B"),
            (1024, "1 KiB"),
            (614400, "600 KiB"),
            (8 << 20, "8 MiB"),
            (1536, "1.5 KiB"),
            (123456789, "118 MiB"),
            ((1 << 20) - 8, "1 MiB"),
            (1023 << 10, "1023 KiB"),
        ):
            shown = units.size(value).replace("\u00a0", " ").replace("\u202f", " ")
            self.assertEqual(shown, text)

    def test_times_are_shown_in_the_largest_unit_that_leaves_a_whole_digit(self) -> None:
        for value, text in ((0, "0 ns"), (999, "999 ns"), (33_000_000, "33 ms"), (9e10, "1.5 min")):
            self.assertEqual(units.duration(value).replace("\u00a0", " "), text)

    def test_a_share_reads_as_whole_only_when_it_is_whole(self) -> None:
        for value, text in ((0, "0 %"), (1, "100 %"), (0.99999, "> 99.9 %"), (0.5, "50.0 %")):
            self.assertEqual(units.percent(value).replace("\u00a0", " "), text)
        self.assertEqual(units.percent(None), "–")

    def test_ticks_go_in_binary_steps_up_to_the_limit(self) -> None:
        self.assertEqual(units.byte_ticks(128 << 10, 4), [n << 10 for n in (0, 32, 64, 96, 128)])
        self.assertEqual(units.byte_ticks(0), [0])
        for limit in (1, 7, 1000, 1 << 40, (1 << 40) + 1):
            ticks = units.byte_ticks(limit, 5)
            self.assertLessEqual(len(ticks), 6)
            self.assertLessEqual(max(ticks), limit)

    def test_a_long_name_loses_its_middle(self) -> None:
        self.assertEqual(units.shorten("abcdefghij", 5), "ab…ij")
        self.assertEqual(units.shorten("abcde", 5), "abcde")


class Ratios(unittest.TestCase):
    def test_fragmentation_is_the_free_memory_outside_the_largest_block(self) -> None:
        self.assertEqual(external_fragmentation(25, 100), 0.75)
        self.assertEqual(external_fragmentation(100, 100), 0)
        self.assertIsNone(external_fragmentation(0, 0))

    def test_overhead_is_what_is_held_for_each_requested_byte(self) -> None:
        self.assertEqual(overhead(150, 100), 0.5)
        self.assertIsNone(overhead(64, 0))

    def test_numbers_of_a_configuration_are_medians_over_its_seeds(self) -> None:
        value = sample()
        template = value["runs"][0]
        value["runs"] = []
        for seed, total in ((1, 10), (2, 0), (3, 4)):
            run = copy.deepcopy(template)
            run.update(seed=seed, passed=total == 0)
            run["failures"].update(total=total, full=total, fragmented=0, no_region=0)
            run["regions"][0].update(memory_bytes=1000, peak_used_bytes=100 * seed)
            run["regions"][0]["fragmentation"]["jw4"] = None if seed == 1 else float(seed)
            value["runs"].append(run)
        (configuration,) = read(value).configurations
        failed = configuration.failed()
        self.assertEqual((failed.median, failed.low, failed.high), (4, 0, 10))
        self.assertEqual(configuration.failed_for("full"), 4)
        self.assertEqual(configuration.passes, 1)
        region = configuration.regions()[0]
        self.assertEqual(region.peak_used_share, 0.2)
        self.assertEqual(region.peak_ratio, 2.5)

    def test_percentiles_come_from_the_buckets_and_never_exceed_the_slowest(self) -> None:
        counts = Counter({10: 50, 20: 49, 1000: 1})
        self.assertEqual(latency.percentile(counts, 900, 0.5), 10)
        self.assertEqual(latency.percentile(counts, 900, 0.99), 20)
        self.assertEqual(latency.percentile(counts, 900, 1.0), 900)
        across, up = latency.curve(counts, 900)
        self.assertEqual(up, [10, 10, 20, 20, 900, 900])
        self.assertAlmostEqual(across[1], 0.30103, 4)
        self.assertAlmostEqual(across[3], 2.0)

    def test_failures_mark_the_regions_that_their_attribute_may_use(self) -> None:
        value = sample()
        run = value["runs"][0]
        template = run["failures"]["list"][0]
        run["failures"]["list"] = [
            {**template, "attr": 0, "time_ns": 5},
            {**template, "attr": 2, "time_ns": 6},
        ]
        found = read(value)
        self.assertEqual(failure_times(found, found.document.runs[0], "psram"), [6])
        self.assertEqual(failure_times(found, found.document.runs[0], "dtcm"), [5])
        value["scenario"]["match"] = "all_bits"  # psram's 2 has all of the bits of 0 and of 2
        found = read(value)
        self.assertEqual(failure_times(found, found.document.runs[0], "psram"), [5, 6])
        self.assertEqual(failure_times(found, found.document.runs[0], "dtcm"), [5])


class Refusals(Folder):
    """Bad input: exit code 2, one line with file and place, nothing written."""

    CASES: tuple[tuple[str, Any, str], ...] = (
        ("another version", changed(sample(), 2, "schema"), r"\$\.schema: 2; .* version 1"),
        ("no version", removed(sample(), "schema"), r"\$\.schema: missing"),
        ("no scenario", removed(sample(), "scenario"), r"\$\.scenario: missing"),
        ("no runs", changed(sample(), [], "runs"), r"\$\.runs: empty"),
        ("no seed", removed(sample(), "runs", 3, "seed"), r"\$\.runs\[3\]\.seed: missing"),
        (
            "text for a number",
            changed(sample(), "7", "runs", 1, "regions", 2, "peak_used_bytes"),
            r"\$\.runs\[1\]\.regions\[2\]\.peak_used_bytes: '7' where an integer belongs",
        ),
        (
            "truth for a number",
            changed(sample(), True, "runs", 0, "simulated_ns"),
            r"\$\.runs\[0\]\.simulated_ns: True where an integer belongs",
        ),
        (
            "a list for an object",
            changed(sample(), [], "runs", 0, "failures"),
            r"\$\.runs\[0\]\.failures: a list where an object belongs",
        ),
        (
            "a bad element",
            changed(sample(), None, "runs", 0, "samples", "time_ns", 4),
            r"\$\.runs\[0\]\.samples\.time_ns\[4\]: null where an integer belongs",
        ),
        (
            "series of unequal length",
            changed(sample(), [1, 2], "runs", 0, "samples", "regions", 1, "used_bytes"),
            r"\$\.runs\[0\]\.samples\.regions\[1\]\.used_bytes: 2 values for \d+ times",
        ),
        (
            "a map with a short column",
            changed(sample(), [0], "runs", 0, "heap_map", 0, "columns", 3),
            r"\$\.runs\[0\]\.heap_map\[0\]\.columns\[3\]: 1 values for 24 bins",
        ),
        (
            "a map beyond a byte",
            changed(sample(), [256] * 24, "runs", 0, "heap_map", 0, "columns", 3),
            r"\$\.runs\[0\]\.heap_map\[0\]\.columns\[3\]: values beyond 0\.\.255",
        ),
        (
            "a region that nobody described",
            changed(sample(), "ghost", "runs", 0, "regions", 0, "name"),
            r"\$\.runs\[0\]\.regions\[0\]\.name: 'ghost' is no region",
        ),
        (
            "an address that is none",
            changed(sample(), "here", "scenario", "regions", 1, "base"),
            r"\$\.scenario\.regions\[1\]\.base: 'here' is no address",
        ),
        ("a list as document", [1], r"\$: not an object"),
        ("no JSON", '{"schema": 1,', r"results\.json:1:\d+: not JSON"),
        ("deep nesting", "[" * 200000, r"nested too deeply"),
    )

    def test_each_is_refused_with_its_place(self) -> None:
        for name, content, pattern in self.CASES:
            with self.subTest(name):
                code, message = self.run_report(content)
                self.assertEqual(code, 2)
                self.assertRegex(message, pattern)
                self.assertIn(str(self.folder / "results.json"), message)
                self.assertEqual(message.count("\n"), 1)
                self.assertFalse((self.folder / "out").exists())

    def test_a_missing_file_is_named(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as err:
            code = report.main([str(self.folder / "none.json"), "-o", str(self.folder)])
        self.assertEqual(code, 2)
        self.assertIn("none.json: No such file", err.getvalue())

    def test_a_file_that_is_not_text_is_refused(self) -> None:
        path = self.folder / "results.json"
        path.write_bytes(b"\xff\xfe\x00")
        with contextlib.redirect_stderr(io.StringIO()) as err:
            self.assertEqual(report.main([str(path), "-o", str(self.folder)]), 2)
        self.assertIn("not UTF-8 at byte 0", err.getvalue())

    def test_the_sample_itself_is_accepted(self) -> None:
        self.assertEqual(len(read(sample()).document.runs), 8)

    def test_keys_of_a_newer_writer_are_ignored(self) -> None:
        value = sample()
        value["runs"][0]["weather"] = [{"class": "H1"}]
        self.assertEqual(len(read(value).document.runs), 8)


class Writing(Folder):
    def test_a_failed_write_leaves_the_old_file_and_no_other(self) -> None:
        target = self.folder / "page.html"
        files.write_whole(target, b"old")
        with mock.patch("os.replace", side_effect=OSError(28, "No space left on device")):
            with self.assertRaises(OSError):
                files.write_whole(target, b"new")
        self.assertEqual(target.read_bytes(), b"old")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["page.html"])

    def test_a_figure_that_fails_leaves_no_half_report(self) -> None:
        broken = style.Picture("latency", "", "", mock.Mock(side_effect=ValueError("drawn badly")))
        with mock.patch("latency.pictures", return_value=[broken]):
            with self.assertRaises(ValueError):
                self.run_report(bare(sample()))
        self.assertFalse((self.folder / "out").exists())


class Tables(unittest.TestCase):
    def test_every_row_is_as_long_as_its_head(self) -> None:
        for value in (sample(), crowded()):
            results = read(value)
            run = results.document.runs[0]
            made = [tables.memory(results), tables.comparison(results), *tables.matrices(results)]
            made += [tables.regions(run), tables.attributes(run), tables.failure_groups(run)]
            made += [tables.failure_list(run), tables.latencies(results)]
            made += [tables.expectations(results), tables.violations(results)]
            for table in made:
                for row in table.rows:
                    self.assertEqual(len(row), len(table.head), table.caption)

    def test_a_pass_is_said_in_words(self) -> None:
        value = sample()
        value["runs"][0]["passed"] = value["runs"][1]["passed"] = True
        words = [row[2].text.replace("\u00a0", " ") for row in tables.comparison(read(value)).rows]
        self.assertEqual(words, ["passes 2/2", "fails 2/2", "fails 2/2", "fails 2/2"])

"""Tests of plots/: reading results, deriving ratios, drawing every figure, writing the report.

Run: /usr/bin/python3 -m unittest discover -s tests/plots
sample_results.json is made up: a toy allocator's numbers in the format of results.json.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import html.parser
import io
import json
import re
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Optional
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "plots"))

import comparison  # noqa: E402
import files  # noqa: E402
import heap_map  # noqa: E402
import latency  # noqa: E402
import report  # noqa: E402
import style  # noqa: E402
import tables  # noqa: E402
import units  # noqa: E402
from decode import DecodeError  # noqa: E402
from results import Results, external_fragmentation, from_value, overhead  # noqa: E402

SAMPLE = json.loads((HERE / "sample_results.json").read_text(encoding="utf-8"))
LONG_NAME = "a_region_with_a_name_that_is_much_longer_than_any_picture_has_room_for"


def sample() -> Any:
    return copy.deepcopy(SAMPLE)


def read(value: Any) -> Results:
    return from_value(value, "results.json")


def bare(value: Any) -> Any:
    """The same runs without any detail."""
    for run in value["runs"]:
        run.update(samples=None, heap_map=None, latency=None)
    return value


def crowded() -> Any:
    """Ten regions with long names, twelve engines, eight policies, no details but of one run."""
    value = sample()
    first = value["runs"][0]
    base, use = value["scenario"]["regions"][0], first["regions"][0]
    series, chart = first["samples"]["regions"][0], first["heap_map"][0]
    names = [f"{LONG_NAME}_{index}" for index in range(10)]
    value["scenario"]["regions"] = [
        {**base, "name": name, "base": hex(0x20000000 + 0x100000 * index)}
        for index, name in enumerate(names)
    ]
    first["regions"] = [{**use, "name": name} for name in names]
    first["samples"]["regions"] = [{**series, "name": name} for name in names]
    first["heap_map"] = [{**chart, "name": name} for name in names]
    plain = {**first, "samples": None, "heap_map": None, "latency": None}
    value["runs"] = [first] + [
        {**plain, "engine": f"engine_number_{engine}", "policy": f"policy_number_{policy}"}
        for engine in range(12)
        for policy in range(8)
    ]
    return value


class Page(html.parser.HTMLParser):
    """What a test wants to know about a page; complains about tags that do not match."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, Optional[str]]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.mismatched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        found = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(found)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.links += [found[key] or "" for key in ("href", "src") if key in found]
        self.ids += [found["id"] or ""] if "id" in found else []

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mismatched.append(tag)


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def write(self, content: Any, name: str = "results.json") -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def run_report(self, content: Any) -> tuple[int, str]:
        """Exit code and standard error of plots/report.py on such a file."""
        path = self.write(content)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = report.main([str(path), "-o", str(self.folder / "out")])
        return code, err.getvalue()

    def page(self, content: Any) -> str:
        code, message = self.run_report(content)
        self.assertEqual((code, message), (0, ""))
        return (self.folder / "out" / "report.html").read_text(encoding="utf-8")


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
        from collections import Counter

        counts = Counter({10: 50, 20: 49, 1000: 1})
        self.assertEqual(latency.percentile(counts, 900, 0.5), 10)
        self.assertEqual(latency.percentile(counts, 900, 0.99), 20)
        self.assertEqual(latency.percentile(counts, 900, 1.0), 900)
        across, up = latency.curve(counts, 900)
        self.assertEqual(up, [10, 10, 20, 20, 900, 900])
        self.assertAlmostEqual(across[1], 0.30103, 4)
        self.assertAlmostEqual(across[3], 2.0)

    def test_failures_mark_the_regions_that_their_attribute_may_use(self) -> None:
        from results import failure_times

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


def removed(value: Any, *path: Any) -> Any:
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return value


def changed(value: Any, new: Any, *path: Any) -> Any:
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


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
        value["runs"][0]["hazards"] = [{"class": "H1"}]
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


class Report(Folder):
    @classmethod
    def setUpClass(cls) -> None:
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.out = Path(holder.name)
        report.write_report(read(sample()), cls.out)
        cls.text = (cls.out / "report.html").read_text(encoding="utf-8")
        cls.found = Page(cls.text)

    def test_its_tags_match_and_its_ids_are_unique(self) -> None:
        self.assertEqual((self.found.mismatched, self.found.open), ([], []))
        self.assertEqual(len(self.found.ids), len(set(self.found.ids)))

    def test_the_page_checker_notices_a_tag_that_is_never_closed(self) -> None:
        self.assertTrue(Page("<p><b>x</p>").mismatched)

    def test_it_needs_nothing_but_itself(self) -> None:
        for link in self.found.links:
            self.assertRegex(link, r"^(#|data:image/svg\+xml;base64,)")
        self.assertNotRegex(self.text, r"https?://|<script|<link|@import|url\(")

    def test_every_contents_link_leads_somewhere(self) -> None:
        for link in self.found.links:
            if link.startswith("#"):
                self.assertIn(link[1:], self.found.ids)

    def test_every_picture_has_a_description(self) -> None:
        self.assertGreaterEqual(len(self.found.images), 8)
        for image in self.found.images:
            self.assertGreater(len(image["alt"] or ""), 20)

    def test_headings_go_down_by_one_level_at_most(self) -> None:
        self.assertEqual(self.found.headings[0], 1)
        for above, below in zip(self.found.headings, self.found.headings[1:]):
            self.assertLessEqual(below, above + 1)

    def test_every_picture_is_there_as_png_and_as_svg(self) -> None:
        folder = self.out / "figures"
        names = sorted(path.stem for path in folder.glob("*.png"))
        self.assertEqual(names, sorted(path.stem for path in folder.glob("*.svg")))
        self.assertEqual(len(names), len(self.found.images))
        for path in folder.glob("*.png"):
            self.assertTrue(path.read_bytes().startswith(b"\x89PNG"))

    def test_the_pictures_in_the_page_are_the_svg_files(self) -> None:
        inlined = {
            base64.b64decode((image["src"] or "").split(",", 1)[1]) for image in self.found.images
        }
        self.assertEqual(inlined, {path.read_bytes() for path in self.out.glob("figures/*.svg")})

    def test_the_same_results_give_the_same_bytes(self) -> None:
        report.write_report(read(sample()), self.folder)
        for path in sorted(self.out.rglob("*.*")):
            if path.is_file():
                again = self.folder / path.relative_to(self.out)
                self.assertEqual(again.read_bytes(), path.read_bytes(), path.name)

    def test_it_opens_with_the_verdict_and_says_what_was_replayed(self) -> None:
        self.assertIn(SAMPLE["verdict"], self.text)
        self.assertIn(SAMPLE["scenario"]["why"], self.text)

    def test_reasons_are_given_in_words(self) -> None:
        self.assertIn("no free block large enough although the total suffices", self.text)
        self.assertIn("no region with that attribute", self.text)

    def test_host_time_is_called_noisy(self) -> None:
        self.assertIn("Host time on this machine: noisy", self.text)

    def test_it_says_how_to_do_it_again(self) -> None:
        command = "smh compare --engine zephyr,first_fit --policy add_order,most_free --seed 7-8"
        self.assertIn(command, self.text)

    def test_without_violations_there_is_no_box_for_them(self) -> None:
        self.assertNotIn('class="broken"', self.text)


class Edges(Folder):
    def test_violations_stand_in_a_box_with_words(self) -> None:
        value = bare(sample())
        item = {"oracle": "contents", "message": "byte 3 <changed>", "operation_index": 17}
        value["runs"][2].update(violations=[item], violation_count=40, passed=False)
        text = self.page(value)
        self.assertIn('class="broken"', text)
        self.assertIn("byte 3 &lt;changed&gt;", text)
        self.assertIn("INVARIANT BROKEN", text)
        self.assertIn("40 violations in all, 1 of them in the file", text)

    def test_thousands_of_violations_make_a_short_box(self) -> None:
        value = bare(sample())
        for run in value["runs"]:
            items = [
                {"oracle": oracle, "message": "m", "operation_index": index}
                for oracle in ("contents", "space", "overlap")
                for index in range(30)
            ]
            run.update(violations=items, violation_count=5000, passed=False)
        table = tables.violations(read(value))
        self.assertEqual(len(table.rows), tables.BROKEN_LISTED)
        self.assertEqual(table.rows[0][2].text, "30")
        self.assertIn("Shown: 16 of 24 groups", table.note)

    def test_one_run_without_any_detail(self) -> None:
        value = bare(sample())
        value.update(runs=value["runs"][:1], command="run", verdict="")
        text = self.page(value)
        self.assertIn("smh run --engine zephyr --policy add_order --seed 7", text)
        self.assertIn("Not measured in this file.", text)

    def test_no_failures_at_all(self) -> None:
        value = bare(sample())
        for run in value["runs"]:
            zero = {"total": 0, "no_region": 0, "fragmented": 0, "full": 0, "list": []}
            run.update(passed=True, failures={**zero, "requested_bytes": 0}, expectations=[])
        text = self.page(value)
        self.assertIn("Every request was served.", text)
        self.assertIn("The scenario states none.", text)

    def test_empty_lists_and_nothing_live(self) -> None:
        value = sample()
        run = value["runs"][0]
        run["samples"] = {"time_ns": [], "operation_index": [], "regions": []}
        run["heap_map"] = [{**run["heap_map"][0], "columns": [], "time_ns": []}]
        run.update(attributes=[], simulated_ns=0, operations={})
        run["latency"]["operations"] = {}
        for use in run["regions"]:
            use["fragmentation"] = {"jw1": None, "jw2": None, "jw3": None, "jw4": None}
        value["runs"] = [run]
        self.page(value)

    def test_one_sample_at_time_zero(self) -> None:
        value = sample()
        run = value["runs"][0]
        run["simulated_ns"] = 0
        run["samples"]["time_ns"] = [0]
        for series in run["samples"]["regions"]:
            for key in ("used_bytes", "live_bytes", "free_bytes", "largest_free_bytes"):
                series[key] = [0]
        for chart in run["heap_map"]:
            chart.update(time_ns=[0], columns=chart["columns"][:1])
        self.page({**value, "runs": [run]})

    def test_a_crowd_of_long_names(self) -> None:
        text = self.page(crowded())
        self.assertIn(LONG_NAME, text)

    def test_markup_in_names_stays_text(self) -> None:
        value = bare(sample())
        value["scenario"]["why"] = "<script>alert(1)</script> & more"
        self.assertNotIn("<script>", self.page(value))

    def test_dollar_signs_in_names_are_not_mathematics(self) -> None:
        value = sample()
        for part in (value["scenario"], *value["runs"]):
            part["regions"][0]["name"] = "$\\frac{$"
        for run in value["runs"]:
            for part in (run["samples"] or {}).get("regions", [])[:1] + (run["heap_map"] or [])[:1]:
                part["name"] = "$\\frac{$"
            run["engine"] = "$x^$"
        self.page(value)

    def test_a_run_given_as_written_is_repeated_without_an_engine(self) -> None:
        value = bare(sample())
        value["runs"] = [{**value["runs"][0], "engine": "as_written"}]
        value["command"] = "run"
        self.assertIn("<pre>smh run --policy add_order --seed 7", self.page(value))


class Layout(unittest.TestCase):
    """Labels lie inside the picture and do not touch one another."""

    @staticmethod
    def overlaps(figure: Any) -> list[tuple[str, str]]:
        """Pairs of texts whose boxes cover one another, and texts beyond the figure's edge."""
        from matplotlib.text import Text

        drawn: list[Text] = []
        draw = Text.draw

        def record(text: Text, *arguments: Any, **named: Any) -> Any:
            drawn.append(text)
            return draw(text, *arguments, **named)

        with mock.patch.object(Text, "draw", record):
            figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        page = figure.bbox.padded(1)
        boxes = []
        for text in drawn:
            if text.get_visible() and text.get_text().strip():
                boxes.append((text.get_text(), text.get_window_extent(renderer).padded(-1)))
        seen = {(text, tuple(box.extents)): box for text, box in boxes}
        items = [(key[0], box) for key, box in seen.items()]
        found = [
            (text, "the edge")
            for text, box in items
            if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 <= page.y1)
        ]
        for index, (text, box) in enumerate(items):
            found += [(text, other) for other, second in items[:index] if box.overlaps(second)]
        return found

    def check(self, value: Any) -> None:
        results = read(value)
        for module in report.MODULES:
            for picture in module.pictures(results):
                with self.subTest(picture.name):
                    self.assertEqual(self.overlaps(picture.draw()), [])

    def test_of_the_sample(self) -> None:
        self.check(sample())

    def test_of_a_crowd_of_long_names(self) -> None:
        self.check(crowded())

    def test_of_one_bare_run(self) -> None:
        value = bare(sample())
        self.check({**value, "runs": value["runs"][:1]})

    def test_of_latencies_with_a_long_tail(self) -> None:
        for longest in (10**5, 10**7, 10**9, 10**12):
            value = sample()
            buckets = [[10**power, longest // 10**power] for power in range(1, 10)]
            operation = {"count": longest, "sum": 1, "max": 10**10, "buckets": buckets}
            kinds = dict.fromkeys(("alloc", "free", "realloc", "calloc"), operation)
            value["runs"] = [{**value["runs"][0], "latency": {"operations": kinds}}]
            (picture,) = latency.pictures(read(value))
            self.assertEqual(self.overlaps(picture.draw()), [])

    def test_the_check_notices_labels_that_collide(self) -> None:
        figure = style.figure(1)
        axes = figure.add_subplot()
        axes.text(0.5, 0.5, "one")
        axes.text(0.51, 0.5, "two")
        self.assertIn(("two", "one"), self.overlaps(figure))


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


class Commands(Folder):
    def test_a_figure_can_be_drawn_alone_as_png_and_as_svg(self) -> None:
        path = self.write(sample())
        for name, start in (("x.png", b"\x89PNG"), ("x.svg", b"<?xml")):
            target = self.folder / name
            code = comparison.figure_main("", comparison.pictures, [str(path), "-o", str(target)])
            self.assertEqual(code, 0)
            self.assertTrue(target.read_bytes().startswith(start))

    def test_one_of_several_pictures_can_be_picked(self) -> None:
        path, target = self.write(sample()), self.folder / "x.png"
        arguments = [str(path), "-o", str(target), "--pick"]
        code = heap_map.figure_main("", heap_map.pictures, [*arguments, "heap_map_2"])
        self.assertEqual(code, 0)
        with contextlib.redirect_stderr(io.StringIO()) as err:
            code = heap_map.figure_main("", heap_map.pictures, [*arguments, "heap_map_9"])
        self.assertEqual(code, 2)
        self.assertIn("allowed here are heap_map_1, heap_map_2", err.getvalue())

    def test_another_kind_of_file_is_refused(self) -> None:
        path = self.write(sample())
        with contextlib.redirect_stderr(io.StringIO()) as err:
            code = heap_map.figure_main("", heap_map.pictures, [str(path), "-o", "x.gif"])
        self.assertEqual(code, 2)
        self.assertIn("must end in .png or .svg", err.getvalue())


class Colours(unittest.TestCase):
    def test_ink_is_readable_on_every_colour_of_the_map(self) -> None:
        import matplotlib

        def luminance(colour: Any) -> float:
            linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        for step in range(101):
            colour = matplotlib.colormaps["cividis"](step / 100)[:3]
            ink = 1.0 if style.ink_on(colour) == "white" else 0.0
            pair = sorted((luminance(colour) + 0.05, ink + 0.05))
            self.assertGreaterEqual(pair[1] / pair[0], 4.5)

    def test_text_colours_of_the_page_reach_the_contrast_that_wcag_asks_for(self) -> None:
        css = (report.TEMPLATES / "report.css").read_text()
        for name in ("ink", "muted", "blue", "red"):
            match = re.search(rf"--{name}: #([0-9a-f]+)", css)
            assert match
            digits = match.group(1) if len(match.group(1)) == 6 else match.group(1) * 2
            levels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
            linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in levels]
            light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
            self.assertGreaterEqual(1.05 / (light + 0.05), 4.5, name)


if __name__ == "__main__":
    unittest.main()

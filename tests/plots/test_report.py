"""Tests of the page: self-contained, accessible, the same each time, whole on odd input."""

from __future__ import annotations

import base64
import html.parser
import re
import tempfile
from pathlib import Path
from typing import Optional

from support import LONG_NAME, SAMPLE, Folder, bare, crowded, read, sample

import report
import tables


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

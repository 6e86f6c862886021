"""Tests of the figures: labels that do not collide, colours, each script alone."""

from __future__ import annotations

import contextlib
import io
import re
import unittest
from typing import Any
from unittest import mock

import matplotlib
from matplotlib.text import Text

from support import Folder, bare, crowded, read, sample

import comparison
import heap_map
import latency
import report
import style


class Layout(unittest.TestCase):
    """Labels lie inside the picture and do not touch one another."""

    @staticmethod
    def overlaps(figure: Any) -> list[tuple[str, str]]:
        """Pairs of texts whose boxes cover one another, and texts beyond the figure's edge."""
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

"""Tests of hazards in figures and report: states of a line, words, documents that are broken."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from support import (
    LONG_NAME,
    METADATA,
    Folder,
    bare,
    block,
    changed,
    hazard,
    move,
    read,
    removed,
    step,
    with_hazards,
    written_over,
)
import test_figures

import hazards
from decode import DecodeError
from line_states import History, replay

FRAME = block("net/frame", 64, 32)
OLD = block("net/old", 64, 32, "freed")


def history(one: Any, **machine: Any) -> History:
    results = read(with_hazards(one, **machine))
    (found,) = hazards.found_in(results)
    return replay(results, found.hazard)


def picture(told: History, number: int, name: str) -> str:
    """Per 4 bytes the number of the write that a place holds after a step; '-': no copy."""
    (view,) = (view for view in told.moments[number - 1].views if view.name == name)
    if view.writes is None:
        return "-"
    return "".join("." if write is None else str(write) for write in view.writes[::4])


class States(unittest.TestCase):
    """Each digit stands for 4 bytes of the line of 32: the step that wrote them, 0: before."""

    def test_an_eviction_carries_old_neighbours_over_what_a_device_wrote(self) -> None:
        told = history(written_over())
        self.assertEqual(picture(told, 1, "memory"), "00000000")
        self.assertEqual(picture(told, 1, "L1 of core 0"), "00110000")
        self.assertEqual(picture(told, 2, "memory"), "22000000")
        self.assertEqual(picture(told, 2, "L1 of core 0"), "00110000")
        self.assertEqual(picture(told, 3, "memory"), "00110000")
        self.assertTrue(told.shown and told.lost)
        memory, cache = told.moments[2].views
        self.assertEqual(memory.wrong, frozenset(range(8)))
        self.assertFalse(cache.dirty)

    def test_a_line_fetched_too_early_is_read_with_old_bytes(self) -> None:
        steps = [
            move("fill"),
            step("dma_write", 0, 32, FRAME, "device"),
            step("load", 0, 32, FRAME),
        ]
        told = history(hazard(steps, [[0, 32]], **{"class": "H3"}))
        memory, cache = told.moments[2].views
        self.assertEqual((told.shown, told.lost), (True, False))
        self.assertEqual((memory.wrong, len(cache.wrong)), (frozenset(), 32))

    def test_the_whole_line_goes_when_a_part_is_invalidated(self) -> None:
        steps = [step("store", 0, 32, FRAME), step("invalidate", 8, 8, FRAME)]
        told = history(hazard(steps, [[0, 8], [16, 32]], **{"class": "H7"}))
        self.assertEqual(picture(told, 2, "L1 of core 0"), "-")
        self.assertTrue(told.shown and told.lost)
        self.assertEqual(told.moments[1].views[0].old, frozenset([*range(8), *range(16, 32)]))

    def test_stores_wait_in_the_store_buffer_until_they_are_carried_out(self) -> None:
        steps = [step("store", 0, 8, FRAME), move("drain"), step("dma_read", 0, 8, FRAME, "device")]
        told = history(hazard(steps, [[0, 8]], **{"class": "H5"}), store_buffer=4)
        self.assertEqual(picture(told, 1, "store buffer 0"), "11......")
        self.assertEqual(picture(told, 1, "L1 of core 0"), "-")
        self.assertEqual(picture(told, 2, "store buffer 0"), "-")
        self.assertEqual(picture(told, 2, "L1 of core 0"), "11000000")

    def test_a_write_back_of_one_core_stops_at_the_shared_cache(self) -> None:
        steps = [step("store", 0, 8, FRAME, 1), move("eviction", 1), move("eviction", 0, True)]
        told = history(hazard(steps, [[0, 8]]), l2={"size_bytes": 65536})
        self.assertEqual(picture(told, 2, "L2"), "11000000")
        self.assertEqual(picture(told, 2, "memory"), "00000000")
        self.assertEqual(picture(told, 3, "memory"), "11000000")
        self.assertFalse(told.shown)  # nothing is lost: the steps do not explain the verdict

    def test_a_store_through_the_uncached_view_goes_to_memory(self) -> None:
        steps = [move("fill"), step("store", 0, 32, FRAME, uncached=True)]
        told = history(hazard(steps, [[0, 32]]))
        self.assertEqual(picture(told, 2, "memory"), "22222222")
        self.assertEqual(picture(told, 2, "L1 of core 0"), "00000000")

    def test_write_through_leaves_nothing_dirty_and_fetches_nothing(self) -> None:
        cache = {"size_bytes": 1, "write_through": True, "write_allocate": False}
        told = history(hazard([step("store", 0, 8, FRAME)], [[0, 8]]), l1=cache)
        self.assertEqual(picture(told, 1, "memory"), "11000000")
        self.assertEqual(picture(told, 1, "L1 of core 0"), "-")

    def test_bytes_of_a_freed_block_have_no_value_that_could_be_old(self) -> None:
        steps = [step("store", 0, 32, OLD), step("free", 0, 32, OLD), step("store", 0, 4, FRAME)]
        told = history(hazard(steps, [[0, 4]], culprit=OLD))
        self.assertEqual(len(told.moments[0].views[0].old), 32)
        self.assertEqual(told.moments[1].views[0].old, frozenset())

    def test_skipped_maintenance_does_nothing(self) -> None:
        steps = [step("store", 0, 32, FRAME), step("clean", 0, 32, FRAME, skipped=True)]
        self.assertEqual(picture(history(hazard(steps, [[0, 8]])), 2, "memory"), "00000000")


class Figures(unittest.TestCase):
    def check(self, value: Any) -> None:
        for made in hazards.pictures(read(value)):
            self.assertEqual(test_figures.Layout.overlaps(made.draw()), [])

    def test_of_the_sample(self) -> None:
        self.check(with_hazards(written_over()))

    def test_of_a_long_sequence_of_long_names_on_many_cores(self) -> None:
        longest = block(f"net/{LONG_NAME}", 64, 32)
        steps = [
            part
            for core in range(3)
            for part in (
                step("store", core, 1, longest, core, by_allocator=True, uncached=True),
                step("clean", 0, 32, METADATA, core, skipped=True),
                step("free", 0, 32, longest, core),
                move("drop", core, True),
            )
        ]
        one = hazard(steps, [[0, 1], [5, 6], [31, 32]], victim=longest, title=LONG_NAME * 2)
        self.check(with_hazards(one, l2={"size_bytes": 4096}, store_buffer=2))

    def test_of_lines_short_and_long(self) -> None:
        for length in (1, 2, 16, 1024):
            one = hazard([step("store", 0, 1, FRAME)], [[0, 1]], line_bytes=length)
            self.check(with_hazards(one))

    def test_of_no_sequence_at_all(self) -> None:
        self.check(with_hazards(hazard([], [[0, 1]])))


class Words(Folder):
    def test_the_report_tells_class_place_owners_and_advice(self) -> None:
        text = self.page(bare(with_hazards(written_over())))
        for words in (
            "H2 of net/frame and metadata: a buffer shares a line with the allocator",
            "scenarios/camera_stream.json:17, operation 5 of net",
            "Round the size up.",
            "The line is shared.",
            "figures/hazard_1.png",
            "Judged in 1 of",
        ):
            self.assertIn(words, text)

    def test_none_found_and_none_judged_are_told_apart(self) -> None:
        self.assertIn("None: in 1 judged run,", self.page(bare(with_hazards())))
        value = with_hazards()
        value["runs"][0]["hazards"] = None
        self.assertIn("Not judged in this file", self.page(bare(value)))

    def test_a_hazard_of_several_runs_is_told_once(self) -> None:
        value = with_hazards(written_over())
        value["runs"][1]["hazards"] = [written_over()]
        (found,) = hazards.found_in(read(value))
        self.assertEqual(len(found.runs), 2)

    def test_what_is_not_drawn_or_not_listed_is_said(self) -> None:
        many = [{**written_over(), "victim": block(f"net/{index}", 0, 72)} for index in range(3)]
        value = with_hazards(*many)
        value["runs"][0].update(hazards_unlisted=9, hazard_lines_given_up=4)
        with mock.patch.object(hazards, "PICTURES_MAX", 1):
            text = self.page(bare(value))
        self.assertIn("Drawn are the first 1 of 3", text)
        self.assertIn("9 more distinct hazards are not listed", text)
        self.assertIn("4 lines were not followed to the end", text)


class Broken(Folder):
    def test_hazards_that_are_not_whole_are_refused_with_the_place(self) -> None:
        at = ("runs", 0, "hazards", 0)
        whole = with_hazards(written_over())
        for value, place, problem in (
            (removed(whole, *at, "title"), ".title", "missing"),
            ((0, 33), ".wrong[0]", "beyond the line's 32 bytes"),
            ((8, 8), ".wrong[0]", "beyond"),
            (("region", "mars"), ".region", "'mars' is no region"),
            (("line_bytes", 0), ".line_bytes", "0 beyond 1..1024"),
            (("sequence", 0, "offset", 30), ".sequence[0]", "beyond the line's 32"),
            (("sequence", 0, "kind", "jump"), ".sequence[0].kind", "'jump' is no access"),
            (("sequence", 0, "what", "magic"), ".sequence[0].what", "'magic' is no step"),
            (("sequence", 2, "core", "device"), ".sequence[2].core", "a core's number belongs"),
            (("sequence", 2, "core", 1.5), ".sequence[2].core", "1.5 where"),
        ):
            if isinstance(value, tuple):
                path = at + (("wrong", 0) if isinstance(value[0], int) else value[:-1])
                new = list(value) if isinstance(value[0], int) else value[-1]
                value = changed(with_hazards(written_over()), new, *path)
            with self.subTest(place + problem):
                with self.assertRaises(DecodeError) as caught:
                    read(value)
                self.assertEqual(caught.exception.path, "$.runs[0].hazards[0]" + place)
                self.assertIn(problem, caught.exception.problem)

    def test_the_program_says_so_in_one_line_and_writes_nothing(self) -> None:
        value = with_hazards(hazard([], [[0, 99]]))
        code, message = self.run_report(value)
        self.assertEqual((code, message.count("\n")), (2, 1))
        self.assertFalse((self.folder / "out" / "report.html").exists())


if __name__ == "__main__":
    unittest.main()

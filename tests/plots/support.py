"""What the tests of plots/ share: the sample, ways to change it, a folder for each test.

sample_results.json is made up: a toy allocator's numbers in the format of results.json.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "plots"))

import report  # noqa: E402
from results import Results, from_value  # noqa: E402

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


def block(name: str, offset: int, size: int, kind: str = "block") -> Any:
    place = {"region": "axi_sram", "offset": offset, "bytes": size, "align": 8}
    return {"name": name, "kind": kind, "actor": "net", "operation": 3, "site": 4, **place}


METADATA = {"name": "metadata", "kind": "metadata"}


def step(kind: str, offset: int, size: int, owner: Any, core: Any = 0, **more: Any) -> Any:
    """An access of a sequence; of kind "free" and "hand_out" what they are."""
    own = kind in ("free", "hand_out")
    return {
        "what": kind if own else "access",
        "kind": None if own else kind,
        "core": core,
        "shared_cache": False,
        "owner": {"name": owner["name"], "kind": owner["kind"]},
        "actor": "net",
        "operation": 5,
        "offset": offset,
        "bytes": size,
        "by_allocator": False,
        "uncached": False,
        "skipped": False,
        **more,
    }


def move(what: str, core: int = 0, shared: bool = False) -> Any:
    return {"what": what, "kind": None, "core": core, "shared_cache": shared}


def hazard(steps: list[Any], wrong: list[Any], **more: Any) -> Any:
    return {
        "class": "H2",
        "title": "a buffer shares a line with the allocator's metadata",
        "explanation": "the line is shared",
        "advice": "round the size up",
        "region": "axi_sram",
        "line_offset": 64,
        "line_bytes": 32,
        "core": 0,
        "operation": 5,
        "count": 2,
        "wrong": wrong,
        "victim": block("net/frame", 0, 72),
        "culprit": METADATA,
        "sequence": steps,
        "drawing": "",
        "file": "scenarios/camera_stream.json",
        "line": 17,
        "actor": "net",
        **more,
    }


def written_over() -> Any:
    """Memory's 0..7, written by a device, go down under the eviction of a line whose 8..15 are
    dirty."""
    frame = block("net/frame", 0, 72)
    steps = [
        step("store", 8, 8, METADATA, by_allocator=True),
        step("dma_write", 0, 8, frame, "device"),
        move("eviction"),
    ]
    return hazard(steps, [[0, 8]])


def with_hazards(*hazards: Any, **machine: Any) -> Any:
    """The sample with a first run that was judged, on a machine with an L1."""
    value = sample()
    value["scenario"]["l1"] = {"size_bytes": 16384, "ways": 4}
    value["scenario"].update(machine)
    value["runs"][0].update(hazards=list(hazards), hazards_unlisted=0, hazard_lines_given_up=0)
    return value

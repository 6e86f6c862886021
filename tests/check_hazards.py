#!/usr/bin/python3
"""Hazards of caches and DMA that are derived, not written down.

usage: check_hazards.py [--keep FOLDER] [PROGRAM]

Owns: families of small drivers, each over sizes, alignments, lines, engines and orders, and for
each of them a rule that says from the numbers alone which hazards must be found, by class and
owners: none for the correct ones. `smh run` judges each against its rule (expect.hazards).

  neighbour   a buffer and a variable; whether they share a line, and when the core writes
  heap        a buffer and what the allocator keeps behind it, per engine
  early       where the invalidate stands                              H3
  dirty       what happens to the core's own bytes before the device   H4
  unclean     what is cleaned before the device reads                  H5
  freed       freed while dirty                                        H6
  header      a part of the block that has, or has not, lines of its own   H7
  step        a driver for another line                                H8
  view        cached and uncached views                                H9
  reach       stacks, memory out of reach                              H10
  cores       hand-over between cores
  copies      calloc and realloc write too
  frames      long runs of correct drivers beside traces and generators

Before all that it is shown rules that are wrong, and must notice each.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
Operation = dict[str, Any]
Hazard = tuple[str, frozenset[str]]
FAMILIES: list[Callable[[], Iterator["Case"]]] = []


class Case(NamedTuple):
    """A scenario and the hazards that its numbers imply."""

    name: str
    machine: dict[str, Any]
    workload: list[dict[str, Any]]
    hazards: set[Hazard]


def family(function: Callable[[], Iterator[Case]]) -> Callable[[], Iterator[Case]]:
    """Takes the function into the list of families."""
    FAMILIES.append(function)
    return function


def machine(line: int, cache: str = "write-back", *, cores: int = 1, engine: str = "bitmap", granule: int = 0,
            alias: bool = False, reach: bool = True, store_buffer: int = 0, hand_out: str = "clean",
            size: str = "256K") -> dict[str, Any]:
    """A machine with one memory under test, whose tables lie in another."""
    ram: dict[str, Any] = {"name": "ram", "base": "0x24000000", "size": size, "attr": "cacheable", "cache": cache,
                           "cycles": 20, "engine": engine, "dma": reach}
    if engine in ("bitmap", "buddy"):
        ram["metadata_in"] = "tcm"
    if granule:
        ram["granule"] = granule
    if alias:
        ram["alias"] = {"base": "0x64000000"}
    return {"cores": cores, "line": line, "l1": {"size": line * 4 * 16, "ways": 4}, "store_buffer": store_buffer,
            "hand_out": hand_out,
            "regions": [{"name": "tcm", "base": "0x20000000", "size": "128K", "attr": "non_cacheable"}, ram]}


def hazard(name: str, *owners: str) -> set[Hazard]:
    """A set of one."""
    return {(name, frozenset(owners))}


def alloc(name: str, size: int, align: int = 0) -> Operation:
    """An allocation; align 0 asks for none."""
    return {"alloc": name, "bytes": size, **({"align": align} if align else {})}


def on(kind: str, name: str, begin: int = 0, end: int = 0, **more: Any) -> Operation:
    """An access to [begin, end) of a block; end 0: to its end."""
    part = {"offset": begin, "bytes": end - begin} if end else {}
    return {kind: name, **part, **more}


def actor(operations: list[Operation], name: str = "driver", **more: Any) -> dict[str, Any]:
    """An actor with a list."""
    return {"actor": name, "attr": "cacheable", **more, "ops": operations}


def down(value: int, step: int) -> int:
    """The multiple of step at or below value."""
    return value // step * step


def up(value: int, step: int) -> int:
    """The multiple of step at or above value."""
    return -(-value // step) * step


@family
def neighbour() -> Iterator[Case]:
    """The engine bitmap places small blocks one behind the other at steps of 8. A third block fills the line up,
    so that no free chunk begins in it. The variable and the buffer share a line unless the buffer ends at one. It
    goes wrong when the variable's line is dirty while the device writes or when it is invalidated. A buffer that
    is padded and aligned for a smaller line makes it H8."""
    orders = {
        "before": (["W", "D", "I", "R"], True),
        "between": (["D", "W", "I", "R"], True),
        "after": (["D", "I", "W", "R"], False),
        "cleaned": (["W", "C", "D", "I", "R"], False),
        "cleaned_late": (["W", "D", "C", "I", "R"], True),
        "only_read": (["L", "D", "I", "R", "L"], False),
    }
    for line, size, (order, (letters, wrong)) in itertools.product((16, 32, 64, 128), (1, 40, 64, 100, 128),
                                                                   orders.items()):
        for align in {line, 16}:
            end = up(size, 8) if size > 8 else 16
            variable = 24
            filler = up(end + variable, line) - (end + variable)
            filler += line if 0 < filler < 16 else 0
            words = {"W": on("cpu_write", "state"), "L": on("cpu_read", "state"), "C": on("clean", "state"),
                     "D": on("dma_write", "rx"), "I": on("invalidate", "rx"), "R": on("cpu_read", "rx")}
            operations = [alloc("rx", size, align), alloc("state", variable)]
            operations += [alloc("rest", filler)] if filler else []
            operations += [words[letter] for letter in letters]
            # the variable's lines: from `end`; the buffer's: up to up(size)
            shared = down(end, line) < size
            smaller = 16 <= align < line and size % align == 0
            expected = hazard("H8" if smaller else "H1", "rx", "state") if wrong and shared else set()
            yield Case(f"neighbour_{line}_{size}_{align}_{order}", machine(line), [actor(operations)], expected)


@family
def heap() -> Iterator[Case]:
    """Behind the buffer lies the header of the next chunk (zephyr, the boundary tags of first_fit) or a free chunk
    with its links (bitmap). Only a size that ends at a line keeps it out of the buffer's last line. With a granule
    of one line the block ends there anyway."""
    for line, size, engine in itertools.product((32, 64, 128), (32, 96, 100, 128, 200, 256, 1000, 1024),
                                                ("bitmap", "zephyr", "first_fit", "best_fit")):
        operations = [alloc("rx", size, line), on("dma_write", "rx"), on("invalidate", "rx"), on("cpu_read", "rx"),
                      {"free": "rx"}]
        expected = set() if size % line == 0 else hazard("H2", "rx", "metadata")
        if engine == "bitmap":  # what has never been used holds no links; what has been freed does
            operations[1:1] = [alloc("next", 64), alloc("wall", 64), {"free": "next"}]
        yield Case(f"heap_{engine}_{line}_{size}", machine(line, engine=engine), [actor(operations)], expected)
        if engine == "bitmap":
            yield Case(f"heap_granule_{line}_{size}", machine(line, granule=line), [actor(operations)], set())
            # what the last free wrote is dirty in the block that is handed out next (long ones are left out:
            # where the engine writes then is its own affair)
            if size > 16 * line:
                continue
            again = [alloc("rx", size, line), alloc("wall", size, line), {"free": "rx"}]
            operations = [alloc("rx", size, line), *operations[4:]]
            for name, hand_out, first, wrong in (("as_is", "as_is", [], True), ("clean", "clean", [], False),
                                                 ("as_is_invalidated", "as_is", [on("invalidate", "rx")], False)):
                yield Case(f"heap_hand_out_{name}_{line}_{size}", machine(line, granule=line, hand_out=hand_out),
                           [actor(again + operations[:1] + first + operations[1:])],
                           hazard("H2", "rx", "metadata") if wrong else set())


@family
def early() -> Iterator[Case]:
    """A line may be fetched until the invalidate that comes last. Without one after the device it is stale, whatever
    the policy; uncached memory has no lines."""
    for line, cache, before, after in itertools.product((16, 32, 64), ("write-back", "write-through", "none"),
                                                        ("", "invalidate", "flush", "cpu_read"),
                                                        ("", "invalidate", "flush")):
        operations = [alloc("rx", 4 * line, line), on("dma_write", "rx"), on("invalidate", "rx")]
        operations += [on(before, "rx")] if before else []
        operations += [on("dma_write", "rx")]
        operations += [on(after, "rx")] if after else []
        operations += [on("cpu_read", "rx"), {"free": "rx"}]
        expected = set() if after or cache == "none" else hazard("H3", "rx")
        yield Case(f"early_{line}_{cache}_{before or 'nothing'}_{after or 'nothing'}", machine(line, cache),
                   [actor(operations)], expected)


@family
def dirty() -> Iterator[Case]:
    """What the core has written stays dirty until it is cleaned, flushed or invalidated; only write-back memory is
    ever dirty. Invalidating one's own bytes before a device overwrites them is what correct drivers do."""
    for line, cache, before in itertools.product((16, 32, 64), ("write-back", "write-through", "none"),
                                                 ("", "invalidate", "flush", "clean")):
        for begin, end in ((0, 4), (line, 2 * line), (0, 8 * line)):
            operations = [alloc("rx", 8 * line, line), on("cpu_write", "rx", begin, end)]
            operations += [on(before, "rx")] if before else []
            operations += [on("dma_write", "rx"), on("invalidate", "rx"), on("cpu_read", "rx")]
            expected = hazard("H4", "rx") if not before and cache == "write-back" else set()
            yield Case(f"dirty_{line}_{cache}_{before or 'nothing'}_{begin}_{end}", machine(line, cache),
                       [actor(operations)], expected)


@family
def unclean() -> Iterator[Case]:
    """The device must find what the core has written: cleaned in write-back memory, drained from the store buffer.
    Maintenance is rounded outwards to lines."""
    for line, size, cleaned in itertools.product((16, 32, 64), (8, 100, 256), (0, 4, 64, 96, 100, 256)):
        if cleaned > size:
            continue
        for kind, cache in itertools.product(("clean", "flush"), ("write-back", "write-through", "none")):
            operations = [alloc("tx", size, line), on("cpu_write", "tx")]
            operations += [on(kind, "tx", 0, cleaned)] if cleaned else []
            operations += [on("dma_read", "tx")]
            missed = up(cleaned, line) < size and cache == "write-back"
            yield Case(f"unclean_{line}_{size}_{kind}_{cleaned}_{cache}", machine(line, cache), [actor(operations)],
                       hazard("H5", "tx") if missed else set())
    for cache, barrier in itertools.product(("write-back", "write-through", "none"), (False, True)):
        operations = [alloc("tx", 64, 32), on("cpu_write", "tx")]
        operations += [on("clean", "tx")] if cache == "write-back" else []
        operations += [{"barrier": True}] if barrier else []
        operations += [on("dma_read", "tx")]
        if cache != "write-back":  # whether a clean waits for pending stores is the core's affair
            yield Case(f"unclean_buffer_{cache}_{barrier}", machine(32, cache, store_buffer=4), [actor(operations)],
                       set() if barrier else hazard("H5", "tx"))


@family
def freed() -> Iterator[Case]:
    """A block freed while dirty, and the next one at its place. Undefined bytes have nothing to lose, so that an
    invalidate on either side of free and alloc mends it."""
    for line, before, after, same in itertools.product((16, 32, 64), ("", "clean", "invalidate", "flush"),
                                                       ("", "invalidate", "flush"), (False, True)):
        new = "old" if same else "new"
        operations = [alloc("old", 4 * line, line), on("cpu_write", "old", 0, 2 * line)]
        operations += [on(before, "old")] if before else []
        operations += [{"free": "old"}, alloc(new, 4 * line, line)]
        operations += [on(after, new)] if after else []
        operations += [on("dma_write", new), on("invalidate", new), on("cpu_read", new)]
        expected = hazard("H6", "old", new) if not before and not after else set()
        yield Case(f"freed_{line}_{before or 'nothing'}_{after or 'nothing'}_{same}", machine(line, granule=line),
                   [actor(operations)], expected)


@family
def header() -> Iterator[Case]:
    """A header that the core writes, and behind it what a device writes, in one block. Where the header ends inside
    a line, invalidating the rest takes its last bytes along; when it was dirty while the device wrote, the rest of
    its line is lost as well."""
    for line, size in itertools.product((16, 32, 64, 128), (4, 16, 24, 32, 64, 128)):
        total = up(size + 4 * line, line)
        shares = size % line != 0
        rest = (size, total)
        operations = [alloc("packet", total, line), on("dma_write", "packet", *rest),
                      on("invalidate", "packet", *rest), on("cpu_write", "packet", 0, size),
                      on("invalidate", "packet", *rest), on("cpu_read", "packet")]
        yield Case(f"header_after_{line}_{size}", machine(line), [actor(operations)],
                   hazard("H7", "packet") if shares else set())
        operations = [alloc("packet", total, line), on("cpu_write", "packet", 0, size),
                      on("dma_write", "packet", *rest), on("invalidate", "packet", *rest), on("cpu_read", "packet")]
        yield Case(f"header_before_{line}_{size}", machine(line), [actor(operations)],
                   hazard("H7", "packet") | hazard("H4", "packet") if shares else set())
        cleaned = [*operations[:2], on("clean", "packet", 0, size), *operations[2:]]
        yield Case(f"header_cleaned_{line}_{size}", machine(line), [actor(cleaned)], set())


@family
def step() -> Iterator[Case]:
    """A driver maintains one line for each step that it believes in. Steps larger than the line leave lines out,
    smaller ones none."""
    for line, believed, size in itertools.product((16, 32, 64), (16, 32, 64, 128), (32, 128, 512)):
        size = up(size, line)
        missed = believed > line and size > line
        operations = [alloc("tx", size, max(line, believed)), on("cpu_write", "tx"), on("clean", "tx"),
                      on("dma_read", "tx")]
        yield Case(f"step_out_{line}_{believed}_{size}", machine(line, granule=max(line, believed)),
                   [actor(operations, line=believed)], hazard("H8", "tx") if missed else set())
        operations = [alloc("rx", size, max(line, believed)), on("dma_write", "rx"), on("invalidate", "rx"),
                      on("cpu_read", "rx")]
        yield Case(f"step_in_{line}_{believed}_{size}", machine(line, granule=max(line, believed)),
                   [actor(operations, line=believed)], hazard("H8", "rx") if missed else set())


@family
def view() -> Iterator[Case]:
    """Two views of one block. Cached writes must be cleaned before the uncached view reads or writes; cached reads
    need an invalidate after the uncached view wrote."""
    for line, cache, between in itertools.product((32, 64), ("write-back", "write-through"),
                                                  ("", "clean", "flush", "invalidate")):
        setting = machine(line, cache, alias=True)
        operations = [alloc("object", 2 * line, line), on("cpu_write", "object")]
        operations += [on(between, "object")] if between in ("clean", "flush") else []
        operations += [on("cpu_read", "object", alias=True)]
        wrong = cache == "write-back" and between not in ("clean", "flush")
        if between != "invalidate":
            yield Case(f"view_out_{line}_{cache}_{between or 'nothing'}", setting, [actor(operations)],
                       hazard("H9", "object") if wrong else set())
        operations = [alloc("object", 2 * line, line), on("cpu_write", "object", alias=True)]
        operations += [on(between, "object")] if between else []
        operations += [on("cpu_read", "object")]
        yield Case(f"view_in_{line}_{cache}_{between or 'nothing'}", setting, [actor(operations)],
                   set() if between in ("invalidate", "flush") else hazard("H9", "object"))
        operations = [alloc("object", 2 * line, line), on("cpu_write", "object")]
        operations += [on(between, "object")] if between else []
        operations += [on("cpu_write", "object", alias=True), on("cpu_read", "object", alias=True)]
        yield Case(f"view_over_{line}_{cache}_{between or 'nothing'}", setting, [actor(operations)],
                   hazard("H9", "object") if cache == "write-back" and not between else set())


@family
def reach() -> Iterator[Case]:
    """A device is given a stack, or memory that it does not reach: once for each block."""
    for line, kind in itertools.product((16, 32, 64), ("dma_read", "dma_write")):
        care = on("clean" if kind == "dma_read" else "invalidate", "buffer")
        first = [on("cpu_write", "buffer")] if kind == "dma_read" else []
        order = [care, on(kind, "buffer")] if kind == "dma_read" else [on(kind, "buffer"), care]
        stack = {"region": "ram", "size": "1K"}
        place = {"stack": "buffer", "bytes": 2 * line, "align": line}
        yield Case(f"reach_stack_{line}_{kind}", machine(line), [actor([place, *first, *order], stack=stack)],
                   hazard("H10", "stack"))
        yield Case(f"reach_stack_core_{line}_{kind}", machine(line),
                   [actor([place, on("cpu_write", "buffer"), on("cpu_read", "buffer")], stack=stack)], set())
        block = [alloc("buffer", 2 * line, line), *first, *order]
        yield Case(f"reach_region_{line}_{kind}", machine(line, reach=False), [actor(block)],
                   hazard("H10", "buffer"))
        yield Case(f"reach_block_{line}_{kind}", machine(line), [actor(block)], set())


@family
def cores() -> Iterator[Case]:
    """Private caches: who wrote cleans, who reads invalidates. Without the first it is H5, without the second H3.
    In one cache for both there is nothing to do; an invalidate there drops what has not been cleaned."""
    for line, cache, out, into in itertools.product((32, 64), ("write-back", "write-through"), ("", "clean", "flush"),
                                                    ("", "invalidate", "flush")):
        operations = [alloc("message", 4 * line, line), on("cpu_write", "message")]
        operations += [on(out, "message")] if out else []
        operations += [on(into, "message", core=1)] if into else []
        operations += [on("cpu_read", "message", core=1)]
        expected: set[Hazard] = set()
        if cache == "write-back" and not out:
            expected = hazard("H5", "message")
        elif not into:
            expected = hazard("H3", "message")
        yield Case(f"cores_{line}_{cache}_{out or 'nothing'}_{into or 'nothing'}",
                   machine(line, cache, cores=2, granule=line), [actor(operations)], expected)
        shared = machine(line, cache, cores=2, granule=line)
        discarded = cache == "write-back" and not out and into == "invalidate"
        shared["l1"]["shared"] = True
        yield Case(f"cores_shared_{line}_{cache}_{out or 'nothing'}_{into or 'nothing'}", shared,
                   [actor(operations)], hazard("H5", "message") if discarded else set())


@family
def copies() -> Iterator[Case]:
    """The zeroes of calloc and the copy of realloc are written by the core: dirty like any other store."""
    for line, kind, before in itertools.product((32, 64), ("calloc", "realloc"), ("", "clean", "flush", "invalidate")):
        size = 8 * line
        if kind == "calloc":
            start = [{"calloc": "buffer", "bytes": size, "align": line}]
        else:  # a wall behind it makes it move
            start = [alloc("buffer", 2 * line, line), alloc("wall", line, line), on("cpu_write", "buffer"),
                     {"realloc": "buffer", "bytes": size, "align": line}]
        care = [on(before, "buffer")] if before else []
        known = size if kind == "calloc" else 2 * line
        if before != "invalidate":
            yield Case(f"copies_out_{line}_{kind}_{before or 'nothing'}", machine(line, granule=line),
                       [actor([*start, *care, on("dma_read", "buffer", 0, known)])],
                       set() if before else hazard("H5", "buffer"))
        yield Case(f"copies_in_{line}_{kind}_{before or 'nothing'}", machine(line, granule=line),
                   [actor([*start, *care, on("dma_write", "buffer"), on("invalidate", "buffer"),
                           on("cpu_read", "buffer")])],
                   set() if before else hazard("H4", "buffer"))


@family
def frames() -> Iterator[Case]:
    """Long runs without a hazard: aligned and padded frames, maintained as they should be, over and over, beside a
    trace and a generator in other memory, or beside other correct drivers in the same."""
    trace = {"actor": "net", "trace": str(ROOT / "tests/data/small/small.trace"), "attr": "non_cacheable"}
    chatter = {"actor": "chatter", "attr": "non_cacheable",
               "generate": {"rate_hz": 20000, "size": {"uniform": [8, 64]}, "lifetime": {"constant": "1ms"},
                            "live_max": 8}}
    for line, engine, size in itertools.product((16, 32, 64), ("bitmap", "zephyr", "first_fit", "buddy"),
                                                (64, 1024, 8192)):
        camera = actor([alloc("frame", size, 64), on("dma_write", "frame"), on("invalidate", "frame"),
                        on("cpu_read", "frame"), {"free": "frame"}], "camera", repeat=900, every="1ms")
        panel = actor([alloc("image", 2 * size, 64), on("cpu_write", "image"), on("clean", "image"),
                       on("dma_read", "image"), {"free": "image"}], "panel", repeat=300, every="3ms", start="200us")
        yield Case(f"frames_{line}_{engine}_{size}", machine(line, engine=engine),
                   [camera, panel, trace, chatter], set())
        # nobody cleans the image before it is freed, so its dirty lines meet the next frame
        lazy = actor([alloc("image", size, 64), on("cpu_write", "image"), {"free": "image"},
                      alloc("frame", size, 64), on("dma_write", "frame"), on("invalidate", "frame"),
                      on("cpu_read", "frame"), {"free": "frame"}], "lazy", repeat=100)
        yield Case(f"frames_lazy_{line}_{engine}_{size}", machine(line, engine=engine), [lazy, trace],
                   hazard("H6", "lazy/frame", "lazy/image"))


def document(case: Case) -> dict[str, Any]:
    """The scenario's JSON."""
    listed = [{"class": name, "owners": sorted(owners)} for name, owners in sorted(case.hazards, key=str)]
    return {"schema": 1, "name": case.name, "machine": case.machine, "workload": case.workload,
            "expect": {"failed_allocations": 0, "hazards": listed if listed else 0}}


def judge(smh: Path, folder: Path, case: Case) -> str:
    """What is wrong with the program's verdict; empty: nothing."""
    path = folder / f"{case.name}.json"
    path.write_text(json.dumps(document(case), indent=1), encoding="utf-8")
    done = subprocess.run([smh, "run", path], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    said = [line for line in done.stdout.splitlines() if line.startswith(("hazard ", "expected ", "VIOLATION"))]
    return f"{case.name}: exit {done.returncode}\n  " + "\n  ".join(said + done.stderr.splitlines())


def test_the_rules(smh: Path, folder: Path) -> list[str]:
    """Wrong expectations that must not pass: a hazard too many, one too few, a wrong class, a wrong owner."""
    right = next(case for case in heap() if case.hazards)
    clean = next(case for case in early() if not case.hazards)
    wrong = [right._replace(name="wrong_none", hazards=set()),
             right._replace(name="wrong_class", hazards=hazard("H1", "rx", "metadata")),
             right._replace(name="wrong_owner", hazards=hazard("H2", "rx")),
             clean._replace(name="wrong_more", hazards=hazard("H3", "rx"))]
    return [f"{case.name}: a wrong rule passes" for case in wrong if not judge(smh, folder, case)]


def main() -> int:
    """0 when every case is judged as its rule says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("smh", type=Path, nargs="?", default=Path("build/smh"), help="the program")
    parser.add_argument("--keep", type=Path, help="write the scenarios here")
    arguments = parser.parse_args()
    smh = arguments.smh.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        faults = test_the_rules(smh, folder)
        counts = []
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for function in FAMILIES:
                cases = list(function())
                faults += filter(None, pool.map(lambda case: judge(smh, folder, case), cases))
                clean = sum(not case.hazards for case in cases)
                counts.append((function.__name__, len(cases), clean))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(", ".join(f"{name} {count}" for name, count, _ in counts))
    print(f"hazards: {sum(count for _, count, _ in counts)} drivers, {sum(clean for _, _, clean in counts)} of them "
          f"correct; {len(faults)} judged otherwise than derived")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

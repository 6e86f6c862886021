#!/usr/bin/python3
"""Reads every include and every length, and enforces the table of rooms.

Owns: the table (ROOMS) of which folder may include what. DESIGN.md explains it.
Exit code 0 and nothing printed but a count: every rule is kept; 1: what is not is listed.
`--self-test` shows the checks broken files, which each must catch.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

FREESTANDING = {"stdbool.h", "stddef.h", "stdint.h", "stdarg.h", "limits.h", "errno.h", "string.h"}
# Room -> prefixes of the project's own headers that it may include, and whether libc is open to it.
ROOMS: dict[str, tuple[tuple[str, ...], str]] = {
    "include/smh/": (("include/smh/",), "freestanding"),
    "include/zephyr/": (("include/",), "freestanding"),
    "src/": (("include/", "src/"), "freestanding"),
    "port/": (("include/",), "libc"),
    "sim/record/": (("sim/record/",), "libc"),
    "sim/": (("include/", "sim/"), "libc"),
    "tests/": (("",), "libc"),
    "fuzz/": (("include/", "sim/", "fuzz/"), "libc"),
    "bench/": (("include/", "sim/", "bench/"), "libc"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FUNCTION_START = re.compile(r"^[A-Za-z_].*\)$")
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def room_of(path: str) -> str | None:
    """The most specific room that holds path."""
    rooms = [room for room in ROOMS if path.startswith(room)]
    return max(rooms, key=len) if rooms else None


def resolve(root: Path, path: Path, kind: str, name: str) -> str | None:
    """The included file as a path of the repository, or None when it is a system header."""
    candidates = [root / "include" / name]
    if kind == '"':
        candidates.insert(0, path.parent / name)
    for candidate in candidates:
        if candidate.is_file():
            return str(candidate.resolve().relative_to(root.resolve()))
    return None


def check_includes(root: Path, path: Path) -> list[str]:
    """What path includes that its room may not."""
    relative = str(path.relative_to(root))
    room = room_of(relative)
    if room is None:
        return [f"{relative}: stands in no room of the table"]
    prefixes, system = ROOMS[room]
    faults = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = resolve(root, path, match[1], match[2])
        if target is None:
            if match[1] == '"' and not relative.startswith("tests/zephyr_shim"):
                faults.append(f"{relative}:{number}: {match[2]} is not in the repository")
            elif system == "freestanding" and match[2] not in FREESTANDING:
                faults.append(f"{relative}:{number}: {match[2]} is not freestanding")
        elif not target.startswith(prefixes):
            faults.append(f"{relative}:{number}: {room} may not include {target}")
    return faults


def check_lengths(root: Path, path: Path) -> list[str]:
    """Whether the file or one of its functions is too long (clang-format puts braces in column 0)."""
    relative = str(path.relative_to(root))
    lines = path.read_text().splitlines()
    faults = []
    if len(lines) > FILE_LINES_MAX:
        faults.append(f"{relative}: {len(lines)} lines, allowed: {FILE_LINES_MAX}")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > FUNCTION_LINES_MAX:
                faults.append(
                    f"{relative}:{start}: a function of {number - start - 1} lines, "
                    f"allowed: {FUNCTION_LINES_MAX}"
                )
            start = None
    return faults


def check(root: Path) -> tuple[list[str], int]:
    """Every fault, and how many files were read."""
    faults: list[str] = []
    count = 0
    for room in ("include", "src", "port", "sim", "tests", "fuzz", "bench"):
        for path in sorted((root / room).rglob("*.[ch]")):
            faults += check_includes(root, path) + check_lengths(root, path)
            count += 1
    return faults, count


def self_test() -> list[str]:
    """Broken files, each of which must be caught."""
    cases = {
        "src/a.c": ("#include <stdio.h>\n", "not freestanding"),
        "src/b.c": ('#include "../sim/replay.h"\n', "may not include"),
        "sim/c.c": ('#include "../src/heap_private.h"\n', "may not include"),
        "sim/d.c": ("int x;\n" * 601, "601 lines"),
        "src/e.c": ("int f(void)\n{\n" + "    x();\n" * 71 + "}\n", "a function of 71 lines"),
        "sim/g.c": ('#include "nowhere.h"\n', "not in the repository"),
    }
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in (("sim/replay.h", ""), ("src/heap_private.h", "")):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(content)
        for name, (content, expected) in cases.items():
            (root / name).write_text(content)
            faults, _ = check(root)
            if not any(fault.startswith(name) and expected in fault for fault in faults):
                missed.append(f"self-test: {name} was not caught ({expected})")
            (root / name).unlink()
    return missed


def main() -> int:
    missed = self_test()
    faults, count = check(Path(__file__).resolve().parent.parent)
    for fault in missed + faults:
        print(fault)
    print(f"layers: {count} files read, {len(faults)} faults")
    return 1 if missed or faults else 0


if __name__ == "__main__":
    sys.exit(main())

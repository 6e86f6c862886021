#!/usr/bin/python3
"""Compiles the core without a C library and looks at what it leaves undefined.

Owns: the list of targets, and of the symbols that the core may ask for: four mem* functions and
the hooks of include/smh/port.h. The compiler's own helpers are not allowed either: a division
of 64 bits on a 32-bit part would be one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["-std=c11", "-ffreestanding", "-fno-stack-protector", "-Wall", "-Wextra", "-Wconversion",
         "-Wshadow", "-Werror", f"-I{ROOT / 'include'}", "-c"]
TARGETS = {
    "host -O2": ["gcc", "-O2"],
    "host -O0": ["gcc", "-O0"],
    "host 32 bits": ["gcc", "-O2", "-m32"],
    "clang": ["clang", "-O2"],
    "Cortex-M0+": ["arm-none-eabi-gcc", "-Os", "-mcpu=cortex-m0plus", "-mthumb"],
    "Cortex-M4": ["arm-none-eabi-gcc", "-Os", "-mcpu=cortex-m4", "-mthumb"],
    "Cortex-M4, single engine": ["arm-none-eabi-gcc", "-Os", "-mcpu=cortex-m4", "-mthumb",
                                 "-DSMH_SINGLE_ENGINE"],
    "Cortex-M7": ["arm-none-eabi-gcc", "-O2", "-mcpu=cortex-m7", "-mthumb"],
}
ALLOWED = re.compile(r"^(memcpy|memmove|memset|memcmp|smh_port_\w+)$")


def undefined_after(compiler: list[str], sources: list[Path], folder: Path) -> set[str]:
    """Compiles the sources and returns what none of them defines."""
    wanted: set[str] = set()
    defined: set[str] = set()
    for number, source in enumerate(sources):
        target = folder / f"{number}.o"
        subprocess.run([*compiler, *FLAGS, "-o", str(target), str(source)], check=True)
        listing = subprocess.run(["nm", "-P", str(target)], check=True, capture_output=True,
                                 text=True).stdout
        for line in listing.splitlines():
            name, kind, *_ = line.split()
            (wanted if kind in "Uw" else defined).add(name)
    return wanted - defined


def self_test(folder: Path) -> bool:
    """A file that calls printf and divides 64 bits on 32 must be caught."""
    source = folder / "bad.c"
    source.write_text("int printf(const char *, ...);\n"
                      "unsigned long long f(unsigned long long a, unsigned long long b);\n"
                      "unsigned long long f(unsigned long long a, unsigned long long b)\n"
                      '{ printf("%d", 1); return a / b; }\n')
    found = undefined_after(TARGETS["host 32 bits"], [source], folder)
    return {name for name in found if not ALLOWED.match(name)} >= {"printf", "__udivdi3"}


def main() -> int:
    sources = sorted((ROOT / "src").rglob("*.c"))
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not self_test(folder):
            print("self-test: printf and __udivdi3 were not caught")
            return 1
        for target, compiler in TARGETS.items():
            undefined = undefined_after(compiler, sources, folder)
            # Position-independent 32-bit code names the global offset table and its thunks.
            foreign = sorted(symbol for symbol in undefined if not ALLOWED.match(symbol)
                             and symbol != "_GLOBAL_OFFSET_TABLE_"
                             and not symbol.startswith("__x86.get_pc_thunk"))
            print(f"{target}: {len(sources)} files, undefined: {' '.join(sorted(undefined))}")
            for symbol in foreign:
                print(f"{target}: {symbol} is neither mem* nor a hook of port.h")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

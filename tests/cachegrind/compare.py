#!/usr/bin/python3
"""Compares the counts of `smh cache` with Cachegrind's, on real programs, to the last access.

usage: compare.py SMH [--all] [--speed] [NAME...]
Each program runs once under Valgrind's Lackey, which prints every access, and once under Cachegrind
for each geometry, both with the same arguments and environment. Lackey's trace goes
through `smh cache` with the same geometry, as text and packed; accesses, first-level and second-level
misses of instructions, loads and stores must be equal. One short program runs by default; --all runs
all. A program that is not installed is an error.

--speed measures one long run of sort (some 25 million data accesses): processor time, user and
system, per data access, the least of several rounds in which all commands take turns; the machine may
be busy. The time of an empty program (/bin/true: Valgrind's startup) is taken off Cachegrind's, that
of an empty trace off that of smh cache. Two figures are Cachegrind's:
    whole       what Cachegrind takes for the run: to translate and run the program, and to simulate
                its data accesses and its instructions, three to a data access, which it cannot leave
                out (smh cache reads a trace without them)
    simulation  the same, less a run with --cache-sim=no: simulating alone, instructions too
To make the packed trace is paid once and printed apart.

When counts differ, it is said first whether Lackey and Cachegrind saw the same number of accesses:
if not, the program did not run alike twice, and the comparison says nothing about the caches.

Owns: the programs, the geometries, and the rule that nothing may differ.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

COUNTS = ("Ir", "I1mr", "ILmr", "Dr", "D1mr", "DLmr", "Dw", "D1mw", "DLmw")
REFERENCES = ("Ir", "Dr", "Dw")


@dataclass(frozen=True)
class Program:
    """A program to trace; NUMBERS and TEXT in its arguments become files of the test."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Geometry:
    """Sizes, ways and lines of I1, D1 and LL."""

    i1: tuple[int, int, int]
    d1: tuple[int, int, int]
    ll: tuple[int, int, int]

    def for_cachegrind(self) -> list[str]:
        return [f"--{name}={','.join(map(str, cache))}"
                for name, cache in (("I1", self.i1), ("D1", self.d1), ("LL", self.ll))]

    def for_smh(self) -> list[str]:
        arguments = []
        for prefix, cache in (("i1-", self.i1), ("", self.d1), ("l2-", self.ll)):
            for key, value in zip(("size", "ways", "line"), cache):
                arguments += [f"--{prefix}{key}", str(value)]
        return arguments

    def __str__(self) -> str:
        return "D1 {}/{}/{} LL {}/{}/{}".format(*self.d1, *self.ll)


SHORT = (Program("sort", ("/usr/bin/sort", "--parallel=1", "-S", "1M", "-n", "FEW")),)
ALL = (
    Program("ls", ("/bin/ls", "-lR", "/usr/share/perl5")),
    Program("sort", ("/usr/bin/sort", "--parallel=1", "-S", "1M", "-n", "NUMBERS")),
    Program("awk", ("/usr/bin/mawk", "{ n[$1 % 977] += $1 } END { for (k in n) print k, n[k] }",
                    "NUMBERS")),
    Program("gzip", ("/bin/gzip", "-c", "TEXT")),
    Program("sqlite3", ("/usr/bin/sqlite3", ":memory:",
                        "create table t(a,b); with recursive n(i) as (select 1 union all select "
                        "i+1 from n where i<1000) insert into t select i*7919%3001, i from n; "
                        "create index x on t(a); select sum(a*b), count(distinct a) from t;")),
    Program("python3", ("/usr/bin/python3", "-S", "-c",
                        "print(sum(hash((i, str(i))) % 7 for i in range(1000)))")),
    Program("perl", ("/usr/bin/perl", "-e",
                     "my %h; $h{$_ * 7919 % 1009} .= $_ for 1..3000; print scalar keys %h")),
)
LONG = ["/usr/bin/sort", "--parallel=1", "-S", "8M", "-n", "many"]
# The first is a common desktop's; the others make other sets, ways, lines and far more misses.
GEOMETRIES = (
    Geometry((32768, 8, 64), (32768, 8, 64), (1048576, 16, 64)),
    Geometry((1024, 1, 32), (512, 2, 32), (16384, 4, 128)),
    Geometry((4096, 2, 128), (3072, 3, 64), (40960, 5, 64)),
)
# LD_PRELOAD, which Valgrind adds to, stands before others: the loader's strcspn() reads a few bytes
# beyond it and looks them up in a table, and behind the last variable lie 16 bytes that the kernel
# draws at random for each process.
ENVIRONMENT = {"LD_PRELOAD": "", "PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/", "PYTHONHASHSEED": "0",
               "PYTHONDONTWRITEBYTECODE": "1", "PERL_HASH_SEED": "0"}
# What Cachegrind asks of Valgrind's optimiser by default, and Lackey does not: with another answer
# to when registers must be exact, it drops a few redundant loads more, or fewer.
LIKE_CACHEGRIND = "--px-default=sp-at-mem-access"


def fixtures(folder: Path) -> dict[str, str]:
    """Files whose bytes never change; arguments name them relative to their folder."""
    folder = folder / "files"
    folder.mkdir()
    numbers = [i * 48271 % 65537 for i in range(1, 6001)]
    (folder / "numbers").write_text("".join(f"{number}\n" for number in numbers))
    (folder / "many").write_text("".join(f"{i * 48271 % 65537}\n" for i in range(1, 20001)))
    (folder / "few").write_text("".join(f"{number}\n" for number in numbers[:200]))
    words = [f"word{number % 257}" for number in numbers]
    (folder / "text").write_text(" ".join(words))
    return {"NUMBERS": "numbers", "FEW": "few", "TEXT": "text"}


def run(command: list[str], folder: Path) -> float:
    """Runs to the end, whatever it returns; its processor time in seconds.

    In a folder in which nothing is written meanwhile: Python looks at the time of its folder.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder / "files", env=ENVIRONMENT, check=False,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def valgrind(tool: str, options: list[str], command: list[str]) -> list[str]:
    # Valgrind lays out the program's memory itself, alike for all its tools and each time.
    return ["valgrind", f"--tool={tool}", *options, *command]


def cachegrind_command(geometry: Geometry, command: list[str], folder: Path,
                       simulate: str = "yes") -> list[str]:
    return valgrind("cachegrind", [f"--cache-sim={simulate}", LIKE_CACHEGRIND, *geometry.for_cachegrind(),
                                   f"--cachegrind-out-file={folder / 'cachegrind.out'}",
                                   "--log-file=/dev/null"], command)


def cachegrind(geometry: Geometry, command: list[str], folder: Path) -> dict:
    """Cachegrind's counts."""
    output = folder / "cachegrind.out"
    output.unlink(missing_ok=True)  # counts are never those of the run before
    run(cachegrind_command(geometry, command, folder), folder)
    text = output.read_text()
    events = re.search(r"^events: (.*)$", text, re.M)[1].split()
    summary = re.search(r"^summary: (.*)$", text, re.M)[1].split()
    return dict(zip(events, map(int, summary)))


def smh_cache(smh: str, options: list[str], trace: Path) -> dict:
    """The counts of `smh cache`."""
    output = trace.parent / "counts.json"
    output.unlink(missing_ok=True)
    run([smh, "cache", *options, "--json", str(output), str(trace)], trace.parent)
    return json.loads(output.read_text())


def differences(expected: dict, actual: dict) -> list[str]:
    """One line for each count that is not equal."""
    return [f"{name}: Cachegrind {expected[name]}, smh {actual[name]}" for name in COUNTS
            if expected[name] != actual[name]]


def data_trace(command: list[str], folder: Path, trace: Path) -> None:
    """Lackey's lines without the instructions, which are never on the disk."""
    with trace.open("wb") as out:
        lackey = subprocess.Popen(
            valgrind("lackey", ["--trace-mem=yes", LIKE_CACHEGRIND, "--log-fd=2"], command),
            cwd=folder / "files", env=ENVIRONMENT, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        subprocess.run(["grep", "-a", "^ "], stdin=lackey.stderr, stdout=out, check=True)
        lackey.wait()


def least_seconds(commands: dict[str, list[str]], folder: Path, rounds: int) -> dict[str, float]:
    """The least processor time of each; they take turns, so that a busy time meets all."""
    seconds = {name: float("inf") for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seconds[name] = min(seconds[name], run(command, folder))
    return seconds


def speed(smh: str, geometry: Geometry) -> None:
    """Prints nanoseconds per data access of both on the same long run, and how they compare."""
    empty = ["/bin/true"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fixtures(folder)
        text, packed = folder / "data", folder / "packed"
        data_trace(LONG, folder, text)
        counts = {key: cachegrind(geometry, program, folder)
                  for key, program in (("long", LONG), ("empty", empty))}
        long, short = (counts[key]["Dr"] + counts[key]["Dw"] for key in ("long", "empty"))
        # without I1, which is not asked for
        ours = [smh, "cache", *geometry.for_smh()[6:]]
        seconds = least_seconds({
            "simulated": cachegrind_command(geometry, LONG, folder),
            "simulated, empty": cachegrind_command(geometry, empty, folder),
            "run": cachegrind_command(geometry, LONG, folder, simulate="no"),
            "run, empty": cachegrind_command(geometry, empty, folder, simulate="no"),
            "pack": [smh, "cache", "--pack", str(packed), str(text)],
            "text": [*ours, str(text)],
            "packed": [*ours, str(packed)],
            "nothing": [*ours, "/dev/null"]}, folder, rounds=7)
        whole = (seconds["simulated"] - seconds["simulated, empty"]) / (long - short)
        simulation = whole - (seconds["run"] - seconds["run, empty"]) / (long - short)
        print(f"speed: {' '.join(LONG)}: {long - short} data accesses, {counts['long']['Ir']} "
              f"instructions; text {text.stat().st_size / long:.1f} bytes an access, packed "
              f"{packed.stat().st_size / long:.2f}\n"
              f"    Cachegrind: whole {1e9 * whole:.2f} ns of processor time a data access, "
              f"simulation {1e9 * simulation:.2f} ns")
        for form in ("text", "packed", "pack"):
            each = (seconds[form] - seconds["nothing"]) / long
            print(f"    smh cache, {form}: {1e9 * each:.2f} ns"
                  + (", once" if form == "pack" else
                     f": {whole / each:.2f} times as fast as the whole, {simulation / each:.2f} "
                     "times as the simulation"))


def compare(smh: str, program: Program, geometries: tuple[Geometry, ...]) -> int:
    """How many geometries differ."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = fixtures(folder)
        command = [files.get(word, word) for word in program.command]
        trace = folder / "trace"
        run(valgrind("lackey", ["--trace-mem=yes", LIKE_CACHEGRIND, f"--log-file={trace}"], command), folder)
        if not trace.is_file():
            print(f"{program.name}: valgrind --tool=lackey does not run here")
            return 1
        packed = folder / "packed"
        run([smh, "cache", "--pack", str(packed), str(trace)], folder)
        failed = 0
        for geometry in geometries:
            expected = cachegrind(geometry, command, folder)
            actual = smh_cache(smh, geometry.for_smh(), trace)
            lines = differences(expected, actual)
            lines += [f"packed: {line}" for line in
                      differences(expected, smh_cache(smh, geometry.for_smh(), packed))]
            same_run = all(expected[name] == actual[name] for name in REFERENCES)
            print(f"{program.name}: {geometry}: {expected['Dr'] + expected['Dw']} data accesses, "
                  f"{expected['D1mr'] + expected['D1mw']} misses, "
                  f"{expected['DLmr'] + expected['DLmw']} of the last level: "
                  + ("equal" if not lines else "DIFFERENT" if same_run
                     else "the two runs of the program differ"))
            for line in lines:
                print(f"    {line}")
            failed += bool(lines)
        return failed


def self_test(smh: str) -> int:
    """A trace with one access more, and one cache with one way less, must be told."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fixtures(folder)
        trace = folder / "trace"
        lines = [f" L {0x1000 + 64 * (i * i % 23):08x},8\n" for i in range(400)]
        trace.write_text("".join(lines))
        options = ["--size", "1024", "--ways", "4", "--i1-size", "1024", "--i1-ways", "4",
                   "--l2-size", "4096", "--l2-ways", "4"]
        expected = smh_cache(smh, options, trace)
        expected = {name: expected[name] for name in COUNTS}
        fewer = smh_cache(smh, ["--size", "512", "--ways", "2", *options[4:]], trace)
        trace.write_text("".join(lines + lines[:1]))
        longer = smh_cache(smh, options, trace)
        if not differences(expected, fewer) or not differences(expected, longer) \
                or differences(expected, expected):
            print("compare.py: does not see a difference that is there")
            return 1
        return 0


def main() -> int:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    smh = str(Path(words[0]).resolve())
    programs = ALL if "--all" in sys.argv else SHORT
    if words[1:]:
        programs = tuple(program for program in ALL if program.name in words[1:])
    missing = [program.command[0] for program in programs
               if not os.access(program.command[0], os.X_OK)]
    if shutil.which("valgrind") is None:
        missing.append("valgrind")
    if missing or not programs:
        print(f"compare.py: not installed: {' '.join(missing) or 'no program of that name'}")
        return 2
    failed = self_test(smh)
    for program in programs:
        failed += compare(smh, program, GEOMETRIES)
    if "--speed" in sys.argv:
        speed(smh, GEOMETRIES[0])
    print(f"{len(programs)} programs, {len(GEOMETRIES)} geometries each: "
          + ("all counts equal" if failed == 0 else f"{failed} differ"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

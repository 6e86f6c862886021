#!/usr/bin/python3
"""Runs fuzz targets under AFL++, in persistent mode, one after the other, and prints a table.

Owns: build/afl/found/TARGET, where afl-fuzz keeps its queue from run to run; it begins with the
committed corpus. Operations are mutated by build/afl/mutate.so and by AFL++'s own mutations, text by
the latter and a dictionary. Exit code 1 when a target failed, with the commands that show why.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from table import print_table

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "afl"
TEXTS = ("scenario_json", "trace_text")
ENVIRONMENT = {
    "AFL_NO_UI": "1", "AFL_QUIET": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_AUTORESUME": "1", "AFL_CMPLOG_ONLY_NEW": "1",
    "AFL_IGNORE_SEED_PROBLEMS": "1", "AFL_NO_STARTUP_CALIBRATION": "1",
    "ASAN_OPTIONS": "abort_on_error=1:symbolize=0:detect_leaks=0:detect_odr_violation=0",
    "UBSAN_OPTIONS": "abort_on_error=1:halt_on_error=1:symbolize=0",
}


def command_of(target: str, seconds: int, place: list[str]) -> list[str]:
    """One afl-fuzz."""
    dictionary = ROOT / "fuzz" / "dictionaries" / f"{target}.dict"
    command = ["afl-fuzz", "-i", str(ROOT / "fuzz" / "corpus" / target), "-o", str(BUILD / "found" / target),
               "-V", str(seconds), "-m", "none", "-t", "5000", "-G", "8192", *place]
    command += ["-x", str(dictionary)] if dictionary.is_file() else []
    return [*command, "--", str(BUILD / f"target_{target}")]


def figures(file: Path) -> dict[str, str]:
    """What afl-fuzz wrote about itself."""
    if not file.is_file():
        return {}
    pairs = (line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def fuzz(target: str, seconds: int, jobs: int) -> dict[str, str]:
    """Runs one target; the figures of all its processes together."""
    found = BUILD / "found" / target
    environment = {**os.environ, **ENVIRONMENT}
    if target not in TEXTS:
        environment["AFL_CUSTOM_MUTATOR_LIBRARY"] = str(BUILD / "mutate.so")
    names = [f"fuzzer{number}" for number in range(jobs)]
    for name in names:
        for old in (found / name).glob("crashes*"):  # of a run before: what is counted is this one's
            shutil.rmtree(old)
    found.mkdir(parents=True, exist_ok=True)
    running = []
    for number, name in enumerate(names):
        with open(BUILD / f"{target}-{name}.log", "wb") as log:
            place = ["-M" if number == 0 else "-S", name]
            running.append(subprocess.Popen(command_of(target, seconds, place), env=environment, stdout=log,
                                            stderr=subprocess.STDOUT))
    codes = [process.wait() for process in running]
    all_figures = [figures(found / name / "fuzzer_stats") for name in names]
    crashes = [file for name in names for kind in ("crashes", "hangs")
               for file in sorted((found / name / kind).glob("id:*"))]
    runs = sum(int(one.get("execs_done", 0)) for one in all_figures)
    failed = any(codes) or not runs
    return {
        "target": target,
        "runs": str(runs),
        "runs/s": f"{sum(float(one.get('execs_per_sec', 0)) for one in all_figures):.0f}",
        "edges": max((one.get("edges_found", "-") for one in all_figures), key=len),
        "queue": max((one.get("corpus_count", "-") for one in all_figures), key=len),
        "result": f"FAILED: {len(crashes)} inputs" if crashes else "did not run" if failed else "ok",
        "input": str(crashes[0].relative_to(ROOT)) if crashes else "",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzzes targets under AFL++.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("targets", nargs="+")
    arguments = parser.parse_args()
    rows = []
    for target in arguments.targets:
        print(f"AFL++ on {target} for {arguments.seconds} s ...", flush=True)
        rows.append(fuzz(target, arguments.seconds, arguments.jobs))
    print_table(rows)
    for row in rows:
        if row["result"] != "ok":
            print(f"\n{row['target']}: its output is in build/afl/{row['target']}-fuzzer0.log")
        if row["input"]:
            print(f"  build/afl/target_{row['target']} {row['input']}")
    return 0 if all(row["result"] == "ok" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

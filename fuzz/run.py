#!/usr/bin/python3
"""Runs fuzz targets one after the other and prints a table; or merges what they found.

Owns: build/fuzz/corpus/TARGET, the working corpora, which are kept from run to run and seeded from
fuzz/corpus/TARGET; build/fuzz/crashes, where a failing input is kept. Exit code 1 when a target
failed, with the commands that show why.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from table import print_table

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"
CRASHES = BUILD / "crashes"
# Text needs short inputs to be fast; operations need long ones to fill a region.
LENGTH_MAX = {"scenario_json": 4096, "trace_text": 2048}
LENGTH_MAX_OPERATIONS = 8192


def figure(pattern: str, log: str, default: str = "-") -> str:
    """The last match of pattern in a target's output."""
    found = re.findall(pattern, log)
    return found[-1] if found else default


def total(pattern: str, logs: list[str]) -> str:
    """The sum of the last matches, one a process."""
    found = [text for log in logs for text in re.findall(pattern, log)[-1:]]
    return f"{sum(map(float, found)):.2f}" if "." in "".join(found) else str(sum(map(int, found))) if found else "-"


def fuzz(target: str, seconds: int, jobs: int) -> dict[str, str]:
    """Runs one target and reads its figures from what it printed."""
    work, seeds = BUILD / "corpus" / target, ROOT / "fuzz" / "corpus" / target
    dictionary = ROOT / "fuzz" / "dictionaries" / f"{target}.dict"
    work.mkdir(parents=True, exist_ok=True)
    CRASHES.mkdir(parents=True, exist_ok=True)
    command = [
        str(BUILD / f"target_{target}"), f"-max_total_time={seconds}", "-print_final_stats=1",
        f"-max_len={LENGTH_MAX.get(target, LENGTH_MAX_OPERATIONS)}", "-len_control=10",
        "-timeout=10", "-rss_limit_mb=4096", f"-artifact_prefix={CRASHES}/{target}-",
    ]
    command += [f"-dict={dictionary}"] if dictionary.is_file() else []
    folders = [str(work)] + ([str(seeds)] if seeds.is_dir() else [])
    # Processes of one target share the corpus: libFuzzer looks for what others have added.
    running = []
    for job in range(jobs):
        with open(BUILD / f"{target}.{job}.log", "wb") as log:
            seed = [] if jobs == 1 else [f"-seed={int(time.time()) + job}", "-reload=5"]
            running.append(subprocess.Popen([*command, *seed, *folders], stdout=log, stderr=log))
    codes = [process.wait() for process in running]
    logs = [(BUILD / f"{target}.{job}.log").read_text(errors="replace") for job in range(jobs)]
    whole = "\n".join(logs)
    failed = [code for code in codes if code != 0]
    (BUILD / f"{target}.log").write_text(whole)
    return {
        "target": target,
        "runs": total(r"stat::number_of_executed_units:\s*(\d+)", logs),
        "operations": total(r"(\d+) checked operations", logs),
        "million/s": total(r"([\d.]+) million a second", logs),
        "edges": max((figure(r"cov: (\d+)", log) for log in logs), key=lambda text: (len(text), text)),
        "corpus": str(sum(1 for _ in work.iterdir())),
        "result": f"FAILED ({failed[0]})" if failed else "ok",
        "input": figure(r"Test unit written to (\S+)", whole, ""),
    }


def merge(target: str) -> None:
    """Makes the committed corpus anew: as few inputs as reach every edge that is known."""
    work, seeds = BUILD / "corpus" / target, ROOT / "fuzz" / "corpus" / target
    fresh = BUILD / "merged" / target
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    folders = [str(folder) for folder in (seeds, work) if folder.is_dir()]
    # Short inputs first; with counters, every loop count would keep a file of its own.
    command = [str(BUILD / f"target_{target}"), "-merge=1", "-use_counters=0", "-max_len=2048"]
    subprocess.run(command + [str(fresh), *folders], check=True, capture_output=True, cwd=BUILD)
    shutil.rmtree(seeds, ignore_errors=True)
    shutil.copytree(fresh, seeds)
    count = sum(1 for _ in seeds.iterdir())
    size = sum(file.stat().st_size for file in seeds.iterdir())
    print(f"{target}: {count} inputs, {size} bytes")


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzzes targets, or merges their corpora.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("targets", nargs="+")
    arguments = parser.parse_args()
    if arguments.merge:
        for target in arguments.targets:
            merge(target)
        return 0
    rows = []
    for target in arguments.targets:
        print(f"fuzzing {target} for {arguments.seconds} s ...", flush=True)
        rows.append(fuzz(target, arguments.seconds, arguments.jobs))
    print_table(rows)
    failed = [row for row in rows if row["result"] != "ok"]
    for row in failed:
        target = row["target"]
        print(f"\n{target}: its output is in build/fuzz/{target}.log")
        if row["input"]:
            print(f"  build/fuzz/target_{target} {row['input']}")
            print(f"  make fuzz-min TARGET={target} CRASH={row['input']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Runs every fuzz target until so many operations have been judged, and keeps a record.

Owns: out/marathon.json: date, commit, and each leg with its target, build, seed, operations, seconds
and end. A leg is one process: LEG operations of one target on the inputs of fuzz/generate.c from its
seed on, so that any leg can be run again by itself. Of the targets' operations a share runs under
AddressSanitizer, the rest as the release build; the targets for text run under libFuzzer.
Run again, it goes on where it was stopped, unless the commit has changed (--anew starts over).
Exit code 1 when a leg failed, with the command that repeats it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "out" / "marathon.json"
FAILURES = ROOT / "out" / "marathon"
LEG = 20_000_000
TEXT_RUNS = 100_000
# Parts of the whole: what is slow has less.
SHARES = {"heap_ops": 30, "pool_ops": 20, "engines_side_by_side": 20, "wild_pointers": 12, "latency": 10,
          "zephyr_api": 6, "two_threads": 2}
TEXTS = ("scenario_json", "trace_text")
BUILDS = {"release": ROOT / "build" / "fuzz_replay", "asan": ROOT / "build" / "asan" / "fuzz_replay"}


def commit() -> str:
    """The commit under test, marked when files differ from it."""
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True,
                              check=False).stdout.strip()
    return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")


def plan(operations: int, asan_percent: int) -> list[dict]:
    """All legs, the builds spread evenly over each target's."""
    legs: list[dict] = []
    whole = sum(SHARES.values())
    for target, share in SHARES.items():
        count = max(1, -(-operations * share // whole // LEG))
        for number in range(count):
            under = (number + 1) * asan_percent // 100 > number * asan_percent // 100
            legs.append({"target": target, "build": "asan" if under or count == 1 else "release",
                         "seed": (number + 1) << 32, "operations": min(LEG, operations)})
    for target in TEXTS:
        legs += [{"target": target, "build": "libfuzzer", "seed": seed, "operations": 0}
                 for seed in range(1, 4)]
    # Every target early on, so that what fails is known early.
    legs.sort(key=lambda leg: leg["seed"] & 0xFFFFFFFF or leg["seed"] >> 32)
    return legs


def command_of(leg: dict) -> list[str]:
    """What runs a leg."""
    name = f"{leg['target']}-{leg['build']}-{leg['seed']}"
    if leg["build"] == "libfuzzer":
        return [str(ROOT / "build" / "fuzz" / f"target_{leg['target']}"), f"-runs={TEXT_RUNS}",
                f"-seed={leg['seed']}", "-max_len=4096", f"-artifact_prefix={FAILURES / name}-",
                str(ROOT / "fuzz" / "corpus" / leg["target"])]
    return [str(BUILDS[leg["build"]] / leg["target"]), f"--generate={leg['seed']}",
            f"--operations={leg['operations']}", f"--keep={FAILURES / name}"]


def run(leg: dict) -> dict:
    """Runs a leg; the corpus that libFuzzer is shown is not written to."""
    command = command_of(leg)
    if leg["build"] == "libfuzzer":
        scratch = FAILURES / f"corpus-{leg['target']}-{leg['seed']}"
        scratch.mkdir(parents=True, exist_ok=True)
        command.insert(-1, str(scratch))
    start = time.monotonic()
    result = subprocess.run(command, capture_output=True, check=False)
    said = result.stderr.decode(errors="replace")
    judged = re.findall(r"(\d+) checked operations in ([\d.]+) s", said)
    return {**leg, "operations": int(judged[-1][0]) if judged else 0,
            "processor_seconds": float(judged[-1][1]) if judged else 0.0,
            "seconds": round(time.monotonic() - start, 1), "passed": result.returncode == 0,
            "said": "" if result.returncode == 0 else said[-400:]}


def total(legs: list[dict]) -> int:
    return sum(leg["operations"] for leg in legs)


def print_table(record: dict) -> None:
    """Operations by target and build."""
    legs = record["legs"]
    print(f"commit {record['commit']}, begun {record['begun']}, {record['ended'] or 'not ended'}")
    print(f"{'target':22}{'operations':>16}{'under ASan':>16}{'core seconds':>14}{'legs':>6}{'failed':>8}")
    for target in [*SHARES, *TEXTS]:
        mine = [leg for leg in legs if leg["target"] == target]
        under = [leg for leg in mine if leg["build"] != "release"]
        failed = sum(not leg["passed"] for leg in mine)
        seconds = sum(leg["processor_seconds"] for leg in mine)
        print(f"{target:22}{total(mine):16,}{total(under):16,}{seconds:14.0f}{len(mine):6}{failed:8}")
    under = total([leg for leg in legs if leg["build"] != "release"])
    print(f"{'all':22}{total(legs):16,}{under:16,}"
          f"{sum(leg['processor_seconds'] for leg in legs):14.0f}{len(legs):6}"
          f"{sum(not leg['passed'] for leg in legs):8}")


def open_record(operations: int, anew: bool) -> dict:
    """The record to go on with, or an empty one."""
    fresh = {"commit": commit(), "begun": datetime.now(timezone.utc).isoformat(timespec="seconds"),
             "ended": None, "operations_wanted": operations, "legs": []}
    if anew or not RECORD.is_file():
        return fresh
    record = json.loads(RECORD.read_text())
    return record if record["commit"] == fresh["commit"] else fresh


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--operations", type=float, default=1e10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--asan", type=int, default=30, help="per cent of the operations under ASan")
    parser.add_argument("--anew", action="store_true")
    arguments = parser.parse_args()
    FAILURES.mkdir(parents=True, exist_ok=True)
    record = open_record(int(arguments.operations), arguments.anew)
    done = {(leg["target"], leg["build"], leg["seed"]) for leg in record["legs"]}
    legs = [leg for leg in plan(int(arguments.operations), arguments.asan)
            if (leg["target"], leg["build"], leg["seed"]) not in done]
    start = time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(run, leg) for leg in legs]
        for number, future in enumerate(as_completed(futures), 1):
            leg = future.result()
            record["legs"].append(leg)
            RECORD.write_text(json.dumps(record, indent=1) + "\n")
            if not leg["passed"]:
                print(f"FAILED: {' '.join(command_of(leg))}\n{leg['said']}", flush=True)
            if sys.stderr.isatty() or number % 25 == 0:
                left = (time.monotonic() - start) / number * (len(legs) - number)
                print(f"{number} of {len(legs)} legs, {total(record['legs']):,} operations, "
                      f"{left / 60:.0f} min left", flush=True)
    record["ended"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print_table(record)
    return 0 if all(leg["passed"] for leg in record["legs"]) else 1


if __name__ == "__main__":
    sys.exit(main())

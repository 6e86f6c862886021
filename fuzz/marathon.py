#!/usr/bin/python3
"""Runs every fuzz target until so many operations have been judged, and keeps a ledger.

Owns: out/marathon/CODE/, where CODE is a hash of what is compiled: ledger.json, the programs as they
were when the run began, and inputs that failed. The ledger holds each leg with its target, build,
seed, operations, commit, date and end. A leg is one process of a quarter of a minute or so: inputs
made by chance from its seed on, so that any leg can be run again by itself. Of each target's legs a
share runs under AddressSanitizer, the rest as the release build; targets for text run under libFuzzer.

    make marathon      interrupted, it loses the legs under way; run again, it goes on behind the rest
                       (a commit that changes nothing that is compiled goes on in the same ledger)

Exit code 1 when a leg failed, with the command that repeats it; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COMPILED = ("src", "include", "port", "sim", "fuzz", "Makefile")


class Target(NamedTuple):
    """How a target is run."""
    share: float  # of the operations, in per cent
    leg: int  # operations of a leg
    options: tuple[str, ...] = ()


# What is slow has less. Inputs of the last two have a form of their own, which chance finds.
TARGETS = {
    "heap_ops": Target(25, 20_000_000),
    "pool_ops": Target(13, 20_000_000),
    "engines_side_by_side": Target(32, 20_000_000),
    "wild_pointers": Target(12, 10_000_000),
    "latency": Target(13, 20_000_000),
    "zephyr_api": Target(2.6, 10_000_000),
    "two_threads": Target(1, 5_000_000),
    "cache_model": Target(1.3, 5_000_000, ("--records=400",)),
    "hazards": Target(0.1, 500_000, ("--records=10",)),
}
TEXTS = {"scenario_json": 100_000, "trace_text": 100_000}  # runs of a leg
TEXT_LEGS = 3
FOLDERS = {"release": "build/fuzz_replay/", "asan": "build/asan/fuzz_replay/", "libfuzzer": "build/fuzz/target_"}
SANITIZERS = {"ASAN_OPTIONS": "abort_on_error=1", "UBSAN_OPTIONS": "abort_on_error=1:print_stacktrace=1"}

Leg = dict  # as in the ledger


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=False).stdout.strip()


def commit() -> str:
    """The commit under test, marked when files differ from it."""
    return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")


def code() -> str:
    """A hash of everything that is compiled, whatever the commit."""
    digest = hashlib.sha256()
    for name in sorted(git("ls-files", *COMPILED).splitlines()):
        if name.endswith((".c", ".h", "Makefile")):
            digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def plan(operations: int, asan_percent: int) -> list[Leg]:
    """All legs, every target early on; a leg is the same whatever the number of operations."""
    legs: list[tuple[float, Leg]] = []
    for name, target in TARGETS.items():
        count = max(1, -(-int(operations * target.share / 100) // target.leg))
        for number in range(count):
            under = (number + 1) * asan_percent // 100 > number * asan_percent // 100 or number == 0
            legs.append((number / count, {"target": name, "build": "asan" if under else "release",
                                          "seed": (number + 1) << 32, "operations": target.leg}))
    for name in TEXTS:
        legs += [(seed / TEXT_LEGS / 10, {"target": name, "build": "libfuzzer", "seed": seed, "operations": 0})
                 for seed in range(1, TEXT_LEGS + 1)]
    legs.sort(key=lambda pair: pair[0])
    return [leg for _, leg in legs]


def key(leg: Leg) -> tuple[str, str, int]:
    return leg["target"], leg["build"], leg["seed"]


class Marathon:
    """One run: its ledger and the processes under way."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.folder = ROOT / "out" / "marathon" / code()
        self.file = self.folder / "ledger.json"
        self.commit = commit()
        self.running: set[subprocess.Popen] = set()
        self.stopped = False
        (self.folder / "failures").mkdir(parents=True, exist_ok=True)
        if arguments.anew or not self.file.is_file():
            self.ledger = {"code": code(), "begun": now(), "legs": []}
        else:
            self.ledger = json.loads(self.file.read_text())

    def program(self, target: str, build: str) -> Path:
        """A copy, since the build may go on while the marathon runs."""
        copy = self.folder / "bin" / f"{target}-{build}"
        if not copy.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / (FOLDERS[build] + target), copy.with_suffix(".new"))
            copy.with_suffix(".new").rename(copy)
        return copy

    def command(self, leg: Leg) -> list[str]:
        """What runs a leg."""
        target, build, seed = key(leg)
        program = str(self.program(target, build))
        kept = self.folder / "failures" / f"{target}-{build}-{seed}"
        if build != "libfuzzer":
            return [program, f"--generate={seed}", f"--operations={TARGETS[target].leg}",
                    *TARGETS[target].options, f"--keep={kept}"]
        found = self.folder / f"corpus-{target}-{seed}"  # the committed corpus is not written to
        found.mkdir(exist_ok=True)
        return [program, f"-runs={TEXTS[target]}", f"-seed={seed}", "-max_len=4096", "-timeout=60",
                f"-artifact_prefix={kept}-", str(found), str(ROOT / "fuzz" / "corpus" / target)]

    def run(self, leg: Leg) -> Leg | None:
        """Runs a leg; None when it was stopped."""
        if self.stopped:
            return None
        start = time.monotonic()
        # A session of its own: an interrupt at the terminal is for this program, which ends them.
        process = subprocess.Popen(self.command(leg), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   env={**os.environ, **SANITIZERS}, start_new_session=True)
        self.running.add(process)
        said = process.communicate()[1].decode(errors="replace")
        self.running.discard(process)
        if self.stopped:
            return None
        judged = re.findall(r"(\d+) checked operations in ([\d.]+) s", said)
        passed = process.returncode == 0 and (bool(judged) or leg["build"] == "libfuzzer")
        return {**leg, "operations": int(judged[-1][0]) if judged else 0,
                "processor_seconds": float(judged[-1][1]) if judged else 0.0,
                "seconds": round(time.monotonic() - start, 1), "passed": passed, "commit": self.commit,
                "ended": now(), "said": "" if passed else said[-1000:]}

    def note(self, leg: Leg) -> None:
        """Into the ledger, which is whole at any time."""
        self.ledger["legs"].append(leg)
        self.ledger["ended"] = leg["ended"]
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(self.ledger, indent=1) + "\n")
        fresh.rename(self.file)
        if not leg["passed"]:
            print(f"FAILED: {' '.join(self.command(leg))}\n{leg['said']}", flush=True)

    def stop(self) -> None:
        """Ends what is under way."""
        self.stopped = True
        for process in list(self.running):
            process.kill()

    def go_on(self, legs: list[Leg], jobs: int, seconds: float) -> None:
        """Runs what the ledger does not hold yet, or until the time is up."""
        start = time.monotonic()
        with ThreadPoolExecutor(jobs) as pool:
            try:
                futures = [pool.submit(self.run, leg) for leg in legs]
                for number, future in enumerate(as_completed(futures), 1):
                    leg = future.result()
                    if leg is not None:
                        self.note(leg)
                    spent = time.monotonic() - start
                    if spent > seconds and not self.stopped:
                        for other in futures:
                            other.cancel()
                        break
                    if leg is not None and (sys.stderr.isatty() or number % 25 == 0):
                        print(f"{number} of {len(legs)} legs, {total(self.ledger['legs']):,} operations, "
                              f"{spent / number * (len(legs) - number) / 60:.0f} min left", flush=True)
            except KeyboardInterrupt:
                for other in futures:
                    other.cancel()
                self.stop()
                raise

    def print_table(self) -> None:
        """Operations by target and build."""
        legs = self.ledger["legs"]
        for name in sorted({leg["commit"] for leg in legs}):
            print(f"commit {name}: {sum(leg['commit'] == name for leg in legs)} legs")
        print(f"begun {self.ledger['begun']}, last leg ended {self.ledger.get('ended', '-')}, code {self.ledger['code']}")
        print(f"{'target':22}{'operations':>16}{'under ASan':>16}{'core seconds':>14}{'legs':>6}{'failed':>8}  seeds")
        for target in [*TARGETS, *TEXTS, ""]:
            mine = [leg for leg in legs if target in ("", leg["target"])]
            under = [leg for leg in mine if leg["build"] != "release"]
            failed = sum(not leg["passed"] for leg in mine)
            step = 1 if target in TEXTS else 1 << 32
            seeds = [leg["seed"] // step for leg in mine]
            which = f"{min(seeds)}..{max(seeds)}" + (" << 32" if step > 1 else "") if seeds and target else ""
            seconds = sum(leg["processor_seconds"] or leg["seconds"] for leg in mine)
            print(f"{target or 'all':22}{total(mine):16,}{total(under):16,}{seconds:14.0f}{len(mine):6}{failed:8}"
                  f"  {which}".rstrip())
        print(f"ledger: {self.file.relative_to(ROOT)}")


def total(legs: list[Leg]) -> int:
    return sum(leg["operations"] for leg in legs)


def interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--operations", type=float, default=1e10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--asan", type=int, default=30, help="per cent of the legs under ASan")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no leg after so long")
    parser.add_argument("--anew", action="store_true", help="with an empty ledger")
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    marathon = Marathon(arguments)
    wanted = plan(int(arguments.operations), arguments.asan)
    done = {key(leg) for leg in marathon.ledger["legs"]}
    legs = [leg for leg in wanted if key(leg) not in done]
    try:
        if not arguments.table:
            marathon.go_on(legs, arguments.jobs, arguments.minutes * 60)
    except KeyboardInterrupt:
        marathon.print_table()
        print("interrupted; run it again to go on")
        return 130
    marathon.print_table()
    done = {key(leg) for leg in marathon.ledger["legs"]}
    missing = sum(key(leg) not in done for leg in wanted)
    if missing:
        print(f"{missing} of {len(wanted)} legs are missing; run it again to go on")
    return 0 if all(leg["passed"] for leg in marathon.ledger["legs"]) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Plants faults into the core, one at a time, and measures how long the fuzz targets take to find each.

Owns: build/faults (for each job a copy of src/ and include/ with one fault, the objects that it
changes, the targets linked with them) and out/faults.json, the figures; what was there is kept as
out/faults.before.json. A fault is a record in fuzz/faults/*.txt:

    fault NAME            what it is called
    models TEXT           the real bug that it stands for, or the kind of mistake
    in FILE               where; then once or more:
    - CODE                what is replaced, found exactly once; white space is of no account
    + CODE                what takes its place

Each target starts from nothing: an empty corpus folder, no seeds, no dictionary. The targets take
turns, in the order of TARGETS, on one core: 400 inputs each, then 1,600, 6,400, ... with what
they have kept so far; a fault is found when one of them ends with an error. Time is processor time
of all the targets together, those in vain included, however many jobs hunt other faults beside.
Exit code 1 when a fault is not found.
`--places` only plants; `--compile` plants and compiles each record by itself, and is shown broken ones first.
`--sound` runs the same without a fault: nothing may be found.
`--mutants=N` hunts no records, but N changes drawn at random (`--mutants-seed`) from all that
tests/mutants/mutate.py makes of what this build compiles of src/, without those that are argued
equivalent in tests/mutants/equivalent.txt; figures go to out/faults-sampled.json. What the compiler
refuses, and what is missed and compiles to the same code, is counted apart, and not replaced.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "faults"
FUZZ = ROOT / "build" / "fuzz"
TARGETS = ["heap_ops", "pool_ops", "zephyr_api", "engines_side_by_side", "two_threads",
           "wild_pointers", "latency"]
RUNS_FIRST, RUNS_FACTOR = 400, 4
LENGTH_MAX = 2048
# That it fails is enough: names for a stack that nobody reads take as long as many a hunt.
QUIET = {"ASAN_OPTIONS": "symbolize=0", "UBSAN_OPTIONS": "symbolize=0"}


@dataclass
class Fault:
    name: str
    models: str = ""
    file: str = ""
    changes: list[list[str]] = field(default_factory=list)
    whole: str = ""  # of a mutant: all of the file with it
    untouched: str = ""  # and without
    shown: dict[str, str] = field(default_factory=dict)  # and where it is


def read_faults(folder: Path) -> list[Fault]:
    """All records, in the order of files and lines."""
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            word, _, rest = line.partition(" ")
            if not line.strip() or line.startswith("#"):
                continue
            if word == "fault":
                faults.append(Fault(rest.strip()))
            elif word == "models":
                faults[-1].models = rest
            elif word == "in":
                faults[-1].file = rest.strip()
            elif word == "-":
                faults[-1].changes.append([rest, ""])
            elif word == "+":
                faults[-1].changes[-1][1] = rest
            else:
                sys.exit(f"{path.name}:{number}: {word} is none of fault, models, in, -, +")
    names = [fault.name for fault in faults]
    if len(set(names)) != len(names):
        sys.exit("two faults have one name")
    return faults


def plant(text: str, fault: Fault, say: Callable[[str], None] = print) -> str | None:
    """text with the fault; None, and a line that says so, when the place is not there exactly once."""
    if fault.whole:
        return fault.whole
    for before, after in fault.changes:
        tokens = re.findall(r"\w+|[^\w\s]", before)
        pattern = re.compile(r"\s*".join(re.escape(token) for token in tokens))
        if len(pattern.findall(text)) != 1:
            say(f"{fault.name}: found {len(pattern.findall(text))} times in {fault.file}: {before}")
            return None
        text = pattern.sub(lambda _match: after, text)
    return text


class Builder:
    """Compiles what a fault changes and links targets with it, in a room of its own."""

    def __init__(self, room: Path, compiler: str, flags: str, core_flags: str, link: str, libraries: str,
                 steps: str):
        self.room = room
        self.steps = steps.split()
        self.compiler = shlex.split(compiler)
        self.flags = [flag for flag in shlex.split(flags) if flag not in ("-MMD", "-MP", "-Werror", "-g")]
        self.core_flags = shlex.split(core_flags)
        self.link = [*shlex.split(link), "-Wl,--strip-debug"]
        self.libraries = shlex.split(libraries)
        self.objects: list[str] = []
        self.including: dict[str, list[Path]] = {}
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir(parents=True)

    def errors_of(self, fault: Fault) -> str:
        """What the compiler says against the core with the fault; empty: nothing. Nothing of it is written."""
        said: list[str] = []
        text = plant((ROOT / fault.file).read_text(), fault, said.append)
        if text is None:
            return said[0]
        room = self.room / "compile" / re.sub(r"\W", "_", fault.name)
        room.mkdir(parents=True, exist_ok=True)
        (room / "planted").write_text(text)
        # The compiler reads the planted text wherever the file is named, by a source or an #include.
        overlay = {"version": 0, "case-sensitive": "true", "roots": [
            {"type": "file", "name": str(ROOT / fault.file), "external-contents": str(room / "planted")}]}
        (room / "overlay").write_text(json.dumps(overlay))
        sources = self.sources_with(fault.file)
        if not sources:
            return f"no source includes {fault.file}"
        for source in sources:
            core = self.core_flags if str(source).startswith(("src", "port")) else []
            command = [*self.compiler, *self.flags, *core, "-w", "-fsyntax-only", "-ivfsoverlay",
                       str(room / "overlay"), str(source)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if done.returncode != 0:
                return next((line for line in done.stderr.splitlines() if "error" in line), f"{source}: {done.returncode}")
        return ""

    def sources_with(self, file: str) -> list[Path]:
        """Sources that include file, by the dependencies that the compiler wrote."""
        if file.endswith(".c"):
            return [Path(file)]
        if file in self.including:
            return self.including[file]
        found = []
        rooms = ("src", "fuzz") if file.startswith("include") else ("src",)
        for path in sorted(path for room in rooms for path in (FUZZ / "obj" / room).rglob("*.d")):
            if file in path.read_text().replace("\\\n", " ").split():
                found.append(path.relative_to(FUZZ / "obj").with_suffix(".c"))
        self.including[file] = [source for source in found if (ROOT / source).is_file()]
        return self.including[file]

    def same_code(self, fault: Fault) -> bool:
        """Whether the core, without sanitizers, has the same instructions with the fault as without."""
        flags = [flag for flag in self.flags if not flag.startswith("-fsanitize")]
        said = []
        for text in (fault.untouched, fault.whole):
            (self.room / "tree" / fault.file).write_text(text)
            said.append([subprocess.run([*self.compiler, *flags, "-w", "-S", "-o", "-", str(source)], check=True,
                                        cwd=self.room / "tree", capture_output=True).stdout
                         for source in self.sources_with(fault.file)])
        return said[0] == said[1]

    def build(self, fault: Fault | None) -> bool:
        """The objects that differ; subprocess.CalledProcessError: does not compile. false: no such place."""
        shutil.rmtree(self.room / "tree", ignore_errors=True)
        shutil.rmtree(self.room / "obj", ignore_errors=True)
        for binary in self.room.glob("target_*"):
            binary.unlink()
        self.objects = []
        if fault is None:
            return True
        for room in ("src", "include", "port", "sim", "fuzz"):
            shutil.copytree(ROOT / room, self.room / "tree" / room,
                            ignore=shutil.ignore_patterns("corpus", "faults", "*.py"))
        path = self.room / "tree" / fault.file
        text = plant(path.read_text(), fault)
        if text is None:
            return False
        path.write_text(text)
        for source in self.sources_with(fault.file):
            output = self.room / "obj" / source.with_suffix(".o")
            output.parent.mkdir(parents=True, exist_ok=True)
            core = self.core_flags if str(source).startswith(("src", "port")) else []
            command = [*self.compiler, *self.flags, *core, "-w", "-c", "-o", str(output), str(source)]
            subprocess.run(command, check=True, cwd=self.room / "tree",
                           stderr=subprocess.DEVNULL if fault.whole else None)
            self.objects.append(str(output))
        return True

    def target(self, name: str) -> Path:
        """The target with the fault, linked when first asked for."""
        binary = self.room / f"target_{name}"
        if not self.objects:
            return FUZZ / f"target_{name}"
        if not binary.exists():
            planted = {str(Path(path).relative_to(self.room / "obj")) for path in self.objects}
            built = [path.relative_to(FUZZ / "obj") for path in sorted((FUZZ / "obj/fuzz").rglob("*.o"))]
            parts = [f"fuzz/targets/{name}.o"] + [
                str(path) for path in built if path.name != "driver.o" and path.parent.name != "targets"
                and (ROOT / path).with_suffix(".c").is_file()]  # not what a file left that moved
            inputs = [str(FUZZ / "obj" / part) for part in parts if part not in planted]
            if name in self.steps:  # a core that counts its steps, but for what is planted
                inputs += [str(path) for path in sorted((FUZZ / "obj/steps").rglob("*.o"))
                           if str(path.relative_to(FUZZ / "obj/steps")) not in planted]
            own = [path for path in self.objects
                   if not Path(path).relative_to(self.room / "obj").parts[0] == "fuzz"
                   or str(Path(path).relative_to(self.room / "obj")) in parts]
            subprocess.run([*self.link, "-o", str(binary), *inputs, *own, str(FUZZ / "libsmhsim.a"),
                            str(FUZZ / "libsmh.a"), *self.libraries], check=True)
        return binary


def run_target(binary: Path, corpus: Path, runs: int, seed: int, limit: float) -> tuple[bool, float, str]:
    """One turn: whether it failed, the processor time, and what it said."""
    command = [str(binary), f"-runs={runs}", f"-seed={seed}", f"-max_len={LENGTH_MAX}", "-len_control=0",
               "-timeout=10", "-rss_limit_mb=3000", "-print_final_stats=0",
               f"-artifact_prefix={corpus}-", str(corpus)]
    log = corpus.with_suffix(".log")
    # By processor time: on a busy host a wall clock would end what is only kept waiting.
    bound = int(limit) + 15
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **QUIET})
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (bound, bound))
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    said = re.findall(r"^(?:\w+: step .*|\w+: .*|.*ERROR: .*)$", text, re.MULTILINE)
    said = [line for line in said if not re.match(r"INFO|latency: .*steps at most|.*a second$", line)]
    # Killed: it has used up its time, and nothing else.
    failed = process.returncode not in (0, -signal.SIGKILL, -signal.SIGXCPU)
    return failed, usage.ru_utime + usage.ru_stime, said[0] if said else ""


def hunt(builder: Builder, targets: list[str], seed: int, limit: float) -> dict:
    """Targets in turn until one fails or the time is over."""
    used, runs, round_number = 0.0, RUNS_FIRST, 0
    for target in targets:
        shutil.rmtree(builder.room / "corpus" / target, ignore_errors=True)
        (builder.room / "corpus" / target).mkdir(parents=True)
    while used < limit:
        for target in targets:
            failed, seconds, said = run_target(builder.target(target), builder.room / "corpus" / target, runs,
                                               seed * 1000 + round_number, limit - used)
            used += seconds
            if failed:
                return {"found": True, "seconds": round(used, 2), "target": target, "said": said}
            if used >= limit:
                break
        runs *= RUNS_FACTOR
        round_number += 1
    return {"found": False, "seconds": round(used, 2), "target": "-", "said": ""}


def hunt_all(pool: ThreadPoolExecutor, builders: list[Builder], faults: list[Fault | None],
             arguments: argparse.Namespace) -> Iterator[tuple[Fault | None, list[dict] | None]]:
    """Each fault with its hunts, in the order in which they end; None: its place has changed, or a
    mutant does not compile."""
    idle = list(builders)

    def hunt_one(fault: Fault | None) -> tuple[Fault | None, list[dict] | None]:
        builder = idle.pop()  # there are as many as threads
        try:
            if not builder.build(fault):
                return fault, None
            hunts = [hunt(builder, arguments.targets, seed, arguments.limit)
                     for seed in range(1, arguments.seeds + 1)]
            if fault and fault.whole and not any(one["found"] for one in hunts) and builder.same_code(fault):
                fault.shown["same_code"] = "yes"
            return fault, hunts
        except subprocess.CalledProcessError:
            if fault is None or not fault.whole:
                raise  # a record has to compile
            return fault, None
        finally:
            idle.append(builder)

    for done in as_completed([pool.submit(hunt_one, fault) for fault in faults]):
        yield done.result()


def known_rows(figures: Path, arguments: argparse.Namespace) -> list[dict]:
    """What need not be hunted again. What is to be written over is kept beside it."""
    figures.parent.mkdir(exist_ok=True)
    if not figures.exists():
        return []
    if not arguments.resume:
        figures.replace(figures.with_suffix(".before.json"))
        return []
    return [row for row in json.loads(figures.read_text()) if len(row["hunts"]) >= arguments.seeds]


def keep_rows(figures: Path, rows: list[dict]) -> None:
    """Written whole or not at all."""
    unfinished = figures.with_suffix(".new")
    unfinished.write_text(json.dumps(rows, indent=1) + "\n")
    unfinished.replace(figures)


def print_summary(rows: list[dict], limit: float) -> None:
    """The figures over all faults and seeds."""
    same = [row["name"] for row in rows if "same_code" in row]
    if same:
        print(f"{len(same)} compile to the same code, and are not counted: {' '.join(same)}")
    rows = [row for row in rows if "same_code" not in row]
    times = sorted(hunt["seconds"] for row in rows for hunt in row["hunts"] if hunt["found"])
    hunts = sum(len(row["hunts"]) for row in rows)
    missed = [row for row in rows if not all(hunt["found"] for hunt in row["hunts"])]
    if times:
        print(f"{len(rows)} faults, {hunts} hunts, {len(times)} found: median {statistics.median(times):.2f} s, "
              f"90 % within {times[-(-9 * len(times) // 10) - 1]:.2f} s, worst {times[-1]:.2f} s")
    if missed:
        print(f"not found within {limit:g} s by every seed: {' '.join(row['name'] for row in missed)}")
    for row in missed:
        if "before" in row:
            print(f"{row['name']}: {row['models']} in {row['function']}\n    {row['before']} => {row['after']}")


def write_table(rows: list[dict], path: Path) -> None:
    """A line for each fault: least, median and most seconds, how many seeds found it, and where."""
    lines = ["# The planted faults, and the processor seconds that each took to be found", "",
             "Written by `make faults FAULTS_FLAGS=--table=FILE`; what a fault is: `fuzz/faults/*.txt`.", "",
             "| fault | found | least | median | most | by |", "|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: row["name"]):
        found = [one for one in row["hunts"] if one["found"]]
        seconds = [one["seconds"] for one in found]
        figures = [f"{value:.2f}" for value in (min(seconds), statistics.median(seconds), max(seconds))] if found else ["-"] * 3
        targets = " ".join(sorted({one["target"] for one in found}))
        lines.append(f"| {row['name']} | {len(found)} of {len(row['hunts'])} | {' | '.join(figures)} | {targets} |")
    path.write_text("\n".join(lines) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("compiler", "flags", "core-flags", "link", "libraries", "steps"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="so many faults at a time")
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--targets", type=lambda text: text.split(","), default=TARGETS)
    parser.add_argument("--places", action="store_true", help="only see that each fault has its place")
    parser.add_argument("--compile", action="store_true", help="only see that the core compiles with each fault")
    parser.add_argument("--every", type=int, default=1, help="one fault of so many")
    parser.add_argument("--resume", action="store_true", help="what out/faults.json knows is not hunted again")
    parser.add_argument("--table", type=Path, help="write the figures of every fault there")
    parser.add_argument("--mutants", type=int, default=0, metavar="N", help="hunt so many random changes of src/ instead")
    parser.add_argument("--mutants-seed", type=int, default=1)
    parser.add_argument("names", nargs="*", help="faults; default: all")
    return parser.parse_args()


def sample_mutants(builder: Builder, count: int, seed: int) -> list[Fault]:
    """So many of all mutants of src/ that are not argued equivalent; the same ones for a seed."""
    sys.path.append(str(ROOT / "tests" / "mutants"))
    from equivalent import equivalents  # what needs Debian's python3-clang-14 is asked for here alone
    from mutate import Mutator
    argued = equivalents()
    flags = [flag.replace("-Iinclude", f"-I{ROOT}/include") for flag in builder.flags]
    everything = []
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        file = str(path.relative_to(ROOT))
        if not builder.sources_with(file):
            continue
        mutator = Mutator(str(path), [*flags, "-x", "c"])
        everything += [(file, mutator.text, mutant) for mutant in mutator.mutants()
                       if (file, mutant.function, mutant.before, mutant.after) not in argued]
    chosen = random.Random(seed).sample(everything, min(count, len(everything)))
    print(f"{len(chosen)} of {len(everything)} mutants, seed {seed}", flush=True)
    return [Fault(f"{file}:{mutant.line}#{mutant.number}", mutant.operator, file,
                  whole=f"{text[:mutant.start]}{mutant.changed}{text[mutant.end:]}", untouched=text,
                  shown={"function": mutant.function, "before": mutant.before, "after": mutant.after})
            for file, text, mutant in chosen]


def choose_faults(arguments: argparse.Namespace, builder: Builder | None = None) -> list[Fault | None]:
    if arguments.sound:
        return [None]
    faults = sample_mutants(builder, arguments.mutants, arguments.mutants_seed) if builder and arguments.mutants \
        else read_faults(ROOT / "fuzz" / "faults")
    unknown = set(arguments.names) - {fault.name for fault in faults}
    if unknown:
        sys.exit(f"there is no fault {' '.join(sorted(unknown))}")
    if arguments.names:
        faults = [fault for fault in faults if fault.name in arguments.names]
    return faults[::arguments.every]


def broken_faults(faults: list[Fault]) -> list[Fault]:
    """Records that must not pass: in a source and in a header, one that the compiler refuses, and one
    whose place is not there."""
    broken = []
    for end in (".c", ".h"):
        fault = next(fault for fault in faults if fault.file.endswith(end))
        before = fault.changes[0][0]
        broken.append(Fault(f"(no C, {end})", "", fault.file, [[before, before + " no_such_name = ;"]]))
        broken.append(Fault(f"(no place, {end})", "", fault.file, [[before + " no_such_name", ""]]))
    return broken


def compile_all(builder: Builder, faults: list[Fault]) -> int:
    """Exit code: each record compiles, and no broken one does."""
    def errors(some: list[Fault]) -> list[str]:
        with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            return list(pool.map(builder.errors_of, some))
    broken = broken_faults(read_faults(ROOT / "fuzz" / "faults"))
    believed = [fault.name for fault, said in zip(broken, errors(broken)) if not said]
    bad = [(fault.name, said) for fault, said in zip(faults, errors(faults)) if said]
    for name, said in bad:
        print(said if said.startswith(name) else f"{name}: {said}")
    for name in believed:
        print(f"{name}: a broken record passes")
    print(f"faults: {len(faults)} planted, {len(bad)} do not compile; {len(broken)} broken ones, "
          f"{len(broken) - len(believed)} seen")
    return 1 if bad or believed else 0


def main() -> int:
    arguments = parse_arguments()
    if arguments.places:
        faults = choose_faults(arguments)
        lost = [fault for fault in faults if plant((ROOT / fault.file).read_text(), fault) is None]
        print(f"faults: {len(faults)} planted, {len(lost)} have lost their place")
        return 1 if lost else 0
    builders = [Builder(WORK / str(job), arguments.compiler, arguments.flags, arguments.core_flags,
                        arguments.link, arguments.libraries, arguments.steps)
                for job in range(arguments.jobs)]
    if arguments.compile:
        return compile_all(builders[0], choose_faults(arguments))
    figures = ROOT / "out" / ("faults-sampled.json" if arguments.mutants else "faults.json")
    rows, homeless = known_rows(figures, arguments), []
    known = {row["name"] for row in rows}
    faults = [fault for fault in choose_faults(arguments, builders[0]) if fault is None or fault.name not in known]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for fault, hunts in hunt_all(pool, builders, faults, arguments):
            name = fault.name if fault else "(none)"
            if hunts is None:
                homeless.append(name)
                continue
            rows.append({"name": name, "models": fault.models if fault else "",
                         **(fault.shown if fault else {}), "hunts": hunts})
            keep_rows(figures, rows)
            times = " ".join(f"{one['seconds']:6.2f}" if one["found"] else "missed" for one in hunts)
            said = hunts[0]["target"] + ": " + hunts[0]["said"] if hunts else "compiles"
            print(f"{name:34} {times}  {said[:110]}", flush=True)
    print_summary(rows, arguments.limit)
    if arguments.table:
        write_table(rows, arguments.table)
    if homeless:
        reason = "do not compile" if arguments.mutants else "their place has changed"
        print(f"{len(homeless)} not planted, {reason}: {' '.join(homeless)}")
    found = (arguments.mutants or not homeless) and all(
        one["found"] for row in rows if "same_code" not in row for one in row["hunts"])
    return (1 if found else 0) if arguments.sound else (0 if found else 1)


if __name__ == "__main__":
    sys.exit(main())

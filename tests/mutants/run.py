"""Mutation tester: does any test notice when the code is changed?

    run.py [--jobs N] [--sample N] [--seed S] [--again] [--light] [--names] [FILE...]

For each file: its mutants (mutate.py) are compiled into one object, and runner.c forks a process per
test with one mutant switched on. A mutant meets only the tests that reach its place, those first
that cost little and have killed its neighbours. What survives the quick tests is fuzzed for a
moment: it meets the corpus of each fuzz target that drives the allocator, and inputs made by chance
(corpus.c); then it meets the slow tests (--light: neither). What only a build for size compiles is
changed in such a build, and what survived otherwise meets the tests there again. Verdicts are kept in
out/mutants.json: an unchanged file is not run again, except for what survived (--again: all of it).
--sample: so many mutants of three files, against a threshold. --names: only variables and fields of one type take each other's places; what survives is
shown, and not argued for (out/names.json).

What no test can notice is named in equivalent.txt, a line each, by file, function and text:

    FILE FUNCTION: before => after -- why

Exit code 1 when a mutant survives that is not named there, or one is named that is no more.
"""
import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(__file__))
import mutate  # noqa: E402
from equivalent import equivalents  # noqa: E402

OUT = "out/mutants.json"
OUT_NAMES = "out/names.json"
COMPILE = ["ccache"] * bool(shutil.which("ccache")) + ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-g0", "-w", "-fPIC", "-ffp-contract=off", "-ftrivial-auto-var-init=pattern",
           "-include", os.path.abspath("tests/mutants/mutant.h"), "-Itests/mutants", "-Iinclude"]
LIBRARIES = ["-ljansson", "-lzstd", "-lz", "-ldl", "-lpthread", "-lm"]


@dataclass(frozen=True)
class Build:
    """A build of the core and the tests, by the Makefile."""

    folder: str
    simulator: str
    parsed: tuple = ()  # flags with which a file's places are found
    small: tuple = ()   # folders whose objects are compiled for size


USUAL = Build("build/mutants", "build/mutants/libsmhsim.a")
SMALL = Build("build/mutants-size", "build/libsmhsim.a", ("-D__OPTIMIZE_SIZE__", "-DSMH_SINGLE_ENGINE"),
              ("src/", "port/", "tests/core/", "tests/sim/"))
ONLY_SMALL = re.compile(r"^#.*\b(?:__OPTIMIZE_SIZE__|SMH_SINGLE_ENGINE)\b", re.M)
# Small, and what every file stands on.
SAMPLED = ["src/bits.h", "src/heap.c", "src/check.c", "src/policy.c", "src/heap_listener.c",
           "src/sys_heap.c", "src/shared_multi_heap.c", "src/engine/zephyr.c", "src/engine/buddy.c",
           "src/engine/boundary_tag.c", "sim/model/shadow.c", "sim/model/contents.c"]
SAMPLE_SCORE = 97  # per cent
LIGHT_US = 60000  # what a test may take that meets every mutant; heavier ones meet the survivors
HEAVY_US = 1000000  # beyond, a test is left out
ELSEWHERE = ("record.",)  # tests of programs that are not linked in
# Slow tests of rooms that neither allocate nor judge an allocator.
ELSEWHERE_HEAVY = ELSEWHERE + ("mutation.", "malformed.", "tracing", "trace_", "hazard_", "memory_",
                               "generator.", "replay_cycles.")
MUTATED_ROOMS = ("src", "sim", "include", "port", "tests", "fuzz")


def log(text):
    print(text, flush=True)


def sources():
    found = subprocess.run(["git", "ls-files", "src", "sim/model"], capture_output=True, text=True,
                           check=True).stdout.split()
    return [path for path in found if path.endswith((".c", ".h"))]


def objects_by_source(build):
    """{object: the sources it depends on}, of the build without mutants."""
    table = {}
    for folder, _, names in os.walk(f"{build}/obj"):
        for name in names:
            if not name.endswith(".d") or "/traced" in folder or "/single" in folder:
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                rule = file.read().split("\n\n")[0].replace("\\\n", " ")
            target, _, needed = rule.partition(":")
            table[target.strip()] = [os.path.normpath(n) for n in needed.split("\n")[0].split()]
    return table


def usual_times(build):
    """{test: microseconds}, measured once for a build without mutants."""
    path = f"{build}/times.json"
    program = f"{build}/runner"
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(program):
        names = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout
        names = dict(line.split(" ", 1) for line in names.splitlines())
        found = subprocess.run([program, "time"], capture_output=True, text=True, check=True,
                               stdin=subprocess.DEVNULL,
                               env={**os.environ, "LIMIT_US": str(2 * HEAVY_US)}).stdout
        times = {}
        for line in found.splitlines():
            test, _, cost = line.split()[:3]
            times[names[test]] = int(cost)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(times, file)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class File:
    """One file's mutants, compiled and linked."""

    def __init__(self, path, jobs, names=False, build=USUAL):
        self.path = path
        self.jobs = jobs
        self.build = build
        self.work = f"{build.folder}/work/{path.replace('/', '_')}"
        self.tree = f"{self.work}/tree"
        self.mutator = mutate.Mutator(path, ["-std=c11", "-D_GNU_SOURCE", "-Iinclude", "-x", "c",
                                             *build.parsed], names)
        self.mutants = self.mutator.mutants()
        self.dropped = set()
        with open(path, "rb") as file:
            self.hash = hashlib.sha256(file.read()).hexdigest()
        self.program = "runner"
        self.reached = {}
        self.cost = {}
        self.names = {}

    def plant(self):
        shutil.rmtree(self.work, ignore_errors=True)
        for room in MUTATED_ROOMS:
            subprocess.run(["cp", "-al", room, f"{self.tree}/{room}"], check=False) \
                if os.path.isdir(self.tree) else \
                (os.makedirs(self.tree), subprocess.run(["cp", "-al", room, f"{self.tree}/{room}"], check=True))
        self.rewrite()

    def rewrite(self):
        text, self.owners = self.mutator.rewritten(self.dropped)
        target = f"{self.tree}/{self.path}"
        if os.path.exists(target):
            os.unlink(target)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        self.line_starts = [0]
        for found in re.finditer("\n", text):
            self.line_starts.append(found.end())

    def drop_for(self, errors):
        """Drops the mutants that the compiler complains of. False: none is to blame."""
        blamed = False
        for line, column in re.findall(re.escape(f"{self.path}:") + r"(\d+):(\d+): error", errors):
            at = self.line_starts[int(line) - 1] + int(column) - 1
            inside = [o for o in self.owners if o[0] <= at < o[1]]
            if not inside:  # the whole expression: every mutant of the nearest place before
                before = [o for o in self.owners if o[0] <= at]
                inside = before[-1:]
            for _, _, number in inside[-1:]:
                self.dropped.add(number)
                blamed = True
        return blamed

    def compile(self):
        self.plant()
        table = objects_by_source(self.build.folder)
        users = self.users = sorted(o for o, needed in table.items() if self.path in needed)
        assert users, f"no object is made of {self.path}"
        while True:
            failed = self.compile_objects(users, "serve", [])
            if failed is None:
                break
            if not self.drop_for(failed):
                sys.exit(f"{self.path}: does not compile:\n{failed[:2000]}")
            self.rewrite()
        failed = self.compile_objects(users, "reach", ["-DSMH_MUTANT_RECORD"])
        assert failed is None, failed
        for kind in ("serve", "reach"):
            self.link("runner", kind, users)

    def compile_objects(self, users, kind, flags):
        pending = []
        errors = []
        for number, target in enumerate(users):
            relative = target[len(self.build.folder) + 5:]
            output = f"{self.work}/{kind}/{relative}"
            os.makedirs(os.path.dirname(output), exist_ok=True)
            command = [a.replace("-Iinclude", f"-I{self.tree}/include") for a in COMPILE]
            if relative.startswith(self.build.small):
                command.append("-Os")
            pending.append(subprocess.Popen(
                command + flags + ["-c", "-o", output, f"{self.tree}/{relative[:-2]}.c"],
                stderr=subprocess.PIPE, text=True))
            if len(pending) == self.jobs or number == len(users) - 1:
                for process in pending:
                    text = process.communicate()[1]
                    if process.returncode != 0:
                        errors.append(text)
                pending = []
                if errors:
                    return "\n".join(errors)
        return None

    def link(self, program, kind, users):
        """PROGRAM with the objects of KIND in place of those that are made of this file."""
        folder = self.build.folder
        with open(f"{folder}/{program}.objects", encoding="utf-8") as file:
            linked = [o for o in file.read().split() if o.endswith(".o")]
        mutated = {o: f"{self.work}/{kind}/{o[len(folder) + 5:]}" for o in users}
        library = tuple(f"{folder}/obj/{room}/" for room in ("src", "sim", "port"))
        program_rooms = tuple(f"{folder}/obj/sim/{room}/" for room in ("cli", "record"))
        objects = [m for o, m in mutated.items() if o in linked or
                   o.startswith(library) and not o.startswith(program_rooms)]
        objects += [o for o in linked if o not in mutated]
        subprocess.run(["gcc", "-rdynamic", "-Wl,-z,now", "-o", f"{self.work}/{program}_{kind}"]
                       + objects + [self.build.simulator, f"{folder}/libsmh.a"] + LIBRARIES,
                       check=True)

    def look_at_corpus(self, target, mutants):
        """Every mutant meets all of a fuzz target's inputs."""
        self.program = f"corpus_{target}"
        self.link(self.program, "serve", self.users)
        path = f"{self.work}/{self.program}_serve"
        listed = subprocess.run([path, "list"], capture_output=True, text=True, check=True).stdout
        self.names = {int(number): f"{target} {name}" for number, name in
                      (line.split(" ", 1) for line in listed.splitlines())}
        self.cost, self.failing = {}, []
        found = subprocess.run([path, "time"], capture_output=True, text=True, check=True,
                               stdin=subprocess.DEVNULL).stdout
        for line in found.splitlines():
            test, status, cost = line.split()
            if status == "passed":
                self.cost[int(test)] = int(cost)
            else:
                self.failing.append(self.names[int(test)])
        self.reached = {m.number: list(self.cost) for m in mutants}

    def look(self, heavy):
        """Which tests reach which mutants, at what cost: those that take little, or the others."""
        self.program = "runner"
        listed = subprocess.run([f"{self.work}/runner_serve", "list"], capture_output=True, text=True,
                                check=True).stdout
        self.names = dict(line.split(" ", 1) for line in listed.splitlines())
        self.names = {int(k): v for k, v in self.names.items()}
        times = usual_times(self.build.folder)
        wanted = [t for t in self.names if (times.get(self.names[t], 0) > LIGHT_US) == heavy
                  and times.get(self.names[t], 0) < HEAVY_US
                  and not self.names[t].startswith(ELSEWHERE_HEAVY if heavy else ELSEWHERE)]
        found = subprocess.run([f"{self.work}/runner_reach", "reach"] + [str(t) for t in wanted],
                               capture_output=True, text=True, check=True,
                               stdin=subprocess.DEVNULL).stdout
        self.reached, self.failing = {}, []
        for line in found.splitlines():
            test, status, cost, *numbers = line.split()
            if status != "passed":
                self.failing.append(self.names[int(test)])
                continue
            self.cost[int(test)] = int(cost)
            for number in numbers:
                self.reached.setdefault(int(number), []).append(int(test))


class Worker(threading.Thread):
    def __init__(self, file, queue, lock, verdicts, kills):
        super().__init__()
        self.file, self.queue, self.lock = file, queue, lock
        self.verdicts, self.kills = verdicts, kills
        self.runner = subprocess.Popen([f"{file.work}/{file.program}_serve", "serve"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)

    def order(self, mutant):
        cost = self.file.cost

        def price(test):
            near = self.kills.get((mutant.function, test), 0)
            return (cost[test] + 500) / (0.05 + near)
        return sorted(self.file.reached.get(mutant.number, ()), key=price)

    def run(self):
        while True:
            with self.lock:
                if not self.queue:
                    break
                mutant = self.queue.pop()
                tests = self.order(mutant)
            request = " ".join(f"{t}:{4 * self.file.cost[t] + 50000}" for t in tests)
            self.runner.stdin.write(f"{mutant.number} {request}\n")
            self.runner.stdin.flush()
            _, test, how = self.runner.stdout.readline().split()
            with self.lock:
                if how != "survived":
                    self.kills[(mutant.function, int(test))] = \
                        self.kills.get((mutant.function, int(test)), 0) + 1
                    self.verdicts[mutant.number] = ("killed", f"{self.file.names[int(test)]} ({how})")
                else:
                    self.verdicts.setdefault(mutant.number,
                                             ("survived", "reached" if tests else "not reached"))
        self.runner.stdin.close()
        self.runner.wait()


def corpora(build):
    return sorted(name[len("corpus_"):-len(".objects")] for name in os.listdir(build)
                  if name.startswith("corpus_") and name.endswith(".objects"))


def meet(file, mutants, options, verdicts):
    """Runs the tests looked at against these mutants."""
    if file.failing:
        log(f"{file.path}: left out, as they fail without a mutant: {', '.join(file.failing)}")
    queue = [m for m in reversed(mutants) if m.number not in file.dropped]
    todo = list(queue)
    lock, kills = threading.Lock(), {}
    workers = [Worker(file, queue, lock, verdicts, kills) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    log(f"{file.path}: {file.program}: {len(todo)} met, "
        f"{sum(1 for m in todo if verdicts[m.number][0] == 'survived')} live")


def identity(mutant):
    return f"{mutant.function}: {mutant.before} => {mutant.after}"


def key(mutant):
    """The same for every way to parse the file."""
    return mutant.start, mutant.end, mutant.changed


def numbered(mutants):
    """{key: identity with an ordinal}, so that equal texts in a function stay apart."""
    seen = {}
    table = {}
    for mutant in mutants:
        text = identity(mutant)
        seen[text] = seen.get(text, 0) + 1
        table[key(mutant)] = text if seen[text] == 1 else f"{text} #{seen[text]}"
    return table


def try_all(file, todo, options, named):
    """{key: (verdict, by whom)} of these mutants of a file."""
    verdicts = {}
    if not todo:
        return verdicts
    file.compile()
    file.look(heavy=False)
    meet(file, todo, options, verdicts)

    def left():
        return [m for m in todo if verdicts.get(m.number, ("",))[0] == "survived" and not named(m)]
    for target in [] if options.light else corpora(file.build.folder):
        if left():
            file.look_at_corpus(target, left())
            meet(file, left(), options, verdicts)
    if left() and not options.light:
        file.look(heavy=True)
        meet(file, left(), options, verdicts)
    if not options.keep:
        shutil.rmtree(file.work, ignore_errors=True)
    return {key(m): verdicts[m.number] for m in todo if m.number in verdicts}


def run_file(path, options, kept, chosen=None):
    began = time.time()
    files = [File(path, options.jobs, options.names)]
    mutants = list(files[0].mutants)
    with open(path, encoding="utf-8") as text:
        if ONLY_SMALL.search(text.read()) and chosen is None and not options.names:
            files.append(File(path, options.jobs, False, SMALL))
            usual = {key(m) for m in mutants}
            mutants += [m for m in files[1].mutants if key(m) not in usual]
            mutants.sort(key=lambda m: m.start)
    known = {}
    if kept.get("hash") == files[0].hash and not options.again:
        known = {m["id"]: m for m in kept["mutants"] if m["verdict"] == "killed"}
    ids = numbered(mutants)
    wanted = {key(m) for m in mutants if ids[key(m)] not in known}
    if chosen is not None:
        wanted &= {key(m) for m in mutants if m.number in chosen}
    verdicts = {}
    equal = {} if options.names else equivalents()

    def named(mutant):
        return (path, mutant.function, mutant.before, mutant.after) in equal
    for file in files:
        verdicts.update(try_all(file, [m for m in file.mutants if key(m) in wanted], options, named))
        wanted -= {k for k, (verdict, _) in verdicts.items() if verdict == "killed"}
    dropped = {key(m) for file in files for m in file.mutants if m.number in file.dropped}
    rows = []
    for mutant in mutants:
        verdict, by = verdicts.get(key(mutant), (None, None))
        if verdict is None and (key(mutant) in dropped or chosen is not None):
            continue
        if verdict is None:
            before = known[ids[key(mutant)]]
            verdict, by = before["verdict"], before["by"]
        if verdict == "survived" and named(mutant):
            verdict = "equivalent"
        rows.append({"id": ids[key(mutant)], "line": mutant.line, "operator": mutant.operator,
                     "function": mutant.function, "before": mutant.before, "after": mutant.after,
                     "verdict": verdict, "by": by})
    made = {(path, m.function, m.before, m.after) for m in mutants}
    stale = [line for line in equal if line[0] == path and line not in made]
    for line in stale:
        log(f"equivalent.txt: no such mutant: {path} {line[1]}: {line[2]} => {line[3]}")
    return {"hash": files[0].hash, "stale": len(stale), "not_compiled": len(dropped),
            "seconds": round(time.time() - began), "mutants": rows}


def count(result, verdict):
    return sum(1 for m in result["mutants"] if m["verdict"] == verdict)


def score(killed, survived):
    return 100.0 if killed + survived == 0 else 100.0 * killed / (killed + survived)


def table(results):
    log(f"{'file':<28} {'mutants':>8} {'killed':>6} {'equal':>6} {'left':>5} {'score':>7}")
    sums = [0] * 4
    for path in sorted(results):
        result = results[path]
        row = [len(result["mutants"])] + [count(result, v)
                                          for v in ("killed", "equivalent", "survived")]
        sums = [a + b for a, b in zip(sums, row)]
        log(f"{path:<28} {row[0]:>8} {row[1]:>6} {row[2]:>6} {row[3]:>5} "
            f"{score(row[1], row[3]):>6.2f}%")
    log(f"{'all':<28} {sums[0]:>8} {sums[1]:>6} {sums[2]:>6} {sums[3]:>5} "
        f"{score(sums[1], sums[3]):>6.2f}%")


def survivors(path, result):
    for m in result["mutants"]:
        if m["verdict"] == "survived":
            log(f"{path}:{m['line']}: {m['operator']} ({m['by']})\n    {path} {m['function']}: "
                f"{m['before']} => {m['after']}")


def sample(options):
    """Some mutants of three files, the same ones for a seed; nothing is kept."""
    choice = random.Random(options.seed)
    bad = met = 0
    for path in choice.sample(SAMPLED, 3):
        numbers = [m.number for m in File(path, options.jobs).mutants]
        chosen = set(choice.sample(numbers, min(options.sample // 3, len(numbers))))
        result = run_file(path, options, {}, chosen)
        survivors(path, result)
        met += len(result["mutants"])
        bad += count(result, "survived")
    share = score(met - bad, bad)
    log(f"mutants: {met} met, {bad} survive and are not argued for: {share:.1f} %, "
        f"at least {SAMPLE_SCORE} % expected")
    return 1 if share < SAMPLE_SCORE or not met else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sample", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--light", action="store_true", help="quick tests alone")
    parser.add_argument("--names", action="store_true", help="exchanged names alone")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    missing = [path for path in options.files if not os.path.isfile(path)]
    if missing:
        sys.exit(f"run.py: {missing[0]} is no file of this tree; allowed: {', '.join(sources()[:3])}, ...")
    results = {}
    out = OUT_NAMES if options.names else OUT
    if os.path.exists(out):
        with open(out, encoding="utf-8") as file:
            results = json.load(file)
    done = {}
    if options.sample:
        return sample(options)
    for path in options.files or sources():
        done[path] = results[path] = run_file(path, options, results.get(path, {}))
        survivors(path, done[path])
        os.makedirs("out", exist_ok=True)
        with open(out + ".new", "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
        os.replace(out + ".new", out)
        one = done[path]
        log(f"{path}: {len(one['mutants'])} mutants, {count(one, 'survived')} left, {one['seconds']} s")
    table(done)
    return 1 if any(count(r, "survived") or r["stale"] for r in done.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Lines, branches and MC/DC of src/ that the tests reach, against the gaps argued for.

Owns: reading clang's source-based coverage, the list of what is missing, and its comparison with
tests/static/coverage_gaps.txt, one line each:

    FILE: KIND: the condition or line, white space made even -- why

KIND is `never true`, `never false` (a branch), `never run` (a line), `MC/DC` (no two runs show that
this condition alone decides) or `MC/DC unmeasured` (a decision that this clang cannot instrument).
The tests run on two builds of the core: for speed (build/coverage) and for size
(build/coverage-size), which compile different code in places. What one of them reaches is reached,
by its place in the source; so is what any file that includes a function reaches. Exit code 1: a gap
that is not argued for, or an argument for what is no gap.
"""
import collections
import json
import os
import re
import subprocess
import sys

BUILDS = {"build/coverage": [], "build/coverage-size": ["-Os"]}  # and the core's own flags
GAPS = "tests/static/coverage_gaps.txt"
COVERAGE = ["-fprofile-instr-generate", "-fcoverage-mapping", "-fcoverage-mcdc"]


def lines_of(path, cache={}):
    if path not in cache:
        with open(path, encoding="utf-8") as file:
            cache[path] = file.read().split("\n")
    return cache[path]


def text_of(path, region):
    line, column, end_line, end_column = region
    lines = lines_of(path)[line - 1:end_line]
    lines[-1] = lines[-1][:end_column - 1]
    lines[0] = lines[0][column - 1:]
    text = re.sub(r"/\*.*?\*/", " ", " ".join(lines))
    # Of what a macro makes there is no text: the line stands for it.
    return re.sub(r"\s+", " ", text).strip() or lines_of(path)[line - 1].strip()


def export(build):
    raw = [f"{build}/{name}" for name in os.listdir(build) if name.endswith(".profraw")]
    profile = f"{build}/tests.profdata"
    program = f"{build}/runner"
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", "-o", profile] + raw, check=True)
    with open(f"{build}/coverage.json", "w", encoding="utf-8") as file:
        subprocess.run(["llvm-cov-19", "export", program, f"-instr-profile={profile}"], check=True,
                       stdout=file)
    subprocess.run(["llvm-cov-19", "show", program, f"-instr-profile={profile}", "--format=html",
                    "--show-branches=count", "--show-mcdc",
                    f"-output-dir=out/{os.path.basename(build)}", "src"], check=True)
    with open(f"{build}/coverage.json", encoding="utf-8") as file:
        return json.load(file)["data"][0]


def measure(data, branches, decisions, counts):
    """Adds, per file: {branch region: [true, false]}, {decision region: [shown]}, {region: count}."""
    root = os.getcwd() + "/"
    for function in data["functions"]:
        names = [n[len(root):] if n.startswith(root) else n for n in function["filenames"]]
        for *region, taken, not_taken, file, expanded, _ in function["branches"]:
            path = names[file]
            if path.startswith("src/"):
                pair = branches[path][tuple(region)]
                pair[0] += taken
                pair[1] += not_taken
        for line, column, end, end_column, count, file, _, kind in function["regions"]:
            path = names[file]
            if path.startswith("src/") and kind == 0:
                known = counts[path].setdefault((line, column, end, end_column), 0)
                counts[path][(line, column, end, end_column)] = known + count
    for file in data["files"]:
        path = file["filename"].removeprefix(root)
        for record in file.get("mcdc_records", []) if path.startswith("src/") else []:
            region, shown = tuple(record[:4]), record[-1]
            known = decisions[path].setdefault(region, [False] * len(shown))
            decisions[path][region] = [a or b for a, b in zip(known, shown)]


def unmeasured():
    """Decisions that clang leaves out, from its warnings."""
    gaps = []
    files = [f"{folder}/{name}" for folder, _, names in os.walk("src") for name in sorted(names)
             if name.endswith(".c")]
    for flags in BUILDS.values():
        for name in files:
            found = subprocess.run(["clang-19", "-std=c11", "-D_GNU_SOURCE", "-Iinclude", "-O1", "-w"] +
                                   flags + COVERAGE + ["-S", "-o", "/dev/null", name],
                                   capture_output=True, text=True, check=True).stderr
            for path, line, column, why in re.findall(
                    r"^(src/\S+?):(\d+):(\d+): warning: (unsupported MC/DC.*)", found, flags=re.M):
                text = re.sub(r"\s+", " ", lines_of(path)[int(line) - 1]).strip()
                gaps.append((path, int(line), "MC/DC unmeasured", text))
    return sorted(set(gaps))


def gaps_of(branches, decisions, counts):
    gaps = []
    for path in sorted(set(branches) | set(decisions) | set(counts)):
        for region, count in counts[path].items():
            inside = any(other != region and other[:2] <= region[:2] and region[2:] <= other[2:]
                         and n == 0 for other, n in counts[path].items())
            if count == 0 and not inside:
                gaps.append((path, region[0], "never run", text_of(path, region)[:60].strip()))
        for region, (taken, not_taken) in branches[path].items():
            if taken == 0:
                gaps.append((path, region[0], "never true", text_of(path, region)))
            if not_taken == 0:
                gaps.append((path, region[0], "never false", text_of(path, region)))
        for region, shown in decisions[path].items():
            inside = sorted(r for r in branches[path] if region[:2] <= r[:2] and r[2:] <= region[2:])
            for number, good in enumerate(shown):
                if not good:
                    which = text_of(path, inside[number]) if len(inside) == len(shown) \
                        else f"condition {number + 1}"
                    gaps.append((path, region[0], "MC/DC", f"{which} IN {text_of(path, region)}"))
    return gaps


def argued():
    table = {}
    if os.path.exists(GAPS):
        with open(GAPS, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if line and not line.startswith("#"):
                    found = re.fullmatch(r"(\S+): (never run|never true|never false|MC/DC unmeasured|"
                                         r"MC/DC): (.+) -- (.+)", line)
                    if not found:
                        sys.exit(f"{GAPS}:{number}: not FILE: KIND: text -- why")
                    table[found.groups()[:3]] = found.group(4)
    return table


def percent(part, whole):
    return 100.0 if whole == 0 else 100.0 * part / whole


def main():
    branches = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    decisions = collections.defaultdict(dict)
    counts = collections.defaultdict(dict)
    for build in BUILDS:
        measure(export(build), branches, decisions, counts)
    gaps = gaps_of(branches, decisions, counts) + unmeasured()
    reasons = argued()
    print(f"{'file':<28} {'regions':>13} {'branches':>13} {'MC/DC':>11}")
    sums = [0] * 6
    for path in sorted(counts):
        run = sum(1 for n in counts[path].values() if n)
        taken = sum((a > 0) + (b > 0) for a, b in branches[path].values())
        shown = sum(sum(s) for s in decisions[path].values())
        row = [run, len(counts[path]), taken, 2 * len(branches[path]), shown,
               sum(len(s) for s in decisions[path].values())]
        sums = [a + b for a, b in zip(sums, row)]
        print(f"{path:<28} {row[0]:>6}/{row[1]:<6} {row[2]:>6}/{row[3]:<6} {row[4]:>5}/{row[5]:<5}")
    print(f"{'all':<28} {sums[0]:>6}/{sums[1]:<6} {sums[2]:>6}/{sums[3]:<6} {sums[4]:>5}/{sums[5]:<5}")
    print(f"regions {percent(sums[0], sums[1]):.2f} %, branches {percent(sums[2], sums[3]):.2f} %, "
          f"MC/DC {percent(sums[4], sums[5]):.2f} %")
    met = set()
    bad = 0
    for path, line, kind, text in gaps:
        if (path, kind, text) in reasons:
            met.add((path, kind, text))
        else:
            bad += 1
            print(f"{path}:{line}: {path}: {kind}: {text}")
    for key in sorted(set(reasons) - met):
        bad += 1
        print(f"{GAPS}: argued, but no gap: {': '.join(key)}")
    print(f"{len(gaps)} gaps, {len(met)} kinds of them argued for in {GAPS}; {bad} are not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

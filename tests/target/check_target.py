#!/usr/bin/python3
"""Builds the core for small machines, tells what each layer takes, and runs it there.

As it is, and with SMH_SINGLE_ENGINE (see include/smh/engine.h), without and with -flto.

usage: check_target.py [--largest N]
Owns: the machines, the layers and their goals, and the comparison of a machine's lines with the
host's. Sizes are those of a link with --gc-sections that starts from nothing but the functions a
layer's user calls, so they include what those drag in (an engine's table of functions drags in
all of the engine) and nothing else; memcpy and its like are not counted, port/bare.c is.
Exit code 1: a machine answers otherwise than the host; a layer needs more of a C library than
mem*, static data or an engine that is not allowed it; or this check does not notice what it must.
A size above its goal is told, and is no failure: it depends on the compiler installed.
`--largest N` lists the N largest symbols of each layer too.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "target"
OUT = ROOT / "build" / "target"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow",
            "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wpointer-arith", "-Wcast-qual",
            "-Wundef", "-Wvla", "-Werror"]
FREESTANDING = ["-std=c11", "-Os", "-ffreestanding", "-fno-stack-protector", "-ffunction-sections",
                "-fdata-sections", f"-I{ROOT / 'include'}", f"-I{HERE / 'libc'}", "-ffp-contract=off"]
SEQUENCE = [ROOT / "tests/core/zephyr_sequence.c", ROOT / "sim/random.c"]
RUN_SECONDS_MAX = 120


@dataclass(frozen=True)
class Build:
    """A way to compile the core."""

    name: str
    flags: tuple[str, ...] = ()
    single: bool = False  # the engine bitmap alone, without a table


BUILDS = [
    Build(""),
    Build("single engine", ("-DSMH_SINGLE_ENGINE",), single=True),
    Build("single engine, -flto", ("-DSMH_SINGLE_ENGINE", "-flto"), single=True),
]


@dataclass
class Machine:
    """A processor to build for, and the board of QEMU that has it (or runs its instructions)."""

    name: str
    tools: str  # prefix of compiler, nm and size
    flags: list[str]
    start: str  # file that leads from reset to target_main
    script: str
    qemu: list[str]
    thumb_2: bool = False  # the goals are for it

    def out(self, build: Build) -> Path:
        return OUT / re.sub(r"\W+", "_", self.name + " " + build.name).strip("_").lower()


SEMIHOSTING = ["-display", "none", "-monitor", "none", "-serial", "none", "-chardev",
               "stdio,id=lines", "-semihosting-config", "enable=on,target=native,chardev=lines"]
# No board here has an M0+: its instructions, a subset, run on the M3, and unaligned access traps.
MACHINES = [
    Machine("Cortex-M0+", "arm-none-eabi-", ["-mcpu=cortex-m0plus", "-mthumb"], "cortex_m.c",
            "cortex_m.ld", ["qemu-system-arm", "-machine", "mps2-an385", *SEMIHOSTING]),
    Machine("Cortex-M4", "arm-none-eabi-", ["-mcpu=cortex-m4", "-mthumb"], "cortex_m.c",
            "cortex_m.ld", ["qemu-system-arm", "-machine", "mps2-an386", *SEMIHOSTING],
            thumb_2=True),
    Machine("Cortex-M7", "arm-none-eabi-", ["-mcpu=cortex-m7", "-mthumb"], "cortex_m.c",
            "cortex_m.ld", ["qemu-system-arm", "-machine", "mps2-an500", *SEMIHOSTING],
            thumb_2=True),
    Machine("RV32", "riscv64-unknown-elf-",
            ["-march=rv32imac", "-mabi=ilp32", "-mcmodel=medany"], "riscv.c", "riscv.ld",
            ["qemu-system-riscv32", "-machine", "virt", "-bios", "none", "-m", "16M", "-display",
             "none", "-monitor", "none", "-serial", "stdio"]),
]

HEAP_CALLS = ["smh_heap_init", "smh_heap_alloc", "smh_heap_aligned_alloc", "smh_heap_realloc",
              "smh_heap_free", "smh_heap_usable_size"]
POOL_CALLS = ["smh_pool_init", "smh_pool_add", "smh_pool_alloc", "smh_pool_aligned_alloc",
              "smh_pool_realloc", "smh_pool_free", "smh_pool_usable_size"]
SHARED_CALLS = ["shared_multi_heap_pool_init", "shared_multi_heap_add", "shared_multi_heap_alloc",
                "shared_multi_heap_aligned_alloc", "shared_multi_heap_realloc",
                "shared_multi_heap_free"]


@dataclass
class Layer:
    """What a firmware calls, and the one engine it names; None: whatever the core itself names."""

    name: str
    calls: list[str] = field(default_factory=list)
    every_call_of: str = ""  # a pattern: instead of calls, every function whose name matches
    engine: str | None = None
    statics: frozenset[str] = frozenset()  # static data that it may have
    engines: frozenset[str] = frozenset()  # that may be linked; none: its engine, or the default
    tableless: bool = False  # the one engine is called by name: no table of one may be linked
    goal_bytes: int | None = None  # of Thumb-2 code


POOL_STATICS = frozenset({"shared_pool"})
LISTENER_STATICS = frozenset({"listeners"})


SINGLE_LAYERS = [
    Layer("heap", HEAP_CALLS, tableless=True, goal_bytes=3072),
    Layer("heap, every call", every_call_of=r"smh_heap_\w+", tableless=True),
    Layer("pool", POOL_CALLS, tableless=True),
    Layer("shared multi-heap", SHARED_CALLS, tableless=True, statics=POOL_STATICS, goal_bytes=6144),
]


def layers(engines: dict[str, Path]) -> list[Layer]:
    """The rows of the table, for the engines that there are and the objects that define them. Of
    those that share an object, and so their code, one has a row."""
    one_each = {path: engine for engine, path in sorted(engines.items(), reverse=True)}
    rows = [Layer(f"heap + {engine}", HEAP_CALLS, engine=engine,
                  goal_bytes=3072 if engine == "bitmap" else None)
            for engine in sorted(one_each.values())]
    rows += [
        Layer("heap + bitmap, every call", every_call_of=r"smh_heap_\w+", engine="bitmap"),
        Layer("pool + bitmap", POOL_CALLS, engine="bitmap"),
        Layer("shared multi-heap + bitmap", SHARED_CALLS, engine="bitmap", statics=POOL_STATICS,
              goal_bytes=6144),
        Layer("shared multi-heap as it stands", SHARED_CALLS, statics=POOL_STATICS),
        Layer("sys_heap, sys_multi_heap", every_call_of=r"sys_\w+|smh_sys_heap_init",
              statics=LISTENER_STATICS,
              engines=frozenset({"zephyr", "zephyr_stats", default_engine()})),
        Layer("everything, every engine", every_call_of=r"\w+",
              statics=POOL_STATICS | LISTENER_STATICS, engines=frozenset(engines)),
    ]
    return rows


def run(command: list[str | Path], **options: object) -> str:
    """What the command prints; ends the program where the command fails."""
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                         check=False, **options)  # type: ignore[call-overload]
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(str(word) for word in command)}\n{ran.stdout}{ran.stderr}")
    return str(ran.stdout)


# --- building ------------------------------------------------------------------------------------


def compile_objects(machine: Machine, build: Build) -> dict[str, Path]:
    """Object files of the core and of what it asks for, by path of the source."""
    objects = {}
    for source in [*sorted((ROOT / "src").rglob("*.c")), ROOT / "port" / "bare.c"]:
        relative = str(source.relative_to(ROOT))
        target = machine.out(build) / relative.replace("/", "_").replace(".c", ".o")
        # The hooks are a firmware's own: calls of them stay calls.
        flags = build.flags if relative.startswith("src/") else ()
        run([f"{machine.tools}gcc", *machine.flags, *FREESTANDING, *WARNINGS, *flags, "-c", "-o",
             target, source])
        objects[relative] = target
    target = machine.out(build) / "memory.o"
    run([f"{machine.tools}gcc", *machine.flags, *FREESTANDING, *WARNINGS, "-fno-builtin",
         "-fno-tree-loop-distribute-patterns", "-c", "-o", target, HERE / "memory.c"])
    objects["memory.c"] = target
    return objects


@dataclass
class Core:
    """The core compiled for a machine."""

    build: Build
    objects: dict[str, Path]  # by path of the source
    functions: list[str]
    engines: dict[str, Path]  # objects that define them, by name


def compile_core(machine: Machine, build: Build) -> Core:
    """Compiles it, and reads what it defines."""
    objects = compile_objects(machine, build)
    functions = []
    engines = {}
    for line in run([f"{machine.tools}gcc-nm", "-A", "-P", "--defined-only",
                     *objects.values()]).splitlines():
        path, name, kind, *_ = line.split()
        if kind == "T":
            functions.append(name)
        elif kind in "RD" and name.startswith("smh_engine_"):
            engines[name.removeprefix("smh_engine_")] = Path(path.rstrip(":"))
    return Core(build, objects, functions, engines)


def own_defines(build: Build) -> list[str]:
    """What the self-test must be told about the core."""
    return ["-DSELFTEST_BITMAP_ONLY=1"] if build.single else []


def link_program(machine: Machine, core: Core, *defines: str) -> Path:
    """The self-test for the machine."""
    program = machine.out(core.build) / ("selftest" + "".join(defines).replace("=", "_") + ".elf")
    own = [HERE / "selftest.c", HERE / machine.start, *SEQUENCE]
    run([f"{machine.tools}gcc", *machine.flags, *FREESTANDING, *WARNINGS, *core.build.flags,
         *own_defines(core.build), *(f"-D{define}" for define in defines), "-nostdlib", "-Wl,--gc-sections",
         f"-Wl,-T,{HERE / machine.script}", "-Wl,--no-warn-rwx-segments", "-o", program, *own,
         *core.objects.values(), "-lgcc"])
    return program


def host_program(name: str, *flags: str) -> Path:
    """The self-test for this machine."""
    program = OUT / f"selftest_{name}"
    sources = [HERE / "selftest.c", HERE / "host.c", *SEQUENCE, ROOT / "port" / "bare.c",
               *sorted((ROOT / "src").rglob("*.c"))]
    run(["gcc", "-std=c11", "-O2", *flags, *WARNINGS, f"-I{ROOT / 'include'}", "-ffp-contract=off",
         "-o", program, *sources])
    return program


# The small core on this machine, under sanitizers.
HOST_SMALL = ("-Os", "-DSMH_SINGLE_ENGINE", "-DSELFTEST_BITMAP_ONLY=1", "-fsanitize=address,undefined",
              "-fno-sanitize-recover=all")


# --- sizes ---------------------------------------------------------------------------------------


@dataclass
class Size:
    """Of a layer, in bytes."""

    code: int
    data: int
    bss: int
    statics: set[str]
    engines: set[str]
    largest: list[tuple[int, str]]


def default_engine() -> str:
    text = (ROOT / "include/smh/engine.h").read_text()
    match = re.search(r"#define\s+SMH_ENGINE_DEFAULT\s+\(&smh_engine_(\w+)\)", text)
    if match is None:
        raise SystemExit("include/smh/engine.h: SMH_ENGINE_DEFAULT is not found")
    return match[1]


def measure(machine: Machine, core: Core, layer: Layer) -> Size:
    """Links the layer alone. Where it names an engine, that one is the default: the symbol of the
    core's default is bound to it, as a build with another SMH_ENGINE_DEFAULT would."""
    objects = list(core.objects.values())
    options: list[str] = []
    if layer.engine is not None:
        default = default_engine()
        if core.engines[layer.engine] != core.engines[default]:
            objects.remove(core.engines[default])
            options.append(f"-Wl,--defsym=smh_engine_{default}=smh_engine_{layer.engine}")
        # The table of engines names them all; a layer with one engine must do without.
        objects.remove(core.objects["src/engines.c"])
    roots = layer.calls or [name for name in core.functions
                            if re.fullmatch(layer.every_call_of, name)]
    if layer.engine is not None:
        roots = [*roots, f"smh_engine_{layer.engine}"]
    elif core.build.single:
        objects.remove(core.objects["src/engines.c"])
    # From an archive only the objects that are needed are taken, so that those left out above may
    # be named by others that are not.
    target = machine.out(core.build) / (re.sub(r"\W+", "_", layer.name) + ".elf")
    archive = target.with_suffix(".a")
    archive.unlink(missing_ok=True)
    run([f"{machine.tools}gcc-ar", "rcs", archive, *objects])
    run([f"{machine.tools}gcc", *machine.flags, *FREESTANDING, *core.build.flags, "-nostdlib",
         f"-Wl,-T,{HERE / 'sizes.ld'}", f"-Wl,-e,{roots[0]}", "-Wl,--no-warn-rwx-segments",
         "-Wl,--gc-sections", *(f"-Wl,-u,{root}" for root in roots), *options, "-o", target,
         archive])
    sizes = {"text": 0, "data": 0, "bss": 0}
    for line in run([f"{machine.tools}size", "-A", target]).splitlines():
        words = line.split()
        if len(words) == 3 and words[0][1:] in sizes:
            sizes[words[0][1:]] = int(words[1])
    statics = set()
    largest = []
    for line in run([f"{machine.tools}nm", "-P", "--size-sort", "-t", "d", "-r",
                     target]).splitlines():
        name, kind, _, length = line.split()
        if kind in "dDbBsSgG":
            statics.add(name)
        else:
            largest.append((int(length), name))
    linked = {name.removeprefix("smh_engine_") for _, name in largest
              if name.startswith("smh_engine_") and name.removeprefix("smh_engine_") in core.engines}
    return Size(sizes["text"], sizes["data"], sizes["bss"], statics, linked, largest)


def foreign_engines(layer: Layer, size: Size) -> list[str]:
    """Engines that the layer drags in unasked, or the one it asked for and has not."""
    if layer.tableless:
        return [f"engine {name} is linked unasked" for name in sorted(size.engines)]
    allowed = layer.engines or {layer.engine or default_engine()}
    foreign = [f"engine {name} is linked unasked" for name in sorted(size.engines - allowed)]
    return foreign + ([] if size.engines & allowed else ["no engine is linked"])


def foreign_statics(layer: Layer, size: Size) -> list[str]:
    """Static data that the layer may not have; all of it shows in the sections."""
    foreign = sorted(size.statics - layer.statics)
    if size.data != 0:
        foreign.append(f".data of {size.data} bytes")
    if size.bss != 0 and not size.statics:
        foreign.append(f".bss of {size.bss} bytes")
    return foreign


def tell_sizes(machine: Machine, core: Core, largest_count: int) -> tuple[list[str], int]:
    """Lines of the table, and the number of faults."""
    faults = 0
    title = f"{machine.name}: -Os{', ' if core.build.name else ''}{core.build.name}, bytes"
    lines = [f"{title:44} {'code':>6} {'.data':>7} {'.bss':>7}"]
    for layer in SINGLE_LAYERS if core.build.single else layers(core.engines):
        size = measure(machine, core, layer)
        goal = ""
        if layer.goal_bytes is not None and machine.thumb_2:
            over = size.code - layer.goal_bytes
            goal = f"   goal {layer.goal_bytes}: " + ("met" if over <= 0 else f"{over} over")
        lines.append(f"  {layer.name:42} {size.code:6} {size.data:7} {size.bss:7}{goal}")
        lines += [f"    {length:6}  {name}" for length, name in size.largest[:largest_count]]
        for static in foreign_statics(layer, size):
            lines.append(f"    {static}: static data that this layer may not have")
            faults += 1
        for engine in foreign_engines(layer, size):
            lines.append(f"    {engine}")
            faults += 1
    return lines, faults


# --- running -------------------------------------------------------------------------------------


def answers(command: list[str | Path]) -> tuple[list[str], int]:
    """Lines and exit code of a self-test; a run that does not end has -1."""
    try:
        ran = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=False, timeout=RUN_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return [], -1
    return ran.stdout.splitlines() + ran.stderr.splitlines(), ran.returncode


def run_machine(machine: Machine, core: Core, *defines: str) -> tuple[list[str], int]:
    """Lines and exit code of the machine's self-test."""
    return answers([*machine.qemu, "-kernel", link_program(machine, core, *defines)])


def differences(expected: list[str], got: list[str], code: int) -> list[str]:
    """Everything in which a machine's run is not the host's."""
    found = []
    if code != 0:
        found.append(f"exit code {code}")
    if len(expected) < 2 or not expected[-1].startswith("faults 0"):
        found.append("the host's own run is not complete")
    for number in range(max(len(expected), len(got))):
        host = expected[number] if number < len(expected) else "(nothing)"
        target = got[number] if number < len(got) else "(nothing)"
        if host != target:
            found.append(f"host:   {host}\n    target: {target}")
    return found


def golden_faults(lines: list[str]) -> list[str]:
    """Rows of test_zephyr_golden.c (taken from Zephyr's own code) that a run does not show."""
    text = (ROOT / "tests/core/test_zephyr_golden.c").read_text()
    rows = re.findall(r"\{32, (true|false), (\d+), (\d+), UINT64_C\(0x([0-9a-f]{16})\)\}", text)
    found = [] if rows else ["tests/core/test_zephyr_golden.c: no row for 32 bits is found"]
    for statistics, size, misalignment, golden in rows:
        engine = "zephyr_stats" if statistics == "true" else "zephyr"
        line = f"heap {engine} {size}+{misalignment} granule 0: "
        if not any(got.startswith(line) and f"memory {golden}" in got for got in lines):
            found.append(f"{line}not as Zephyr's own code")
    return found


def self_test(expected: list[str]) -> list[str]:
    """Broken runs, each of which must be noticed."""
    changed = expected.copy()
    middle = len(changed) // 2
    changed[middle] = changed[middle][:-12] + "~" + changed[middle][-11:]
    cases = {
        "a changed line": differences(expected, changed, 0),
        "a missing line": differences(expected, expected[:middle] + expected[middle + 1:], 0),
        "no last line": differences(expected, expected[:-1], 0),
        "no line": differences(expected, [], 0),
        "a further line": differences(expected, [*expected, "fault"], 0),
        "an exit code": differences(expected, expected, 2),
        "a run without end": differences(expected, expected, -1),
        "nothing expected": differences([], [], 0),
        "no golden line": golden_faults(changed[:2]),
        "static data": foreign_statics(Layer("any"), Size(0, 0, 4, {"counter"}, set(), [])),
        "data to be written": foreign_statics(Layer("any"), Size(0, 4, 0, set(), set(), [])),
        "another engine": foreign_engines(Layer("any", engine="a"),
                                          Size(0, 0, 0, set(), {"a", "b"}, [])),
        "a table": foreign_engines(Layer("any", tableless=True),
                                   Size(0, 0, 0, set(), {"bitmap"}, [])),
        "no engine": foreign_engines(Layer("any", engine="a"), Size(0, 0, 0, set(), set(), [])),
    }
    missed = [f"self-test: {name} was not noticed" for name, found in cases.items() if not found]
    if differences(expected, expected.copy(), 0) or golden_faults(expected):
        missed.append("self-test: the host's own lines are refused")
    return missed


def broken_runs(expected: list[str], core: Core) -> list[str]:
    """Programs that are broken on purpose and run on the first machine: both must be noticed."""
    machine = MACHINES[0]
    missed = []
    lines, code = run_machine(machine, core, "SELFTEST_SEED=8")
    if len(lines) < 2 or not differences(expected, lines, 0):
        missed.append("self-test: another sequence on the target was not noticed")
    lines, code = run_machine(machine, core, "SELFTEST_FAULT=1")
    if code != 2 or "fault" not in lines:
        missed.append("self-test: unaligned access on the target was not noticed")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description="the core on small machines")
    parser.add_argument("--largest", type=int, default=0, metavar="N")
    largest_count = parser.parse_args().largest
    faults = 0
    shutil.rmtree(OUT, ignore_errors=True)
    kinds = [(machine, build) for machine in MACHINES for build in BUILDS]
    for machine, build in kinds:
        machine.out(build).mkdir(parents=True)
    machines = [machine for machine, _ in kinds]
    with ThreadPoolExecutor(2) as workers:
        host = workers.submit(host_program, "host")
        host_single = workers.submit(host_program, "host_bitmap", "-DSELFTEST_BITMAP_ONLY=1")
        host_small = workers.submit(host_program, "host_small", *HOST_SMALL)
        cores = list(workers.map(compile_core, machines, [build for _, build in kinds]))
        tables = list(workers.map(tell_sizes, machines, cores, [largest_count] * len(kinds)))
        runs = list(workers.map(run_machine, machines, cores))
    for lines, count in tables:
        print("\n".join(lines))
        faults += count
    expected, code = answers([host.result()])
    expected_single, code_single = answers([host_single.result()])
    missed = self_test(expected) + broken_runs(expected, cores[0])
    for name, lines, result in (("host", expected, code), ("host, bitmap", expected_single, code_single)):
        if result != 0:
            missed.append(f"{name}: exit code {result}: {lines[-1:]}")
    runs.append(answers([host_small.result()]))
    kinds.append((Machine("host", "", [], "", "", []), BUILDS[1]))
    for (machine, build), (lines, code) in zip(kinds, runs):
        name = machine.name + (f", {build.name}" if build.name else "")
        found = differences(expected_single if build.single else expected, lines, code)
        found += [] if build.single else golden_faults(lines)
        missed += [f"{name}: {difference}" for difference in found]
        print(f"{name}: {len(lines)} lines of answers, {len(found)} differ from the host's")
    for line in missed:
        print(line)
    return 1 if faults or missed else 0


if __name__ == "__main__":
    sys.exit(main())

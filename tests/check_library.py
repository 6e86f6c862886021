#!/usr/bin/python3
"""The library as a stranger meets it: headers, linking, installing, the manual.

Owns: what a user's compiler may be, and a program that uses each header.

  headers     each compiles alone, as C11 and as C++11, by gcc and clang, hosted and freestanding,
              with -Wall -Wextra -pedantic -Werror and no -D
  linking     build/libsmh.a with -lpthread and no other library, from C and C++
  attributes  make SMH_ATTRIBUTE_COUNT=5 after a build without it makes a library that takes five
  install     make install: a program finds the library by smh.pc, the recorder is found beside smh
  manual      smh.1 and the completion name every command, and smh.1 every option

Before all that it is shown a header that needs another one first, and must notice.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
COMPILERS = {
    "C11, gcc": ["gcc", "-std=c11", "-x", "c"],
    "C11, clang": ["clang", "-std=c11", "-x", "c"],
    "C11, gcc, freestanding": ["gcc", "-std=c11", "-ffreestanding", "-x", "c"],
    "C++11, g++": ["g++", "-std=c++11", "-x", "c++"],
    "C++11, clang": ["clang", "-std=c++11", "-x", "c++"],
    "C++11, g++, freestanding": ["g++", "-std=c++11", "-ffreestanding", "-x", "c++"],
}
PROGRAM = r"""
#include <zephyr/multi_heap/shared_multi_heap.h>
#include <zephyr/sys/heap_listener.h>
#include <zephyr/sys/multi_heap.h>
#include <zephyr/sys/sys_heap.h>

static uint64_t memory[3][512];
static struct smh_pool pool;

static void hear(uintptr_t id, void *mem, size_t bytes)
{
    (void)id;
    (void)mem;
    (void)bytes;
}
HEAP_LISTENER_ALLOC_DEFINE(listener, HEAP_ID_LIBC, hear);
HEAP_LISTENER_FREE_DEFINE(other_listener, HEAP_ID_LIBC, hear);

int main(void)
{
    struct smh_region region;
    struct sys_heap heap;
    struct shared_multi_heap_region shared;
    void *block;

    memset(&region, 0, sizeof(region));
    region.addr = (uintptr_t)memory[0];
    region.size = sizeof(memory[0]);
    if (smh_pool_init(&pool, NULL) != 0 || smh_pool_add(&pool, &region) != 0) {
        return 1;
    }
    block = smh_pool_alloc(&pool, 0, 100);
    if (block == NULL || smh_pool_free(&pool, block) != 0) {
        return 2;
    }
    heap_listener_register(&listener);
    heap_listener_register(&other_listener);
    sys_heap_init(&heap, memory[1], sizeof(memory[1]));
    sys_heap_free(&heap, sys_heap_alloc(&heap, 100));
    shared.attr = ATTRIBUTE;
    shared.addr = (uintptr_t)memory[2];
    shared.size = sizeof(memory[2]);
    if (shared_multi_heap_pool_init() != 0) {
        return 3;
    }
    return shared_multi_heap_add(&shared, NULL) == 0 ? 0 : 4;
}
"""


def run(command: list[str], **keywords: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **keywords)


def headers_fail(include: Path) -> list[str]:
    """Which headers below include do not compile alone."""
    faults = []
    for header in sorted(include.rglob("*.h")):
        name = header.relative_to(include)
        for compiler, command in COMPILERS.items():
            ran = run([*command, *STRICT, f"-I{include}", "-fsyntax-only", "-"],
                      input=f"#include <{name}>\n")
            if ran.returncode != 0:
                first = next(line for line in ran.stderr.splitlines() if "error" in line)
                faults.append(f"{name}, {compiler}: {first}")
    return faults


def self_test(folder: Path) -> list[str]:
    (folder / "needy.h").write_text("size_t needy(void);\n")
    found = headers_fail(folder)
    return [] if len(found) == len(COMPILERS) else ["self-test: a needy header was not noticed"]


def try_program(folder: Path, what: str, flags: list[str], libraries: list[str],
                attribute: int = 0, code: int = 0) -> list[str]:
    """Builds PROGRAM as C and C++ and runs it; code is what it must exit with."""
    faults = []
    for suffix, compiler in ((".c", "gcc"), (".cc", "g++")):
        source = folder / f"program{suffix}"
        source.write_text(PROGRAM.replace("ATTRIBUTE", str(attribute)))
        binary = folder / "program"
        built = run([compiler, *flags, "-o", str(binary), str(source), *libraries])
        ran = run([str(binary)]) if built.returncode == 0 else built
        if ran.returncode != code:
            faults.append(f"{what}, {compiler}: exit {ran.returncode}, not {code}\n{ran.stderr}")
        binary.unlink(missing_ok=True)
    return faults


def make(*arguments: str) -> list[str]:
    ran = run(["make", "-C", str(ROOT), "-s", *arguments])
    return [] if ran.returncode == 0 else [f"make {' '.join(arguments)}: {ran.stdout}{ran.stderr}"]


def attributes(folder: Path) -> list[str]:
    """One object, built without, with and without the count again, in a build folder of its own."""
    target = f"{folder}/build/obj/src/shared_multi_heap.o"
    libraries = [target, str(ROOT / "build/libsmh.a"), "-lpthread"]
    faults = []
    for count, code in (([], 4), (["SMH_ATTRIBUTE_COUNT=5"], 0), ([], 4)):
        faults += make(f"BUILD={folder}/build", *count, target)
        faults += try_program(folder, f"attribute 4 after make {count}", [f"-I{INCLUDE}"],
                              libraries, attribute=4, code=code)
    return faults


def install(folder: Path) -> list[str]:
    prefix = folder / "prefix"
    faults = make("install", f"PREFIX={prefix}")
    pc = prefix / "lib/pkgconfig/smh.pc"
    if faults or not pc.is_file():
        return faults + ["install: no smh.pc"]
    text = pc.read_text()
    while "${" in text and (named := re.search(r"^(\w+)=([^$\n]*)\n", text, re.MULTILINE)):
        text = text.replace(named[0], "").replace("${" + named[1] + "}", named[2])
    fields = dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE))
    faults += try_program(folder, "installed", fields["Cflags"].split(), fields["Libs"].split())
    version = run([str(prefix / "bin/smh"), "--version"]).stdout.split()[-1]
    manual = (prefix / "share/man/man1/smh.1").read_text()
    if fields["Version"] != version or f'"smh {version}"' not in manual:
        faults.append(f"install: smh.pc says {fields['Version']}, smh {version}, smh.1 otherwise?")
    trace = folder / "true.trace"
    recorded = run([str(prefix / "bin/smh"), "record", "-q", "-o", str(trace), "--", "ls", "/"])
    if recorded.returncode != 0 or not trace.is_file():
        faults.append(f"installed smh record: {recorded.stderr}")
    return faults


def manual_lacks(smh: str, page: str, completion: str) -> list[str]:
    page = page.replace("\\-", "-")
    faults = []
    commands = re.findall(r"^  smh (\S+)", run([smh, "--help"]).stdout, re.MULTILINE)
    for command in commands:
        if f"smh {command}" not in page:
            faults.append(f"smh.1 does not name {command}")
        if not re.search(rf"[\" ]{command}[ \"]", completion):
            faults.append(f"the completion does not name {command}")
        text = run([smh, command, "--help"]).stdout
        for option in re.findall(r"^ +(?:-\w, +)?(--[\w-]+)", text, re.MULTILINE):
            if not re.search(rf"{option}(?![\w-])", page):
                faults.append(f"smh.1 lacks {option} of {command}")
    return faults if commands else ["smh --help names no command"]


def manual() -> list[str]:
    page = (ROOT / "sim/cli/smh.1").read_text()
    completion = (ROOT / "sim/cli/completion.bash").read_text()
    smh = str(ROOT / "build/smh")
    faults = manual_lacks(smh, page, completion)
    if not manual_lacks(smh, page.replace("\\-\\-checks", ""), completion):
        faults.append("self-test: an option that smh.1 lacks was not noticed")
    return faults


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "needy").mkdir()
        faults = self_test(folder / "needy")
        faults += headers_fail(INCLUDE)
        faults += try_program(folder, "linking", [f"-I{INCLUDE}"],
                              [str(ROOT / "build/libsmh.a"), "-lpthread"])
        faults += attributes(folder) + install(folder) + manual()
    for fault in faults:
        print(fault)
    count = len(list(INCLUDE.rglob("*.h")))
    print(f"library: {count} headers by {len(COMPILERS)} compilers, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""The gcc analyzer and cppcheck over src/, sim/ and port/, against what was looked at.

Owns: running both, and the comparison with tests/static/findings.txt, one line each, matched by file
and text, not by line number:

    gcc FILE: the warning, without its location -- why it is none
    cppcheck FILE: ID: the message -- why it is none

Exit code 1: a finding that is not in the list, or a line of the list that nothing reports.
"""
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LIST = "tests/static/findings.txt"
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Iinclude"]


def sources():
    found = subprocess.run(["git", "ls-files", "src", "sim", "port"], capture_output=True, text=True,
                           check=True).stdout.split()
    # bare.c is for machines without an operating system.
    return [path for path in found if path.endswith(".c") and path != "port/bare.c"]


def gcc(path):
    try:
        found = subprocess.run(["gcc", *FLAGS, "-O1", "-fanalyzer", "-fdiagnostics-plain-output", "-c",
                                "-o", "/dev/null", path], capture_output=True, text=True, check=False,
                               timeout=600)
    except subprocess.TimeoutExpired:
        return {f"gcc {path}: no answer in 600 seconds"}
    if found.returncode != 0:
        return {f"gcc {path}: does not compile"}
    return {f"gcc {file}: {text}" for file, text in
            re.findall(r"^(\S+?):\d+:\d+: warning: (.*)$", found.stderr, flags=re.M)}


def cppcheck(paths):
    found = subprocess.run(["cppcheck", "--quiet", "--enable=warning,performance,portability",
                            "--std=c11", "-D_GNU_SOURCE", "-Iinclude", "--template={file}: {id}: {message}",
                            "--template-location=", "--suppress=missingIncludeSystem", *paths],
                           capture_output=True, text=True, check=False)
    if found.returncode != 0:
        return {f"cppcheck: ended with {found.returncode}"}
    return {f"cppcheck {line.strip()}" for line in found.stderr.splitlines() if line.strip()}


def main():
    paths = sources()
    with ThreadPoolExecutor(2) as pool:
        met = set().union(*pool.map(gcc, paths), cppcheck(paths))
    known = {}
    with open(LIST, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if line and not line.startswith("#"):
                finding, why = line.rsplit(" -- ", 1)
                known[finding] = why
    for finding in sorted(met - set(known)):
        print(finding)
    for finding in sorted(set(known) - met):
        print(f"{LIST}: not reported: {finding}")
    print(f"static: {len(paths)} files, {len(met)} findings, {len(met & set(known))} explained in {LIST}")
    return 1 if met != set(known) else 0


if __name__ == "__main__":
    sys.exit(main())

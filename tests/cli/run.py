#!/usr/bin/python3
"""Golden tests of the command line.

usage: run.py PROGRAM [--update] [NAME...]
A case is tests/cli/NAME.sh beside NAME.out: the script runs in an empty folder with SMH (the
program), ROOT (the repository) and DATA (tests/data) set; what it prints on both streams, and its
exit code, must be NAME.out byte for byte. The paths of the program, of the repository and of the
folder are replaced by $SMH, $ROOT and $PWD first. --update writes NAME.out anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = Path(__file__).resolve().parent
ROOT = CASES.parent.parent
HANGS_SECONDS = 1200  # far more than any script takes, sanitizers and a busy machine included


def output_of(script: Path, program: str) -> str:
    """What the script prints, with the machine's paths taken out."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "SMH": program, "ROOT": str(ROOT),
                       "DATA": str(ROOT / "tests" / "data"), "LC_ALL": "C"}
        ran = subprocess.run(["bash", "-u", str(script)], cwd=folder, env=environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=HANGS_SECONDS, check=False)
        text = ran.stdout.decode(errors="replace") + f"exit {ran.returncode}\n"
        for path, name in ((program, "$SMH"), (str(ROOT), "$ROOT"), (folder, "$PWD")):
            text = text.replace(path, name)
        return text


def main() -> int:
    arguments = [name for name in sys.argv[1:] if name != "--update"]
    program = str(Path(arguments[0]).resolve())
    scripts = [script for script in sorted(CASES.glob("*.sh"))
               if not arguments[1:] or script.stem in arguments[1:]]
    failed = 0
    for script in scripts:
        expected = script.with_suffix(".out")
        actual = output_of(script, program)
        if "--update" in sys.argv:
            expected.write_text(actual)
        elif not expected.is_file() or expected.read_text() != actual:
            failed += 1
            print(f"--- {script.stem}: expected")
            print(expected.read_text() if expected.is_file() else "(nothing)")
            print(f"--- {script.stem}: printed\n{actual}")
            print(f"repeat: tests/cli/run.py {arguments[0]} {script.stem}")
    print(f"{len(scripts) - failed} passed, {failed} failed")
    return 1 if failed or not scripts else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""The same scenario and seed give the same bytes of result, whoever compiled and wherever loaded.

usage: check_same.py PROGRAM PROGRAM
Runs every scenario with the first program twice, with the second, and with the first without
address randomisation, and compares the JSON byte by byte: as it is, and once more with caches,
cycles and hazards.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def result(command: list[str], options: list[str], scenario: Path) -> bytes:
    """The JSON of a run; exit codes 0 and 1 (expectation failed) both leave one."""
    ran = subprocess.run([*command, "run", *options, "--json", "-",
                          str(scenario.relative_to(ROOT))],
                         cwd=ROOT, capture_output=True, check=False)
    if ran.returncode not in (0, 1) or not ran.stdout:
        raise SystemExit(f"{scenario}: exit {ran.returncode}: {ran.stderr.decode()}")
    return ran.stdout


def main() -> int:
    first, second = (str(Path(name).resolve()) for name in sys.argv[1:3])
    ways = {
        "again": [first],
        "the other compiler": [second],
        "without address randomisation": ["setarch", "-R", first],
    }
    different = 0
    scenarios = sorted(path for path in (ROOT / "scenarios").rglob("*.json")
                       if path.name != "schema.json")
    runs = [(scenario, []) for scenario in scenarios]
    simulated = scenarios + sorted((ROOT / "scenarios" / "hazards").glob("**/*.json"))
    runs += [(scenario, ["--cycles", "--hazards"]) for scenario in simulated]
    for scenario, options in runs:
        reference = result([first], options, scenario)
        for way, command in ways.items():
            if result(command, options, scenario) != reference:
                print(f"{scenario.name} {' '.join(options)}: {way}: the result differs")
                different += 1
    print(f"same bytes: {len(scenarios)} scenarios as they are, {len(simulated)} with cycles and "
          f"hazards, {len(ways)} ways each, {different} differ")
    return 1 if different or not scenarios else 0


if __name__ == "__main__":
    sys.exit(main())

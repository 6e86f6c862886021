"""Mutants that no test can notice, as equivalent.txt names them.

Owns: how a line of it is read (FILE FUNCTION: before => after -- why).
"""
import re
import sys
from pathlib import Path

PATH = Path(__file__).with_name("equivalent.txt")


def equivalents():
    """{(file, function, before, after): reason}"""
    table = {}
    for number, line in enumerate(PATH.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(r"(\S+) (\w+): (.+?) => (.+) -- (.+)", line)
        if not found:
            sys.exit(f"{PATH.name}:{number}: not FILE FUNCTION: before => after -- why")
        table[found.groups()[:4]] = found.group(5)
    return table

"""Proofs of the core's arithmetic and matching by Frama-C's WP, against the list of proved goals.

Owns: running WP on tests/static/proofs/*.c, and tests/static/proofs/proved.txt, a goal a line:

    arithmetic smh_product_ensures: proved
    arithmetic smh_product_assert_rte_unsigned_overflow_5: open

Open goals are told, not hidden: what they say is checked by tests/core/test_bits.c against 128 bits,
at and around every power of two. Exit code 1: a goal listed as proved is not proved any more, or a
goal is there that the list does not know. `--write` writes the list anew.
"""
import os
import re
import subprocess
import sys

LIST = "tests/static/proofs/proved.txt"
# Which functions of each file: what else the headers define is proved elsewhere, or not here.
FILES = {
    "arithmetic": "smh_is_power_of_two,smh_round_up,smh_round_down,smh_product",
    "matching": "smh_match_equal,smh_match_all_bits",
    "zephyr_sizes": "zephyr_header_bytes,zephyr_smallest,zephyr_usable,zephyr_gap",
}


def goals_of(name):
    command = ["frama-c", "-wp", "-c11", "-wp-rte", "-warn-unsigned-overflow", "-machdep",
               "gcc_x86_64", "-cpp-extra-args=-Iinclude -U__x86_64__", "-wp-prover", "z3,cvc4",
               "-wp-timeout", "5", "-wp-par", "2", "-wp-fct", FILES[name],
               f"tests/static/proofs/{name}.c"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    goals = re.findall(r"\[wp\] \[([^\]]+)\] Goal typed_(\w+)", found.stdout)
    if found.returncode != 0 or not goals:
        sys.exit(found.stdout[-2000:] + found.stderr[-2000:])
    return {f"{name} {goal}": "open" if prover in ("Failed", "Unknown", "Timeout", "Stepout") else "proved"
            for prover, goal in goals}


def main():
    now = {}
    os.makedirs("build", exist_ok=True)
    os.environ["WHY3CONFIG"] = os.path.abspath("build/why3.conf")
    subprocess.run(["why3", "config", "detect"], capture_output=True, check=True)
    for name in FILES:
        now.update(goals_of(name))
    if "--write" in sys.argv:
        with open(LIST, "w", encoding="utf-8") as file:
            file.writelines(f"{goal}: {now[goal]}\n" for goal in sorted(now))
    with open(LIST, encoding="utf-8") as file:
        known = dict(line.rstrip("\n").rsplit(": ", 1) for line in file if line.strip())
    bad = [g for g in sorted(set(known) | set(now))
           if g not in now or g not in known or (known[g] == "proved" and now[g] != "proved")]
    for goal in bad:
        print(f"{goal}: {known.get(goal, 'unknown')} in {LIST}, now {now.get(goal, 'gone')}")
    proved = sum(1 for state in now.values() if state == "proved")
    print(f"proofs: {proved} of {len(now)} goals proved, {len(now) - proved} open, listed in {LIST}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

"""Proofs of the core's arithmetic and matching by Frama-C's WP, against the list of proved goals.

Owns: running WP on tests/static/proofs/*.c, and tests/static/proofs/proved.txt, a goal a line:

    arithmetic smh_product_ensures: proved
    arithmetic smh_product_assert_rte_unsigned_overflow_5: open

What WP takes as axioms (facts about single bits, of which its provers know little) z3 proves first,
in the theory of bit vectors: tests/static/proofs/bits.smt2. Open goals, where there are any, are
printed. Exit code 1: a goal listed as proved is not proved any more, or a goal is there that the list
does not know. `--write` writes the list anew, `--list` prints it all.
"""
import os
import re
import shutil
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
    # Tactics turn shifts into products and split ranges; the scripts that they leave are scratch.
    command = ["frama-c", "-wp", "-c11", "-wp-rte", "-warn-unsigned-overflow", "-machdep",
               "gcc_x86_64", "-cpp-extra-args=-Iinclude -U__x86_64__", "-wp-prover", "tip,z3,cvc4",
               "-wp-auto", "wp:bitshift,wp:bitrange,wp:split", "-wp-cache", "none",
               "-wp-session", os.path.abspath("build/proofs"), "-wp-timeout", "10", "-wp-par", "2"]
    goals = []
    for which in (["-wp-fct", FILES[name]], ["-wp-prop=@lemma"]):
        found = subprocess.run([*command, *which, f"tests/static/proofs/{name}.c"], capture_output=True,
                               text=True, check=False)
        goals += re.findall(r"\[wp\] \[([^\]]+)\] Goal typed_(\w+)", found.stdout)
        if found.returncode != 0:
            sys.exit(found.stdout[-2000:] + found.stderr[-2000:])
    return {f"{name} {goal}": "open" if prover in ("Failed", "Unknown", "Timeout", "Stepout") else "proved"
            for prover, goal in goals}


def axioms():
    """Whether z3 finds every denial in bits.smt2 impossible; and that there is one for each axiom."""
    answers = subprocess.run(["z3", "-T:60", "tests/static/proofs/bits.smt2"], capture_output=True,
                             text=True, check=False).stdout.split()
    with open("tests/static/proofs/bits.smt2", encoding="utf-8") as file:
        denied = re.findall(r"^; (\w+)[:\n]", file.read().split("\n\n", 1)[1], flags=re.M)
    taken = []
    for name in FILES:
        with open(f"tests/static/proofs/{name}.c", encoding="utf-8") as file:
            taken += re.findall(r"axiom (\w+):", file.read())
    if sorted(taken) != sorted(denied) or answers != ["unsat"] * len(taken):
        sys.exit(f"axioms {taken}; bits.smt2 denies {denied}: {answers}")
    return taken


def main():
    now = {}
    shutil.rmtree("build/proofs", ignore_errors=True)
    os.makedirs("build/proofs", exist_ok=True)
    taken = axioms()
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
    for goal in sorted(now):
        if now[goal] == "open" or "--list" in sys.argv:
            print(f"{goal}: {now[goal]}")
    proved = sum(1 for state in now.values() if state == "proved")
    print(f"proofs: {len(taken)} facts about bits by z3: {', '.join(taken)}")
    print(f"proofs: {proved} of {len(now)} goals proved, {len(now) - proved} open, listed in {LIST}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

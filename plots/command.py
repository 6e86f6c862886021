"""The command line that every figure script shares.

    python3 plots/heap_map.py out/results.json -o heap_map.png

Exit codes as smh's: 0 done, 2 bad usage or bad input, with one line on standard error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Optional, Sequence

from files import write_whole
from results import Results, ResultsError, load
from style import Picture, render

Pictures = Callable[[Results], list[Picture]]


def fail(message: str) -> int:
    print(f"{Path(sys.argv[0]).name}: error: {message}", file=sys.stderr)
    return 2


def figure_main(
    description: Optional[str], pictures: Pictures, arguments: Optional[Sequence[str]] = None
) -> int:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, metavar="RESULTS.json")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.png|FILE.svg")
    parser.add_argument("--pick", metavar="NAME", help="which picture, where there are several")
    options = parser.parse_args(arguments)
    kind = options.output.suffix.lstrip(".")
    if kind not in ("png", "svg"):
        return fail(f"{options.output}: its name must end in .png or .svg")
    try:
        found = {picture.name: picture for picture in pictures(load(options.results))}
        if not found:
            return fail(f"{options.results}: holds nothing for this picture")
        if options.pick and options.pick not in found:
            return fail(f"--pick {options.pick}: allowed here are {', '.join(found)}")
        chosen = found[options.pick] if options.pick else next(iter(found.values()))
        write_whole(options.output, render(chosen.draw(), kind))
    except ResultsError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{options.output}: {error.strerror}")
    others = [name for name in found if name != chosen.name]
    if others and not options.pick:
        print(f"drew {chosen.name}; --pick draws {', '.join(others)}", file=sys.stderr)
    return 0

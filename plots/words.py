"""What the data's codes say in words; shared by figures and report."""

from __future__ import annotations

from typing import Callable

import units
from results import Configuration, Spread

REASON_SHORT = {
    "no_region": "no region with that attribute",
    "fragmented": "no free block large enough, though the total would do",
    "full": "full",
}
REASON_LONG = {
    "no_region": "no region with that attribute",
    "fragmented": "no free block large enough although the total suffices (fragmented)",
    "full": "full: no region with that attribute had so many bytes free",
}


def reason(code: str) -> str:
    return REASON_LONG.get(code, code)


def outcome(configuration: Configuration) -> str:
    """passes, fails; over several seeds with how many."""
    runs = len(configuration.runs)
    if configuration.violations:
        return "INVARIANT BROKEN"
    if runs == 1:
        return "passes" if configuration.passes else "fails"
    if configuration.passes == runs:
        return f"passes{units.SPACE}{runs}/{runs}"
    return f"fails{units.SPACE}{runs - configuration.passes}/{runs}"


def spread(values: Spread, show: Callable[[float], str]) -> str:
    """The median, and the range where seeds differ."""
    if not values.varies:
        return show(values.median)
    return f"{show(values.median)} ({show(values.low)}–{show(values.high)})"

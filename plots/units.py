"""Numbers as people read them: bytes in binary units, simulated time, counts, shares.

Owns every rounding in the report. A number is never shown with more digits than it needs, and
never parted from its unit. Groups of digits are parted by a narrow no-break space.
"""

from __future__ import annotations

import math
from typing import Optional, Sequence

NARROW_SPACE = "\u202f"
SPACE = "\u00a0"  # a number and its unit stay on one line
NOTHING = "\u2013"
BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
TIME_UNITS = ((60_000_000_000, "min"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))


def significant(value: float, digits: int = 3) -> str:
    """At least `digits` digits, no trailing zeros behind the point: 1.5, 23.4, 512."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: float) -> str:
    """12 345; a median that falls between two integers keeps its half."""
    text = f"{value:,.1f}" if value != int(value) else f"{int(value):,}"
    return text.replace(",", NARROW_SPACE)


def size(value: Optional[float]) -> str:
    """614400 -> 600 KiB."""
    if value is None:
        return NOTHING
    magnitude, unit = abs(value), 0
    while magnitude >= 1024 and unit + 1 < len(BYTE_UNITS):
        magnitude /= 1024
        unit += 1
    if unit == 0:
        return f"{count(value)}{SPACE}B"
    if magnitude >= 1023.5 and unit + 1 < len(BYTE_UNITS):  # would round to 1024
        magnitude, unit = magnitude / 1024, unit + 1
    return f"{'-' if value < 0 else ''}{significant(magnitude)}{SPACE}{BYTE_UNITS[unit]}"


def time_unit(longest_ns: float) -> tuple[int, str]:
    """The unit for an axis that ends at longest_ns, as (nanoseconds, name)."""
    for factor, name in TIME_UNITS:
        if longest_ns >= 2 * factor:
            return factor, name
    return 1, "ns"


def duration(value_ns: float) -> str:
    """33000000 -> 33 ms."""
    factor, name = 1, "ns"
    for larger, larger_name in TIME_UNITS:
        if abs(value_ns) >= larger:
            factor, name = larger, larger_name
            break
    return f"{significant(value_ns / factor, 4)}{SPACE}{name}"


def percent(share: Optional[float]) -> str:
    """0.8734 -> 87.3 %; what is not exactly 0 or 1 never reads as 0 or 100."""
    if share is None:
        return NOTHING
    if share in (0, 1):
        return f"{int(share * 100)}{SPACE}%"
    if 0 < share < 0.001:
        return f"<{SPACE}0.1{SPACE}%"
    if 0.999 < share < 1:
        return f">{SPACE}99.9{SPACE}%"
    return f"{share * 100:.1f}{SPACE}%"


def ratio(value: Optional[float]) -> str:
    """1.0312 -> 1.031."""
    return NOTHING if value is None else f"{value:.3f}"


def byte_ticks(limit: float, most: int = 5) -> list[float]:
    """Ticks from 0 to limit at binary steps (… 8, 16, 32 KiB …), at most `most` steps."""
    if limit <= 0:
        return [0]
    step = 2.0 ** math.ceil(math.log2(limit / most)) if limit > most else 1.0
    return [step * index for index in range(int(limit / step + 1e-9) + 1)]


def shorten(text: str, longest: int) -> str:
    """Cuts the middle out of a long name, whose two ends tell most."""
    if len(text) <= longest:
        return text
    head = (longest - 1) // 2
    return text[:head] + "…" + text[len(text) - (longest - 1 - head) :]


def listed(words: Sequence[str]) -> str:
    """a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]


def plural(number: float, word: str) -> str:
    return f"{count(number)} {word}" if number == 1 else f"{count(number)} {word}s"

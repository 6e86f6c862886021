"""Figures of fuzz targets as a table of text: what run.py and afl.py print at their end."""

from __future__ import annotations


def print_table(rows: list[dict[str, str]]) -> None:
    """Rows in columns of one width each; `input` is no column, as it is shown below the table."""
    columns = [name for name in rows[0] if name != "input"]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    for row in [{name: name for name in columns}, *rows]:
        print("  ".join(row[name].ljust(widths[name]) for name in columns).rstrip())

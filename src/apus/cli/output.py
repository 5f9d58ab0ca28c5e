"""What a command prints: tables for people (with rich, or plain without it), JSON for programs."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a column, and whether it holds numbers, which stand to the right."""

    heading: str
    number: bool = False


def print_error(message: str) -> None:
    """One line on stderr, red on a terminal."""
    red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    print(f"\033[31merror:\033[0m {message}" if red else f"error: {message}", file=sys.stderr)


def emit(options: argparse.Namespace, data: Any) -> bool:
    """Print `data` as JSON when `--json` was given.

    Args:
        options: of the sub-command.
        data: anything JSON can say.

    Returns:
        Whether it was printed, and nothing else should be.
    """
    if options.json:
        print(json.dumps(data, indent=1, default=_plain))
    return bool(options.json)


def smaller(ratio: float) -> str:
    """A file's size as people compare it: "2.0x smaller", "1.3x larger".

    Args:
        ratio: bytes of the other file for each of this one's, above 0.

    Returns:
        Words.
    """
    return f"{ratio:.1f}x smaller" if ratio >= 1 else f"{1 / ratio:.1f}x larger"


def print_table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    """Print rows of cells under headings.

    Args:
        title: one line above the table.
        columns: one per cell of a row.
        rows: cells; shown with `str`.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    try:
        import rich.console
        import rich.table
        import rich.text
    except ModuleNotFoundError:
        _print_plain(title, columns, cells)
        return
    box = rich.table.Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None)
    for column in columns:
        box.add_column(column.heading, justify="right" if column.number else "left", no_wrap=column.number)
    for row in cells:
        box.add_row(*[rich.text.Text(cell) for cell in row])
    rich.console.Console(width=None if sys.stdout.isatty() else 160).print(box)


def _print_plain(title: str, columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    widths = [max([len(c.heading), *(len(row[i]) for row in cells)]) for i, c in enumerate(columns)]
    print(title)
    for row in [[column.heading for column in columns], *cells]:
        padded = [
            cell.rjust(width) if column.number else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        print(" " + "  ".join(padded).rstrip())


def _plain(value: Any) -> Any:
    """Paths and NumPy numbers as JSON."""
    return value.item() if hasattr(value, "item") else str(value)

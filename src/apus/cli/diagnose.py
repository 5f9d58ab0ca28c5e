"""`apus diagnose script.py`: run a training script for a few steps and say what bounds it and what helps."""

import argparse
import contextlib
import runpy
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from apus._files import existing_file
from apus.cli.output import emit

if TYPE_CHECKING:
    from apus.data.verdict import Times


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus diagnose`."""
    parser.add_argument("--batches", type=int, default=40, help="training steps to measure, then stop (default 40)")
    parser.add_argument("script", help="a Python file that trains with a torch DataLoader")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments")


def run(options: argparse.Namespace) -> int:
    """Print the verdict, or an error if the script took too few batches from DataLoaders to say anything."""
    from apus.data.verdict import judge
    from apus.errors import DataError

    script = existing_file(options.script)
    try:
        times = watch(script, options.arguments, max(4, options.batches))
    except Exception as error:
        traceback.print_exception(type(error), error, _own(script, error.__traceback__))
        raise DataError(f"{script} fails by itself, as above: nothing to judge") from None
    if times is None:
        raise DataError(f"{script} took fewer than 8 batches from any DataLoader: nothing to judge")
    verdict = judge([times])
    if not emit(options, asdict(verdict) | {"line": str(verdict)}):
        print(verdict.table(), verdict, sep="\n")
    return 0


def _own(script: Path, frame: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins in the script."""
    while frame is not None and frame.tb_frame.f_code.co_filename != str(script):
        frame = frame.tb_next
    return frame


def watch(script: Path, words: list[str], batches: int) -> "Times | None":
    """Run a script as Python would, its DataLoaders watched; what it prints goes to stderr.

    Args:
        script: the file.
        words: its arguments.
        batches: to measure before it is stopped.

    Returns:
        What was measured, of the loader that it spent most time with; None if that is too little.
    """
    from apus.data.watch import Enough, busiest, watching

    argv, path = sys.argv, list(sys.path)
    sys.argv, sys.path[:0] = [str(script), *words], [str(script.parent)]
    try:
        with watching(batches) as made, contextlib.redirect_stdout(sys.stderr):
            with contextlib.suppress(Enough, SystemExit):
                runpy.run_path(str(script), run_name="__main__")
            found = busiest(made)
            return found.times() if found else None  # here, where the data set may still read the script's arguments
    finally:
        sys.argv, sys.path[:] = argv, path

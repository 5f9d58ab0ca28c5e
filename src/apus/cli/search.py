"""`apus search recipe.toml`: a resumable Pareto search over the fields that `[search.space]` names."""

import argparse
import sys
from pathlib import Path
from typing import Any

from apus.cli.output import Column, emit, print_error, print_table
from apus.compress import RunFolder, read_recipe
from apus.compress.report.charts import size
from apus.compress.search import search
from apus.training import Stopped

_COLUMNS = [Column("trial"), *(Column(heading, number=True) for heading in ("accuracy", "p50 µs", "file"))]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus search`."""
    parser.add_argument("recipe", help="a TOML file with a [search.space] part")
    parser.add_argument("--trials", type=int, default=0, help="trials in all, earlier runs included")
    parser.add_argument("--run-dir", help="folder of the run (default: runs/<name of the recipe>)")


def run(options: argparse.Namespace) -> int:
    """Search, then print the front."""
    recipe = read_recipe(Path(options.recipe))
    folder = RunFolder(Path(options.run_dir) if options.run_dir else Path("runs") / recipe.name)
    try:
        trials = search(
            recipe, folder, trials=options.trials, say=lambda line: print(line, file=sys.stderr, flush=True)
        )
    except Stopped as stopped:
        print_error(str(stopped))
        return 128 + stopped.signal
    if not emit(options, trials):
        front = sorted((trial for trial in trials if trial["front"]), key=lambda trial: trial["p50_us"])
        title = f"the front of {len(trials)} trials ({folder / 'search.html'})"
        print_table(title, [*_COLUMNS, Column("recipe")], [_cells(trial) for trial in front])
    return 0


def _cells(trial: dict[str, Any]) -> list[str]:
    values = ", ".join(f"{name} = {_short(value)}" for name, value in trial["values"].items())
    return [
        str(trial["number"]),
        f"{trial['accuracy_pct']:.2f} %",
        f"{trial['p50_us']:,.1f}",
        size(trial["bytes"]),
        values,
    ]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

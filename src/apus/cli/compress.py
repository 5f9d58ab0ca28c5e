"""`apus compress recipe.toml`: the whole road, resumable."""

import argparse
from pathlib import Path
from typing import Any

from apus.cli.output import Column, emit, print_error, print_table
from apus.compress import Recipe, RunFolder, from_recipe, plan, read_recipe, result
from apus.compress import run as walk
from apus.errors import RecipeError
from apus.training import Stopped

_PLAN = [Column("stage"), Column("what"), Column("state")]
_ROWS = [
    Column("case"),
    Column("metric"),
    Column("value", number=True),
    Column("unit"),
    Column("from – to", number=True),
]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus compress`."""
    parser.add_argument("recipe", help="a TOML file, such as recipes/images.toml")
    parser.add_argument("--sparseml", metavar="YAML", help="a SparseML recipe: its pruning and quantisation hold where"
                        " the TOML file is silent")  # fmt: skip
    parser.add_argument("--run-dir", help="folder of the run (default: runs/<name of the recipe>)")
    parser.add_argument("--stages", default="", metavar="A,B", help="run these stages alone")
    parser.add_argument("--again", action="store_true", help="run the stages of --stages even if they are done")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and do nothing")


def run(options: argparse.Namespace) -> int:
    """Read the recipe, then plan or walk."""
    if options.again and not options.stages:
        raise RecipeError("--again needs --stages: name the stages to run again")
    recipe = read_recipe(Path(options.recipe), Path(options.sparseml) if options.sparseml else None)
    folder = RunFolder(Path(options.run_dir) if options.run_dir else Path("runs") / recipe.name)
    return _plan(options, recipe, folder) if options.dry_run else _walk(options, recipe, folder)


def _plan(options: argparse.Namespace, recipe: Recipe, folder: RunFolder) -> int:
    planned = plan(recipe, from_recipe(recipe), folder)
    states = [
        "done" if p.done else "started" if (folder.stage(p.stage) / "checkpoint.pt").exists() else "" for p in planned
    ]
    table = [{"stage": p.stage, "what": p.what, "state": state} for p, state in zip(planned, states, strict=True)]
    if not emit(options, table):
        print_table(f"{options.recipe} → {folder.path}/", _PLAN, [list(entry.values()) for entry in table])
    return 0


def _walk(options: argparse.Namespace, recipe: Recipe, folder: RunFolder) -> int:
    only = [stage for stage in options.stages.split(",") if stage]
    try:
        walk(recipe, from_recipe(recipe), folder, only, options.again)
    except Stopped as stopped:
        print_error(str(stopped))
        return 128 + stopped.signal
    if (only and "report" not in only) or not folder.writes:
        return 0
    outcome = result(recipe, folder)
    if not emit(options, outcome.report | {"apus": str(outcome.apus), "onnx": str(outcome.onnx)}):
        print_table(
            f"{outcome.apus} ({outcome.folder / 'report.html'})", _ROWS, [_cells(r) for r in outcome.report["rows"]]
        )
    return 0


def _cells(row: dict[str, Any]) -> list[str]:
    low, high = (f"{row[end]:,.4g}" for end in ("low", "high"))
    value = f"{row['value']:,}" if row["unit"] == "bytes" else f"{row['value']:,.4g}"
    return [row["case"], row["metric"], value, row["unit"], "" if low == high else f"{low} – {high}"]

"""`apus tpu check script.py`: would it stall, recompile, agree and fit on a TPU? `apus tpu run script.py`: emulated."""

import argparse
import os
import sys
from typing import Any

from apus._files import existing_file
from apus.cli.output import Column, emit, print_table

_COLUMNS = [Column("look"), Column("answer")]
PROBLEMS = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus tpu`."""
    parser.add_argument("action", choices=["check", "run"], help="check: report; run: the script, on an emulated TPU")
    parser.add_argument("--only", action="append", choices=["lint", "emulated", "ahead"], help="this look alone")
    parser.add_argument("--steps", type=int, default=24, help="optimizer steps to watch (default 24)")
    parser.add_argument("--rows", type=int, default=0, help="global batch to compile for (default: the script's own)")
    parser.add_argument("--topology", action="append", help="chips to compile for (default v5e:2x2 and v6e:2x2)")
    parser.add_argument("--compiled", action="store_true", help="run: make torch.compile work too")
    parser.add_argument("script", help="a Python file that trains with PyTorch")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments")


def run(options: argparse.Namespace) -> int:
    """Check a script, or run it emulated; 1 if there is something to change."""
    script = str(existing_file(options.script))
    os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "0"  # here torch shall not take hold of a TPU; its children may
    if options.action == "run":
        _replace(script, options)
    from apus.training.tpu_check.check import LOOKS, TOPOLOGIES, check

    report = check(
        script,
        options.arguments,
        looks=options.only or LOOKS,
        steps=options.steps,
        rows=options.rows,
        topologies=options.topology or TOPOLOGIES,
    )
    if not emit(options, report.as_dict()):
        print_table(f"{script} on a TPU", _COLUMNS, [*_rows(report.looks), *report.absent.items()])
        print(*report.problems or [_all_well(report.absent)], sep="\n")
    return PROBLEMS if report.problems else 0


def _replace(script: str, options: argparse.Namespace) -> None:
    from apus.training.tpu_check.emulation import environment

    command = [sys.executable, script, *options.arguments]
    os.execve(sys.executable, command, environment(options.compiled))


def _all_well(absent: dict[str, str]) -> str:
    missed = f"; not checked: {', '.join(absent)} (see above)" if absent else ""
    return f"nothing to change, as far as can be told without a TPU{missed}"


def _rows(looks: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if "lint" in looks:
        rows.append(("lint", f"{looks['lint']['steps']} steps, {len(looks['lint']['findings'])} findings"))
    if "emulated" in looks:
        rows.append(("emulated", "{steps} steps, losses within {worst:.2g} of the CPU's".format(**looks["emulated"])))
    return rows + [(f"ahead, {one['topology']}", _cost(one)) for one in looks.get("ahead", [])]


def _cost(one: dict[str, Any]) -> str:
    if "error" in one:
        return str(one["error"])
    joins = ", ".join(f"{count} {name}" for name, count in one["collectives"].items() if count) or "no collectives"
    return f"{one['rows']} rows fit: {one['bytes'] / 2**30:.3g} GiB, {one['flops'] / 1e9:.3g} GFLOP a chip, {joins}"

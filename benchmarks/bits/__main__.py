"""`make bench-bits`: trains what is not finished, for hours; a kill costs one epoch at most. Rows: of finished runs.

`python -m benchmarks.bits mnist` trains those runs alone whose name starts so, `glosses` MiniLM. `--rows` trains
nothing. `--idle` measures what needs an idle machine: the layers' prices in µs, a training step, finished networks.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from benchmarks.bits import clock, glosses, report, step
from benchmarks.bits.runs import RUNS, Run
from benchmarks.bits.train import FOLDER, prices, train

from apus._files import write_atomically
from apus.bench.results import write_results
from apus.models.lenet5 import LeNet5

RESULTS, UNFINISHED = Path("benchmarks/results/bits.json"), Path("weights/wip")
STEP, WORDS, SPEEDS = FOLDER / "step.json", FOLDER / "glosses.json", FOLDER / "glosses-times.json"


def main() -> None:
    """Train every run, or those named; then write what is finished."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bits")
    parser.add_argument("names", nargs="*", help="train the runs whose name starts so; default: all")
    parser.add_argument("--rows", action="store_true", help="train nothing")
    parser.add_argument("--idle", action="store_true", help="train nothing, measure times")
    options = parser.parse_args()
    torch.set_num_threads(1)  # on a busy machine the cheapest; run two commands with other names for two cores
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = [run for run in RUNS if not options.names or run.name.startswith(tuple(options.names))]
    for run in [] if options.rows or options.idle else wanted:
        if not (FOLDER / f"{run.name}.json").exists():
            _take_up(run)
            train(run, lambda line: print(line, flush=True))
    if not (options.rows or options.idle) and (not options.names or "glosses" in options.names):
        write_atomically(WORDS, json.dumps(glosses.rows()))
    found = report.rows()
    if options.idle:
        prices(LeNet5())
        write_atomically(STEP, json.dumps(step.rows()))
        clock.measure()
        if WORDS.exists():
            write_atomically(SPEEDS, json.dumps(glosses.times()))
        found = report.rows()
    kept = [each for path in (STEP, WORDS, SPEEDS) for each in _kept(path)]
    if found:
        write_results(RESULTS, "bits", "make bench-bits", found + report.price_rows() + kept)


def _kept(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


def _take_up(run: Run) -> None:
    """Go on from a checkpoint that the repository holds, where this machine has none."""
    kept, here = UNFINISHED / f"{run.name}.pt", FOLDER / f"{run.name}.pt"
    if kept.exists() and not here.exists():
        shutil.copyfile(kept, here)


if __name__ == "__main__":
    main()

"""`make bench-bits`: trains what is not finished, hours of it; a kill costs one epoch at most."""

import sys

import torch
from benchmarks.bits.runs import RUNS
from benchmarks.bits.train import FOLDER, train


def main(only: list[str]) -> None:
    """Train every run, or those whose name starts so; finished ones are skipped."""
    torch.set_num_threads(1)  # on a busy machine the cheapest; run two commands with other names for two cores
    FOLDER.mkdir(parents=True, exist_ok=True)
    for run in RUNS:
        wanted = not only or any(run.name.startswith(name) for name in only)
        if wanted and not (FOLDER / f"{run.name}.json").exists():
            train(run, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main(sys.argv[1:])

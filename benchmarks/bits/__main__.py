"""`make bench-bits`: trains what is not finished, for hours; a kill costs one epoch at most. Rows: of finished runs.

`python -m benchmarks.bits mnist` trains those runs alone whose name starts so; `--rows` trains nothing.
"""

import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from benchmarks.bits.deploy import deployed
from benchmarks.bits.runs import BEST, RUNS, SEEDS, Run
from benchmarks.bits.train import FOLDER, network, train

from apus._files import write_atomically
from apus.bench.results import Row, row, write_results

RESULTS, UNFINISHED = Path("benchmarks/results/bits.json"), Path("weights/wip")
UNITS = {"accuracy_pct": "%", "relative_bops_pct": "%", "mean_weight_bits": "bits"}


def main(arguments: list[str]) -> None:
    """Train every run, or those named; then write what is finished."""
    torch.set_num_threads(1)  # on a busy machine the cheapest; run two commands with other names for two cores
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = [name for name in arguments if not name.startswith("--")]
    for run in RUNS:
        wanted = "--rows" not in arguments and (not names or any(run.name.startswith(name) for name in names))
        if wanted and not (FOLDER / f"{run.name}.json").exists():
            _take_up(run)
            train(run, lambda line: print(line, flush=True))
    if found := rows():
        write_results(RESULTS, "bits", "make bench-bits", found)


def _take_up(run: Run) -> None:
    """Go on from a checkpoint that the repository holds, where this machine has none."""
    kept, here = UNFINISHED / f"{run.name}.pt", FOLDER / f"{run.name}.pt"
    if kept.exists() and not here.exists():
        shutil.copyfile(kept, here)


def rows() -> list[Row]:
    """Mean over seeds of every setting all of whose seeds have finished."""
    finished: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in RUNS:
        path = FOLDER / f"{run.name}.json"
        if run.setting != "float" and path.exists():
            finished[run.data, run.setting].append(_judged(run, path))
    return [
        each
        for (data, setting), results in finished.items()
        if len(results) == len(SEEDS)
        for each in _rows_of("lenet5-" + data.split("-")[0], data, setting, results)
    ]


def _judged(run: Run, path: Path) -> dict[str, Any]:
    """A finished run with its deployment, which is done once."""
    result: dict[str, Any] = json.loads(path.read_text())
    if "deployed" not in result:
        model = network(run)
        model.load_state_dict(torch.load(FOLDER / f"{run.name}.pt", weights_only=True)["model"])
        result["deployed"] = deployed(run, model)
        write_atomically(path, json.dumps(result))
    return result


def _rows_of(case: str, data: str, setting: str, results: list[dict[str, Any]]) -> list[Row]:
    case = case if setting == BEST[data] else f"{case}-{setting}"
    measured = {
        "accuracy_pct": [r["test_accuracy_pct"] for r in results],
        "relative_bops_pct": [r["relative_bops_pct"] for r in results],
        "mean_weight_bits": [_mean_bits(r["layers"]) for r in results],
    }
    detail = {"setting": setting, "runs": [{k: v for k, v in r.items() if k != "history"} for r in results]}
    return [
        row(
            case,
            metric,
            sum(values) / len(values),
            UNITS[metric],
            low=min(values),
            high=max(values),
            runs=len(values),
            detail=detail if metric == "accuracy_pct" else {},
        )
        for metric, values in measured.items()
    ]


def _mean_bits(layers: list[dict[str, Any]]) -> float:
    """Bits per weight of the whole network, pruned outputs having none."""
    sizes = [torch.Size(layer["shape"]).numel() for layer in layers]
    held = [
        n * layer["weight_bits"] * layer["kept"] / layer["shape"][0] for n, layer in zip(sizes, layers, strict=True)
    ]
    return sum(held) / sum(sizes)


if __name__ == "__main__":
    main(sys.argv[1:])

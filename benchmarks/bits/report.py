"""Rows of finished runs: means over the seeds, with what became of each layer, epoch by epoch."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from benchmarks.bits import clock
from benchmarks.bits.deploy import deployed
from benchmarks.bits.runs import BEST, RUNS, SEEDS, Run
from benchmarks.bits.train import FOLDER, network

from apus._files import write_atomically
from apus.bench.results import Row, row
from apus.techniques.bayesian_bits import WIDTHS

UNITS = {"accuracy_pct": "%", "relative_bops_pct": "%", "mean_weight_bits": "bits", "p50_us": "us"}
Result = dict[str, Any]


def rows() -> list[Row]:
    """Mean over seeds of every setting all of whose seeds have finished."""
    finished: dict[tuple[str, str], list[Result]] = defaultdict(list)
    times = clock.times()
    for run in RUNS:
        path = FOLDER / f"{run.name}.json"
        if run.setting != "float" and path.exists():
            finished[run.data, run.setting].append(_judged(run, path) | times.get(run.name, {}))
    return [
        each
        for (data, setting), results in finished.items()
        if len(results) == len(SEEDS)
        for each in _rows_of("lenet5-" + data.split("-")[0], data, setting, results)
    ]


def price_rows() -> list[Row]:
    """A layer's time in the engine in 8 bits; in the detail at all widths."""
    path = FOLDER / "latency.json"
    found: dict[str, list[float]] = json.loads(path.read_text()) if path.exists() else {}
    widths = [dict(zip(WIDTHS, each, strict=True)) for each in found.values()]
    return [
        row(f"lenet5-{name}", "us_at_8", us[8], "us", detail={"us": us}) for name, us in zip(found, widths, strict=True)
    ]


def _judged(run: Run, path: Path) -> Result:
    """A finished run with its deployment, which is done once."""
    result: Result = json.loads(path.read_text())
    if "deployed" not in result:
        model = network(run)
        model.load_state_dict(torch.load(FOLDER / f"{run.name}.pt", weights_only=True)["model"])
        result["deployed"] = deployed(run, model)
        write_atomically(path, json.dumps(result))
    return result


def _rows_of(case: str, data: str, setting: str, results: list[Result]) -> list[Row]:
    case = case if setting == BEST[data] else f"{case}-{setting}"
    measured = {
        "accuracy_pct": [r["test_accuracy_pct"] for r in results],
        "relative_bops_pct": [r["relative_bops_pct"] for r in results],
        "mean_weight_bits": [mean_bits(r["layers"]) for r in results],
        "p50_us": [r["p50_us"] for r in results if "p50_us" in r],
    }
    drawn = results[0] if setting == BEST[data] else None  # only its epochs are plotted
    runs = [r | {"history": [_short(e) for e in r["history"]] if r is drawn else []} for r in results]
    detail = {"setting": setting, "runs": runs}
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
        if len(values) == len(SEEDS)
    ]


def _short(epoch: Result) -> Result:
    """Of an epoch what the plots need: P(z > 0) of the gate that opens 4 bits, and the share of outputs kept."""
    short = {name: round(epoch[name], 3) for name in ("valid_accuracy_pct", "relative_bops_pct")}
    layers = epoch.get("layers", [])
    short["open_4"] = [round(layer["gates"][0], 3) if layer["gates"] else 1.0 for layer in layers]
    short["kept"] = [round(present(layer), 3) for layer in layers]
    return short


def mean_bits(layers: list[Result]) -> float:
    """Bits per weight of the whole network, pruned outputs having none."""
    sizes = [torch.Size(layer["shape"]).numel() for layer in layers]
    held = [n * layer["weight_bits"] * present(layer) for n, layer in zip(sizes, layers, strict=True)]
    return sum(held) / sum(sizes)


def present(layer: Result) -> float:
    """Share of a layer's outputs that are kept; a table of embeddings has its outputs last."""
    share: float = layer["kept"] / layer.get("outputs", layer["shape"][0])  # older runs, all of LeNet-5, do not tell
    return share

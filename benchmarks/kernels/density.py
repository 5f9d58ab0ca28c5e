"""Ours alone over densities 0.05 to 1: sparse may never be slower than dense by more than a tenth. And the barrier."""

import numpy as np

from apus.bench import compare, contender
from apus.bench.results import Row, row
from benchmarks.kernels.cases import LAYERS, SHAPES, Case, samples
from benchmarks.kernels.files import ours

DENSITIES = (5, 10, 20, 30, 50, 70, 80, 90, 100)  # percent of blocks present


def sweep(case: Case, precision: str, seconds: float) -> list[Row]:
    """One row per density: microseconds of a layer; and the worst ratio to the dense one, which is 100 %."""
    x = {"x": samples(case, 1)[0]}
    files = {density: ours(case.at(100 - density), keep=False)[precision] for density in DENSITIES}
    entries = [contender("apus", file, label=str(density), network=str(density)) for density, file in files.items()]
    measured = {m.contender: m for m in compare(entries, x, seconds=seconds)}
    stem = case.name.rsplit("-s", 1)[0] + f"-{precision}"
    rows = []
    for density in DENSITIES:
        m = measured[str(density)]
        spread = {"low": m.low_us / LAYERS, "high": m.high_us / LAYERS, "runs": m.runs}
        rows.append(row(f"{stem}-d{density}", "layer_us", m.p50_us / LAYERS, "us", **spread))
    dense = measured["100"].p50_us
    worst = max(DENSITIES, key=lambda d: measured[str(d)].p50_us)
    ratio = measured[str(worst)].p50_us / dense
    return [*rows, row(stem, "worst_against_dense", ratio, "x", detail={"density_pct": worst})]


def barrier() -> list[Row]:
    """Two threads meeting, awake: the median."""
    from apus._native import kernels  # noqa: TID251  the kernels' own entry

    measured = [kernels.barrier(2) for _ in range(15)]
    rows = []
    for metric, values in zip(("barrier_us", "empty_run_us"), np.array(measured).T / 1e3, strict=True):
        spread = {"low": float(values.min()), "high": float(values.max()), "runs": len(values)}
        rows.append(row("pool-t2", metric, float(np.median(values)), "us", **spread))
    return rows


def rows(which: str, seconds: float) -> list[Row]:
    """`barrier`, or the sweep of a shape by its name without the sparsity, such as `linear-1024-n1`, with precision."""
    if which == "barrier":
        return barrier()
    return sweep(*SWEEPS[which], seconds)


SWEEPS = {f"{s.name.rsplit('-s', 1)[0]}-{p}": (s, p) for s in SHAPES for p in ("int8", "fp32")}
NAMES = ("barrier", *SWEEPS)

"""Wall-clock to a target accuracy on a set whose decoding is the bottleneck: the factor is chosen by `auto`.

Budgets and learning rates are tuned on decoded images, so tuning costs no decoding; then the real pipeline decodes,
and whole trainings are timed, with one worker beside the training thread and with two.
"""

from collections.abc import Iterator
from itertools import islice
from statistics import mean, median
from time import perf_counter

import numpy as np
import torch
from torch import nn

from apus.bench.results import Row, row
from apus.data.pipeline import Pipeline
from apus.techniques.echo import Schedule, emissions, rational, stride_without_duplicates
from benchmarks.echo import clipart
from benchmarks.echo.memory import remember
from benchmarks.echo.quality import near

BATCH, TARGET = 32, 0.42
BUDGETS = tuple(round(1500 * 1.5**i) for i in range(8))  # fresh reads, up to 25,629
RATES = (0.02, 0.05, 0.1)
TUNING_SEEDS, SEEDS = (100, 101, 102), (0, 1, 2, 3, 4)
WORKERS = (1, 2)

Batches = Iterator[tuple[np.ndarray, np.ndarray]]


def from_memory(factor: float, seed: int) -> Batches:
    """The stream that the pipeline makes, of decoded images."""
    x, y = clipart.decoded("train")
    e = rational(factor)
    keys = (
        k for epoch in range(10**6) for k in np.random.Generator(np.random.Philox([seed, epoch])).permutation(len(x))
    )
    order: list[int] = []
    pairs = emissions(Schedule(e, "stride", stride_without_duplicates(e, BATCH)), lambda i: True)
    for step in range(10**9):
        numbers = [i for i, _ in islice(pairs, BATCH)]
        order += islice(keys, max(numbers) + 1 - len(order))
        rows = [order[i] for i in numbers]
        yield clipart.augment(x[rows], np.random.Generator(np.random.Philox([seed + 2**32, step]))), y[rows]


def from_files(pipe: Pipeline) -> Batches:
    """Passes of the real pipeline, without end."""
    while True:
        yield from pipe


def pipeline(factor: float | str, seed: int, workers: int) -> Pipeline:
    """Decode, echo, batch, augment."""
    pipe = (
        Pipeline(clipart.splits()["train"], seed)
        .read()
        .decode(lambda pair: (clipart.decode(pair[0]), pair[1]), workers=workers)
    )
    pipe = pipe.echo(factor).batch(
        BATCH, collate=lambda pairs: (np.stack([x for x, _ in pairs]), np.array([y for _, y in pairs]))
    )
    return pipe.augment(lambda pair, rng: (clipart.augment(pair[0], rng), pair[1]))


def train(stream: Batches, steps: int, rate: float, seed: int) -> nn.Module:
    """A training of so many steps, the rate falling linearly to 0."""
    net, loss = clipart.network(seed), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=0.9, nesterov=True)
    for step, (x, y) in enumerate(islice(stream, steps)):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        optimizer.zero_grad()
        loss(net(clipart.tensor(x)), torch.from_numpy(y)).backward()
        optimizer.step()
    return net


def tuned(factor: float, rate: float, seed: int, budget: int) -> float:
    """Validation accuracy of a training on decoded images."""

    def run() -> dict:
        net = train(from_memory(factor, seed), round(budget * factor / BATCH), rate, seed)
        return {"valid": clipart.accuracy(net, "valid")}

    return float(remember(f"decode {factor} {rate} {seed} {budget}", run)["valid"])


def study(factor: float) -> tuple[int, float]:
    """Fresh reads to the target on validation, and the best learning rate there."""
    points: list[tuple[int, float]] = []
    rates: dict[int, float] = {}
    for budget in BUDGETS:
        found = {r: mean(tuned(factor, r, s, budget) for s in TUNING_SEEDS) for r in near(RATES, rates)}
        rates[budget] = max(found, key=found.__getitem__)
        points.append((budget, max(found.values())))
        print(f"decode e={factor} {budget}: {found}", flush=True)
        if points[-1][1] >= TARGET + 0.02:
            break
    slope, offset = np.polyfit(np.log([b for b, _ in points[-4:]]), [a for _, a in points[-4:]], 1)
    reads = round(float(np.exp((TARGET - offset) / slope)))
    return reads, rates[min(rates, key=lambda b: abs(np.log(b / reads)))]


def timed(factor: float | str, steps: int, rate: float, seed: int, workers: int) -> dict:
    """Seconds of a whole training from files, and what it reached."""
    pipe = pipeline(factor, seed, workers)
    begin = perf_counter()
    net = train(from_files(pipe), steps, rate, seed)
    taken = perf_counter() - begin
    return {
        "seconds": taken,
        "factor": pipe.factor,
        "test": clipart.accuracy(net, "test"),
        "stages": pipe.metrics().stages,
    }


def rows() -> list[Row]:
    """Speed-up of `auto` over no echo, to the same accuracy, for each number of workers."""
    torch.set_num_threads(1)
    plan: dict[str, tuple[float, int, float]] = {"1": (1.0, *study(1)), "auto": (4.0, *study(4))}
    return [_row(plan, workers) for workers in WORKERS]


def _row(plan: dict[str, tuple[float, int, float]], workers: int) -> Row:
    runs = {name: [_timed(name, *plan[name], seed, workers) for seed in SEEDS] for name in plan}
    seconds = {name: [r["seconds"] for r in each] for name, each in runs.items()}
    speedups = [a / b for a, b in zip(seconds["1"], seconds["auto"], strict=True)]
    detail = {
        "seconds": seconds,
        "workers": workers,
        "test_accuracy": {name: mean(r["test"] for r in each) for name, each in runs.items()},
        "test_accuracies": {name: [r["test"] for r in each] for name, each in runs.items()},
        "fresh_reads": {name: reads for name, (_, reads, _) in plan.items()},
        "rates": {name: rate for name, (_, _, rate) in plan.items()},
        "factors": [r["factor"] for r in runs["auto"]],
        "target_valid_accuracy": TARGET,
    }
    name = "decode-bound-auto" if workers == 1 else f"decode-bound-auto-w{workers}"
    found = {"low": min(speedups), "high": max(speedups), "runs": len(SEEDS), "detail": detail}
    return row(name, "speedup", median(speedups), "x", **found)


def _timed(name: str, e: float, reads: int, rate: float, seed: int, workers: int) -> dict:
    steps, factor = round(reads * e / BATCH), "auto" if name == "auto" else 1
    key = f"decode timed {name} {steps} {rate} {seed} {workers}"
    found = remember(key, lambda: timed(factor, steps, rate, seed, workers))
    print(key, {k: v for k, v in found.items() if k != "stages"}, flush=True)
    return found


if __name__ == "__main__":
    rows()

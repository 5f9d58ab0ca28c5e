"""Wall-clock to the target accuracy with a slow source: R = 2, 4, 6, 8, with and without echo before augmentation.

The network, data, budgets and learning rates are those of `quality`; here the real pipeline feeds them. A step is
padded to 10 ms, as if an accelerator worked, and reading a batch takes R times that. Both trainings end at the same
accuracy because each has the budget of fresh reads that brings it there; the accuracies are reported.
"""

from statistics import mean, median
from time import perf_counter, sleep

import numpy as np
import torch
from torch import nn

from apus.bench.results import Row, row
from apus.data.pipeline import Pipeline
from apus.techniques.echo import step_time
from benchmarks.echo import quality
from benchmarks.echo.memory import remember

STEP, BATCH, WORKERS = 0.010, 64, 8
SEEDS = (0, 1, 2)
CASES = {2: (2,), 4: (4,), 6: (5,), 8: (5, 8)}


def pipeline(R: float, factor: float, seed: int) -> Pipeline:
    """Reads that take R steps a batch, echoed before augmentation."""
    labels = quality.splits()["train"][1]

    def read(key: int) -> int:
        sleep(WORKERS * R * STEP / BATCH)  # by many workers, each slow, as from a network: short sleeps are not exact
        return key

    def augment(rows: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        bits = rng.integers(0, 2**63, len(rows)).astype(np.uint64)
        return torch.from_numpy(quality.augment(rows, bits)), torch.from_numpy(labels[rows])

    pipe = Pipeline(range(len(labels)), seed).read(read, workers=WORKERS)
    return pipe.echo(factor).batch(BATCH, collate=np.array).augment(augment)


def train(R: float, factor: float, rate: float, budget: int, seed: int) -> dict:
    """Seconds, steps and final test accuracy of one training."""
    net, loss = quality.network(seed), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=0.9, nesterov=True)
    steps, step, pipe = round(budget * factor / BATCH), 0, pipeline(R, factor, seed)
    begin = perf_counter()
    while step < steps:
        for x, y in pipe:
            started = perf_counter()
            optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optimizer.step()
            sleep(max(0.0, STEP - (perf_counter() - started)))
            step += 1
            if step == steps:
                break
    return {"seconds": perf_counter() - begin, "steps": steps, "test": quality.accuracy(net, "test")}


def rows() -> list[Row]:
    """Speed-up to the same accuracy, measured and as the formula predicts it."""
    torch.set_num_threads(1)
    found = {c.factor: quality.study(c) for c in quality.CONDITIONS if c.batch == 64 and _plain(c)}
    made = []
    for R, factors in CASES.items():
        for factor in factors:
            runs = {e: [_run(R, e, found[e], seed) for seed in SEEDS] for e in (1, factor)}
            taken = {e: [r["seconds"] for r in each] for e, each in runs.items()}
            predicted = {e: runs[e][0]["steps"] * step_time(R * STEP, 0, STEP, e) for e in runs}
            speedups = [a / b for a, b in zip(taken[1], taken[factor], strict=True)]
            detail = {
                "seconds": {str(e): s for e, s in taken.items()},
                "test_accuracy": {str(e): mean(r["test"] for r in each) for e, each in runs.items()},
                "fresh_reads": {str(e): median(found[e]["reads"]) for e in runs},
                "predicted_seconds": {str(e): p for e, p in predicted.items()},
                "predicted_speedup": predicted[1] / predicted[factor],
            }
            name = f"wallclock-r{R}-e{factor}"
            print(name, round(median(speedups), 2), detail, flush=True)
            made.append(
                row(
                    name,
                    "speedup",
                    median(speedups),
                    "x",
                    low=min(speedups),
                    high=max(speedups),
                    runs=len(SEEDS),
                    detail=detail,
                )
            )
    return made


def _plain(c: quality.Condition) -> bool:
    return c.place == "none" or (c.place == "before" and c.spread == "stride")


def _run(R: float, factor: float, study: dict, seed: int) -> dict:
    budget, rate = round(median(study["reads"])), study["rate"]
    key = f"wallclock {R} {factor} {rate} {budget} {seed}"
    return remember(key, lambda: train(R, factor, rate, budget, seed))


if __name__ == "__main__":
    rows()

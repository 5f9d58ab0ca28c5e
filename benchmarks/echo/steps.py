"""Step time against the formula, R and `auto` from counters, and what echo costs where it is not needed.

Stages sleep, so that times are known: the step 20 ms, reading R times that per batch of 4. A sleep lasts longer than
asked, the more the busier the machine, so the formula gets the times that the sleeps really took.
"""

from statistics import mean, median
from time import perf_counter, sleep

import torch
from torch.utils.data import DataLoader, TensorDataset

from apus.bench.results import Row, row
from apus.data.echo_loader import echo
from apus.data.pipeline import Pipeline
from apus.techniques.echo import free_factor, step_time
from benchmarks.echo.memory import remember

STEP, BATCH = 0.020, 4


class Pause:
    """A function that takes so many seconds, and remembers how many it really took."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.taken: list[float] = []

    def __call__(self, value: object) -> object:
        if self.seconds:
            begin = perf_counter()
            sleep(self.seconds)
            self.taken.append(perf_counter() - begin)
        return value

    def mean(self) -> float:
        """Seconds of the later half."""
        return mean(self.taken[len(self.taken) // 2 :]) if self.taken else 0.0


def measure(R: float, factor: float | str, augment: float = 0.0, steps: int = 50) -> dict:
    """Step time, R and stall in the steady state, and what the sleeps took."""
    read, after, step_ = Pause(R * STEP / BATCH), Pause(augment * STEP), Pause(STEP)
    pipe = Pipeline(range(200_000)).read(read, workers=1).echo(factor)
    pipe = pipe.batch(BATCH).map(after, workers=1, depth=4)
    most = 4 if factor == "auto" else int(-(-float(factor) // 1))
    warm = most * (most - 1) // 2 + (60 if factor == "auto" else 10)  # until all copies of the stride flow
    begin = 0.0
    for step, _ in enumerate(pipe):
        if step == warm:
            pipe.restart_metrics()
            begin = perf_counter()
        elif step == warm + steps:
            metrics, taken = pipe.metrics(), (perf_counter() - begin) / steps
            break
        step_(None)
    times = {"t_a": read.mean() * BATCH, "t_b": after.mean(), "t_d": step_.mean()}
    return {"seconds": taken, "R": metrics.R, "stall_pct": metrics.stall_pct, "factor": pipe.factor, **times}


def step_rows() -> list[Row]:
    """Relative error of the step time and of R, R on both sides of 1."""
    cases = [(R, e, 0.0) for R in (2, 4, 8) for e in sorted({1, 1.5, R / 2, R, 1.5 * R, 2 * R})]
    cases += [(4, 4, 1.5), (4, 2, 3.0)]  # augmentation is the bottleneck
    cases += [(0.5, 1, 0.0), (0.8, 1, 0.0)]  # the step is
    rows, errors, ratios = [], [], []
    for R, e, augment in cases:
        got = remember(f"steps {R} {e} {augment}", lambda R=R, e=e, a=augment: measure(R, e, a))
        wanted = step_time(got["t_a"], got["t_b"], got["t_d"], e)
        errors.append(got["seconds"] / wanted - 1)
        ratios.append(got["R"] / free_factor(got["t_a"], got["t_b"], got["t_d"]) - 1)
        print(f"R={R} e={e} augment={augment}: {got}, error {errors[-1]:+.3f}, R error {ratios[-1]:+.3f}", flush=True)
        detail = got | {"wanted_seconds": wanted, "R_injected": R}
        rows.append(row(f"step-r{R}-e{e:g}-b{augment:g}", "step_error_pct", 100 * errors[-1], "%", detail=detail))
    for name, values in (("step-time", errors), ("ratio", ratios)):
        worst = max(values, key=abs)
        rows.append(
            row(
                name,
                "worst_error_pct",
                100 * worst,
                "%",
                low=100 * min(values),
                high=100 * max(values),
                runs=len(values),
            )
        )
    return rows


def auto_rows() -> list[Row]:
    """The chosen factor against min(R, 4), and the stall that remains."""
    rows = []
    for R in (0.5, 0.8, 1.5, 2, 3, 4, 6):
        got = remember(f"auto {R}", lambda R=R: measure(R, "auto"))
        wanted = min(max(got["t_a"] / got["t_d"], 1), 4)
        print(f"auto R={R}: {got}", flush=True)
        rows.append(row(f"auto-r{R}", "factor", got["factor"], "x", detail=got | {"wanted": wanted}))
    return rows


def overhead_rows() -> list[Row]:
    """Time per batch of `echo(loader, 1)` over the loader's own, in turns."""
    rows = []
    x = torch.zeros(64 * 400, 256)
    for workers in (0, 2):
        loader = DataLoader(TensorDataset(x), 64, num_workers=workers)

        def once(loader=loader) -> dict:
            plain, echoed = [], []
            for _ in range(7):
                plain.append(seconds(loader))
                echoed.append(seconds(echo(loader, 1)))
            return {"plain": plain, "echoed": echoed}

        got = remember(f"overhead {workers}", once)
        extra = [1e6 * (b - a) / 400 for a, b in zip(got["plain"], got["echoed"], strict=True)]
        share = 100 * (median(got["echoed"]) / median(got["plain"]) - 1)
        print(f"overhead, {workers} workers: {share:+.1f} %, {median(extra):+.0f} us a batch", flush=True)
        name = "overhead-e1" if workers else "overhead-e1-inline"
        detail = {"us_per_batch": median(extra), "plain_us": 1e6 * mean(got["plain"]) / 400, "workers": workers}
        rows.append(row(name, "overhead_pct", share, "%", runs=7, detail=detail))
    return rows


def seconds(stream: object) -> float:
    begin = perf_counter()
    for _ in stream:  # type: ignore[attr-defined]
        pass
    return perf_counter() - begin


def rows() -> list[Row]:
    """All of them."""
    return step_rows() + auto_rows() + overhead_rows()


if __name__ == "__main__":
    rows()

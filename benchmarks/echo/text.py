"""One pass over text, no augmentation: does echo help where every fresh read is new?

A character model (embedding, one hidden layer over 16 characters of context) reads Python's standard library once, in
windows of 64 characters. Reads to a cross entropy, learning rate tuned on a validation split; the paper's LM1B case.
"""

import sysconfig
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from torch import nn

from apus.bench.results import Row, row
from apus.techniques.echo import Schedule, emissions, rational, stride_without_duplicates
from benchmarks.echo.memory import remember
from benchmarks.echo.quality import near

WINDOW, CONTEXT, BATCH = 64, 16, 32
TARGET, DIVERGED = 2.10, 4.85  # nats per character
BUDGETS = tuple(round(1000 * 1.5**i) for i in range(11))  # windows, from far too few up to 57,665
RATES = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.57)
TUNING_SEEDS, SEEDS = (100, 101), (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Condition:
    """How windows are echoed: whole batches, or windows a stride apart."""

    name: str
    factor: float = 1
    whole_batches: bool = False


CONDITIONS = [
    Condition("onepass-text-baseline"),
    Condition("onepass-text-e2", 2),
    Condition("onepass-text-e4", 4),
    Condition("onepass-text-batch-e2", 2, whole_batches=True),
]


@cache
def windows() -> dict[str, torch.Tensor]:
    """Windows (N, 64) of character numbers; files are shuffled, then held out for valid and test, or read once."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py"))
    files = [f for f in files if "site-packages" not in f.parts and "test" not in f.parts]
    order = np.random.Generator(np.random.Philox(3)).permutation(len(files))
    raw = b"".join(files[i].read_bytes() for i in order)
    codes = np.minimum(np.frombuffer(raw, np.uint8), 127).astype(np.int64)
    cut = codes[: len(codes) // WINDOW * WINDOW].reshape(-1, WINDOW)
    cut = cut[np.random.Generator(np.random.Philox(4)).permutation(len(cut))]
    valid, test, train = cut[:2000], cut[2000:6000], cut[6000:]
    return {name: torch.from_numpy(part) for name, part in (("valid", valid), ("test", test), ("train", train))}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(128, 16)
        self.body = nn.Sequential(nn.Linear(16 * CONTEXT, 128), nn.ReLU(), nn.Linear(128, 128))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Windows (B, 64) to logits of the characters after each context, (B, 48, 128)."""
        seen = self.embed(x).unfold(1, CONTEXT, 1)[:, :-1]
        return self.body(seen.flatten(2))


def loss(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(net(x).flatten(0, 1), x[:, CONTEXT:].flatten())


def train(c: Condition, rate: float, seed: int, budget: int) -> dict:
    """One run on `budget` windows, each read once, the rate falling linearly to 0."""
    torch.manual_seed(seed)
    net, data = Network(), windows()["train"]
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(data))[:budget]
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=0.9, nesterov=True)
    e = rational(c.factor)
    stride = 1 if c.whole_batches else stride_without_duplicates(e, BATCH)
    units = budget // BATCH if c.whole_batches else budget
    pairs = emissions(Schedule(e, "none" if c.whole_batches else "stride", stride), lambda i: i < units)
    steps = int(units * e) // (1 if c.whole_batches else BATCH)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        if c.whole_batches:
            [(b, _)] = islice(pairs, 1)
            rows = order[b * BATCH : (b + 1) * BATCH]
        else:
            rows = order[[i for i, _ in islice(pairs, BATCH)]]
        optimizer.zero_grad()
        loss(net, data[rows]).backward()
        optimizer.step()
    with torch.inference_mode():
        held = {part: mean(float(loss(net, x)) for x in windows()[part].split(500)) for part in ("valid", "test")}
    # A diverged run is not a number, or worse than guessing at random among 128 characters.
    return {"steps": steps, **{part: v if v < DIVERGED else DIVERGED for part, v in held.items()}}


def study(c: Condition) -> dict:
    """Tune on validation, judge on test: reads to the target by seed."""

    def run(rate: float, seed: int, budget: int) -> dict:
        return remember(f"text {c.name} {rate} {seed} {budget}", lambda: train(c, rate, seed, budget))

    rates: dict[int, float] = {}
    for budget in BUDGETS:
        tuned = {r: mean(run(r, s, budget)["valid"] for s in TUNING_SEEDS) for r in near(RATES, rates)}
        rates[budget] = min(tuned, key=tuned.__getitem__)
        print(f"{c.name:24} {budget:6} windows: { ({r: round(v, 3) for r, v in tuned.items()}) }", flush=True)
        if min(tuned.values()) <= TARGET - 0.05:
            break
    points = {s: [(b, run(r, s, b)["test"]) for b, r in list(rates.items())[-4:]] for s in SEEDS}
    reads = [crossing(p) for p in points.values()]
    print(f"{c.name:24} median {median(reads):.0f} of {[round(r) for r in reads]}", flush=True)
    return {"name": c.name, "factor": c.factor, "rates": rates, "reads": reads, "target_nats": TARGET}


def crossing(points: list[tuple[int, float]]) -> float:
    """Budget at which the least-squares line of loss over log budget meets the target."""
    slope, offset = np.polyfit(np.log([b for b, _ in points]), [v for _, v in points], 1)
    return float(np.exp((TARGET - offset) / slope))


def rows() -> list[Row]:
    """Reads to target over the baseline's."""
    torch.set_num_threads(1)
    studies = [study(c) for c in CONDITIONS]
    base = median(studies[0]["reads"])
    return [
        row(
            s["name"], "fresh_ratio", median(s["reads"]) / base, "x",
            low=min(s["reads"]) / base, high=max(s["reads"]) / base, runs=len(SEEDS), detail=s,
        )
        for s in studies
    ]  # fmt: skip


if __name__ == "__main__":
    rows()

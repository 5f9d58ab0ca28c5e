"""Fresh reads to a target accuracy, by place of the echo, factor, batch size and shuffle buffer.

The paper's experiment (Choi et al. 2019, §4) on Fashion-MNIST: 5,000 training images are held out for validation. Each
run spends a budget of *fresh* reads, whatever the steps, with a learning rate that falls linearly to 0, as the paper's
image tasks do. Each condition tunes its learning rate at each budget on the validation split, with tuning seeds; with
the best ones, further seeds train and are judged on the test split. Reads to target: where accuracy over log budget
crosses it.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from statistics import mean, median

import numpy as np
import torch
from torch import nn

from apus.bench.results import Row, row
from apus.data import read_idx
from apus.data.fetch import find
from apus.techniques.echo import Schedule, emissions, rational, stride_without_duplicates
from benchmarks.echo.memory import remember

TRAIN = 6_000  # few, so that training takes many epochs, as the paper's image tasks do
TARGET = 0.80
BUDGETS = tuple(round(2000 * 1.5**i) for i in range(11))  # fresh reads, 2,000 to 115,330
RATES = (0.01, 0.02, 0.04, 0.08, 0.16)
TUNING_SEEDS, SEEDS = (100, 101), (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Condition:
    """One way to echo: `place` is before or after (augmentation), batch, or none."""

    place: str = "none"
    factor: float = 1
    batch: int = 64
    spread: str = "stride"
    slots: int = 0

    @property
    def name(self) -> str:
        if self.place == "none":
            return f"baseline-b{self.batch}"
        shuffle = f"-shuffle{self.slots}" if self.spread != "stride" and self.place != "batch" else ""
        return f"fresh-{self.place}-e{self.factor:g}" + (f"-b{self.batch}" if self.batch != 64 else "") + shuffle


CONDITIONS = [
    Condition(),
    *(Condition("before", e) for e in (2, 4, 5, 8)),
    *(Condition("after", e) for e in (2, 4, 8)),
    *(Condition("batch", e, spread="none") for e in (2, 4, 8)),
    Condition("before", 4, spread="none"),
    Condition("before", 4, spread="buffer", slots=1024),
    Condition(batch=32),
    Condition("before", 4, batch=32),
    Condition(batch=256),
    Condition("before", 4, batch=256),
]


@cache
def splits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images (N, 1, 28, 28) uint8 and classes (N,) of train (55,000), valid (5,000) and test (10,000)."""
    folder = find("fashion-mnist")
    read = {part: read_idx(next(folder.glob(f"{part}*"))) for part in ("train-im", "train-la", "t10k-im", "t10k-la")}
    x, y = read["train-im"][:, None], read["train-la"].astype(np.int64)
    order = np.random.Generator(np.random.Philox(7)).permutation(len(x))
    held, rest = order[:5000], order[5000:]
    test = read["t10k-im"][:, None], read["t10k-la"].astype(np.int64)
    return {"train": (x[rest[:TRAIN]], y[rest[:TRAIN]]), "valid": (x[held], y[held]), "test": test}


def tensor(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x.astype(np.float32)).div_(255).sub_(0.286).div_(0.353)


def stream(c: Condition, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Endless batches: images, classes, and the fresh reads so far."""
    y = splits()["train"][1]
    keys = (
        k for epoch in range(10**9) for k in np.random.Generator(np.random.Philox([seed, epoch])).permutation(len(y))
    )
    table: list[int] = []
    e = rational(c.factor)
    if c.place == "batch":
        pairs = (
            (b * c.batch + j, k) for b, k in emissions(Schedule(e, "none"), lambda i: True) for j in range(c.batch)
        )
    else:
        size = c.slots or stride_without_duplicates(e, c.batch)
        spread = c.spread if c.factor > 1 else "none"
        pairs = emissions(Schedule(e, spread, size, key=seed), lambda i: True)  # type: ignore[arg-type]
    while batch := list(islice(pairs, c.batch)):
        while len(table) <= max(i for i, _ in batch):
            table.append(next(keys))
        rows = [table[i] for i, _ in batch]
        copies = [k if c.place == "before" else 0 for _, k in batch]
        yield (
            augment(np.array(rows), draw(seed, np.array([i for i, _ in batch]), np.array(copies))),
            y[rows],
            len(table),
        )


def draw(seed: int, item: np.ndarray, copy: np.ndarray) -> np.ndarray:
    """64 random bits for each view, a hash (splitmix64, Steele et al. 2014) of seed, item and copy."""
    z = (item.astype(np.uint64) << np.uint64(8)) + copy.astype(np.uint64) + np.uint64(seed << 48)
    with np.errstate(over="ignore"):
        for multiplier in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15):
            z = (z + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(multiplier)
            z ^= z >> np.uint64(31)
    return z


def augment(rows: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Shift by up to 2 pixels each way, then set an 8x8 square anywhere to 0: (B,) rows to images (B, 28, 28)."""
    images, holes = windows()
    down, right, top, left = ((bits >> np.uint64(8 * j)) & np.uint64(255) for j in range(4))
    moved = images[rows, down % np.uint64(5), right % np.uint64(5)]
    moved *= holes[top % np.uint64(29), left % np.uint64(29)]
    return moved


@cache
def windows() -> tuple[np.ndarray, np.ndarray]:
    """Views: every shifted image (N, 5, 5, 28, 28) and every mask with a hole (29, 29, 28, 28)."""
    padded = np.pad(tensor(splits()["train"][0][:, 0]).numpy(), ((0, 0), (2, 2), (2, 2)), constant_values=-0.81)
    mask = np.ones((56, 56), np.float32)
    mask[24:32, 24:32] = 0
    view = np.lib.stride_tricks.sliding_window_view
    return view(padded, (28, 28), axis=(1, 2)), view(mask, (28, 28))


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def train(c: Condition, rate: float, seed: int, budget: int) -> dict:
    """Train on `budget` fresh reads while the learning rate falls linearly to 0; return the final accuracies."""
    net, loss = network(seed), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=0.9, nesterov=True)
    for step, (x, y, fresh) in enumerate(stream(c, seed), 1):  # noqa: B007 (used below)
        if fresh > budget:
            break
        optimizer.param_groups[0]["lr"] = rate * (1 - fresh / budget)
        optimizer.zero_grad()
        loss(net(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        optimizer.step()
    return {"steps": step - 1, **{split: accuracy(net, split) for split in ("valid", "test")}}


def accuracy(net: nn.Module, split: str) -> float:
    x, y = splits()[split]
    with torch.inference_mode():
        return float((net(tensor(x)).argmax(1) == torch.from_numpy(y)).float().mean())


def run(c: Condition, rate: float, seed: int, budget: int) -> dict:
    return remember(f"quality {c.name} {rate} {seed} {budget}", lambda: train(c, rate, seed, budget))


def study(c: Condition, progress=print) -> dict:
    """Tune on validation, then judge on test: reads to the target by seed."""
    rates: dict[int, float] = {}
    for budget in BUDGETS:
        tuned = {r: mean(run(c, r, s, budget)["valid"] for s in TUNING_SEEDS) for r in near(RATES, rates)}
        rates[budget] = max(tuned, key=tuned.__getitem__)
        progress(f"{c.name:28} {budget:6} reads: { ({r: round(100 * a, 1) for r, a in tuned.items()}) }")
        if max(tuned.values()) >= TARGET + 0.008:
            break
    reads = [crossing([(b, run(c, r, s, b)["test"]) for b, r in list(rates.items())[-4:]]) for s in SEEDS]
    progress(f"{c.name:28} median {median(reads):.0f} of {[round(r) for r in reads]}, rates {rates}")
    return {"name": c.name, "condition": asdict(c), "rates": rates, "reads": reads, "rate": _rate_near(rates, reads)}


def near(grid: tuple[float, ...], found: dict[int, float]) -> tuple[float, ...]:
    """Learning rates to try: all at first, then the best of the budget before and its neighbours."""
    if not found:
        return grid
    best = grid.index(found[max(found)])
    return grid[max(0, best - 1) : best + 2]


def _rate_near(rates: dict[int, float], reads: list[float]) -> float:
    """The learning rate of the budget nearest to the target."""
    return rates[min(rates, key=lambda budget: abs(np.log(budget / median(reads))))]


def crossing(points: list[tuple[int, float]]) -> float:
    """Budget at which the least-squares line of accuracy over log budget meets the target."""
    slope, offset = np.polyfit(np.log([b for b, _ in points]), [a for _, a in points], 1)
    return float(np.exp((TARGET - offset) / slope))


def rows() -> list[Row]:
    """Reads to target of each condition over those of its baseline, with the spread over seeds."""
    torch.set_num_threads(1)
    studies = [study(c, lambda line: print(line, flush=True)) for c in CONDITIONS]
    base = {s["condition"]["batch"]: median(s["reads"]) for s in studies if s["condition"]["place"] == "none"}
    return [
        row(
            s["name"],
            "fresh_ratio",
            median(s["reads"]) / base[s["condition"]["batch"]],
            "x",
            low=min(s["reads"]) / base[s["condition"]["batch"]],
            high=max(s["reads"]) / base[s["condition"]["batch"]],
            runs=len(SEEDS),
            detail=s | {"target_accuracy": TARGET, "baseline_reads": base[s["condition"]["batch"]]},
        )
        for s in studies
    ]


if __name__ == "__main__":
    rows()

"""Trains one run; an epoch is the most that a kill costs, and what comes of it is the same.

The paper's protocol for LeNet-5 (van Baalen et al. 2020, arXiv:2005.07093): Adam at 1e-3, the weights' rate constant
for two thirds of the steps, then linear to 0; no weight decay; the last epoch's network is what counts. One thing is
not the paper's: the ranges' rate falls with the weights'. With constant ranges a network fell from 99.3 to 93.5 % of
the validation images in its last epoch, the same gates open, when the weights could no longer make good for what moved.
A run of few epochs moves its gates faster, and decides them before it ends.
"""

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.bits.runs import BATCH, HELD_OUT, RATE, Run
from torch import Tensor, nn
from torch.nn import functional as F

from apus._files import write_atomically
from apus.compress.latency import measured
from apus.data.fetch import find
from apus.data.idx import read_idx
from apus.models.lenet5 import LeNet5
from apus.techniques import bayesian_bits as bb
from apus.training import checkpoint

FOLDER = Path("runs/bits")
NORMAL = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}  # mean and deviation of the training pixels


@cache
def images(data: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Normalised images (N, 1, 28, 28) and classes (N,): train 55,000, valid 5,000, test 10,000."""
    folder, (mean, deviation) = find(data), NORMAL[data]

    def read(part: str) -> tuple[Tensor, Tensor]:
        x, y = (read_idx(folder / f"{part}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
        return (torch.from_numpy(x)[:, None].float() / 255 - mean) / deviation, torch.from_numpy(y).long()

    x, y = read("train")
    cut = len(x) - HELD_OUT
    return {"train": (x[:cut], y[:cut]), "valid": (x[cut:], y[cut:]), "test": read("t10k")}


def network(run: Run) -> nn.Module:
    """The run's network before its first step, channels last: half the time in pooling."""
    torch.manual_seed(run.seed)
    model: nn.Module = LeNet5()
    if run.start is not None:
        model.load_state_dict(torch.load(FOLDER / f"{run.start}.pt", weights_only=True)["model"])
    if run.setting != "float":
        costs = prices(model) if run.how().cost == "latency" else None
        model = bb.prepare(model, images(run.data)["train"][0][:BATCH], costs=costs, **run.how().prepared())
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def prices(model: nn.Module) -> dict[str, list[float]]:
    """Each layer's µs at 2, 4, 8, 16, 32 bits, batch 1, one thread; measured once, for all runs, on an idle machine."""
    path = FOLDER / "latency.json"
    if not path.exists():
        write_atomically(path, json.dumps(measured(model.eval(), images("mnist")["train"][0][:1])))
    found: dict[str, list[float]] = json.loads(path.read_text())
    return found


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    groups = bb.parameter_groups(model)
    return torch.optim.Adam([{"params": p, "name": name} for name, p in groups.items() if p], RATE, fused=True)


def train(run: Run, say: Any = print) -> dict[str, Any]:
    """Train to the end, or from the last epoch that was kept; the result is written beside the checkpoint."""
    path, model = FOLDER / f"{run.name}.pt", network(run)
    optimizer, history = optimizer_of(model), []
    if (state := checkpoint.load(path)) is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        history = state["history"]
        checkpoint.restore_random_state(state["random"])
    while len(history) < run.epochs:
        history.append(epoch(run, model, optimizer, len(history)))
        say(f"{run.name} epoch {len(history)} of {run.epochs}: {json.dumps(history[-1], default=str)[:180]}")
        kept = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": history}
        checkpoint.save(path, kept | {"random": checkpoint.random_state()})
    result = {"run": run.name, "history": history, "test_accuracy_pct": accuracy(model, run, "test"), **judged(model)}
    write_atomically(FOLDER / f"{run.name}.json", json.dumps(result))
    return result


def epoch(run: Run, model: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> dict[str, Any]:
    """One pass; the order is a function of seed and epoch alone."""
    x, y = images(run.data)["train"]
    order = torch.from_numpy(np.random.Generator(np.random.Philox([run.seed, number])).permutation(len(x)))
    batches, total, begin = order.split(BATCH), 0.0, time.process_time()
    model.train()
    if number >= run.freeze * run.epochs:
        bb.freeze(model)
    for i, rows in enumerate(batches):
        passed = (number + i / len(batches)) / run.epochs
        for group in optimizer.param_groups:
            group["lr"] = run.gates if group["name"] == "gates" else RATE * min(1.0, 3 * (1 - passed))
        loss = F.cross_entropy(model(x[rows]), y[rows])
        total += loss.item()
        if run.how().mu:
            loss = loss + run.how().mu * bb.penalty(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    row = {"loss": total / len(batches), "valid_accuracy_pct": accuracy(model, run, "valid")}
    return row | judged(model) | {"cpu_seconds": time.process_time() - begin}


def judged(model: nn.Module) -> dict[str, Any]:
    """Relative BOPs and the layers' widths as the test-time gates have them."""
    if not any(isinstance(m, bb.BitLayer) for m in model.modules()):
        return {"relative_bops_pct": 100.0}
    layers = bb.learned(model, torch.zeros(1, 1, 28, 28))
    return {"relative_bops_pct": bb.relative_bops(layers), "layers": bb.describe(model)}


@torch.no_grad()
def accuracy(model: nn.Module, run: Run, split: str) -> float:
    x, y = images(run.data)[split]
    model.eval()
    right = sum(int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(500), y.split(500), strict=True))
    return 100 * right / len(x)

"""What `Runtime` adds to a step on a CPU: steps with it and without, in turns."""

import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from apus.models.sparse_cnn import SparseCNN
from apus.training import Runtime


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, loader: Iterable[Any]) -> Iterator[float]:
    """Seconds of each step of a pass, reading included."""
    batches = iter(loader)
    while True:
        start = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return
        optimizer.zero_grad()
        F.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()
        yield time.perf_counter() - start


def measure(passes: int = 8) -> dict[str, float]:
    """Percent of a step that the runtime adds, from steps without it, with it and without again, in turns.

    Args:
        passes: over 40 batches, of which the first warms up; ≥ 2.

    Returns:
        `added`: median over the steps of ours against the mean of its two neighbours; `low` and `high`: the least and
        largest of a pass; `noise`: what one bare loop adds to the other, by the same reckoning; `steps`: how many.
    """
    torch.set_num_threads(1)
    data = TensorDataset(torch.randn(1280, 1, 28, 28), torch.randint(0, 10, (1280,)))
    contenders = []
    for place in (_bare, Runtime("cpu").setup, _bare):
        model, loader = place(SparseCNN(), DataLoader(data, batch_size=32, shuffle=True))
        contenders.append((model, torch.optim.SGD(model.parameters(), lr=1e-3), loader))
    rounds = [list(zip(*(steps(*one) for one in contenders), strict=True)) for _ in range(passes)][1:]
    of_passes = [_added(one) for one in rounds]
    all_steps = [times for one in rounds for times in one]
    noise = 100 * statistics.median(again / bare - 1 for bare, _, again in all_steps)
    added = _added(all_steps)
    return {"added": added, "low": min(of_passes), "high": max(of_passes), "noise": noise, "steps": len(all_steps)}


def _bare(*pieces: Any) -> tuple[Any, ...]:
    return pieces


def _added(rounds: Sequence[tuple[float, ...]]) -> float:
    return 100 * statistics.median(2 * ours / (before + after) - 1 for before, ours, after in rounds)

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


def measure(passes: int = 8) -> tuple[float, float, float]:
    """Percent of a step that the runtime adds, from steps with it and without in turns.

    Args:
        passes: over 40 batches, of which the first warms up; ≥ 2.

    Returns:
        From the medians of all steps, then the least and the largest of a pass; any may be below 0, by noise.
    """
    torch.set_num_threads(1)
    data = TensorDataset(torch.randn(1280, 1, 28, 28), torch.randint(0, 10, (1280,)))
    runtime = Runtime("cpu")
    contenders = []
    for place in (lambda *pair: pair, runtime.setup):
        model, loader = place(SparseCNN(), DataLoader(data, batch_size=32, shuffle=True))
        contenders.append((model, torch.optim.SGD(model.parameters(), lr=1e-3), loader))
    pairs = [list(zip(*(steps(*one) for one in contenders), strict=True)) for _ in range(passes)][1:]
    of_passes = [_added(one) for one in pairs]
    return _added([pair for one in pairs for pair in one]), min(of_passes), max(of_passes)


def _added(pairs: Sequence[tuple[float, float]]) -> float:
    bare, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    return 100 * (ours / bare - 1)

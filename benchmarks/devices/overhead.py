"""What `Runtime` adds to a step on a CPU: passes over the same data with it and without, in turns."""

import statistics
import time
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from apus.models.sparse_cnn import SparseCNN
from apus.training import Runtime


def one_pass(model: nn.Module, optimizer: torch.optim.Optimizer, loader: Iterable[Any]) -> float:
    """Seconds of a pass."""
    start = time.perf_counter()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return time.perf_counter() - start


def measure(turns: int = 15) -> tuple[float, float, float]:
    """Percent of a step that the runtime adds: median of the turns, and their quartiles.

    Args:
        turns: pairs of passes, ≥ 4.

    Returns:
        Median, lower and upper quartile; either may be below 0, by noise.
    """
    torch.set_num_threads(1)
    data = TensorDataset(torch.randn(320, 1, 28, 28), torch.randint(0, 10, (320,)))
    runtime = Runtime("cpu")
    contenders = []
    for place in (lambda *pair: pair, runtime.setup):
        model, loader = place(SparseCNN(), DataLoader(data, batch_size=32, shuffle=True))
        contenders.append((model, torch.optim.SGD(model.parameters(), lr=1e-3), loader))
    for contender in contenders:
        one_pass(*contender)
    ratios = []
    for turn in range(turns):
        order = (0, 1) if turn % 2 else (1, 0)
        seconds = {index: one_pass(*contenders[index]) for index in order}
        ratios.append(100 * (seconds[1] / seconds[0] - 1))
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, low, high

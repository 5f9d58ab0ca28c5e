"""An input-starved run: the plain loop against the same through prefetch and echo, on the accelerator if there is one.

Reading an example costs an injected pause. Echo repeats each batch `ECHO` times; whether the copies teach as much as
fresh data is a question for `make bench-echo`, this one asks only whether the device is kept busy.
"""

import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from apus.data.echo_loader import echo
from apus.models.sparse_cnn import SparseCNN
from apus.training import Runtime

PAUSE, COUNT, ROWS, ECHO = 4e-3, 320, 32, 5


class Slow(Dataset[tuple[Tensor, int]]):
    """Random images, each of which takes `PAUSE` seconds to read."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        time.sleep(PAUSE)
        return torch.full((1, 28, 28), index / COUNT), index % 10


def _steps_per_second(runtime: Runtime, model: Any, feed: Any) -> tuple[float, float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    steps, start = 0, time.perf_counter()
    for x, y in feed:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        steps += 1
    if runtime.device.type != "cpu":
        torch.accelerator.synchronize()
    seconds = time.perf_counter() - start
    return steps / seconds, 1 - feed.wait_seconds / seconds


def measure() -> dict[str, Any]:
    """Optimizer steps a second, plain and fed, and the share of the time that the loop did not wait for data."""
    runtime = Runtime()
    model = runtime.setup(SparseCNN())
    plain = runtime.loader(DataLoader(Slow(), batch_size=ROWS), prefetch=0)
    fed = runtime.loader(echo(DataLoader(Slow(), batch_size=ROWS), ECHO), prefetch=4)
    slow, idle = _steps_per_second(runtime, model, plain)
    fast, busy = _steps_per_second(runtime, model, fed)
    detail = {"plain_steps_per_s": slow, "fed_steps_per_s": fast, "plain_busy": idle, "fed_busy": busy}
    return {"device": runtime.device.type, "speedup": fast / slow, **detail, "echo": ECHO, "pause_ms": 1000 * PAUSE}

"""One contender, in a process of its own: DEVICE COMPILER PRECISION STEPS ROWS; prints JSON. torchrun may start many.

The data are Fashion-MNIST, the network the demo's teacher; every pass ends with a ragged batch.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from apus.data import load
from apus.models.residual_cnn import ResidualCNN
from apus.training import Runtime

WARM = 3


def main() -> None:
    """Train and print."""
    device, compiler, precision, steps, rows = sys.argv[1:]
    runtime = Runtime(device, compiler=None if compiler == "none" else compiler, precision=precision)  # type: ignore[arg-type]
    torch.manual_seed(0)
    data = load("fashion-mnist", limit=10 * int(rows) + 7).train
    pairs = TensorDataset(torch.tensor(data.x) / 255.0, torch.tensor(data.y))
    model, feed = runtime.setup(ResidualCNN(), DataLoader(pairs, batch_size=int(rows), shuffle=True))
    optimizer = torch.optim.SGD(model.parameters(), lr=2e-3, momentum=0.9)
    times, losses, compiled = [], [], 0
    while len(losses) < int(steps):
        for x, y in feed:
            start = time.perf_counter()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(float(runtime.ranks.mean(loss.detach())))
            times.append(time.perf_counter() - start)
            if len(losses) == WARM:
                compiled = runtime.compilations()
            if len(losses) == int(steps):
                break
    if runtime.is_main:
        late = runtime.compilations() - compiled
        kept = sorted(times[WARM:])
        result = {"median": kept[len(kept) // 2], "low": kept[0], "high": kept[-1], "losses": losses, "late": late}
        sys.stdout.write(json.dumps(result | {"wait": feed.wait_seconds}) + "\n")
    runtime.ranks.barrier()


main()

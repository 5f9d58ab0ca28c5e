"""Trains one small network in several ways, alone or under torchrun, and writes what came of each: OUT.json.

The last batch of each pass is ragged on purpose, and with two ranks one of them gets fewer rows.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from apus.training import Runtime
from apus.training.distributed import whole


def network():
    torch.manual_seed(1)
    blocks = nn.Sequential(*(nn.Sequential(nn.Linear(16, 16), nn.GELU(), nn.LayerNorm(16)) for _ in range(3)))
    return nn.Sequential(blocks, nn.Linear(16, 4))


def digest(model):
    values = b"".join(whole(p).numpy().tobytes() for p in model.parameters())
    return hashlib.sha256(values).hexdigest()


def train(runtime, chunks=0, epochs=2):
    model = runtime.setup(network())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    data = torch.Generator().manual_seed(2)
    x = torch.randn(77, 16, generator=data)
    torch.manual_seed(3)
    loader = runtime.setup(DataLoader(TensorDataset(x, x[:, :4].argmax(1)), batch_size=12, shuffle=True))
    losses = []
    for _epoch in range(epochs):
        for batch in loader:
            optimizer.zero_grad()
            if chunks:
                total = lambda x, y: F.cross_entropy(model(x), y, reduction="sum")  # noqa: E731
                loss = runtime.accumulate(total, model, batch, chunks)
            else:
                loss = F.cross_entropy(model(batch[0]), batch[1])
                loss.backward()
            optimizer.step()
            losses.append(loss.item())
    kinds = sorted({type(value).__name__ for value in model.state_dict().values()})
    weights = {name: whole(value).tolist() for name, value in model.state_dict().items()}
    return {"losses": losses, "weights": weights, "kinds": kinds, "digests": runtime.ranks.gather(digest(model))}


def main(out):
    results = {"plain": train(runtime := Runtime("cpu")), "accumulate": train(runtime, chunks=3)}
    results["sharded"] = train(Runtime("cpu", shard=True))
    value = torch.tensor(float(runtime.ranks.rank))
    results["mean"] = float(runtime.ranks.mean(value))
    results["rows"] = runtime.ranks.gather([len(x) for x, _ in rows(runtime)])
    with torch.no_grad():
        results["rows_without_gradients"] = runtime.ranks.gather([len(x) for x, _ in rows(runtime)])
    if runtime.is_main:
        Path(out).write_text(json.dumps(results))
    runtime.ranks.barrier()


def rows(runtime):
    return runtime.loader(DataLoader(TensorDataset(torch.zeros(7, 1), torch.zeros(7)), batch_size=3))


main(sys.argv[1])

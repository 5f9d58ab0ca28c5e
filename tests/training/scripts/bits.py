"""Learns widths by Bayesian Bits, alone or under torchrun: OUT.json. The price is high, so that gates do close."""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from apus.techniques import bayesian_bits
from apus.training import Runtime

torch.manual_seed(1)
runtime = Runtime()
x = torch.randn(99, 16, generator=torch.Generator().manual_seed(2))
network = bayesian_bits.prepare(nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4)), x[:16])
model, feed = runtime.setup(network, DataLoader(TensorDataset(x, x[:, :4].argmax(1)), batch_size=16))
groups = bayesian_bits.parameter_groups(network)
optimizer = torch.optim.SGD([{"params": groups["weights"]}, {"params": groups["ranges"]}], lr=0.01)
gates = torch.optim.SGD(groups["gates"], lr=20.0)
before = [gate.detach().cpu().clone() for gate in groups["gates"]]
for _ in range(3):
    for x, y in feed:
        optimizer.zero_grad()
        gates.zero_grad()
        (F.cross_entropy(model(x), y) + 1.0 * bayesian_bits.penalty(network)).backward()
        optimizer.step()
        gates.step()
moved = max(float((gate.detach().cpu() - old).abs().max()) for gate, old in zip(groups["gates"], before, strict=True))
phi = [gate.detach().cpu().tolist() for gate in groups["gates"]]
widths = [[row["weight_bits"], row["input_bits"], row["kept"]] for row in bayesian_bits.describe(network)]
weights = [p.detach().cpu().flatten().tolist() for p in groups["weights"]]
everyone = runtime.ranks.gather({"phi": phi, "widths": widths, "weights": weights, "moved": moved})
if runtime.is_main:
    Path(sys.argv[1]).write_text(json.dumps(everyone))
runtime.ranks.barrier()

"""Distils, prunes to 16x1 blocks and fake-quantises at once, alone or under torchrun: OUT.json."""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from apus.data.echo_loader import echo
from apus.techniques.distill import Teacher, distil_loss, soft_targets
from apus.techniques.quantize.fake import QuantLayer
from apus.techniques.sparsity import Masks, cubic
from apus.training import Runtime

torch.manual_seed(1)
runtime = Runtime()
teacher = Teacher(nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 4)).to(runtime.device))
student = nn.Sequential(QuantLayer(nn.Linear(16, 32)), nn.ReLU(), QuantLayer(nn.Linear(32, 32)), nn.Linear(32, 4))
x = torch.randn(96, 16, generator=torch.Generator().manual_seed(2))
loader = DataLoader(TensorDataset(x, x[:, :4].argmax(1)), batch_size=16)
model, feed = runtime.setup(student, echo(loader, 2))
masks = Masks(student)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
step = 0
for x, y in feed:
    optimizer.zero_grad()
    z = model(x)
    distil_loss(F.cross_entropy(z, y), soft_targets(z, teacher(x), 4.0), 0.9).backward()
    optimizer.step()
    step += 1
    if step % 4 == 0:
        masks.update(cubic(step, begin=0, end=8, final=0.75))
    masks.apply()
kept = {name: mask.cpu().int().flatten().tolist() for name, mask in masks.kept.items()}
weights = [p.detach().cpu().flatten().tolist() for p in student.parameters()]
everyone = runtime.ranks.gather({"kept": kept, "weights": weights, "steps": step})
if runtime.is_main:
    Path(sys.argv[1]).write_text(json.dumps(everyone))
runtime.ranks.barrier()

"""Trains a network of the demo: MODEL UNTIL ROWS [FOLDER]; prints the losses of its steps and the score after them.

With a folder it checkpoints there, and takes up what it finds. MODEL: teacher or student.
"""

import json
import sys

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from apus.data import load
from apus.models.residual_cnn import ResidualCNN
from apus.models.sparse_cnn import SparseCNN
from apus.training import Runtime

name, until, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
folder = sys.argv[4] if len(sys.argv) > 4 else None


def tensors(split):
    return TensorDataset(torch.tensor(split.x) / 255.0, torch.tensor(split.y))


data = load("fashion-mnist", limit=max(1000, 3 * rows))
torch.manual_seed(0)
train = DataLoader(tensors(data.train), batch_size=rows, shuffle=True, drop_last=True)
test = DataLoader(tensors(data.test[:1000]), batch_size=200)
runtime = Runtime()
model, train, test = runtime.setup(ResidualCNN() if name == "teacher" else SparseCNN(), train, test)
optimizer = torch.optim.SGD(model.parameters(), lr=0.002, momentum=0.9)
parts = {"model": model, "optimizer": optimizer, "loader": train}
keeper = runtime.checkpoints(folder, every=5, **parts) if folder else None
step, losses = keeper.steps if keeper else 0, {}
while step < until:
    for x, y in train:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses[step] = loss.detach()
        step += 1
        if keeper:
            keeper.step()
        if step >= until:
            break
model.eval()
with torch.no_grad():
    pairs = [(model(x), y) for x, y in test]
logits, labels = (torch.cat(part) for part in zip(*pairs, strict=True))
score = {"loss": float(F.cross_entropy(logits, labels)), "right": int((logits.argmax(1) == labels).sum())}
print(json.dumps({"losses": {key: float(value) for key, value in losses.items()}, **score}))

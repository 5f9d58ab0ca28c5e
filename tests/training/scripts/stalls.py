"""A training script with a stall on every line that says so: what the lint must find, and nowhere else."""

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
random.seed(0)
data = TensorDataset(torch.randn(250, 32), torch.randint(0, 4, (250,)))
loader = DataLoader(data, batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 4))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
history = []
for _epoch in range(4):
    for x, y in loader:  # stall: recompile
        optimizer.zero_grad()
        z = model(x)
        loss = F.cross_entropy(z, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)  # stall: stall
        optimizer.step()
        with torch.no_grad():
            running = loss.item()  # stall: stall
            exact = float(z.max())  # stall: stall
            print(loss)  # stall: stall
            text = f"{loss}"  # stall: stall
            if loss > 100:  # stall: stall
                break
            hard = z[z > 0]  # stall: stall
            rows = (y == 1).nonzero()  # stall: stall
            picked = torch.masked_select(z, z > 1)  # stall: stall
            classes = y.unique()  # stall: stall
            numbers = z[0].tolist()  # stall: stall
            array = np.mean(z.numpy())  # stall: stall
            on_host = z.cpu()  # stall: stall
            same = torch.equal(z, z)  # stall: stall
            often = torch.repeat_interleave(z, y, 0)  # stall: stall
            counts = torch.bincount(y)  # stall: stall
            for _ in range(y[0]):  # stall: stall
                pass
            crop = x[:, : random.randint(8, 32)]  # stall: recompile
            history.append(loss.detach())
            mean = torch.stack(history).mean()  # stall: recompile
            wide = loss.double()  # stall: dtype

"""A training script that a TPU likes: fixed shapes, metrics fetched once in a while, evaluation apart."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    """Reads values on the host, which is what a data set is for."""

    def __len__(self):
        return 256

    def __getitem__(self, index):
        x = torch.randn(32) * torch.rand(()).item()
        return x[x > -10], int(x.sum() > 0)


torch.manual_seed(0)
loader = DataLoader(Noisy(), batch_size=16, shuffle=True, drop_last=True)
model = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 64)
total = torch.zeros(())
for _epoch in range(4):
    for step, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.detach()
        if step % 10 == 9:
            print(f"loss {total.item() / 10:.3f}")
            total.zero_()
    with torch.no_grad():
        model.eval()
        right = sum((model(x).argmax(1) == y).sum() for x, y in loader)
        print("accuracy", right.item() / 256)
        model.train()

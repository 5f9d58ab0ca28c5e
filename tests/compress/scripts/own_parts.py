"""A user's own parts, in a script of their own: networks, data and loss that Apus has never seen."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Gate(nn.Module):
    """Squeeze and excitation, with a hard sigmoid."""

    def __init__(self, width):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, 16, 1), nn.Conv2d(16, width, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class Net(nn.Module):
    def __init__(self, width=16, gate=False):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.deep, self.point = nn.Conv2d(width, width, 3, padding=1, groups=width), nn.Conv2d(width, width, 1)
        self.gate = Gate(width) if gate else nn.Identity()
        self.pool, self.head = nn.MaxPool2d(2), nn.Linear(width * 25, 4)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(x + self.gate(self.point(self.deep(x))))
        return self.head(self.pool(x).flatten(1))


def teacher(width=32):
    return Net(width, gate=True)


def student(width=16):
    return Net(width)


def arrays(count, seed):
    """Two channels of noise; the class is the quadrant that is brighter."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.5, (count, 2, 10, 10)).astype(np.float32)
    y = rng.integers(0, 4, count)
    for image, label in zip(x, y, strict=True):
        top, left = 5 * (label // 2), 5 * (label % 2)
        image[:, top : top + 5, left : left + 5] += 0.6
    return x, y


def data(count=512):
    return arrays(count, 0), arrays(128, 1), arrays(200, 2)


def loaders(count=512):
    parts = [TensorDataset(*map(torch.from_numpy, part)) for part in data(count)]
    return [DataLoader(part, 32, shuffle=place == 0) for place, part in enumerate(parts)]


def loss(z, y):
    return F.multi_margin_loss(z, y)


NOT_CALLABLE = 3

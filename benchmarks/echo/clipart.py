"""OpenClipart as the echo benchmarks use it: drawings of 64 pixels, decoded anew each time, and a small network."""

import io
from functools import cache

import numpy as np
import torch
from recipes.clipart import CLASSES, draw, splits
from torch import nn

SIDE = 64


def decode(path: str | io.BytesIO) -> np.ndarray:
    """Red, green and blue on white, (64, 64, 3) uint8."""
    return draw(path, SIDE)


@cache
def decoded(split: str) -> tuple[np.ndarray, np.ndarray]:
    """All images of a split, decoded once: for tuning and for judging, which are not timed."""
    x = np.stack([decode(path) for path, _ in splits()[split]])
    return x, np.array([label for _, label in splits()[split]])


def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift by up to 6 pixels and mirror: (B, 64, 64, 3) to (B, 64, 64, 3)."""
    moved = np.pad(x, ((0, 0), (6, 6), (6, 6), (0, 0)), mode="edge")
    corners = rng.integers(0, 13, (len(x), 2))
    moved = np.stack([image[a : a + SIDE, b : b + SIDE] for image, (a, b) in zip(moved, corners, strict=True)])
    return np.where(rng.random((len(x), 1, 1, 1)) < 0.5, moved[:, :, ::-1], moved)


def tensor(x: np.ndarray) -> torch.Tensor:
    """(B, 64, 64, 3) uint8 to (B, 3, 64, 64) around 0."""
    return torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def network(seed: int) -> nn.Module:
    """Four strided convolutions."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 48), (48, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


def accuracy(net: nn.Module, split: str) -> float:
    """Share of right answers."""
    x, y = decoded(split)
    net.eval()
    with torch.inference_mode():
        return float((net(tensor(x)).argmax(1).numpy() == y).mean())

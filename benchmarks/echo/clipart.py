"""OpenClipart: 10 classes of drawings whose decoding is real work (Debian's `openclipart-png`, public domain).

`apt-get download openclipart-png && dpkg-deb -x openclipart-png_*.deb $APUS_DATA` needs no root.
"""

import io
import os
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from apus.data.files import folder

SIDE, CLASSES, MOST = 64, 10, 500
HELD = 60  # of each class, for validation, and as many for the test


@cache
def root() -> Path:
    """The folder with a sub-folder for each class, got from Debian if it is not on this machine."""
    places = [Path(os.environ.get("APUS_DATA", "data")), Path(".cache/openclipart")]
    for place in places:
        found = [path for path in (place / "openclipart/png", place / "usr/share/openclipart/png") if path.is_dir()]
        if found:
            return found[0]
    places[1].mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "openclipart-png"], cwd=places[1], check=True)
    [package] = places[1].glob("openclipart-png_*.deb")
    subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=places[1], check=True)
    return root()


@cache
def splits() -> dict[str, list[tuple[str, int]]]:
    """(file, class) of train, valid and test: the largest classes, at most 500 drawings of each."""
    pairs = [(path, label) for path, label in folder(root()) if small(path)]
    sizes = np.bincount([label for _, label in pairs])
    made: dict[str, list[tuple[str, int]]] = {"train": [], "valid": [], "test": []}
    for number, label in enumerate(np.argsort(-sizes)[:CLASSES]):
        files = [path for path, of in pairs if of == label]
        order = np.random.Generator(np.random.Philox(number)).permutation(len(files))[:MOST]
        chosen = [(files[i], number) for i in order]
        made["valid"] += chosen[:HELD]
        made["test"] += chosen[HELD : 2 * HELD]
        made["train"] += chosen[2 * HELD :]
    return made


def small(path: str) -> bool:
    """Whether a drawing has at most 4 million pixels: one has 623, which says nothing about the others."""
    with Path(path).open("rb") as file:
        header = file.read(24)  # PNG: width and height stand at byte 16
    return int.from_bytes(header[16:20], "big") * int.from_bytes(header[20:24], "big") <= 4_000_000


def decode(path: str | io.BytesIO) -> np.ndarray:
    """Red, green and blue on white, (64, 64, 3) uint8."""
    with Image.open(path) as image:
        drawn = image.convert("RGBA").resize((SIDE, SIDE))
    white = Image.new("RGBA", drawn.size, "white")
    return np.asarray(Image.alpha_composite(white, drawn).convert("RGB"))


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

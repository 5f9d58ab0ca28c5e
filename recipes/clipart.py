"""OpenClipart: 10 classes of drawings whose decoding is real work (Debian's `openclipart-png`, public domain).

`apt-get download openclipart-png && dpkg-deb -x openclipart-png_*.deb $APUS_DATA` needs no root.
"""

import io
import os
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apus.data.files import folder

CLASSES, MOST = 10, 500
HELD = 60  # of each class, for validation, and as many for the test
Bytes = NDArray[np.uint8]
Split = tuple[Bytes, NDArray[np.int64]]


def load(side: int = 96) -> tuple[Split, Split, Split]:
    """Train, valid and test: drawings (N, 3, side, side) on white, and their classes (N,)."""
    found = []
    for pairs in (splits()[name] for name in ("train", "valid", "test")):
        images = np.stack([draw(path, side) for path, _ in pairs]).transpose(0, 3, 1, 2)
        found.append((np.ascontiguousarray(images), np.array([label for _, label in pairs])))
    train, valid, test = found
    return train, valid, test


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


def draw(path: str | io.BytesIO, side: int) -> Bytes:
    """Red, green and blue on white, (side, side, 3)."""
    with Image.open(path) as image:
        drawn = image.convert("RGBA").resize((side, side))
    white = Image.new("RGBA", drawn.size, "white")
    return np.asarray(Image.alpha_composite(white, drawn).convert("RGB"))

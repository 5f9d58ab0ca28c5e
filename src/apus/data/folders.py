"""A folder of images: one sub-folder per class, optionally under `train/`, `valid/` and `test/`."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from apus.data.arrays import Arrays, Dataset, hold_out
from apus.errors import DataError

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


def read_folder(folder: Path, *, size: int = 0, gray: bool = False, valid: int = 0) -> Dataset:
    """Read a folder of images into memory.

    Without `test/`, every fifth image of each class (by name) is the test split.

    Args:
        folder: holds `<class>/*.png` or `train/<class>/*.png` and so on.
        size: height and width in pixels to resize to; 0 takes the first image's own.
        gray: one channel instead of three.
        valid: examples to hold out of train for validation when there is no `valid/`; 0 means a tenth.

    Returns:
        The three splits; images uint8 (N, C, H, W), classes numbered by sorted folder name.

    Raises:
        DataError: the folder is missing or has no classes, or an image cannot be read.
    """
    splits = {s: folder / s for s in ("train", "valid", "test") if (folder / s).is_dir()}
    root = splits.get("train", folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of images")
    classes = sorted(p.name for p in root.iterdir() if p.is_dir())
    if not classes:
        raise DataError(f"{root}: no class folders; put the images of each class in {root}/<class>/")
    listed = {s: _list(p, classes) for s, p in {"train": root, **splits}.items()}
    if "test" not in listed:
        listed["test"] = listed["train"][::5]
        listed["train"] = [f for i, f in enumerate(listed["train"]) if i % 5]
    size = size or _decode(listed["train"][0][0], 0, gray).shape[-1]
    read = {s: _read(files, size, gray) for s, files in listed.items()}
    rng = np.random.Generator(np.random.Philox(key=0))
    order = rng.permutation(len(read["train"]))  # else the held-out tail would be the last class alone
    train = Arrays(read["train"].x[order], read["train"].y[order])
    if "valid" in read:
        return Dataset(folder.name, train, read["valid"], read["test"], tuple(classes))
    train, held = hold_out(train, valid or max(1, len(train) // 10))
    return Dataset(folder.name, train, held, read["test"], tuple(classes))


def _list(root: Path, classes: list[str]) -> list[tuple[Path, int]]:
    found = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((root / name).glob("*"))
        if path.suffix.lower() in _SUFFIXES
    ]
    if not found:
        raise DataError(f"{root}: no images ({', '.join(sorted(_SUFFIXES))}) in its class folders")
    return found


def _read(files: list[tuple[Path, int]], size: int, gray: bool) -> Arrays:
    images = np.stack([_decode(path, size, gray) for path, _ in files])
    return Arrays(images, np.array([label for _, label in files], np.int64))


def _decode(path: Path, size: int, gray: bool) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as opened:
            image = opened.convert("L" if gray else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as an image ({error}); repair or remove it") from None
    side = size or min(image.size)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.uint8)
    return pixels[None] if gray else np.ascontiguousarray(pixels.transpose(2, 0, 1))

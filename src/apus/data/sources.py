"""Named sources of examples: `fashion-mnist`, `mnist`, `digits`, or the path of a folder of images."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from apus.data.arrays import Arrays, Dataset, hold_out
from apus.data.fetch import FILES, find
from apus.data.idx import read_idx
from apus.errors import DataError, MissingExtraError

CLASSES = {
    "fashion-mnist": (
        "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "mnist": tuple("0123456789"),
    "digits": tuple("0123456789"),
}  # fmt: skip


def load(source: str, *, valid: int = 0, limit: int = 0, size: int = 0, gray: bool = False) -> Dataset:
    """Load a source into memory.

    A named data set that is nowhere to be had becomes scikit-learn's digits, with a loud line on standard error.

    Args:
        source: `fashion-mnist`, `mnist`, `digits`, or the path of a folder of images.
        valid: examples held out of train for validation; 0 means a tenth.
        limit: most examples of each split, for trials; 0 means all.
        size: folders only: side in pixels, 0 for the images' own.
        gray: folders only: one channel.

    Returns:
        Three splits of uint8 images (N, C, H, W) and int64 classes (N,).

    Raises:
        DataError: the source is unknown, or its files are corrupt or truncated.
    """
    if source == "digits":
        data = digits(valid)
    elif source in CLASSES:
        data = _named(source, valid)
    elif Path(source).is_dir():
        data = read_folder_late(Path(source), size=size, gray=gray, valid=valid)
    else:
        raise DataError(f"{source!r}: no such folder of images, nor one of {', '.join(CLASSES)}")
    if not limit:
        return data
    return Dataset(data.name, data.train[:limit], data.valid[:limit], data.test[:limit], data.classes)


def read_folder_late(folder: Path, **options: Any) -> Dataset:
    """`folders.read_folder`, imported only when asked for: it needs Pillow."""
    from apus.data.folders import read_folder

    return read_folder(folder, **options)


def _named(name: str, valid: int) -> Dataset:
    try:
        folder = find(name)
    except DataError as error:
        bar = "!" * 100
        print(f"{bar}\n!! {error}\n!! GOING ON WITH SCIKIT-LEARN'S DIGITS INSTEAD: not {name}\n{bar}", file=sys.stderr)
        return digits(valid)
    x, y, test_x, test_y = (read_idx(folder / file) for file in FILES)
    for images, labels, file in ((x, y, FILES[0]), (test_x, test_y, FILES[2])):
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise DataError(f"{folder / file}: images {images.shape} and labels {labels.shape} do not belong together")
    train, held = hold_out(Arrays(x[:, None], y.astype(np.int64)), valid or len(x) // 10)
    return Dataset(name, train, held, Arrays(test_x[:, None], test_y.astype(np.int64)), CLASSES[name])


def digits(valid: int = 0) -> Dataset:
    """scikit-learn's 1,797 digits, 8x8 repeated to 24x24 in a 28x28 frame, so that MNIST's networks take them.

    Args:
        valid: examples held out of train for validation; 0 means a tenth.

    Returns:
        Three splits; every fifth example is the test split.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError("the digits need scikit-learn: pip install scikit-learn") from None
    raw = load_digits()
    small = np.minimum(raw.images * 16, 255).astype(np.uint8)
    x = np.pad(small.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2)))[:, None]
    y, tested = raw.target.astype(np.int64), np.arange(len(x)) % 5 == 0
    rest = Arrays(x[~tested], y[~tested])
    train, held = hold_out(rest, min(valid, len(rest) // 2) or len(rest) // 10)
    return Dataset("digits", train, held, Arrays(x[tested], y[tested]), CLASSES["digits"])

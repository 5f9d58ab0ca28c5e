"""Examples in memory: what every source returns and every consumer takes."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from apus.errors import DataError


@dataclass(frozen=True)
class Arrays:
    """Inputs and targets of one split.

    Attributes:
        x: inputs, shape (N, ...); uint8 images are (N, C, H, W) in 0..255 and read as x / 255.
        y: targets, shape (N, ...); classes are int64 (N,).
    """

    x: NDArray[Any]
    y: NDArray[Any]

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise DataError(f"{len(self.x)} inputs but {len(self.y)} targets: every input needs one target")

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, part: slice) -> "Arrays":
        return Arrays(self.x[part], self.y[part])


@dataclass(frozen=True)
class Dataset:
    """A source's three splits and its class names (empty when it has none)."""

    name: str
    train: Arrays
    valid: Arrays
    test: Arrays
    classes: tuple[str, ...] = ()


def hold_out(train: Arrays, count: int) -> tuple[Arrays, Arrays]:
    """Cut the last examples from a training split for validation.

    Args:
        train: N examples.
        count: how many become the validation split, 1..N-1.

    Returns:
        The two splits, N - count and count examples.

    Raises:
        DataError: `count` leaves one of the two empty.

    >>> import numpy as np
    >>> first, last = hold_out(Arrays(np.zeros((5, 2)), np.arange(5)), 2)
    >>> last.y.tolist()
    [3, 4]
    """
    if not 0 < count < len(train):
        raise DataError(f"cannot hold out {count} of {len(train)} training examples: choose 1..{len(train) - 1}")
    return train[: len(train) - count], train[len(train) - count :]

"""Whole-batch augmentation of images; every number it needs is drawn from the generator it is given."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Augment:
    """Shift, flip and erase, in this order.

    Attributes:
        shift: most pixels to move by, each way and axis; what comes in is 0.
        flip: mirror left and right, every second image on average.
        erase: side in pixels of one square set to 0, anywhere, also partly outside; 0 erases nothing.
    """

    shift: int = 0
    flip: bool = False
    erase: int = 0

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Augment one batch.

        Args:
            x: images (B, C, H, W).
            rng: the batch's own numbers.

        Returns:
            New images (B, C, H, W) of the same dtype.

        >>> Augment(flip=True)(np.zeros((2, 1, 4, 4), np.uint8), np.random.default_rng(0)).shape
        (2, 1, 4, 4)
        """
        if self.shift:
            x = shift(x, *rng.integers(-self.shift, self.shift + 1, (2, len(x))))
        if self.flip:
            x = np.where(rng.random((len(x), 1, 1, 1)) < 0.5, x[..., ::-1], x)
        if self.erase:
            x = erase(x, *_corners(x, self.erase, rng), self.erase)
        return x


def shift(x: NDArray[Any], down: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Move each image; what comes in is 0.

    Args:
        x: images (B, C, H, W).
        down: pixels, (B,).
        right: pixels, (B,).

    Returns:
        Images (B, C, H, W).
    """
    B, C, H, W = x.shape
    most = int(max(np.abs(down).max(), np.abs(right).max()))
    padded = np.pad(x, ((0, 0), (0, 0), (most, most), (most, most)))
    rows = (np.arange(H) + most - down[:, None])[:, None, :, None]
    columns = (np.arange(W) + most - right[:, None])[:, None, None, :]
    moved: NDArray[Any] = padded[np.arange(B)[:, None, None, None], np.arange(C)[:, None, None], rows, columns]
    return moved


def erase(x: NDArray[Any], top: NDArray[Any], left: NDArray[Any], side: int) -> NDArray[Any]:
    """Set a square of each image to 0.

    Args:
        x: images (B, C, H, W).
        top: first row, (B,); may lie outside.
        left: first column, (B,); may lie outside.
        side: in pixels.

    Returns:
        Images (B, C, H, W).
    """
    r, c = np.arange(x.shape[2]), np.arange(x.shape[3])
    rows = (r >= top[:, None]) & (r < top[:, None] + side)
    columns = (c >= left[:, None]) & (c < left[:, None] + side)
    gone = rows[:, None, :, None] & columns[:, None, None, :]
    return np.where(gone, np.zeros((), x.dtype), x)


def _corners(x: NDArray[Any], side: int, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    half = side // 2
    return rng.integers(-half, x.shape[2], len(x)), rng.integers(-half, x.shape[3], len(x))

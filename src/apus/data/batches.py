"""Batches as a pure function of (seed, epoch, position): any of them can be made again, in any process."""

import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from apus.data.arrays import Arrays
from apus.data.augment import Augment
from apus.errors import DataError

Batch = tuple[Tensor, Tensor]
"""Inputs (B, ...) and targets (B, ...)."""

_ORDER, _AUGMENT = 0, 1  # streams of the counter-based generator, so that no draw is used twice


class Batches(Protocol):
    """What a training loop reads: a known number of batches per epoch, from any position on."""

    def __len__(self) -> int:
        """Batches per epoch."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of one epoch."""


def generator(seed: int, epoch: int, stream: int, position: int = 0) -> np.random.Generator:
    """Random numbers addressed by place, not by history (Philox, Salmon et al. 2011).

    Args:
        seed: ≥ 0.
        epoch: ≥ 0.
        stream: what the numbers are for; each use has its own.
        position: the batch.

    Returns:
        A generator that yields the same numbers whenever it is made with the same arguments.

    >>> bool((generator(1, 2, 0, 3).random(4) == generator(1, 2, 0, 3).random(4)).all())
    True
    """
    return np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, 0, stream, position]))


class ArrayBatches:
    """Batches of in-memory arrays.

    Args:
        arrays: N examples.
        batch: examples per batch.
        seed: of order and augmentation.
        shuffle: a new order each epoch.
        augment: None reads the examples as they are.
        whole: leave out the last, smaller batch of an epoch.

    Raises:
        DataError: no batch can be made.
    """

    def __init__(
        self,
        arrays: Arrays,
        batch: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        augment: Augment | None = None,
        whole: bool = True,
    ) -> None:
        self.arrays, self.batch, self.seed, self.shuffle, self.augment = arrays, batch, seed, shuffle, augment
        self.length = len(arrays) // batch if whole else math.ceil(len(arrays) / batch)
        if self.length < 1:
            raise DataError(f"{len(arrays)} examples make no batch of {batch}: choose a smaller batch")

    def __len__(self) -> int:
        return self.length

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of one epoch: x float32 (B, ...), y (B, ...)."""
        count = len(self.arrays)
        order = generator(self.seed, epoch, _ORDER).permutation(count) if self.shuffle else np.arange(count)
        for position in range(start, self.length):
            rows = order[position * self.batch : (position + 1) * self.batch]
            x = self.arrays.x[rows]
            if self.augment is not None:
                x = self.augment(x, generator(self.seed, epoch, _AUGMENT, position))
            yield as_input(x), torch.from_numpy(self.arrays.y[rows])


def as_input(x: NDArray[Any]) -> Tensor:
    """A network's input: uint8 becomes float32 in 0..1, other arrays stay as they are."""
    tensor = torch.from_numpy(np.ascontiguousarray(x))
    return tensor.float().mul_(1 / 255) if x.dtype == np.uint8 else tensor


class LoaderBatches:
    """Batches of a user's DataLoader of (x, y), resumable by reading on to the position.

    Its order comes from torch's global generator unless the user gave it one, so that is seeded by (seed, epoch).

    Args:
        loader: has a length and yields pairs of tensors.
        seed: of the order.

    Raises:
        DataError: the loader has no length or is empty.
    """

    def __init__(self, loader: Any, *, seed: int = 0) -> None:
        try:
            self.length = len(loader)
        except TypeError:
            raise DataError("the data loader has no length: give the data set a __len__") from None
        if self.length < 1:
            raise DataError("the data loader is empty")
        self.loader, self.seed = loader, seed

    def __len__(self) -> int:
        return self.length

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of one epoch, as the loader yields them."""
        seed = int(generator(self.seed, epoch, _ORDER).integers(2**31))
        torch.manual_seed(seed)
        if (own := getattr(self.loader, "generator", None)) is not None:
            own.manual_seed(seed)
        for position, pair in enumerate(self.loader):
            if position >= start:
                x, y = pair
                yield x, y

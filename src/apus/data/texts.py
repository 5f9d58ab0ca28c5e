"""Batches of texts of like length, cut to the longest of each: padding is computed as dearly as words are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from apus.data.arrays import Arrays
from apus.data.batches import Batch, generator
from apus.errors import DataError

POOL = 32  # batches that are sorted together: enough that neighbours are alike, few enough that epochs differ
_ORDER, _POOLS = 0, 1


@dataclass(frozen=True)
class Texts(Arrays):
    """Arrays whose x holds tokens, integer (N, T), each row filled up with 0."""

    def __getitem__(self, part: slice) -> "Texts":
        return Texts(self.x[part], self.y[part])

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row without its filling, (N,)."""
        return lengths(self.x)

    def cut(self, rows: NDArray[np.int64], longest: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The examples `rows`, none of them longer than `longest` tokens: x (B, longest), y (B, ...)."""
        return self.x[rows, :longest], self.y[rows]


def lengths(x: NDArray[Any]) -> NDArray[np.int64]:
    """Tokens of each row of (N, T) without its filling, (N,).

    >>> lengths(np.array([[5, 6, 0, 0], [5, 0, 6, 0]])).tolist()
    [2, 3]
    """
    return np.asarray(x.shape[1] - (x[:, ::-1] != 0).argmax(1), np.int64)


class TextBatches:
    """Shuffled batches of texts of like length.

    An epoch's random order is cut into pools, a pool is sorted by length and cut into batches, and these are shuffled.

    Args:
        texts: N examples, no row empty.
        batch: B, texts per batch; an epoch leaves out what is too few for one.
        seed: of the order.
        multiple: batches are cut to a multiple of so many tokens, which keeps their shapes few.

    Raises:
        DataError: no batch can be made.

    >>> rows = np.array([[1, 0, 0, 0], [1, 2, 3, 4]] * 64)
    >>> batches = TextBatches(Texts(rows, np.arange(128)), 8)
    >>> sorted(x.shape[1] for x, _ in batches.epoch(0)) == [1] * 8 + [4] * 8
    True
    """

    def __init__(self, texts: Texts, batch: int, *, seed: int = 0, multiple: int = 1) -> None:
        if len(texts) < batch:
            raise DataError(f"{len(texts)} texts make no batch of {batch}: choose a smaller batch")
        self.texts, self.batch, self.seed, self.multiple = texts, batch, seed, multiple
        self.lengths = texts.lengths()

    def __len__(self) -> int:
        return len(self.texts) // self.batch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of one epoch: x int64 (B, t) with t ≤ T, y (B, ...)."""
        for rows in self._rows(epoch)[start:]:
            longest = int(self.lengths[rows].max())
            longest = -(-longest // self.multiple) * self.multiple
            x, y = self.texts.cut(rows, longest)
            yield torch.from_numpy(x), torch.from_numpy(y)

    def _rows(self, epoch: int) -> list[NDArray[np.int64]]:
        count, pool = len(self), POOL * self.batch
        order = generator(self.seed, epoch, _ORDER).permutation(len(self.texts))[: count * self.batch]
        rows: list[NDArray[np.int64]] = []
        for place, start in enumerate(range(0, len(order), pool)):
            some = order[start : start + pool]
            batches = some[np.argsort(self.lengths[some], kind="stable")].reshape(-1, self.batch)
            rows += list(generator(self.seed, epoch, _POOLS, place).permutation(batches))
        return rows

"""Echo for a loader that exists already, in one line, and for the batches of the training loop."""

from collections.abc import Iterator
from typing import Any

import torch

from apus.data.arrays import Arrays
from apus.data.batches import ArrayBatches, Batch, LoaderBatches, as_input
from apus.data.pipeline import Pipeline
from apus.techniques.echo import Spread


def echo(
    loader: Any,
    factor: float | str = "auto",
    *,
    spread: Spread = "stride",
    size: int | None = None,
    device: str | None = None,
    max: float = 4,
    seed: int = 0,
) -> Pipeline:
    """Echo the batches of any DataLoader or iterable.

    Batches are echoed whole, augmentation included, which helps less than `Pipeline(...).echo()` before augmentation
    and needs a lower learning rate; but it is one line.

    Args:
        loader: what is iterated over once for each epoch.
        factor: emissions per batch ≥ 1, fractions too; `auto` measures first.
        spread: `stride` keeps copies `size` batches apart, `buffer` shuffles them, `none` repeats at once.
        size: in batches; by default a stride of 4.
        device: copy batches there before they are echoed, so that a copy is made once.
        max: cap of `auto`.
        seed: of the order, where the loader is a torch DataLoader.

    Returns:
        A pipeline: iterate, `len`, `state_dict`, `metrics`.

    >>> [x for x in echo(["a", "b"], 2, size=1)]
    ['a', 'b', 'a', 'b']
    """
    pipe = Pipeline(loader, seed, shuffle=False, rank=0, world=1)
    return (pipe.to(device) if device else pipe).echo(factor, spread=spread, size=size, max=max)


class EchoedBatches:
    """Echo inside the training loop: `Batches` whose epoch has e times as many steps.

    Examples in memory are echoed before their augmentation, batches of a loader whole.

    Args:
        batches: to be echoed.
        factor: e ≥ 1.
        seed: of the order.

    >>> import numpy as np
    >>> arrays = Arrays(np.zeros((8, 2), np.float32), np.zeros(8, np.int64))
    >>> len(EchoedBatches(ArrayBatches(arrays, 4), 2.5))
    5
    """

    def __init__(self, batches: ArrayBatches | LoaderBatches, factor: float, *, seed: int = 0) -> None:
        if isinstance(batches, LoaderBatches):
            self.pipe = echo(batches.loader, factor, seed=seed)
        else:
            self.pipe = _before_augment(batches, factor)

    def __len__(self) -> int:
        return len(self.pipe)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches `start`, `start` + 1, ... of one epoch."""
        return self.pipe.read_from(epoch, start)


def _before_augment(batches: ArrayBatches, factor: float) -> Pipeline:
    arrays, augment = batches.arrays, batches.augment
    pipe = Pipeline(range(len(arrays)), batches.seed, shuffle=batches.shuffle, rank=0, world=1).echo(factor)
    pipe = pipe.batch(
        batches.batch,
        drop_last=len(batches) * batches.batch <= len(arrays),
        collate=lambda rows: Arrays(arrays.x[rows], arrays.y[rows]),
    )
    if augment is not None:
        pipe = pipe.augment(lambda rows, rng: Arrays(augment(rows.x, rng), rows.y))
    return pipe.map(_as_batch, name="to tensors")


def _as_batch(rows: Arrays) -> Batch:
    return as_input(rows.x), torch.from_numpy(rows.y)
